"""Whose cap an administrator may lift: of those in the file, and of those who have brought themselves in."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from clary.environment.cap import CAP_PREFIX
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.spending import Lifted, lift
from clary.target import Target

LIFTS = f"{CAP_PREFIX}lifts.json"
OUTPUTS = {
    "clary-dev-operations": {"SpendingCapFunctionName": "cap"},
    "clary-dev-data": {"DataBucketName": "data"},
    "clary-dev-studio": {"DomainId": "d-1"},
}


class Aws:
    """A domain in which emmy has a profile of the catalog's, a bucket with a report, and a meter."""

    def __init__(self) -> None:
        self.objects = {f"{CAP_PREFIX}latest.json": b'{"standings": []}', LIFTS: b'{"lifts": []}'}

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803 - as boto3 has it
        said = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS[StackName].items()]
        return {"Stacks": [{"Outputs": said}]}

    def get_paginator(self, operation: str) -> Aws:
        assert operation == "list_user_profiles"
        return self

    def paginate(self, *, DomainIdEquals: str) -> list[Mapping[str, Any]]:  # noqa: N803 - as boto3 has it
        assert DomainIdEquals == "d-1"
        return [{"UserProfiles": [{"UserProfileName": "research-emmy"}]}]

    def get_object(self, *, Key: str, **_: Any) -> Mapping[str, Any]:  # noqa: N803 - as boto3 has it
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - as boto3 has it
        self.objects[Key] = Body

    def invoke(self, **_: Any) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True)
class Deployed(Target):
    aws: Aws = field(default_factory=Aws)

    def client(self, service: str) -> Any:
        return self.aws

    @property
    def lifts(self) -> Any:
        return json.loads(self.aws.objects[LIFTS])["lifts"]


@pytest.fixture
def target(tmp_path: Path) -> Deployed:
    teams = {"research": {"members": {"ada": "data-scientist"}}}
    said = {"name": "dev", "account": "111122223333", "region": "eu-west-1", "teams": teams}
    return Deployed(Environment.model_validate(said), None, tmp_path)


@pytest.mark.parametrize("person", ["research-ada", "research-emmy"])
def test_everybody_who_has_a_cap_may_be_lifted(target: Deployed, person: str) -> None:
    lift(target, Lifted("person", person, date(2026, 11, 30)))

    assert [each["person"] for each in target.lifts] == [person]


def test_nobody_is_lifted_who_is_not_there(target: Deployed) -> None:
    with pytest.raises(
        ClaryError, match="no person 'research-bob', choose one of: research-ada, research-emmy"
    ):
        lift(target, Lifted("person", "research-bob", date(2026, 11, 30)))

    assert target.lifts == []
