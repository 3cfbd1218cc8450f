"""WAF's refusals, in its words."""

# ruff: noqa: RUF001 - the apostrophes are AWS's

from __future__ import annotations

from local_aws.errors import ServiceError


def refused(reason: str, field: str, parameter: str) -> ServiceError:
    """https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateWebACL.html#API_CreateWebACL_Errors"""
    return ServiceError(
        "WAFInvalidParameterException",
        f"Error reason: {reason}, field: {field}, parameter: {parameter}",
        Reason=reason,
        Field=field,
        Parameter=parameter,
    )


def missing() -> ServiceError:
    return ServiceError(
        "WAFNonexistentItemException",
        "AWS WAF couldn’t perform the operation because your resource doesn’t exist.",
    )


def in_use() -> ServiceError:
    return ServiceError(
        "WAFAssociatedItemException",
        "AWS WAF couldn’t perform the operation because your resource is being used by another resource or "
        "it’s associated with another resource.",
    )


def stale() -> ServiceError:
    return ServiceError(
        "WAFOptimisticLockException",
        "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit "
        "it. Reapply your changes.",
    )


def too_much(what: str) -> ServiceError:
    return ServiceError(
        "WAFLimitsExceededException",
        f"AWS WAF couldn’t perform the operation because you exceeded your resource limit: {what}",
    )


def no_delivery() -> ServiceError:
    return ServiceError(
        "WAFLogDestinationPermissionIssueException",
        "AWS WAF couldn’t deliver logs to the destination: it does not exist, or its policy does not "
        "allow it.",
    )
