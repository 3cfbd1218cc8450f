"""Whether a request fits a statement.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements-list.html
"""

from __future__ import annotations

import base64
import ipaddress
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from local_aws import hooks
from local_aws.wafv2 import patterns
from local_aws.wafv2.request import Oversize, Request, transformed

_Statement = Mapping[str, Any]
_WINDOW_SECONDS = 300


@dataclass
class Inspection:
    """One request on its way through a web ACL."""

    request: Request
    acl_arn: str
    namespace: str
    """Of the labels that rules here add: of the web ACL, or of the rule group at hand."""
    rule: str = ""
    """The rule at hand, with its group's name: what a rate is counted for."""
    labels: list[str] = field(default_factory=list)
    rate: dict[str, Any] | None = None
    """What the last rate-based rule that was exceeded says of it, for the log."""


def matches(statement: _Statement, at: Inspection) -> bool:
    ((kind, options),) = statement.items()
    return _KINDS[kind](options, at)


def _not(options: _Statement, at: Inspection) -> bool:
    return not matches(options["Statement"], at)


def _and(options: _Statement, at: Inspection) -> bool:
    return all(matches(each, at) for each in options["Statements"])


def _or(options: _Statement, at: Inspection) -> bool:
    return any(matches(each, at) for each in options["Statements"])


def _texts(options: _Statement, at: Inspection) -> list[bytes]:
    found = at.request.parts(options["FieldToMatch"])
    return [transformed(text, options["TextTransformations"]) for text in found]


def _of_parts(
    found: Callable[[_Statement, bytes], bool],
) -> Callable[[_Statement, Inspection], bool]:
    """A statement about the parts of a request: one that fits is enough."""

    def statement(options: _Statement, at: Inspection) -> bool:
        try:
            return any(found(options, text) for text in _texts(options, at))
        except Oversize as oversize:
            return oversize.matches

    return statement


def _bytes(options: _Statement, text: bytes) -> bool:
    wanted = base64.b64decode(options["SearchString"])
    position = options["PositionalConstraint"]
    if position == "EXACTLY":
        return text == wanted
    if position == "STARTS_WITH":
        return text.startswith(wanted)
    if position == "ENDS_WITH":
        return text.endswith(wanted)
    if position == "CONTAINS_WORD":
        return re.search(rb"(?<![A-Za-z0-9_])" + re.escape(wanted) + rb"(?![A-Za-z0-9_])", text) is not None
    return wanted in text


_SIZES: dict[str, Callable[[int, int], bool]] = {
    "EQ": lambda size, limit: size == limit,
    "NE": lambda size, limit: size != limit,
    "LE": lambda size, limit: size <= limit,
    "LT": lambda size, limit: size < limit,
    "GE": lambda size, limit: size >= limit,
    "GT": lambda size, limit: size > limit,
}


def _size(options: _Statement, text: bytes) -> bool:
    return _SIZES[options["ComparisonOperator"]](len(text), int(options["Size"]))


@lru_cache(maxsize=512)
def pattern(text: str) -> re.Pattern[bytes]:
    return re.compile(text.encode("latin-1", "replace"))


def _regex(options: _Statement, text: bytes) -> bool:
    return pattern(options["RegexString"]).search(text) is not None


def _regex_set(options: _Statement, text: bytes) -> bool:
    record = hooks.firewalls.waf_resource("regexpatternset", options["ARN"]) or {}
    expressions = [
        each["RegexString"] if isinstance(each, dict) else each
        for each in record.get("RegularExpressionList", ())
    ]
    return any(pattern(each).search(text) for each in expressions)


def _sqli(options: _Statement, text: bytes) -> bool:
    return patterns.sqli(text, sensitive=options.get("SensitivityLevel") == "HIGH")


def _xss(options: _Statement, text: bytes) -> bool:  # noqa: ARG001 - every such statement's signature
    return patterns.xss(text)


def _unknown_place(options: _Statement, at: Inspection) -> bool:
    """Where an address is, and whose network it is in, this machine does not know: nothing matches but
    what a rule wants of an address that it cannot read."""
    forwarded = options.get("ForwardedIPConfig")
    return forwarded is not None and _fallback(at.request.address(forwarded), forwarded)


def _fallback(address: str | None, forwarded: _Statement) -> bool:
    """Without the header, a rule does not apply; with one that has no address, its fallback says."""
    return address is not None and _address(address) is None and forwarded["FallbackBehavior"] == "MATCH"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _ip_set(options: _Statement, at: Inspection) -> bool:
    record = hooks.firewalls.waf_resource("ipset", options["ARN"]) or {}
    forwarded = options.get("IPSetForwardedIPConfig")
    if forwarded and forwarded.get("Position") == "ANY":
        sent = at.request.header(forwarded["HeaderName"])
        addresses = [] if sent is None else [part.strip() for part in sent.split(",")]
    else:
        one = at.request.address(forwarded)
        addresses = [] if one is None else [one]
    for text in addresses:
        address = _address(text)
        if address is None:
            if forwarded and forwarded["FallbackBehavior"] == "MATCH":
                return True
        elif any(address in network for network in _networks(tuple(record.get("Addresses", ())))):
            return True
    return False


@lru_cache(maxsize=64)
def _networks(addresses: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(each, strict=False) for each in addresses)


def _label(options: _Statement, at: Inspection) -> bool:
    """A key without a prefix means labels of the same web ACL or rule group.

    https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-label-match.html
    """
    key = options["Key"]
    full = key if key.startswith("awswaf:") else f"{at.namespace}{key}"
    if options["Scope"] == "NAMESPACE":
        return any(label.startswith(full) for label in at.labels)
    return full in at.labels


# --- rates ------------------------------------------------------------------------------------------

_requests: dict[tuple[str, ...], deque[float]] = {}


def reset() -> None:
    _requests.clear()


def _rate(options: _Statement, at: Inspection) -> bool:
    """More requests than the limit in the window, of those alike in the rule's keys.

    AWS estimates a rate every few seconds; here it is counted, and exact.
    https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html
    """
    scope_down = options.get("ScopeDownStatement")
    if scope_down and not matches(scope_down, at):
        return False
    key = _rate_key(options, at)
    if key is None:
        return False
    limit, window = int(options["Limit"]), int(options.get("EvaluationWindowSec") or _WINDOW_SECONDS)
    now = time.monotonic()
    times = _requests.setdefault((at.acl_arn, at.rule, *key), deque(maxlen=limit + 1))
    times.append(now)
    if len(times) <= limit or times[0] < now - window:
        return False
    at.rate = {
        "rateBasedRuleId": at.acl_arn,
        "rateBasedRuleName": at.rule,
        "limitKey": {"IP": "IP", "FORWARDED_IP": "FORWARDEDIP", "CONSTANT": "CONSTANT"}.get(
            options["AggregateKeyType"], "CUSTOMKEYS"
        ),
        "maxRateAllowed": limit,
        "evaluationWindowSec": str(window),
        "limitValue": key[0] if options["AggregateKeyType"] in ("IP", "FORWARDED_IP") else None,
    }
    return True


def rate_limited(acl_arn: str, rule: str, limit: int, window: int) -> list[str]:
    """The addresses that a rate-based rule keeps out at the moment."""
    since = time.monotonic() - window
    return [
        key[2]
        for key, times in _requests.items()
        if key[:2] == (acl_arn, rule) and len(key) > 2 and len(times) > limit and times[0] >= since
    ]


def _rate_key(options: _Statement, at: Inspection) -> tuple[str, ...] | None:
    """What requests have to have in common; None when this one has not all of it, and does not count."""
    kind = options["AggregateKeyType"]
    if kind == "CONSTANT":
        return ()
    if kind in ("IP", "FORWARDED_IP"):
        forwarded = options.get("ForwardedIPConfig") if kind == "FORWARDED_IP" else None
        address = at.request.address(forwarded)
        if address is None or (
            _address(address) is None and (forwarded or {}).get("FallbackBehavior") != "MATCH"
        ):
            return None
        return (address,)
    parts: list[str] = []
    for custom in options["CustomKeys"]:
        ((name, wanted),) = custom.items()
        values = list(_custom_key(name, wanted, options, at))
        if not values:
            return None
        parts.append("\0".join(values))
    return tuple(parts)


_CUSTOM_FIELDS = {
    "Cookie": "Cookies",
    "Header": "SingleHeader",
    "QueryArgument": "SingleQueryArgument",
    "QueryString": "QueryString",
    "UriPath": "UriPath",
}


def _custom_key(name: str, wanted: _Statement, options: _Statement, at: Inspection) -> Iterable[str]:
    request = at.request
    if name == "HTTPMethod":
        return [request.method]
    if name == "IP":
        return [request.client_address]
    if name == "ForwardedIP":
        address = request.address(options.get("ForwardedIPConfig"))
        return [] if address is None else [address]
    if name == "LabelNamespace":
        return [label for label in at.labels if label.startswith(wanted["Namespace"])]
    if name not in _CUSTOM_FIELDS:
        return []  # fingerprints of TLS and owners of networks: nothing that this machine could know
    if name == "Cookie":
        texts = [value.encode() for key, value in request.cookies if key == wanted["Name"]]
    else:
        texts = request.parts(
            {_CUSTOM_FIELDS[name]: {key: value for key, value in wanted.items() if key == "Name"}}
        )
    return [transformed(text, wanted["TextTransformations"]).decode("latin-1") for text in texts]


_KINDS: dict[str, Callable[[_Statement, Inspection], bool]] = {
    "AndStatement": _and,
    "AsnMatchStatement": _unknown_place,
    "ByteMatchStatement": _of_parts(_bytes),
    "GeoMatchStatement": _unknown_place,
    "IPSetReferenceStatement": _ip_set,
    "LabelMatchStatement": _label,
    "NotStatement": _not,
    "OrStatement": _or,
    "RateBasedStatement": _rate,
    "RegexMatchStatement": _of_parts(_regex),
    "RegexPatternSetReferenceStatement": _of_parts(_regex_set),
    "SizeConstraintStatement": _of_parts(_size),
    "SqliMatchStatement": _of_parts(_sqli),
    "XssMatchStatement": _of_parts(_xss),
}
