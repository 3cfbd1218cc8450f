"""The function that removes a Studio domain: when it acts, how it goes on, and when it gives up."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from studio_remover import handler as function

_PROPERTIES = {
    "Domain": "stays",
    "DomainId": "d-1",
    "DomainArn": "arn:aws:sagemaker:eu-west-1:111122223333:domain/d-1",
    "VpcId": "vpc-1",
    "ServiceTimeout": "3600",
}
_DELETE = {
    "RequestType": "Delete",
    "StackId": "arn:of:the:stack",
    "RequestId": "r",
    "LogicalResourceId": "Content",
    "PhysicalResourceId": "content-of-d-1",
    "ResponseURL": "https://answers.example.com/",
    "ResourceProperties": _PROPERTIES,
}


class Aws:
    """A stack, and a domain with an app that takes its time."""

    def __init__(self) -> None:
        self.status = "DELETE_IN_PROGRESS"
        self.app = {"AppType": "JupyterLab", "AppName": "default", "SpaceName": "lab", "Status": "InService"}
        self.invoked: list[Mapping[str, Any]] = []

    def client(self, _: str) -> Aws:
        return self

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}

    def get_paginator(self, operation: str) -> Aws:
        assert operation == "list_apps"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Apps": [self.app]}]

    def delete_app(self, **named: str) -> None:
        assert named == {"DomainId": "d-1", "SpaceName": "lab", "AppType": "JupyterLab", "AppName": "default"}
        self.app["Status"] = "Deleting"

    def invoke(self, **request: Any) -> None:
        assert request["InvocationType"] == "Event"
        assert request["FunctionName"] == Context.invoked_function_arn
        self.invoked.append(json.loads(request["Payload"]))


class Context:
    """A call that is about to end."""

    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:remover"

    def get_remaining_time_in_millis(self) -> int:
        return 1000


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    found = Aws()
    monkeypatch.setattr(function, "_client", found.client)
    return found


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What CloudFormation is told."""
    told: list[Mapping[str, Any]] = []

    class Told:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    def put(request: Any, timeout: float) -> Told:
        told.append(json.loads(request.data))
        return Told()

    monkeypatch.setattr("urllib.request.urlopen", put)
    return told


def test_calls_itself_when_its_time_is_up_and_answers_nobody(
    aws: Aws, answers: list[Mapping[str, Any]]
) -> None:
    function.handler(_DELETE, Context())

    (again,) = aws.invoked
    assert {name: again[name] for name in _DELETE} == _DELETE
    assert answers == []


def test_goes_on_in_the_next_call_and_answers_when_all_is_gone(
    aws: Aws, answers: list[Mapping[str, Any]]
) -> None:
    function.handler(_DELETE, Context())
    aws.app["Status"] = "Deleted"

    function.handler(aws.invoked[0], Context())

    assert [each["Status"] for each in answers] == ["SUCCESS"]
    assert len(aws.invoked) == 1


def test_gives_up_while_cloudformation_still_listens_and_says_what_is_left(
    aws: Aws, answers: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    function.handler(_DELETE, Context())
    almost_an_hour = time.time() + 3500
    monkeypatch.setattr(time, "time", lambda: almost_an_hour)

    function.handler(aws.invoked[0], Context())

    (answer,) = answers
    assert answer["Status"] == "FAILED"
    assert "apps still being deleted: lab/JupyterLab/default" in answer["Reason"]
    assert answer["PhysicalResourceId"] == "content-of-d-1"


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_does_nothing_when_only_an_edit_takes_it_away(
    aws: Aws, answers: list[Mapping[str, Any]], status: str
) -> None:
    aws.status = status

    function.handler(_DELETE, Context())

    assert aws.app["Status"] == "InService"
    assert [each["Status"] for each in answers] == ["SUCCESS"]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_does_nothing_before_the_end(aws: Aws, answers: list[Mapping[str, Any]], request_type: str) -> None:
    function.handler({**_DELETE, "RequestType": request_type}, Context())

    assert aws.app["Status"] == "InService"
    assert [each["PhysicalResourceId"] for each in answers] == ["content-of-d-1"]
