"""IAM's users and roles, the organization that they are in, and the tags by which they are let at things."""

from __future__ import annotations

from typing import Any

from ministack.services import iam as _iam
from ministack.services import organizations as _organizations
from ministack.services import tagging as _tagging

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.request import region, scope
from local_aws.hooks.resources import emr_cluster

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.iam": (
        "_group_inline_policies",
        "_groups",
        "_instance_profiles",
        "_lookup_policy",
        "_roles",
        "_user_inline_policies",
        "_users",
    ),
    "ministack.services.organizations": (
        "_accounts",
        "_attachments",
        "_ensure_org",
        "_orgs",
        "_ous",
        "_policies",
        "_policy_type_enabled",
    ),
    "ministack.services.tagging": ("resource_tags",),
}


def iam_role(account: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _iam._roles.get_scoped(account, None, name)
    return found


def iam_roles_of_profile(account: str, name: str) -> list[str]:
    """The ARNs of the roles in an instance profile."""
    profile = _iam._instance_profiles.get_scoped(account, None, name) or {}
    found = [iam_role(account, role) for role in profile.get("Roles", ())]
    return [str(role["Arn"]) for role in found if role is not None]


def iam_user(account: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _iam._users.get_scoped(account, None, name)
    return found


def iam_user_policies(account: str, name: str) -> dict[str, Any]:
    """A user's inline policies by name."""
    found: dict[str, Any] = _iam._user_inline_policies.get_scoped(account, None, name) or {}
    return found


def iam_groups_of(account: str, user: str) -> list[dict[str, Any]]:
    """The groups that a user is in, each with its inline policies as `InlinePolicies`."""
    with scope(account, region()):
        return [
            {**group, "InlinePolicies": _iam._group_inline_policies.get(name) or {}}
            for name, group in _iam._groups.items()
            if user in group.get("Users", ())
        ]


def iam_managed_policy(account: str, arn: str) -> Any:
    """The document of a managed policy's default version; None where there is no such policy."""
    with scope(account, region()):
        found = _iam._lookup_policy(arn)
    if not found:
        return None
    return found.get("Versions", {}).get(found.get("DefaultVersionId", "v1"), {}).get("Document")


def tags_of(arn: str) -> dict[str, str]:
    """The tags of a resource; none of one that is not there."""
    if arn.startswith("arn:aws:elasticmapreduce:"):  # which ministack does not know by their tags
        cluster = emr_cluster(arn.rpartition("/")[2]) or {}
        return {str(tag["Key"]): str(tag.get("Value", "")) for tag in cluster.get("Tags", [])}
    found: dict[str, str] = _tagging.resource_tags(arn) or {}
    return found


def organization_of(account: str) -> tuple[str, dict[str, Any]] | None:
    """The organization that an account is in: the account that manages it, and `id`, `targets` - the root,
    the units and the account, from the outside in - and `policies`: the documents attached to each."""
    for owner, member in [(account, account), *_organizations._accounts.to_dict()]:
        if member != account or _organizations._accounts.get_scoped(owner, None, account) is None:
            continue
        with scope(owner, region()):
            return owner, _organization(account)
    return None


def _organization(account: str) -> dict[str, Any]:
    targets = [account]
    while (parent := _parent_of(targets[0])) is not None:
        targets.insert(0, parent)
    attached = {
        target: [
            (policy["Id"], policy["_Content"])
            for policy in _organizations._policies.values()
            if policy["Type"] == "SERVICE_CONTROL_POLICY"
            and target in (_organizations._attachments.get(policy["Id"]) or ())
        ]
        for target in targets
    }
    enabled = _organizations._policy_type_enabled("SERVICE_CONTROL_POLICY")
    return {
        "id": _organizations._orgs["self"]["Id"],
        "targets": targets,
        "policies": attached if enabled else {},
    }


def _parent_of(target: str) -> str | None:
    record = _organizations._accounts.get(target) or _organizations._ous.get(target) or {}
    parent = record.get("_ParentId") or record.get("ParentId")
    return str(parent) if parent else None


def make_organization() -> bool:
    """Makes the account's organization; False where it is in one already."""
    if "self" in _organizations._orgs:
        return False
    _organizations._ensure_org()
    return True
