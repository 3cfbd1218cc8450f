"""Projects: a stack of their template, and they are as far as that is.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProject.html
"""

from __future__ import annotations

import secrets
import string
import time
from typing import Protocol

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import callers, project_launches, project_stacks, tags
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.store import STORE, Record

_STEP_SECONDS = 0.05


class _Maker(Protocol):
    """Who makes a stack of the template; what it refuses is a `ServiceError`."""

    def create(self, record: Record) -> None: ...

    def update(self, record: Record, request: Request) -> bool: ...

    def delete(self, record: Record) -> bool: ...

    def failure(self, record: Record) -> str | None: ...

    def tell(self, record: Record, failure_: str) -> None: ...


def _maker(record: Record) -> _Maker:
    return project_launches if project_launches.DETAILS in record else project_stacks


class Project(Behaviour):
    def check(self, request: Request) -> None:
        ways = (project_launches.DETAILS, project_stacks.PROVIDERS)
        if sum(way in request for way in ways) != 1:
            raise invalid(f"Either {' or '.join(ways)} must be given.")

    def prepare(self, record: Record) -> None:
        letters = string.ascii_lowercase + string.digits
        record["ProjectId"] = "p-" + "".join(secrets.choice(letters) for _ in range(12))
        record["ProjectStatus"] = "CreateInProgress"
        identity = {"Arn": callers.acting().arn}
        source = callers.source_identity()
        record["CreatedBy"] = {"IamIdentity": identity | ({"SourceIdentity": source} if source else {})}

    def created(self, record: Record) -> None:
        try:
            _maker(record).create(record)
        except ServiceError as error:
            STORE.remove("Project", (record["ProjectName"],))
            raise _refusal(error) from error
        _follow(record)

    def check_update(self, record: Record, request: Request) -> None:  # noqa: ARG002 - the base's
        _refuse_busy(record, "update")

    def update(self, record: Record, request: Request) -> None:
        try:
            under_way = _maker(record).update(record, request)
        except ServiceError as error:
            raise _refusal(error) from error
        if under_way:
            record["ProjectStatus"] = "UpdateInProgress"
            _follow(record)
        if "ProjectDescription" in request:
            record["ProjectDescription"] = request["ProjectDescription"]
        if "Tags" in request:
            tags.replace(record, [*record.get("Tags", []), *request["Tags"]])

    def check_deletion(self, record: Record) -> None:
        _refuse_busy(record, "delete")

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - nothing is chosen
        try:
            under_way = _maker(record).delete(record)
        except ServiceError as error:
            raise _refusal(error) from error
        if not under_way:
            return True
        record["ProjectStatus"] = "DeleteInProgress"
        _follow(record)
        return False

    def resume(self, record: Record) -> None:
        if _busy(record):
            _follow(record)

    def settle(self, record: Record) -> str | None:
        while _busy(record):
            time.sleep(_STEP_SECONDS)
        if not record["ProjectStatus"].endswith("Failed"):
            return None
        return _maker(record).failure(record) or "the launch failed"


def _refusal(error: ServiceError) -> ServiceError:
    return error if error.code == "AccessDeniedException" else invalid(error.message)


def _follow(record: Record) -> None:
    hooks.request.in_background(_watch, record, name=f"project-{record['ProjectId']}")


def _watch(record: Record) -> None:
    """Waits for what is under way, and takes over how it ended."""
    maker = _maker(record)
    while (failure := maker.failure(record)) is None:
        time.sleep(_STEP_SECONDS)
    deed = record["ProjectStatus"].removesuffix("InProgress")
    if deed == "Delete" and not failure:
        STORE.remove("Project", (record["ProjectName"],))
    maker.tell(record, failure)
    record["LastModifiedTime"] = time.time()
    record["ProjectStatus"] = deed + ("Failed" if failure else "Completed")


def _busy(record: Record) -> bool:
    return bool(record["ProjectStatus"].endswith("InProgress"))


def _refuse_busy(record: Record, deed: str) -> None:
    if _busy(record):
        raise ServiceError(
            "ConflictException",
            f"Unable to {deed} Project {record['ProjectName']} because it is in status"
            f" {record['ProjectStatus']}.",
        )
