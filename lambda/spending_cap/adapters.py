"""What runs, in SageMaker; charges and words of administrators, in S3; the gates, in IAM."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from compute_common.calls import seeing
from compute_common.job import Jobs, JobType
from compute_common.thing import Source, Thing, Unseen
from spending_cap.ports import Account, Charge, Ledger, Lift, Run
from spending_cap.rules import Prices

_LIFTS = "lifts.json"
_MARGIN = timedelta(minutes=5)
"""Between clocks."""


class Running:
    """Things that bill as long as they are there."""

    def __init__(self, source: Source, use: str, prices: Prices, now: datetime) -> None:
        self.kind: str = source.kind
        self._source = source
        self._prices = prices.get(use, {})
        self._now = now

    def runs(self, since: datetime) -> Iterator[Run | Unseen]:  # noqa: ARG002 - all that runs, since whenever
        for each in self._source.things(self._now + _MARGIN):
            if isinstance(each, Unseen):
                yield each
            elif not each.declared:
                yield Run(each, _usd_per_hour(each, self._prices))

    def stop(self, thing: Thing) -> None:
        self._source.stop(thing)


class RunningJobs:
    """Jobs, which end by themselves: also those that have begun and ended between two looks."""

    def __init__(self, jobs: Jobs, job_type: JobType, prices: Prices) -> None:
        self.kind = job_type.use
        self._jobs = jobs
        self._type = job_type
        self._prices = prices.get(job_type.use, {})

    def runs(self, since: datetime) -> Iterator[Run | Unseen]:
        for each in self._jobs.changed_since(self._type, since - _MARGIN):
            if isinstance(each, Unseen):
                yield each
            else:
                usd = _usd_per_hour(each.thing, self._prices) if self._type.billed else 0.0
                yield Run(each.thing, usd, each.ended)

    def stop(self, thing: Thing) -> None:
        self._jobs.stop(thing)


class BucketBook:
    """Objects below a prefix of a bucket: a ledger for each month, and `lifts.json`."""

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def ledger(self, month: str) -> Ledger | None:
        said = self._read(f"{month}.json")
        if said is None:
            return None
        found = json.loads(said)
        charges = {
            key: Charge(**{**each, "until": _moment(each["until"])}) for key, each in found["charges"].items()
        }
        seen = {kind: _moment(at) for kind, at in found["seen"].items()}
        return Ledger(found["month"], charges, seen, tuple(found["told"]))

    def keep(self, ledger: Ledger) -> None:
        found = {
            "month": ledger.month,
            "seen": {kind: at.isoformat() for kind, at in ledger.seen.items()},
            "told": list(ledger.told),
            "charges": {
                key: {**asdict(each), "until": each.until.isoformat()} for key, each in ledger.charges.items()
            },
        }
        self._put(f"{ledger.month}.json", json.dumps(found), "application/json")

    def lifts(self) -> tuple[Sequence[Lift], Sequence[str]]:
        """What is not readable lifts nothing: the cap stays, and somebody is told."""
        said = self._read(_LIFTS)
        if said is None:
            return [], []
        try:
            entries = json.loads(said)["lifts"]
        except (ValueError, KeyError, TypeError):
            return [], [f"{_LIFTS} is not readable, and lifts nothing"]
        lifts, problems = [], []
        for each in entries:
            try:
                lifts.append(_lift(each))
            except (ValueError, KeyError, TypeError) as error:
                problems.append(f"{_LIFTS} has {json.dumps(each)}, which lifts nothing: {error!r}")
        return lifts, problems

    def report(self, name: str, text: str, content_type: str) -> None:
        self._put(name, text, content_type)

    def _read(self, name: str) -> bytes | None:
        key = f"{self._prefix}{name}"
        # listed first: without a right to list all of a bucket, what is not there is forbidden
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        if not self._s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return None
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _put(self, name: str, text: str, content_type: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket, Key=f"{self._prefix}{name}", Body=text.encode(), ContentType=content_type
        )


class PolicyGates:
    """A managed policy for each team, of which there is never more than one version for long.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
    """

    def __init__(self, iam: Any, arn_prefix: str) -> None:
        self._iam = iam
        self._arn_prefix = arn_prefix

    def write(self, team: str, document: str) -> None:
        arn = f"{self._arn_prefix}{team}"
        with seeing(f"the policy {arn}"):
            self._tidy(arn)
            self._iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
            self._tidy(arn)

    def _tidy(self, arn: str) -> None:
        for version in self._iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                self._iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


def _usd_per_hour(thing: Thing, prices: Mapping[str, float]) -> float | None:
    known = [prices.get(of_type) for of_type in thing.instances]
    if not known or any(each is None for each in known):
        return None
    return sum(prices[of_type] * count for of_type, count in thing.instances.items())


def _moment(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)


def _lift(said: Mapping[str, Any]) -> Lift:
    account: Account = ("team", said["team"]) if "team" in said else ("person", said["person"])
    usd = said.get("usd")
    return Lift(account, date.fromisoformat(said["until"]), None if usd is None else float(usd))
