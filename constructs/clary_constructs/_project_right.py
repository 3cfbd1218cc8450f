"""What it takes to make projects of a template in Studio.

SageMaker asks CloudFormation on behalf of whoever makes one:
https://github.com/aws-samples/sagemaker-custom-project-templates/blob/main/s3_templates/mlops-github-actions/iam/cfn-stack-sm-projects.json
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from clary_constructs._right import NO_RESOURCE, PASS_ROLE, Right
from clary_constructs._workspace import TEAM_TAG

MAKE = ["sagemaker:CreateProject"]
TAG_PROJECTS = ["sagemaker:AddTags"]
KEEP_UP = ["sagemaker:DeleteProject", "sagemaker:DescribeProject", "sagemaker:UpdateProject"]
LIST = ["sagemaker:ListProjects"]
MAKE_STACKS = ["cloudformation:CreateStack"]
CHANGE_STACKS = ["cloudformation:UpdateStack"]
REMOVE_STACKS = ["cloudformation:DeleteStack", "cloudformation:DescribeStacks"]
TAG_STACKS = ["cloudformation:TagResource"]
READ_TEMPLATES = ["s3:GetObject", "s3:GetObjectTagging"]

ON_PROJECTS = [
    *MAKE,
    *TAG_PROJECTS,
    *KEEP_UP,
    *MAKE_STACKS,
    *CHANGE_STACKS,
    *REMOVE_STACKS,
    *TAG_STACKS,
    *READ_TEMPLATES,
]
"""What it takes besides, where people make projects in Studio."""
MAKES_STACKS = "cloudformation.amazonaws.com"
PASSED_TO = (MAKES_STACKS, "sagemaker.amazonaws.com")
"""SageMaker is told of the role, and hands it on: it trusts CloudFormation alone."""

_STACKS = "SP-*"
"""What the stacks of projects are called."""


@dataclass(frozen=True)
class ShownTemplate:
    """A template that Studio shows to a team."""

    team: str
    url: str
    role: iam.IRole
    """What CloudFormation makes its stacks with."""
    bucket: s3.IBucket
    prefix: str
    """Below which the templates of all teams are."""

    @property
    def folder(self) -> str:
        return f"{self.prefix}/{self.team}/"


def make_projects(stack: cdk.Stack, shown: ShownTemplate) -> Iterator[Right]:
    """Of the template alone, with its role alone; and to change and remove those that carry the team's tag.

    Whoever makes one gives the tag, or is refused: SageMaker makes up the names of the stacks, and people
    those of projects, so that nothing else tells whose they are.
    """
    stacks = [stack.format_arn(service="cloudformation", resource="stack", resource_name=_STACKS)]
    projects = [stack.format_arn(service="sagemaker", resource="project", resource_name="*")]
    given = {f"aws:RequestTag/{TEAM_TAG}": shown.team}
    ours = {f"aws:ResourceTag/{TEAM_TAG}": shown.team}
    template = {"cloudformation:TemplateUrl": shown.url}
    role = {"cloudformation:RoleArn": shown.role.role_arn}
    named = "whoever makes a project names it; the team's tag tells whose it is"
    unnamed = "SageMaker makes up the names of the stacks; template, role and the team's tag are told"

    def right(
        actions: list[str], resources: list[str], conditions: dict[str, dict[str, object]], because: str
    ) -> Right:
        return Right("Studio", actions, resources, conditions, because)

    yield right(MAKE, projects, {"StringEquals": {**given}}, named)
    as_it_is_made: dict[str, dict[str, object]] = {
        "StringEquals": {**given},
        "Null": {"sagemaker:TaggingAction": "false"},
    }
    yield right(TAG_PROJECTS, projects, as_it_is_made, named)
    yield right(KEEP_UP, projects, {"StringEquals": {**ours}}, named)
    yield right(LIST, ["*"], {}, NO_RESOURCE)
    yield right(MAKE_STACKS, stacks, {"StringEquals": {**template, **role, **given}}, unnamed)
    yield right(CHANGE_STACKS, stacks, {"StringEquals": {**template, **ours}}, unnamed)
    yield right(REMOVE_STACKS, stacks, {"StringEquals": {**ours}}, unnamed)
    # of a project, as AWS's sample has it, and of one of the team's: who tags another's has made it theirs
    told = {"aws:ResourceTag/sagemaker:project-name": "false"}
    yield right(TAG_STACKS, stacks, {"Null": {**told}, "StringEquals": {**ours}}, unnamed)
    passed: dict[str, dict[str, object]] = {"StringEquals": {"iam:PassedToService": [*PASSED_TO]}}
    yield Right("Studio", PASS_ROLE, [shown.role.role_arn], passed)
    bucket, folder = shown.bucket, shown.folder
    yield right(
        READ_TEMPLATES,
        [bucket.arn_for_objects(f"{folder}*")],
        {},
        "the team's templates, which all lie there",
    )
    listed = [shown.prefix, f"{shown.prefix}/", f"{folder}*"]
    yield Right("Studio", ["s3:ListBucket"], [bucket.bucket_arn], {"StringLike": {"s3:prefix": listed}})
