"""A Studio domain in SageMaker."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from studio_leavers.ports import App, Space

_GONE = ("ResourceNotFound", "ResourceNotFoundException")
_NOT_NOW = "ResourceInUse"
_SETTLED = ("InService", "Update_Failed")


class SageMakerDomain:
    """`rest_role` is the ARN of the role that may do nothing."""

    def __init__(self, sagemaker: Any, domain_id: str, rest_role: str) -> None:
        self._sagemaker = sagemaker
        self._domain = {"DomainId": domain_id}
        self._rest_role = rest_role
        self._found: dict[str, dict[str, str]] = {}
        self._failed: set[str] = set()

    def spaces(self) -> Sequence[Space]:
        found = []
        for each in self._pages("list_spaces", "Spaces"):
            owner = each.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName")
            sharing = each.get("SpaceSharingSettingsSummary", {}).get("SharingType")
            if owner is not None:
                going = each["Status"] == "Deleting"
                found.append(Space(each["SpaceName"], owner, private=sharing != "Shared", going=going))
        return found

    def apps(self, *, profiles: Collection[str], spaces: Collection[str]) -> Sequence[App]:
        found = []
        for each in self._pages("list_apps", "Apps"):
            members = ("UserProfileName", "SpaceName", "AppType", "AppName")
            known = {member: str(each[member]) for member in members if member in each}
            name, status = "/".join(known.values()), each["Status"]
            # what has failed may be in the way, and is asked to go once: it may fail for good
            if status == "Deleted" or (status == "Failed" and name in self._failed):
                continue
            # an app in a space reports no profile
            if each.get("SpaceName") in spaces or each.get("UserProfileName") in profiles:
                self._found[name] = known
                if status == "Failed":
                    self._failed.add(name)
                found.append(App(name, going=status not in ("InService", "Failed")))
        return found

    def stop(self, app: App) -> None:
        with _unless(*_GONE, _NOT_NOW):
            self._sagemaker.delete_app(**self._domain, **self._found[app.name])

    def delete_space(self, name: str) -> None:
        with _unless(*_GONE, _NOT_NOW):
            self._sagemaker.delete_space(**self._domain, SpaceName=name)

    def take_rights(self, profile: str) -> bool:
        named = {**self._domain, "UserProfileName": profile}
        with _unless(*_GONE):
            found = self._sagemaker.describe_user_profile(**named)
            if found.get("UserSettings", {}).get("ExecutionRole") == self._rest_role:
                return True
            if found["Status"] not in _SETTLED:
                return False
            self._sagemaker.update_user_profile(**named, UserSettings={"ExecutionRole": self._rest_role})
        return True

    def _pages(self, operation: str, member: str) -> Iterator[dict[str, Any]]:
        pages = self._sagemaker.get_paginator(operation).paginate(DomainIdEquals=self._domain["DomainId"])
        with _unless(*_GONE):  # a domain that is gone has nothing in it
            for page in pages:
                yield from page[member]


@contextmanager
def _unless(*codes: str) -> Iterator[None]:
    """Goes on after an error of one of these codes."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
