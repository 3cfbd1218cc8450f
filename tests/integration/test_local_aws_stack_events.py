"""What a stack's events, and its resources' states, tell of an update, a rollback and nested stacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, Stack

ACCOUNT = "310000000009"
"""Of these tests alone."""
QUEUE = {"Type": "AWS::SQS::Queue"}
REFUSED = {"Type": "AWS::Athena::DataCatalog", "Properties": {"Name": "refused", "Type": "GLOO"}}
OWN = "the stack"
Event = tuple[str, str]


def topic(shown: Any = "a", **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": shown}, **more}


class Told:
    """One stack, and what is told of it from one question to the next."""

    def __init__(self, local_aws: LocalAws, name: str) -> None:
        self.aws = LocalAws(local_aws.url, local_aws.state, local_aws.pid, ACCOUNT)
        self.name = name
        self.cloudformation = self.aws.client("cloudformation")
        self._known = 0

    def create(self, resources: Mapping[str, Any]) -> str:
        self.cloudformation.create_stack(StackName=self.name, TemplateBody=_body(resources))
        return Stack(self.aws, self.name).status

    def update(self, resources: Mapping[str, Any]) -> str:
        self.cloudformation.update_stack(StackName=self.name, TemplateBody=_body(resources))
        return Stack(self.aws, self.name).status

    def news(self, stack: str | None = None) -> list[Event]:
        """What was told since this was asked last, oldest first."""
        found = self.cloudformation.describe_stack_events(StackName=stack or self.name)["StackEvents"]
        told = [
            (OWN if event["PhysicalResourceId"] == event["StackId"] else event["LogicalResourceId"], event)
            for event in reversed(found)
        ]
        news = [(name, str(event["ResourceStatus"])) for name, event in told[self._known :]]
        self._known = len(told)
        return news

    @property
    def states(self) -> dict[str, str]:
        found = self.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {one["LogicalResourceId"]: one["ResourceStatus"] for one in found}


def _body(resources: Mapping[str, Any]) -> str:
    return json.dumps({"Resources": resources})


@pytest.fixture
def told(local_aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Told]:
    made = Told(local_aws, "-".join(request.node.name.split("_")[1:])[:60].rstrip("-"))
    yield made
    made.cloudformation.delete_stack(StackName=made.name)


def test_an_update_creates_what_is_new_and_deletes_the_rest_in_its_cleanup(told: Told) -> None:
    first = {"QueueName": "events-1"}
    before = {
        "Changed": topic(),
        "Dropped": topic(),
        "Kept": QUEUE,
        "Replaced": {**QUEUE, "Properties": first},
        "Spared": topic(DeletionPolicy="Retain"),
    }
    assert told.create(before) == "CREATE_COMPLETE"
    told.news()
    after = {
        "Changed": topic("b"),
        "Kept": QUEUE,
        "New": topic(),
        "Replaced": {**QUEUE, "Properties": {"QueueName": "events-2"}},
    }

    assert told.update(after) == "UPDATE_COMPLETE"

    assert told.news() == [
        (OWN, "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_COMPLETE"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_COMPLETE"),
        ("Replaced", "UPDATE_IN_PROGRESS"),
        ("Replaced", "UPDATE_IN_PROGRESS"),
        ("Replaced", "UPDATE_COMPLETE"),
        (OWN, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Replaced", "DELETE_IN_PROGRESS"),
        ("Replaced", "DELETE_COMPLETE"),
        ("Spared", "DELETE_SKIPPED"),
        ("Dropped", "DELETE_IN_PROGRESS"),
        ("Dropped", "DELETE_COMPLETE"),
        (OWN, "UPDATE_COMPLETE"),
    ]
    assert told.states == {
        "Changed": "UPDATE_COMPLETE",
        "Kept": "CREATE_COMPLETE",
        "New": "CREATE_COMPLETE",
        "Replaced": "UPDATE_COMPLETE",
    }


def test_a_rollback_says_that_what_was_new_failed_to_be_created_and_is_deleted(told: Told) -> None:
    before = {"Changed": topic(), "Kept": QUEUE}
    assert told.create(before) == "CREATE_COMPLETE"
    told.news()
    broken = {**REFUSED, "DependsOn": ["Changed", "New"]}

    status = told.update({**before, "Changed": topic("b"), "New": topic(), "Refused": broken})

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert told.news() == [
        (OWN, "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_COMPLETE"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_COMPLETE"),
        ("Refused", "CREATE_IN_PROGRESS"),
        ("Refused", "CREATE_FAILED"),
        (OWN, "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("Changed", "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_COMPLETE"),
        (OWN, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("New", "DELETE_IN_PROGRESS"),
        ("New", "DELETE_COMPLETE"),
        (OWN, "UPDATE_ROLLBACK_COMPLETE"),
    ]
    assert told.states == {"Changed": "UPDATE_COMPLETE", "Kept": "CREATE_COMPLETE"}


def test_says_why_a_stack_is_rolled_back(told: Told) -> None:
    told.create({"Topic": topic(), "Refused": {**REFUSED, "DependsOn": "Topic"}})
    found = told.cloudformation.describe_stack_events(StackName=told.name)["StackEvents"]

    reasons = {
        event["ResourceStatus"]: event.get("ResourceStatusReason")
        for event in found
        if event["PhysicalResourceId"] == event["StackId"]
    }

    assert reasons == {
        "CREATE_IN_PROGRESS": "User Initiated",
        "ROLLBACK_IN_PROGRESS": (
            "The following resource(s) failed to create: [Refused]. Rollback requested by user."
        ),
        "ROLLBACK_COMPLETE": "",
    }


def test_a_stack_that_is_not_rolled_back_says_what_failed(told: Told) -> None:
    body = _body({"Refused": REFUSED})
    told.cloudformation.create_stack(StackName=told.name, TemplateBody=body, DisableRollback=True)
    assert Stack(told.aws, told.name).status == "CREATE_FAILED"

    stack = told.cloudformation.describe_stacks(StackName=told.name)["Stacks"][0]

    assert stack["StackStatusReason"] == "The following resource(s) failed to create: [Refused]. "


def test_a_stack_that_was_rolled_back_imports_nothing(told: Told) -> None:
    outputs = {"Name": {"Value": "a", "Export": {"Name": "events-exported"}}}
    body = json.dumps({"Resources": {"Topic": topic()}, "Outputs": outputs})
    told.cloudformation.create_stack(StackName=told.name, TemplateBody=body)
    assert Stack(told.aws, told.name).status == "CREATE_COMPLETE"
    imported = topic({"Fn::ImportValue": "events-exported"})
    importer = Told(told.aws, f"{told.name[:40]}-importer")
    assert importer.create({"A": imported, "Refused": {**REFUSED, "DependsOn": "A"}}) == "ROLLBACK_COMPLETE"

    told.cloudformation.delete_stack(StackName=told.name)

    with pytest.raises(ClientError, match="does not exist"):
        assert Stack(told.aws, told.name).status
    importer.cloudformation.delete_stack(StackName=importer.name)


def test_a_nested_stack_keeps_what_its_unchanged_resources_are_asked_for(told: Told) -> None:
    s3 = told.aws.client("s3")
    s3.create_bucket(Bucket="nested-events")

    def nested(key: str, resources: Mapping[str, Any]) -> dict[str, Any]:
        outputs = {"Arn": {"Value": {"Fn::GetAtt": "Kept.Arn"}}}
        body = json.dumps({"Resources": resources, "Outputs": outputs})
        s3.put_object(Bucket="nested-events", Key=key, Body=body.encode())
        url = f"https://nested-events.s3.amazonaws.com/{key}"
        return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}

    assert told.create({"Nested": nested("1", {"Dropped": topic(), "Kept": QUEUE})}) == "CREATE_COMPLETE"
    child = Stack(told.aws, told.name).physical_id("Nested")
    told.news(child)

    assert told.update({"Nested": nested("2", {"Kept": QUEUE, "New": topic()})}) == "UPDATE_COMPLETE"

    assert told.news(child) == [
        (OWN, "UPDATE_IN_PROGRESS"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_COMPLETE"),
        ("Dropped", "DELETE_IN_PROGRESS"),
        ("Dropped", "DELETE_COMPLETE"),
        (OWN, "UPDATE_COMPLETE"),
    ]
    outputs = told.cloudformation.describe_stacks(StackName=child)["Stacks"][0]["Outputs"]
    assert outputs[0]["OutputValue"].startswith(f"arn:aws:sqs:us-east-1:{ACCOUNT}:")
