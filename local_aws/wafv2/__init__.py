"""WAF: web ACLs that decide over requests to the stages of REST APIs.

`evaluation` takes a request through the rules, `statements` and `request` say what fits, `managed` and
`patterns` are the plain cases of AWS's rule groups, `log` tells of it, `control` is the service's API
beyond what ministack has. ministack keeps the web ACLs, groups and sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.wafv2 import control, log, statements
from local_aws.wafv2.evaluation import Verdict, evaluate
from local_aws.wafv2.request import Request

__all__ = ["Request", "Verdict", "acl_of", "inspect", "install"]


def install() -> None:
    control.install()
    hooks.server.on_reset(statements.reset)
    hooks.server.on_reset(log.reset)


def acl_of(resource_arn: str) -> dict[str, Any] | None:
    """The web ACL that protects a resource of the request's account and region."""
    arn = hooks.firewalls.web_acl_arn_of(resource_arn)
    return None if arn is None else hooks.firewalls.waf_resource("webacl", arn)


async def inspect(acl: Mapping[str, Any], request: Request, source: str, source_id: str) -> Verdict:
    """The web ACL's verdict, logged and counted. `source` and `source_id` name the resource in the log."""
    verdict = evaluate(acl, request)
    await log.tell(acl, request, verdict, source, source_id)
    return verdict
