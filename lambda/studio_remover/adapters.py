"""The layers of a Studio domain in AWS, outermost first.

SageMaker keeps the home file system, its mount targets and two security groups that refer to each other
when a domain is deleted; asked to take the home along, it still does not promise the groups.
https://docs.aws.amazon.com/sagemaker/latest/dg/gs-studio-delete-domain.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from studio_remover.rules import Layer

_GONE = {
    "FileSystemNotFound",
    "InvalidGroup.NotFound",
    "InvalidPermission.NotFound",
    "MountTargetNotFound",
    "ResourceNotFound",
}
_NOT_YET = {
    "DependencyTimeout",
    "DependencyViolation",
    "FileSystemInUse",
    "IncorrectFileSystemLifeCycleState",
    "ResourceInUse",
}
"""Refusals that the next look at what is left answers."""

_HOME_OF = "ManagedByAmazonSageMakerResource"


@dataclass(frozen=True)
class Clients:
    sagemaker: Any
    efs: Any
    ec2: Any


@dataclass
class Things(Layer):
    """A layer by the two calls that it needs."""

    name: str
    list_all: Callable[[], Mapping[str, bool]]
    """What is left by name, and whether it can be deleted now."""
    delete_one: Callable[[str], None]
    _found: Mapping[str, bool] = field(default_factory=dict)

    def left(self) -> Sequence[str]:
        self._found = self.list_all()
        return list(self._found)

    def delete(self, time_is_up: Callable[[], bool]) -> None:
        for name, deletable in self._found.items():
            if time_is_up():
                return
            if deletable:
                with _unless(_GONE | _NOT_YET):
                    self.delete_one(name)


def apps_of(sagemaker: Any, domain_id: str) -> Layer:
    """The apps of a domain: of spaces, also those without an owner, and of user profiles."""
    apps: dict[str, dict[str, str]] = {}
    asked: set[str] = set()

    def running() -> Mapping[str, bool]:
        apps.clear()
        found: dict[str, bool] = {}
        failed: list[str] = []
        for app in _pages(sagemaker, domain_id, "list_apps", "Apps"):
            # Apps in a space have no user profile: they are the domain's, whosoever they are.
            members = ("UserProfileName", "SpaceName", "AppType", "AppName")
            known = {member: str(app[member]) for member in members if member in app}
            name, status = "/".join(known.values()), app["Status"]
            # what has failed may be in the way, and is asked to go once: it may fail for good
            if status == "Deleted" or (status == "Failed" and name in asked):
                continue
            apps[name] = known
            found[name] = status in ("InService", "Failed")
            failed += [name] * (status == "Failed")
        # what may refuse to go comes last: it shall not take the time of what goes
        return {name: found[name] for name in sorted(found, key=failed.__contains__)}

    def delete(name: str) -> None:
        asked.add(name)
        sagemaker.delete_app(DomainId=domain_id, **apps[name])

    return Things("apps", running, delete)


def _pages(sagemaker: Any, domain_id: str, operation: str, member: str) -> list[dict[str, Any]]:
    found = sagemaker.get_paginator(operation).paginate(DomainIdEquals=domain_id)
    return [item for page in found for item in page[member]]


def layers(clients: Clients, *, domain_id: str, domain_arn: str, vpc_id: str) -> list[Layer]:
    sagemaker, efs, ec2 = clients.sagemaker, clients.efs, clients.ec2
    domain = {"DomainId": domain_id}

    def pages(operation: str, member: str) -> list[dict[str, Any]]:
        return _pages(sagemaker, domain_id, operation, member)

    def spaces() -> Mapping[str, bool]:
        return {space["SpaceName"]: space["Status"] != "Deleting" for space in pages("list_spaces", "Spaces")}

    def profiles() -> Mapping[str, bool]:
        found = pages("list_user_profiles", "UserProfiles")
        return {profile["UserProfileName"]: profile["Status"] != "Deleting" for profile in found}

    def domains() -> Mapping[str, bool]:
        with _unless(_GONE):
            found = sagemaker.describe_domain(**domain)
            why = f": {found['FailureReason']}" if found.get("FailureReason") else ""
            return {f"{domain_id} {found['Status']}{why}": found["Status"] != "Deleting"}
        return {}

    def delete_domain(_: str) -> None:
        sagemaker.delete_domain(**domain, RetentionPolicy={"HomeEfsFileSystem": "Delete"})

    def homes() -> Mapping[str, bool]:
        found = efs.get_paginator("describe_file_systems").paginate()
        return {
            home["FileSystemId"]: home["LifeCycleState"] != "deleting"
            for page in found
            for home in page["FileSystems"]
            if {"Key": _HOME_OF, "Value": domain_arn} in home.get("Tags", [])
        }

    def mount_targets() -> Mapping[str, bool]:
        found: dict[str, bool] = {}
        for home in homes():
            with _unless(_GONE):
                for target in efs.describe_mount_targets(FileSystemId=home)["MountTargets"]:
                    found[target["MountTargetId"]] = target["LifeCycleState"] != "deleting"
        return found

    def groups() -> list[dict[str, Any]]:
        names = [f"security-group-for-{way}-nfs-{domain_id}" for way in ("inbound", "outbound")]
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": names}]
        found: list[dict[str, Any]] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        return found

    def with_rules() -> Mapping[str, bool]:
        return {
            group["GroupId"]: True
            for group in groups()
            if group["IpPermissions"] + group["IpPermissionsEgress"]
        }

    def revoke(group_id: str) -> None:
        group = next(group for group in groups() if group["GroupId"] == group_id)
        for way, rules in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if group[rules]:
                revoke_rules = getattr(ec2, f"revoke_security_group_{way}")
                revoke_rules(GroupId=group_id, IpPermissions=group[rules])

    return [
        apps_of(sagemaker, domain_id),
        Things("spaces", spaces, lambda name: sagemaker.delete_space(**domain, SpaceName=name)),
        Things(
            "user profiles",
            profiles,
            lambda name: sagemaker.delete_user_profile(**domain, UserProfileName=name),
        ),
        Things("domains", domains, delete_domain),
        Things("mount targets", mount_targets, lambda name: efs.delete_mount_target(MountTargetId=name)),
        Things("security groups with rules", with_rules, revoke),
        Things(
            "security groups",
            lambda: {group["GroupId"]: True for group in groups()},
            lambda name: ec2.delete_security_group(GroupId=name),
        ),
        Things("file systems", homes, lambda name: efs.delete_file_system(FileSystemId=name)),
    ]


@contextmanager
def _unless(codes: set[str]) -> Iterator[None]:
    """Goes on after an error of one of these codes."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
