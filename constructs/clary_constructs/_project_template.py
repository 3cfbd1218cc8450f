"""Templates that Studio lists among those of projects."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from clary_constructs._catalog_product import FieldRule, LaunchRight
from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._policy import AccessPolicy
from clary_constructs._project_right import MAKES_STACKS, ShownTemplate, make_projects
from clary_constructs._studio_domain import StudioDomain
from constructs import Construct

_LOCATION = "sagemaker:projectS3TemplatesLocation"
_VISIBLE = "sagemaker:studio-visibility"
"""https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html"""


class ProjectTemplates(Construct):
    """Puts templates below `prefix` in a bucket, and tells a Studio domain where.

    A domain has one such place, with a folder for each team. It is told by a function that tags it in place
    (`tag_code` holds `domain_tag.handler.handler`); another writes the templates, as objects that Studio
    shows (`object_code` holds `object_writer.handler.handler`).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        tag_code: lambda_.Code,
        object_code: lambda_.Code,
        domain: StudioDomain,
        bucket: s3.IBucket,
        prefix: str,
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = bucket
        self.prefix = prefix
        writer, self._writes = cleanup_function(
            Construct(self, "Writer"),
            code=object_code,
            handler="object_writer.handler.handler",
            description="Writes templates of projects",
            allowed="Writes the templates of projects, and tags them",
            encryption_key=encryption_key,
            reaches="S3",
        )
        self._writer = writer.function_arn
        self._writes.allow(
            ["s3:DeleteObject", "s3:PutObject", "s3:PutObjectTagging"],
            [bucket.arn_for_objects(f"{prefix}/*")],
            wildcard_because="the templates of each team, and teams come and go",
        )
        self._writes.allow(["kms:Decrypt", "kms:GenerateDataKey"], [encryption_key.key_arn])
        tagger, tags = cleanup_function(
            Construct(self, "Tagger"),
            code=tag_code,
            handler="domain_tag.handler.handler",
            description="Tells a Studio domain where templates are",
            allowed="Tags one Studio domain",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )
        tags.allow(["sagemaker:AddTags", "sagemaker:DeleteTags"], [domain.domain_arn])
        location = cdk.CustomResource(
            self,
            "Location",
            resource_type="Custom::DomainTag",
            service_token=tagger.function_arn,
            properties={
                "DomainArn": domain.domain_arn,
                "Key": _LOCATION,
                "Value": f"s3://{bucket.bucket_name}/{prefix}",
            },
        )
        location.node.add_dependency(tags)

    def write(self, construct_id: str, key: str, template: Mapping[str, Any]) -> cdk.CustomResource:
        written = cdk.CustomResource(
            self,
            construct_id,
            resource_type="Custom::ProjectTemplate",
            service_token=self._writer,
            properties={
                "BucketName": self.bucket.bucket_name,
                "Key": key,
                # JSON is YAML, too; encoded, so that what it refers to is looked up when a project is made
                "Base64": base64.b64encode(json.dumps(template, indent=1, sort_keys=True).encode()).decode(),
                "Tags": {_VISIBLE: "true"},
            },
        )
        written.node.add_dependency(self._writes)
        return written


class ProjectTemplate(Construct):
    """One template of one team's, the role that CloudFormation makes its stacks with, and who may ask for it.

    Projects carry the team's tag, which whoever makes one has to give: by it alone, people change and delete
    those of their team, and no others.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        templates: ProjectTemplates,
        team: str,
        name: str,
        template: Mapping[str, Any],
        rights: Sequence[LaunchRight],
        people: Sequence[iam.IRole],
        rules: Sequence[FieldRule] = (),
        role_path: str = "/",
    ) -> None:
        """`rights` are what a stack of the template takes. `rules` are a part of it: there is no constraint,
        as of a product, that would decide them."""
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        folder = f"{templates.prefix}/{team}/"
        sections = {key: value for rule in rules for key, value in rule.section.items()}
        written = {**template, "Rules": sections} if sections else template
        templates.write(f"{construct_id}Template", f"{folder}{name}.yaml", written)
        domain = f"s3.{stack.region}.{stack.url_suffix}"
        self.url = f"https://{templates.bucket.bucket_name}.{domain}/{folder}{name}.yaml"
        self.role = iam.Role(
            self,
            "Role",
            description=f"Makes projects of the team {team}, and nothing else",
            assumed_by=iam.ServicePrincipal(MAKES_STACKS),
            path=role_path,
        )
        AccessPolicy(self, "Rights", description="What a project's stack does", roles=[self.role]).allow_each(
            rights
        )
        shown = ShownTemplate(team, self.url, self.role, templates.bucket, templates.prefix)
        AccessPolicy(
            self,
            "People",
            description=f"Makes projects of the team {team}, by its templates alone",
            roles=people,
        ).allow_each(make_projects(stack, shown))
