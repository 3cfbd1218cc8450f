"""What no budget would see is refused, where the file asks for it: decided as IAM decides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import assertions

from clary.environment.guardrail import control_policies, untagged
from clary.environment.model import Environment
from local_aws.identity.decision import Policies, decide
from local_aws.identity.policy import Caller, Request, statements
from stacks.environment_app import add_stacks, new_app
from support.synthesis import ROOT

ACCOUNT = "111122223333"
JOB = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/research--one"
ADA = Caller((f"arn:aws:sts::{ACCOUNT}:assumed-role/clary-dev-research-data-scientist/ada",), ACCOUNT)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
TAGGED = {"clary:environment": "dev", "clary:team": "research"}


def environment(**costs: Any) -> Environment:
    return Environment.model_validate(
        {
            "name": "dev",
            "account": ACCOUNT,
            "region": "eu-west-1",
            "teams": {"research": {"members": {"ada": "data-scientist"}}},
            "costs": {"require_tags": True} | costs,
        }
    )


def may(denials: Any, action: str, tags: dict[str, str]) -> bool:
    document = {"Version": "2012-10-17", "Statement": [EVERYTHING, *denials]}
    context = {f"aws:requesttag/{key}": value for key, value in tags.items()}
    return decide(ADA, Request(action, JOB, context), Policies(statements(document))).allowed


@pytest.mark.parametrize(
    "action", ["CreateTrainingJob", "CreateEndpoint", "CreateNotebookInstance", "CreateTransformJob"]
)
@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        (TAGGED, True),
        (TAGGED | {"project": "x"}, True),
        ({}, False),
        ({"clary:team": "research"}, False),
        ({"clary:environment": "dev"}, False),
        (TAGGED | {"clary:team": "platform"}, False),
        (TAGGED | {"clary:environment": "prod"}, False),
    ],
)
def test_a_team_starts_what_carries_its_tags_and_no_more(
    action: str, tags: dict[str, str], allowed: bool
) -> None:
    denials = untagged(environment(), "research")

    assert may(denials, f"sagemaker:{action}", tags) is allowed


@pytest.mark.parametrize("action", ["CreateApp", "CreateSpace", "StopTrainingJob", "DescribeEndpoint"])
def test_what_inherits_its_tags_or_runs_nothing_needs_none(action: str) -> None:
    assert may(untagged(environment(), "research"), f"sagemaker:{action}", {})


@pytest.mark.parametrize(
    ("tags", "allowed"), [(TAGGED, True), (TAGGED | {"clary:team": "another"}, True), ({}, False)]
)
def test_an_account_asks_that_there_are_tags(tags: dict[str, str], allowed: bool) -> None:
    denials = [
        each
        for document in control_policies(environment())
        for each in json.loads(document)["Statement"]
        if each["Sid"].endswith("Tag")
    ]

    assert may(denials, "sagemaker:CreateProcessingJob", tags) is allowed


def test_asks_for_nothing_by_default() -> None:
    documents = control_policies(environment(require_tags=False))

    assert "aws:RequestTag" not in "".join(documents)


def test_holds_for_the_roles_of_people_and_of_pipelines() -> None:
    app = new_app(ROOT)
    add_stacks(app, environment(), ROOT)
    access = next(each for each in app.node.children if each.node.id == "Access")

    template = assertions.Template.from_stack(access)  # type: ignore[arg-type] # a stack, by its id

    (policy,) = [
        logical_id
        for logical_id in template.find_resources("AWS::IAM::ManagedPolicy")
        if logical_id.startswith("ResearchTags")
    ]
    held = [
        logical_id
        for logical_id, role in template.find_resources("AWS::IAM::Role").items()
        if {"Ref": policy} in role["Properties"].get("ManagedPolicyArns", [])
    ]
    assert [name[: -len("12345678")] for name in sorted(held)] == [
        "ResearchDataScientistRole",
        "ResearchPipelinesRole",
    ]
