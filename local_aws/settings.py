"""What may be set of a running local AWS, for a test: how long states take, what fails, quotas.

`PUT /_local_aws/settings` takes a JSON document and replaces what was set before, `GET` answers it,
`DELETE` goes back to the defaults. With `?account=123456789012` it is for that account alone.

    {
      "state_seconds": 0,                       how long a resource is Pending, Updating, Deleting
      "state_seconds_of": {"App": 20},          the same for a family of SageMaker's
      "time_scale": 60,                         how many of AWS's seconds of waiting pass in one second
                                                here: 60 makes a deployment's minutes seconds
      "failures": [                             what fails instead of becoming ready, and why
        {"family": "Domain", "name": "broken-*", "reason": "out of capacity"}
      ],
      "spot_interruptions": {"train-*": 1},     how often a managed spot training job of such a name is
                                                interrupted: each time as soon as it has left a new
                                                checkpoint in S3, or after a second without checkpoints
      "offline_store_seconds": 1,               how long feature groups gather records before they write
                                                them to S3: up to 15 minutes on AWS
      "log_events": 50000,                      how many events a log group keeps, the newest ones
      "quotas": {"ml.m5.xlarge for endpoint usage": 0}
    }
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from local_aws import hooks

PATH = "/_local_aws/settings"


@dataclass(frozen=True)
class Failure:
    """Resources of a family whose name fits a pattern (`*`, `?`) end with this reason."""

    family: str
    name: str
    reason: str


@dataclass(frozen=True)
class Settings:
    state_seconds: float = 0.0
    state_seconds_of: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    quotas: Mapping[str, float] = field(default_factory=dict)
    time_scale: float = 1.0
    spot_interruptions: Mapping[str, float] = field(default_factory=dict)
    offline_store_seconds: float = 1.0
    log_events: float = 50_000

    def here(self, seconds: float) -> float:
        """How long a wait of so many seconds on AWS takes here: baking, idle times, alarms' periods. What a
        program is given for its work is not scaled."""
        return seconds / self.time_scale

    def seconds(self, family: str) -> float:
        """How long each state of a family's resources takes."""
        return self.state_seconds_of.get(family, self.state_seconds)

    def failure(self, family: str, name: str) -> str | None:
        """Why a resource is to fail; None when it is not."""
        found = (one for one in self.failures if one.family == family and fnmatchcase(name, one.name))
        return next((one.reason for one in found), None)

    def interruptions(self, name: str) -> float:
        """How often a managed spot training job of that name loses its instances."""
        return max(
            (times for one, times in self.spot_interruptions.items() if fnmatchcase(name, one)), default=0
        )


class InvalidSettings(ValueError):
    """What was wrong with a document."""


_DEFAULTS = Settings()
_EVERYBODY = ""
_KEPT: dict[str, Settings] = {}


def current() -> Settings:
    """The settings of the account that the request at hand belongs to."""
    return _KEPT.get(hooks.request.account_id()) or _KEPT.get(_EVERYBODY, _DEFAULTS)


def forget() -> None:
    _KEPT.clear()


def answer(method: str, query: Mapping[str, list[str]], body: bytes) -> tuple[int, str, bytes]:
    """The status, the content type and the body for a request to `PATH`."""
    account = query.get("account", [_EVERYBODY])[0]
    if method == "PUT":
        try:
            _KEPT[account] = read(body)
        except InvalidSettings as error:
            return 400, "application/json", json.dumps({"message": str(error)}).encode()
    elif method == "DELETE":
        _KEPT.pop(account, None)
    elif method != "GET":
        return 405, "application/json", b'{"message": "GET, PUT or DELETE"}'
    return 200, "application/json", json.dumps(asdict(_KEPT.get(account, _DEFAULTS))).encode()


def read(body: bytes) -> Settings:
    """Raises `InvalidSettings` for what is not a document of settings."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidSettings(f"the settings are not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidSettings("the settings are not a JSON object")
    known = Settings.__dataclass_fields__
    for name in document:
        if name not in known:
            raise InvalidSettings(f"no setting '{name}', choose of: {', '.join(known)}")
    try:
        return Settings(
            state_seconds=_seconds(document.get("state_seconds", 0)),
            state_seconds_of=_numbers(document, "state_seconds_of"),
            failures=tuple(_failure(one) for one in document.get("failures", ())),
            quotas=_numbers(document, "quotas"),
            time_scale=_above_zero("time_scale", document.get("time_scale", 1)),
            spot_interruptions=_numbers(document, "spot_interruptions"),
            log_events=_above_zero("log_events", document.get("log_events", _DEFAULTS.log_events)),
            offline_store_seconds=_seconds(document.get("offline_store_seconds", 1)),
        )
    except (TypeError, AttributeError) as error:
        raise InvalidSettings(f"the settings have not the right form: {error}") from error


def _numbers(document: Mapping[str, Any], name: str) -> dict[str, float]:
    return {key: _seconds(value) for key, value in document.get(name, {}).items()}


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InvalidSettings(f"'{value}' is not a number of zero or more")
    return value


def _above_zero(name: str, value: object) -> float:
    if _seconds(value) == 0:
        raise InvalidSettings(f"{name} is 0, give a number above 0")
    return _seconds(value)


def _failure(value: Mapping[str, str]) -> Failure:
    try:
        return Failure(**value)
    except TypeError as error:
        raise InvalidSettings("a failure has a family, a name and a reason") from error
