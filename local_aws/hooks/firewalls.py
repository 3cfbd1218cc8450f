"""WAF's access lists."""

from __future__ import annotations

from typing import Any

from ministack.services import waf as _waf

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.waf": ("_associations", "_resource_store"),
}


def web_acl_arn_of(resource_arn: str) -> str | None:
    """The web ACL that a resource of the request's account and region is associated with."""
    found: str | None = _waf._associations.get(resource_arn)
    return found


def waf_resource(kind: str, arn: str) -> dict[str, Any] | None:
    """A web ACL, rule group, IP set or pattern set (`webacl`, `rulegroup`, …) by its ARN."""
    store = _waf._resource_store(kind)
    account_region = arn.split(":")
    found: dict[str, Any] | None = store.get_scoped(
        account_region[4], account_region[3], arn.rsplit("/", 1)[-1]
    )
    return found


def waf_resources(kind: str) -> list[dict[str, Any]]:
    """All of a kind in the request's account and region."""
    return list(_waf._resource_store(kind).values())


def waf_associations() -> dict[str, str]:
    """The web ACLs' ARNs by those of the resources that they protect, in the request's account and region."""
    return dict(_waf._associations.items())
