"""WAF's API: what it refuses, and the operations that ministack does not have.

https://docs.aws.amazon.com/waf/latest/APIReference/API_Operations_AWS_WAFV2.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.store import STORE
from local_aws.wafv2 import log, rules, statements
from local_aws.wafv2.errors import in_use, missing, no_delivery, refused, stale, too_much
from local_aws.wafv2.managed import GROUPS, ManagedGroup

if TYPE_CHECKING:
    from botocore.model import ServiceModel

_STAGE = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+::/restapis/([^/]+)/stages/([^/]+)")

_Call = Mapping[str, Any]
_Members = dict[str, Any]


def install() -> None:
    usual = hooks.server.service("wafv2")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            call = _read(name, body)
            if name in _CHECKS:
                _CHECKS[name](call)
            if name in _OPERATIONS:
                return _answer(200, _OPERATIONS[name](call))
        except ServiceError as error:
            return _answer(
                error.status, {"__type": error.code, "Message": error.message, "message": error.message}
            )
        answer = await usual(method, path, headers, body, query)
        if name in _AFTERWARDS and (answer[0] == 200 or name == "GetWebACLForResource"):
            return _AFTERWARDS[name](call, answer)
        return answer

    hooks.server.add_service("wafv2", handle)


def _answer(status: int, members: Mapping[str, Any]) -> hooks.server.Response:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(members).encode()


def _read(name: str, body: bytes) -> dict[str, Any]:
    from local_aws.request_validation import check  # it brings botocore's models along

    try:
        call = json.loads(body or b"{}")
    except ValueError:
        raise ServiceError("SerializationException", "the request is no JSON") from None
    model = _model()
    if not isinstance(call, dict) or name not in model.operation_names:
        raise ServiceError("UnknownOperationException", f"there is no operation '{name}'")
    check(model.operation_model(name).input_shape, call)
    return call


@cache
def _model() -> ServiceModel:
    import botocore.session  # only those who need it wait for it

    return botocore.session.get_session().get_service_model("wafv2")


# --- refusals ---------------------------------------------------------------------------------------


def _check_acl(call: _Call) -> None:
    if call.get("Scope") == "CLOUDFRONT" and hooks.request.region() != "us-east-1":
        raise refused("The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")
    capacity = rules.check(call)
    if capacity > rules.MOST_CAPACITY:
        raise too_much(f"the web ACL takes {capacity} capacity units of {rules.MOST_CAPACITY}")


def _check_group(call: _Call) -> None:
    capacity = rules.check(call, within_group=True)
    limit = call.get("Capacity")
    if limit is None:
        limit = (hooks.firewalls.waf_resource("rulegroup", _arn("rulegroup", call)) or {}).get(
            "Capacity", capacity
        )
    if capacity > int(limit):
        raise too_much(f"the rules take {capacity} capacity units of {limit}")


def _check_ip_set(call: _Call) -> None:
    rules.check_addresses(
        call.get("IPAddressVersion") or _own("ipset", call).get("IPAddressVersion"), call["Addresses"]
    )


def _check_patterns(call: _Call) -> None:
    for each in call["RegularExpressionList"]:
        rules.check_expression(str(each.get("RegexString", "")))


def _check_token(kind: str) -> Callable[[_Call], None]:
    def check(call: _Call) -> None:
        if _own(kind, call).get("LockToken") != call["LockToken"]:
            raise stale()

    return check


def _check_unused(kind: str) -> Callable[[_Call], None]:
    def check(call: _Call) -> None:
        _check_token(kind)(call)
        arn = _own(kind, call)["ARN"]
        holders = [*hooks.firewalls.waf_resources("webacl"), *hooks.firewalls.waf_resources("rulegroup")]
        # Each holds its own ARN, too.
        used = any(arn in rules.references(each) for each in holders if each.get("ARN") != arn)
        if kind == "webacl":
            used = any(
                acl == arn and _exists(resource)
                for resource, acl in hooks.firewalls.waf_associations().items()
            )
        if used:
            raise in_use()

    return check


def _both(first: Callable[[_Call], None], second: Callable[[_Call], None]) -> Callable[[_Call], None]:
    def check(call: _Call) -> None:
        first(call)
        second(call)

    return check


def _own(kind: str, call: _Call) -> dict[str, Any]:
    found = hooks.firewalls.waf_resource(kind, _arn(kind, call))
    if found is None or found.get("Name") != call.get("Name"):
        raise missing()
    return found


def _arn(kind: str, call: _Call) -> str:
    where = "us-east-1" if call.get("Scope") == "CLOUDFRONT" else hooks.request.region()
    scope = "global" if call.get("Scope") == "CLOUDFRONT" else "regional"
    what = f"{scope}/{kind}/{call.get('Name')}/{call.get('Id')}"
    return f"arn:aws:wafv2:{where}:{hooks.request.account_id()}:{what}"


def _exists(resource_arn: str) -> bool:
    found = _STAGE.fullmatch(resource_arn)
    return found is None or found[2] in hooks.apis.stages_of(found[1])


def _check_association(call: _Call) -> None:
    arn = call["ResourceArn"]
    acl = call["WebACLArn"]
    if ":global/" in acl or (":apigateway:" in arn and not _STAGE.fullmatch(arn)):
        raise refused(
            "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by "
            "colons or slashes.",
            "RESOURCE_ARN",
            arn if ":global/" not in acl else acl,
        )
    if not _exists(arn):
        raise missing()


def _check_protected(call: _Call) -> None:
    if call["ResourceArn"] not in hooks.firewalls.waf_associations() and not _exists(call["ResourceArn"]):
        raise missing()


def _acl_of(call: _Call, answer: hooks.server.Response) -> hooks.server.Response:
    """A resource that nothing protects has no web ACL, which is no error."""
    if answer[0] == 400 and call["ResourceArn"] not in hooks.firewalls.waf_associations():
        return _answer(200, {})
    return answer


def _tell_stage(call: _Call, answer: hooks.server.Response) -> hooks.server.Response:
    """GetStage answers the web ACL of a stage."""
    found = _STAGE.fullmatch(call["ResourceArn"])
    stage = hooks.apis.stage_of(found[1], found[2]) if found else None
    if stage is not None:
        if "WebACLArn" in call:
            stage["webAclArn"] = call["WebACLArn"]
        else:
            stage.pop("webAclArn", None)
    return answer


_KEPT = (
    "AssociationConfig",
    "CaptchaConfig",
    "ChallengeConfig",
    "CustomResponseBodies",
    "DataProtectionConfig",
    "OnSourceDDoSProtectionConfig",
    "TokenDomains",
)
"""Members of web ACLs and rule groups that ministack leaves out."""


def _complete(kind: str) -> Callable[[_Call, hooks.server.Response], hooks.server.Response]:
    def complete(call: _Call, answer: hooks.server.Response) -> hooks.server.Response:
        arn = (json.loads(answer[2]).get("Summary") or {}).get("ARN") or _arn(kind, call)
        record = hooks.firewalls.waf_resource(kind, arn)
        if record is not None:
            for name in _KEPT:
                record.pop(name, None)
                if name in call:
                    record[name] = call[name]
            if kind == "webacl":
                record["Capacity"] = rules.check(call)
            record["LabelNamespace"] = f"awswaf:{hooks.request.account_id()}:{kind}:{record['Name']}:"
        return answer

    return complete


# --- logging ----------------------------------------------------------------------------------------


def _put_logging(call: _Call) -> _Members:
    configuration = dict(call["LoggingConfiguration"])
    if hooks.firewalls.waf_resource("webacl", configuration["ResourceArn"]) is None:
        raise missing()
    for destination in configuration["LogDestinationConfigs"]:
        _check_destination(destination)
    STORE.remove(log.LOGGING, (configuration["ResourceArn"],))
    STORE.add(log.LOGGING, (configuration["ResourceArn"],), configuration)
    return {"LoggingConfiguration": configuration}


def _check_destination(arn: str) -> None:
    """https://docs.aws.amazon.com/waf/latest/developerguide/logging-destinations.html"""
    name = re.fullmatch(
        r"arn:aws[\w-]*:(?:logs:[\w-]+:\d{12}:log-group:(?P<group>[^:]+)(?::\*)?"
        r"|firehose:[\w-]+:\d{12}:deliverystream/(?P<stream>.+)|s3:::(?P<bucket>[^/]+).*)",
        arn,
    )
    if not name or not next(filter(None, name.groups())).startswith("aws-waf-logs-"):
        raise refused("The ARN isn't valid.", "LOG_DESTINATION", arn)
    if name["group"] and not hooks.logs.log_group_exists(name["group"]):
        raise no_delivery()


def _get_logging(call: _Call) -> _Members:
    found = STORE.get(log.LOGGING, (call["ResourceArn"],))
    if found is None:
        raise missing()
    return {"LoggingConfiguration": found}


def _delete_logging(call: _Call) -> _Members:
    if STORE.remove(log.LOGGING, (call["ResourceArn"],)) is None:
        raise missing()
    return {}


def _list_logging(call: _Call) -> _Members:
    word = ":global/" if call["Scope"] == "CLOUDFRONT" else ":regional/"
    return {"LoggingConfigurations": [record for (arn,), record in STORE.all(log.LOGGING) if word in arn]}


def _forget_logging(call: _Call, answer: hooks.server.Response) -> hooks.server.Response:
    STORE.remove(log.LOGGING, (_arn("webacl", call),))
    return answer


# --- what else there is -----------------------------------------------------------------------------


def _managed(call: _Call) -> ManagedGroup:
    group = GROUPS.get(call["Name"]) if call["VendorName"] == "AWS" else None
    if group is None:
        raise missing()
    return group


def _describe_managed(call: _Call) -> _Members:
    group = _managed(call)
    return {
        "Capacity": group.capacity,
        "Rules": [{"Name": rule.name, "Action": {rule.action: {}}} for rule in group.rules],
        "LabelNamespace": group.label_namespace,
        "AvailableLabels": [{"Name": f"{group.label_namespace}{rule.label}"} for rule in group.rules],
        "ConsumedLabels": [],
    }


def _list_managed(call: _Call) -> _Members:  # noqa: ARG001 - an operation's
    return {
        "ManagedRuleGroups": [
            {
                "VendorName": "AWS",
                "Name": group.name,
                "Description": group.description,
                "VersioningSupported": False,
            }
            for group in GROUPS.values()
        ]
    }


def _capacity(call: _Call) -> _Members:
    return {"Capacity": rules.check(call)}


def _sampled(call: _Call) -> _Members:
    window = call["TimeWindow"]
    found = log.samples(call["WebAclArn"], call["RuleMetricName"])
    start, end = (float(window[name]) for name in ("StartTime", "EndTime"))
    inside = [each for each in found if start <= each["Timestamp"] <= end]
    return {
        "SampledRequests": inside[-int(call["MaxItems"]) :],
        "PopulationSize": len(inside),
        "TimeWindow": window,
    }


def _rate_limited(call: _Call) -> _Members:
    acl = _own("webacl", {"Scope": call["Scope"], "Name": call["WebACLName"], "Id": call["WebACLId"]})
    rule = next((each for each in acl["Rules"] if each["Name"] == call["RuleName"]), None)
    statement = (rule or {}).get("Statement", {}).get("RateBasedStatement")
    if statement is None:
        raise missing()
    window = int(statement.get("EvaluationWindowSec") or 300)
    addresses = statements.rate_limited(acl["ARN"], call["RuleName"], int(statement["Limit"]), window)
    return {
        f"ManagedKeys{version}": {
            "IPAddressVersion": version,
            "Addresses": [
                f"{each}/{128 if ':' in each else 32}"
                for each in addresses
                if (":" in each) == (version == "IPV6")
            ],
        }
        for version in ("IPV4", "IPV6")
    }


_CHECKS: dict[str, Callable[[_Call], None]] = {
    "AssociateWebACL": _check_association,
    "CreateIPSet": _check_ip_set,
    "CreateRegexPatternSet": _check_patterns,
    "CreateRuleGroup": _check_group,
    "CreateWebACL": _check_acl,
    "DeleteIPSet": _check_unused("ipset"),
    "DeleteRegexPatternSet": _check_unused("regexpatternset"),
    "DeleteRuleGroup": _check_unused("rulegroup"),
    "DeleteWebACL": _check_unused("webacl"),
    "GetWebACLForResource": _check_protected,
    "UpdateIPSet": _both(_check_token("ipset"), _check_ip_set),
    "UpdateRegexPatternSet": _both(_check_token("regexpatternset"), _check_patterns),
    "UpdateRuleGroup": _both(_check_token("rulegroup"), _check_group),
    "UpdateWebACL": _both(_check_token("webacl"), _check_acl),
}
_OPERATIONS: dict[str, Callable[[_Call], _Members]] = {
    "CheckCapacity": _capacity,
    "DeleteLoggingConfiguration": _delete_logging,
    "DescribeManagedRuleGroup": _describe_managed,
    "GetLoggingConfiguration": _get_logging,
    "GetRateBasedStatementManagedKeys": _rate_limited,
    "GetSampledRequests": _sampled,
    "ListAvailableManagedRuleGroups": _list_managed,
    "ListLoggingConfigurations": _list_logging,
    "PutLoggingConfiguration": _put_logging,
}
_AFTERWARDS: dict[str, Callable[[_Call, hooks.server.Response], hooks.server.Response]] = {
    "AssociateWebACL": _tell_stage,
    "CreateRuleGroup": _complete("rulegroup"),
    "CreateWebACL": _complete("webacl"),
    "DeleteWebACL": _forget_logging,
    "DisassociateWebACL": _tell_stage,
    "GetWebACLForResource": _acl_of,
    "UpdateRuleGroup": _complete("rulegroup"),
    "UpdateWebACL": _complete("webacl"),
}
