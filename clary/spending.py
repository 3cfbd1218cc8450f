"""How people stand within their caps, and an administrator's word that somebody may spend more.

What is said is an object beside the ledgers: who may write there may lift a cap, and nobody of a team may.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from botocore.exceptions import ClientError

from clary.environment.cap import CAP_PREFIX
from clary.environment.people import profile_name
from clary.errors import ClaryError
from clary.outputs import stack_outputs
from clary.target import Target

_LIFTS = f"{CAP_PREFIX}lifts.json"
_LATEST = f"{CAP_PREFIX}latest.json"
_NOT_THERE = ("NoSuchKey", "404")


@dataclass(frozen=True)
class Lifted:
    """Somebody, by `team` or `person`, and until when they may spend more."""

    what: str
    name: str
    until: date
    usd: int | None = None

    def entry(self) -> dict[str, object]:
        limit = {} if self.usd is None else {"usd": self.usd}
        return {self.what: self.name, "until": self.until.isoformat(), **limit}


def standing(target: Target) -> Mapping[str, Any]:
    """What the latest look has found."""
    found = _read(target, _LATEST)
    if found is None:
        raise ClaryError(f"nobody has looked yet what is spent in '{target.environment.name}'")
    return found


def lift(target: Target, lifted: Lifted) -> Mapping[str, Any]:
    """Writes it down in place of what was said of them before, and looks anew; what was found then."""
    _check(target, lifted)
    said = _read(target, _LIFTS) or {}
    others = [each for each in said.get("lifts", []) if each.get(lifted.what) != lifted.name]
    body = json.dumps({"lifts": [*others, lifted.entry()]}, indent=2) + "\n"
    target.client("s3").put_object(
        Bucket=_bucket(target), Key=_LIFTS, Body=body.encode(), ContentType="application/json"
    )
    _look(target)
    return standing(target)


def _check(target: Target, lifted: Lifted) -> None:
    known = list(target.environment.teams) if lifted.what == "team" else _people(target)
    if lifted.name not in known:
        raise ClaryError(f"no {lifted.what} '{lifted.name}', choose one of: {', '.join(known)}")


def _people(target: Target) -> list[str]:
    """Those of the file, and those who have brought themselves in: both have caps."""
    teams = target.environment.teams
    declared = {profile_name(team, name) for team, each in teams.items() for name in each.members}
    domain = stack_outputs(target, "studio")["DomainId"]
    pages = target.client("sagemaker").get_paginator("list_user_profiles").paginate(DomainIdEquals=domain)
    there = {each["UserProfileName"] for page in pages for each in page["UserProfiles"]}
    return sorted(declared | there)


def _look(target: Target) -> None:
    function = _outputs(target)["SpendingCapFunctionName"]
    answer = target.client("lambda").invoke(FunctionName=function)
    if "FunctionError" in answer:
        why = answer["Payload"].read().decode(errors="replace")
        raise ClaryError(f"it is written down, but the meter could not be read: {why}")


def _outputs(target: Target) -> Mapping[str, str]:
    found = stack_outputs(target, "operations")
    if "SpendingCapFunctionName" not in found:
        raise ClaryError(
            f"'{target.environment.name}' has no caps, or they are not deployed: see 'costs.cap'"
        )
    return found


def _bucket(target: Target) -> str:
    _outputs(target)
    return stack_outputs(target, "data")["DataBucketName"]


def _read(target: Target, key: str) -> dict[str, Any] | None:
    try:
        body = target.client("s3").get_object(Bucket=_bucket(target), Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return None
        raise
    found: dict[str, Any] = json.loads(body)
    return found
