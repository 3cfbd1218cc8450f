"""The sweeper's rights: what it sees, and what it may stop, of which environment."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from clary_constructs import Sweeper
from support.studio_domain import studio_domain

EVERYTHING = ("app", "cluster", "endpoint", "notebook-instance", "tracking-server")


def _template(stops: Collection[str] = (), *, declared: bool = False) -> assertions.Template:
    stack = cdk.Stack()
    domain, _, key = studio_domain(stack)
    Sweeper(
        stack,
        "Sweeper",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        environment_name="dev",
        teams=["risk"],
        domain=domain,
        bucket=s3.Bucket(stack, "Bucket"),
        prefix="operations--sweeper/",
        topic=sns.Topic(stack, "Topic"),
        encryption_key=key,
        stops=stops,
        stops_declared=declared,
    )
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def looking() -> assertions.Template:
    return _template()


@pytest.fixture(scope="module")
def acting() -> assertions.Template:
    return _template(EVERYTHING)


def _statements(template: assertions.Template) -> list[dict[str, Any]]:
    found = [
        (name, statement)
        for name, policy in template.find_resources("AWS::IAM::ManagedPolicy").items()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if name.startswith("Sweeper")
    ]
    return [
        {
            **statement,
            "Action": [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"],
        }
        for _, statement in found
    ]


def _of(template: assertions.Template, action: str) -> list[dict[str, Any]]:
    return [each for each in _statements(template) if action in each["Action"]]


def _changing(template: assertions.Template) -> set[str]:
    harmless = ("Describe", "List", "Get", "Put", "Publish", "Decrypt", "GenerateDataKey", "CreateLogStream")
    return {
        action
        for each in _statements(template)
        for action in each["Action"]
        if not action.partition(":")[2].startswith(harmless)
    }


def test_may_stop_nothing_unless_it_is_said(looking: assertions.Template) -> None:
    assert _changing(looking) == set()


def test_may_stop_compute_and_delete_nothing_that_keeps_anything(acting: assertions.Template) -> None:
    assert _changing(acting) == {
        "elasticmapreduce:TerminateJobFlows",
        "sagemaker:DeleteApp",
        "sagemaker:DeleteEndpoint",
        "sagemaker:StopMlflowTrackingServer",
        "sagemaker:StopNotebookInstance",
    }


def test_may_stop_what_it_is_told_to(acting: assertions.Template) -> None:
    assert _changing(_template(["app"])) == {"sagemaker:DeleteApp"}


def test_may_stop_endpoints_of_the_teams_and_the_files_own_only_when_it_is_said(
    acting: assertions.Template,
) -> None:
    (theirs,) = _of(acting, "sagemaker:DeleteEndpoint")
    (all_of_them,) = _of(_template(["endpoint"], declared=True), "sagemaker:DeleteEndpoint")

    assert "endpoint/risk--*" in str(theirs["Resource"])
    assert "clary-dev-" not in str(theirs["Resource"])
    assert "endpoint/clary-dev-*" in str(all_of_them["Resource"])


@pytest.mark.parametrize(
    "action",
    [
        "elasticmapreduce:TerminateJobFlows",
        "sagemaker:StopMlflowTrackingServer",
        "sagemaker:StopNotebookInstance",
    ],
)
def test_may_stop_what_is_of_the_environment_by_its_name_or_by_its_tag(
    acting: assertions.Template, action: str
) -> None:
    for each in _of(acting, action):
        tagged = each.get("Condition", {}).get("StringEquals", {}).get("aws:ResourceTag/clary:environment")
        assert tagged == "dev" or "/risk--*" in str(each["Resource"])


def test_may_stop_apps_of_its_domain_only(acting: assertions.Template) -> None:
    (found,) = _of(acting, "sagemaker:DeleteApp")

    assert "DomainId" in str(found["Resource"])


def test_somebody_hears_when_it_fails_is_not_called_or_does_not_see(looking: assertions.Template) -> None:
    alarms = {
        alarm["Properties"]["MetricName"]: alarm["Properties"]
        for alarm in looking.find_resources("AWS::CloudWatch::Alarm").values()
    }

    assert set(alarms) == {"Errors", "Failed", "NotSeen", "Runs"}
    assert all(alarm["AlarmActions"] for alarm in alarms.values())
    assert alarms["Runs"]["TreatMissingData"] == "breaching"
    assert alarms["Runs"]["ComparisonOperator"] == "LessThanThreshold"
