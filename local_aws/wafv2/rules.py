"""What WAF refuses of rules, and the capacity that they take.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-waf-capacity-units.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.wafv2.errors import missing, refused
from local_aws.wafv2.managed import GROUPS

MOST_CAPACITY = 5000
_EXACTLY_ONE = "You have used none or multiple values for a field that requires exactly one value."
_GROUPS = ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")
_WINDOWS = (60, 120, 300, 600)


def check(holder: Mapping[str, Any], *, within_group: bool = False) -> int:
    """Raises for the first rule that AWS would refuse; answers the capacity of all of them."""
    found = holder.get("Rules") or ()
    for member, field in (("Name", "RULE"), ("Priority", "RULE")):
        values = [rule[member] for rule in found]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise refused(f"Rules must have a {member.lower()} of their own.", field, str(twice))
    bodies = holder.get("CustomResponseBodies") or {}
    _check_action(holder.get("DefaultAction"), bodies, "DEFAULT_ACTION")
    return sum(_check_rule(rule, bodies, within_group) for rule in found)


def _check_rule(rule: Mapping[str, Any], bodies: Mapping[str, Any], within_group: bool) -> int:
    statement = rule["Statement"]
    kind = _kind(statement, rule["Name"])
    is_group = kind in _GROUPS
    if is_group and within_group:
        raise refused("A rule group cannot hold another one.", "STATEMENT", kind)
    if is_group == ("Action" in rule) or is_group != ("OverrideAction" in rule):
        raise refused(_EXACTLY_ONE, "RULE_ACTION", rule["Name"])
    if is_group:
        _one(rule["OverrideAction"], "OVERRIDE_ACTION", rule["Name"])
    _check_action(rule.get("Action"), bodies, "RULE_ACTION")
    return _capacity(statement, rule["Name"], top=True)


def _check_action(action: Mapping[str, Any] | None, bodies: Mapping[str, Any], field: str) -> None:
    if action is None:
        return
    kind = _one(action, field, ", ".join(action))
    custom = (action[kind] or {}).get("CustomResponse") or {}
    key = custom.get("CustomResponseBodyKey")
    if key is not None and key not in bodies:
        raise refused("The referenced custom response body doesn't exist.", "CUSTOM_RESPONSE_BODY", key)


def _one(choice: Mapping[str, Any], field: str, parameter: str) -> str:
    if len(choice) != 1:
        raise refused(_EXACTLY_ONE, field, parameter)
    return next(iter(choice))


def _kind(statement: Mapping[str, Any], where: str) -> str:
    return _one(statement, "STATEMENT", where)


def _capacity(statement: Mapping[str, Any], where: str, *, top: bool = False) -> int:
    kind = _kind(statement, where)
    options = statement[kind]
    if not top and kind in (*_GROUPS, "RateBasedStatement"):
        raise refused("This statement cannot stand inside another one.", "STATEMENT", kind)
    if kind in ("AndStatement", "OrStatement"):
        if len(options["Statements"]) < 2:
            raise refused("The statement needs at least two statements.", "STATEMENT", kind)
        return sum(_capacity(each, where) for each in options["Statements"])
    if kind == "NotStatement":
        return _capacity(options["Statement"], where)
    if kind == "RateBasedStatement":
        return _rate_capacity(options, where)
    if kind == "ManagedRuleGroupStatement":
        return _managed_capacity(options, where)
    if kind == "RuleGroupReferenceStatement":
        return int(_referred("rulegroup", options["ARN"]).get("Capacity", 0))
    if kind == "IPSetReferenceStatement":
        _referred("ipset", options["ARN"])
        return 4 if (options.get("IPSetForwardedIPConfig") or {}).get("Position") == "ANY" else 1
    if kind in ("AsnMatchStatement", "GeoMatchStatement", "LabelMatchStatement"):
        return 1
    return _part_capacity(kind, options, where)


def _rate_capacity(options: Mapping[str, Any], where: str) -> int:
    if not 10 <= int(options["Limit"]) <= 2_000_000_000:
        raise refused(
            "The rate limit must be between 10 and 2000000000.", "RATE_LIMIT", str(options["Limit"])
        )
    window = options.get("EvaluationWindowSec")
    if window is not None and int(window) not in _WINDOWS:
        raise refused("The window must be one of 60, 120, 300, 600.", "EVALUATION_WINDOW_SEC", str(window))
    kind, keys = options["AggregateKeyType"], options.get("CustomKeys") or ()
    if (kind == "CUSTOM_KEYS") != bool(keys):
        raise refused("CustomKeys go with the aggregate key type CUSTOM_KEYS.", "CUSTOM_KEYS", where)
    if kind == "FORWARDED_IP" and not options.get("ForwardedIPConfig"):
        raise refused("FORWARDED_IP needs a ForwardedIPConfig.", "FORWARDED_IP_CONFIG", where)
    if kind == "CONSTANT" and not options.get("ScopeDownStatement"):
        raise refused("CONSTANT needs a ScopeDownStatement.", "SCOPE_DOWN", where)
    inner = options.get("ScopeDownStatement")
    return 2 + 30 * len(keys) + (_capacity(inner, where) if inner else 0)


def _managed_capacity(options: Mapping[str, Any], where: str) -> int:
    group = GROUPS.get(options["Name"]) if options["VendorName"] == "AWS" else None
    if group is None:
        raise missing()
    names = {rule.name for rule in group.rules}
    for each in (*(options.get("RuleActionOverrides") or ()), *(options.get("ExcludedRules") or ())):
        if names and each["Name"] not in names:
            raise refused("The rule does not exist in the rule group.", "EXCLUDED_RULE", each["Name"])
    inner = options.get("ScopeDownStatement")
    return group.capacity + (_capacity(inner, where) if inner else 0)


_PART_COSTS: dict[str, int] = {
    "RegexMatchStatement": 3,
    "RegexPatternSetReferenceStatement": 25,
    "SizeConstraintStatement": 1,
    "XssMatchStatement": 40,
}


def _part_capacity(kind: str, options: Mapping[str, Any], where: str) -> int:
    field = _one(options["FieldToMatch"], "FIELD_TO_MATCH", where)
    priorities = [each["Priority"] for each in options["TextTransformations"]]
    if len(set(priorities)) != len(priorities):
        raise refused("Text transformations must have a priority of their own.", "TEXT_TRANSFORMATION", where)
    base: int
    if kind == "ByteMatchStatement":
        _check_search(options["SearchString"])
        base = 10 if options["PositionalConstraint"].startswith("CONTAINS") else 2
    elif kind == "SqliMatchStatement":
        base = 30 if options.get("SensitivityLevel") == "HIGH" else 20
    else:
        base = _PART_COSTS[kind]
    if kind == "RegexMatchStatement":
        check_expression(options["RegexString"])
    if kind == "RegexPatternSetReferenceStatement":
        _referred("regexpatternset", options["ARN"])
    if field == "AllQueryArguments":
        base += 10
    elif field == "JsonBody":
        base *= 2
    return base + 10 * len([each for each in options["TextTransformations"] if each["Type"] != "NONE"])


def _check_search(text: str) -> None:
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise refused("The search string is no base64.", "BYTE_MATCH_STATEMENT", text) from None
    if not 1 <= size <= 200:
        raise refused("The search string must have 1 to 200 bytes.", "BYTE_MATCH_STATEMENT", text)


def check_expression(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise refused(f"The regular expression cannot be read: {error}.", "REGEX_PATTERN", text) from None


def check_addresses(version: Any, addresses: list[str]) -> None:
    for each in addresses:
        try:
            network = ipaddress.ip_network(each, strict=False)
        except ValueError:
            network = None
        whole = network is not None and network.prefixlen == 0
        if network is None or "/" not in each or whole or f"IPV{network.version}" != version:
            raise refused(
                "Your request contains an IP address that isn't valid: it needs CIDR notation of the set's "
                "version, without /0.",
                "IP_ADDRESS",
                each,
            )


def _referred(kind: str, arn: str) -> dict[str, Any]:
    found = hooks.firewalls.waf_resource(kind, arn) if arn.count(":") >= 5 else None
    if found is None:
        raise missing()
    return found


def references(holder: Any) -> Iterator[str]:
    """The ARNs that the rules of a web ACL or a rule group refer to."""
    if isinstance(holder, Mapping):
        for name, value in holder.items():
            if name == "Rules" or not isinstance(value, str):
                yield from references(value)
            elif name == "ARN":
                yield value
    elif isinstance(holder, list):
        for each in holder:
            yield from references(each)
