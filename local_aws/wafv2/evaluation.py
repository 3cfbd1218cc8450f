"""A request through a web ACL's rules, by their priority, to the first that decides.

https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-processing.html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws import hooks
from local_aws.wafv2.managed import GROUPS, ManagedGroup
from local_aws.wafv2.request import BODY_BYTES, Request
from local_aws.wafv2.statements import Inspection, matches

Response = tuple[int, dict[str, Any], bytes]
_Rule = Mapping[str, Any]
_GROUP_STATEMENTS = ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")
_CONTENT_TYPES = {
    "APPLICATION_JSON": "application/json",
    "TEXT_HTML": "text/html",
    "TEXT_PLAIN": "text/plain",
}


@dataclass
class Verdict:
    """What became of a request, and what the log says of the way."""

    action: str = "ALLOW"
    rule: str = "Default_Action"
    rule_type: str = "REGULAR"
    metric: str = "Default_Action"
    response: Response | None = None
    """The answer that the web ACL has for a request that it stops, if it has one of its own."""
    inserted_headers: dict[str, str] = field(default_factory=dict)
    counted: list[_Rule] = field(default_factory=list)
    """The rules of the web ACL that have matched and only count."""
    groups: list[dict[str, Any]] = field(default_factory=list)
    rates: list[dict[str, Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    @property
    def allowed(self) -> bool:
        return self.action == "ALLOW"


def evaluate(acl: Mapping[str, Any], request: Request) -> Verdict:
    account = acl["ARN"].split(":")[4]
    limit = _body_limit(acl)
    at = Inspection(
        dataclasses.replace(request, body_limit=limit), acl["ARN"], f"awswaf:{account}:webacl:{acl['Name']}:"
    )
    verdict = Verdict()
    bodies = acl.get("CustomResponseBodies") or {}
    for rule in sorted(acl.get("Rules") or (), key=lambda each: each["Priority"]):
        at.rule, at.rate = rule["Name"], None
        if _group_of(rule) is not None:
            decided = _through_group(rule, at, verdict)
        else:
            decided = rule.get("Action") or {} if matches(rule["Statement"], at) else None
            if decided is not None:
                _add_labels(rule, at)
        if at.rate:
            verdict.rates.append(at.rate)
        if decided is None:
            continue
        if _carry_out(decided, verdict, {**bodies, **_group_bodies(rule)}):
            verdict.rule, verdict.metric = rule["Name"], rule["VisibilityConfig"]["MetricName"]
            verdict.rule_type = _type_of(rule)
            break
        verdict.counted.append(rule)
    else:
        _carry_out(acl["DefaultAction"], verdict, bodies)
    verdict.labels = at.labels
    return verdict


def _body_limit(acl: Mapping[str, Any]) -> int:
    chosen = ((acl.get("AssociationConfig") or {}).get("RequestBody") or {}).get("API_GATEWAY") or {}
    kilobytes = chosen.get("DefaultSizeInspectionLimit")
    return int(kilobytes.removeprefix("KB_")) * 1024 if kilobytes else BODY_BYTES


def _type_of(rule: _Rule) -> str:
    kind = next(iter(rule["Statement"]))
    return {
        "ManagedRuleGroupStatement": "MANAGED_RULE_GROUP",
        "RateBasedStatement": "RATE_BASED",
        "RuleGroupReferenceStatement": "GROUP",
    }.get(kind, "REGULAR")


def _add_labels(rule: _Rule, at: Inspection) -> None:
    for label in rule.get("RuleLabels") or ():
        name = f"{at.namespace}{label['Name']}"
        if name not in at.labels:
            at.labels.append(name)


def _carry_out(action: Mapping[str, Any], verdict: Verdict, bodies: Mapping[str, Any]) -> bool:
    """Whether the action ends the way."""
    ((kind, options),) = action.items() if action else (("Count", {}),)
    options = options or {}
    for header in (options.get("CustomRequestHandling") or {}).get("InsertHeaders") or ():
        verdict.inserted_headers[f"x-amzn-waf-{header['Name']}".lower()] = header["Value"]
    if kind in ("Count", "None"):
        return False
    verdict.action = kind.upper()
    if kind == "Block":
        verdict.response = _custom_response(options.get("CustomResponse"), bodies)
    elif kind == "Captcha":
        # Nobody has a token here: every client gets what one without gets.
        # https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html
        verdict.response = 405, {"x-amzn-waf-action": "captcha", "Cache-Control": "no-store"}, b""
    elif kind == "Challenge":
        verdict.response = 202, {"x-amzn-waf-action": "challenge", "Cache-Control": "no-store"}, b""
    return True


def _custom_response(custom: Mapping[str, Any] | None, bodies: Mapping[str, Any]) -> Response | None:
    if not custom:
        return None
    headers = {each["Name"]: each["Value"] for each in custom.get("ResponseHeaders") or ()}
    content = b""
    body = bodies.get(custom.get("CustomResponseBodyKey") or "")
    if body:
        content = body["Content"].encode()
        headers.setdefault("Content-Type", _CONTENT_TYPES[body["ContentType"]])
    return int(custom["ResponseCode"]), headers, content


# --- rule groups ------------------------------------------------------------------------------------


def _group_of(rule: _Rule) -> Mapping[str, Any] | None:
    return next((rule["Statement"][kind] for kind in _GROUP_STATEMENTS if kind in rule["Statement"]), None)


def _group_bodies(rule: _Rule) -> Mapping[str, Any]:
    reference = rule["Statement"].get("RuleGroupReferenceStatement")
    if not reference:
        return {}
    return (hooks.firewalls.waf_resource("rulegroup", reference["ARN"]) or {}).get(
        "CustomResponseBodies"
    ) or {}


def _through_group(rule: _Rule, at: Inspection, verdict: Verdict) -> Mapping[str, Any] | None:
    """The action of the group's first rule that decides; None when none does."""
    statement = _group_of(rule) or {}
    scope_down = statement.get("ScopeDownStatement")
    if scope_down and not matches(scope_down, at):
        return None
    managed = GROUPS.get(statement.get("Name", "")) if "Name" in statement else None
    told: dict[str, Any] = {
        "ruleGroupId": f"AWS#{managed.name}" if managed else statement.get("ARN", statement.get("Name")),
        "terminatingRule": None,
        "nonTerminatingMatchingRules": [],
        "excludedRules": None,
        "customerConfig": None,
    }
    verdict.groups.append(told)
    excluded = {each["Name"] for each in statement.get("ExcludedRules") or ()}
    overrides = {each["Name"]: each["ActionToUse"] for each in statement.get("RuleActionOverrides") or ()}
    counts = "Count" in (rule.get("OverrideAction") or {})
    found = _managed_matches(managed, at) if managed else _own_matches(statement, rule["Name"], at)
    for name, own in found:
        action = {"Count": {}} if name in excluded else overrides.get(name, own)
        ((kind, _),) = action.items()
        if name in excluded:
            told["excludedRules"] = [
                *(told["excludedRules"] or ()),
                {"exclusionType": "EXCLUDED_AS_COUNT", "ruleId": name},
            ]
        if kind == "Count":
            told["nonTerminatingMatchingRules"].append(
                {"ruleId": name, "action": "COUNT", "ruleMatchDetails": []}
            )
            _carry_out(action, verdict, {})
            continue
        told["terminatingRule"] = {"ruleId": name, "action": kind.upper(), "ruleMatchDetails": None}
        return {"Count": {}} if counts else action
    return None


def _managed_matches(group: ManagedGroup, at: Inspection) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for each in group.rules:
        if each.matches(at.request):
            at.labels.append(f"{group.label_namespace}{each.label}")
            yield each.name, {each.action: {}}


def _own_matches(
    statement: Mapping[str, Any], rule: str, at: Inspection
) -> Iterable[tuple[str, Mapping[str, Any]]]:
    group = hooks.firewalls.waf_resource("rulegroup", statement.get("ARN", ""))
    if group is None:
        return
    outside = at.namespace
    at.namespace = f"awswaf:{group['ARN'].split(':')[4]}:rulegroup:{group['Name']}:"
    try:
        for each in sorted(group.get("Rules") or (), key=lambda one: one["Priority"]):
            at.rule = f"{rule}/{each['Name']}"
            if matches(each["Statement"], at):
                _add_labels(each, at)
                yield each["Name"], each["Action"]
    finally:
        at.namespace, at.rule = outside, rule
