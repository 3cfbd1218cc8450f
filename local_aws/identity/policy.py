"""Policy documents: what a statement is about, and whether it matches a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import base64
import binascii
import datetime
import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Value = str | Sequence[str]
"""A condition key's value; a sequence where the key has several."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_WITH_VARIABLES = "2012-10-17"
_ACCOUNT = re.compile(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?")


@dataclass(frozen=True)
class Request:
    """What somebody asks for: one action on one resource. Condition keys have names in small letters."""

    action: str
    resource: str
    context: Mapping[str, Value]


@dataclass(frozen=True)
class Caller:
    """Who asks. `arns` are all names of the caller in a `Principal` element, the most specific one first:
    a session's own ARN and its role's, a user's."""

    arns: tuple[str, ...]
    account: str
    service: str | None = None
    """`s3.amazonaws.com`, where the caller is a service by itself."""

    @property
    def arn(self) -> str:
        return self.arns[0]

    @property
    def root(self) -> bool:
        return self.arn == f"arn:aws:iam::{self.account}:root"


@dataclass(frozen=True)
class Statement:
    """One statement of a document; `source` names the document in simulations."""

    element: Mapping[str, Any]
    variables: bool
    source: str

    @property
    def allows(self) -> bool:
        return bool(self.element.get("Effect") == "Allow")

    def matches(self, request: Request) -> bool:
        return (
            self._about_action(request.action)
            and self._about_resource(request)
            and conditions_met(self.element.get("Condition") or {}, request, variables=self.variables)
        )

    def names(self, caller: Caller) -> bool:
        """Whether the statement of a resource's policy is about the caller."""
        if "NotPrincipal" in self.element:
            return not _all_listed(self.element["NotPrincipal"], caller)
        return names(self.element.get("Principal"), caller)

    def names_itself(self, caller: Caller) -> bool:
        """Whether it names the very user or session: such a grant is not narrowed by boundaries.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        """
        principal = self.element.get("Principal")
        listed = principal.get("AWS") if isinstance(principal, Mapping) else None
        return not caller.root and caller.arn in _listed(listed)

    def names_only_account(self, caller: Caller) -> bool:
        """Whether it delegates to the account, and so to the identity-based policies there."""
        principal = self.element.get("Principal")
        if not isinstance(principal, Mapping) or caller.root:
            return False
        return all(_ACCOUNT.fullmatch(name) for name in _listed(principal.get("AWS")))

    def _about_action(self, action: str) -> bool:
        excluded = "NotAction" in self.element
        names = _listed(self.element.get("NotAction" if excluded else "Action"))
        return any(_like(action, name, ignore_case=True) for name in names) is not excluded

    def _about_resource(self, request: Request) -> bool:
        if "NotResource" in self.element:
            return not self._any_resource(self.element["NotResource"], request)
        if "Resource" in self.element:
            return self._any_resource(self.element["Resource"], request)
        return True  # a trust policy says nothing of resources: it is about its role

    def _any_resource(self, patterns: Any, request: Request) -> bool:
        for pattern in _listed(patterns):
            expression = _expression(pattern, request, variables=self.variables)
            if expression is not None and expression.fullmatch(request.resource):
                return True
        return False


def statements(document: str | Mapping[str, Any] | None, source: str = "") -> tuple[Statement, ...]:
    """The statements of a document; none of one that cannot be read."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return ()
    if not isinstance(document, Mapping):
        return ()
    found = document.get("Statement", ())
    variables = document.get("Version") == _WITH_VARIABLES
    return tuple(
        Statement(element, variables, source)
        for element in ([found] if isinstance(found, Mapping) else found)
        if isinstance(element, Mapping)
    )


def names(principal: Any, caller: Caller) -> bool:
    """Whether a `Principal` element is about the caller.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    if caller.service is not None:
        return caller.service in _listed(principal.get("Service"))
    return any(_names_one(name, caller) for name in _listed(principal.get("AWS"))) or any(
        name in caller.arns for name in _listed(principal.get("Federated"))
    )


def _names_one(name: str, caller: Caller) -> bool:
    if name == "*" or name in caller.arns:
        return True
    account = _ACCOUNT.fullmatch(name)
    return account is not None and account[1] == caller.account


def _all_listed(principal: Any, caller: Caller) -> bool:
    """Whether `NotPrincipal` spares the caller: every name of theirs is listed, their account's too.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    if caller.service is not None:
        return caller.service in _listed(principal.get("Service"))
    listed = _listed(principal.get("AWS"))
    if "*" in listed:
        return True
    accounts = {found[1] for name in listed if (found := _ACCOUNT.fullmatch(name))}
    return caller.account in accounts and all(arn in listed or caller.root for arn in caller.arns)


# --- variables and wildcards ------------------------------------------------------------------------


def _expression(pattern: str, request: Request, *, variables: bool) -> re.Pattern[str] | None:
    """A pattern with its variables filled in; None where one of them has no value in the request."""
    if not variables or "${" not in pattern:
        return _compiled(pattern)
    parts = []
    end = 0
    for found in _VARIABLE.finditer(pattern):
        value = _variable(found[1], request)
        if value is None:
            return None
        parts += [_translated(pattern[end : found.start()]), re.escape(value)]
        end = found.end()
    return re.compile("".join([*parts, _translated(pattern[end:])]), re.DOTALL)


def _filled(text: str, request: Request, *, variables: bool) -> str | None:
    """A text with its variables filled in, for operators without wildcards."""
    if not variables or "${" not in text:
        return text
    values = {found: _variable(found, request) for found in _VARIABLE.findall(text)}
    if None in values.values():
        return None
    return _VARIABLE.sub(lambda found: str(values[found[1]]), text)


def _variable(written: str, request: Request) -> str | None:
    """`aws:username`, `aws:PrincipalTag/team, 'none'`, or a character that stands for itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if written in ("*", "?", "$"):
        return written
    key, comma, default = written.partition(",")
    value = request.context.get(key.strip().lower())
    if isinstance(value, str):
        return value
    return default.strip().strip("'") if comma else None


def _translated(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_translated(pattern), re.DOTALL)


def _like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    if ignore_case:
        value, pattern = value.lower(), pattern.lower()
    return _compiled(pattern).fullmatch(value) is not None


# --- conditions -------------------------------------------------------------------------------------


def conditions_met(conditions: Mapping[str, Any], request: Request, *, variables: bool) -> bool:
    """Whether all conditions of a statement hold.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    return all(
        _condition_met(operator, key, _listed(wanted), request, variables=variables)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _condition_met(
    operator: str, key: str, wanted: Sequence[str], request: Request, *, variables: bool
) -> bool:
    quantifier, _, name = operator.rpartition(":")
    name, if_exists = (name[: -len("IfExists")], True) if name.endswith("IfExists") else (name, False)
    found = request.context.get(key.lower())
    actual = [found] if isinstance(found, str) else list(found or ())
    present = found is not None and (bool(actual) or isinstance(found, str))
    if name == "Null":
        return any((word.lower() == "true") != present for word in wanted)
    test = OPERATORS.get(name)
    if test is None:
        return False
    if not present:
        return if_exists or quantifier == "ForAllValues" or (test.negated and quantifier != "ForAnyValue")

    def meets(value: str) -> bool:
        return test.negated != any(_holds(test, value, word, request, variables=variables) for word in wanted)

    if quantifier == "ForAllValues" or (test.negated and quantifier != "ForAnyValue"):
        return all(meets(value) for value in actual)
    return any(meets(value) for value in actual)


def _holds(test: _Operator, value: str, wanted: str, request: Request, *, variables: bool) -> bool:
    if test.pattern:
        expression = _expression(wanted, request, variables=variables)
        return expression is not None and expression.fullmatch(value) is not None
    filled = _filled(wanted, request, variables=variables)
    return filled is not None and test.holds(value, filled)


@dataclass(frozen=True)
class _Operator:
    holds: Callable[[str, str], bool]
    negated: bool = False
    pattern: bool = False
    """Whether the wanted value may have wildcards, which a variable's value has not."""


def _read(
    read: Callable[[str], float], compare: Callable[[float, float], bool]
) -> Callable[[str, str], bool]:
    def holds(value: str, wanted: str) -> bool:
        try:
            return compare(read(value), read(wanted))
        except ValueError:
            return False

    return holds


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return _read(float, compare)


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return _read(_seconds, compare)


def _seconds(text: str) -> float:
    """An ISO 8601 date, or seconds since 1970."""
    if re.fullmatch(r"\d+(\.\d+)?", text) and len(text) > len("2026"):
        return float(text)
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()


def _in_network(value: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _same_bytes(value: str, wanted: str) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except binascii.Error:
        return False


def _arn_like(value: str, wanted: str) -> bool:
    """Each of an ARN's six parts is compared by itself: a wildcard does not reach over a colon."""
    parts, patterns = value.split(":", 5), wanted.split(":", 5)
    if len(parts) != len(patterns):
        return wanted == "*"
    return all(_like(part, pattern) for part, pattern in zip(parts, patterns, strict=True))


def _ignoring_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(operator.eq),
    "StringNotEquals": _Operator(operator.eq, negated=True),
    "StringEqualsIgnoreCase": _Operator(_ignoring_case),
    "StringNotEqualsIgnoreCase": _Operator(_ignoring_case, negated=True),
    "StringLike": _Operator(_like, pattern=True),
    "StringNotLike": _Operator(_like, negated=True, pattern=True),
    "NumericEquals": _Operator(_number(operator.eq)),
    "NumericNotEquals": _Operator(_number(operator.eq), negated=True),
    "NumericLessThan": _Operator(_number(operator.lt)),
    "NumericLessThanEquals": _Operator(_number(operator.le)),
    "NumericGreaterThan": _Operator(_number(operator.gt)),
    "NumericGreaterThanEquals": _Operator(_number(operator.ge)),
    "DateEquals": _Operator(_date(operator.eq)),
    "DateNotEquals": _Operator(_date(operator.eq), negated=True),
    "DateLessThan": _Operator(_date(operator.lt)),
    "DateLessThanEquals": _Operator(_date(operator.le)),
    "DateGreaterThan": _Operator(_date(operator.gt)),
    "DateGreaterThanEquals": _Operator(_date(operator.ge)),
    "Bool": _Operator(_ignoring_case),
    "BinaryEquals": _Operator(_same_bytes),
    "IpAddress": _Operator(_in_network),
    "NotIpAddress": _Operator(_in_network, negated=True),
    "ArnEquals": _Operator(_arn_like),
    "ArnLike": _Operator(_arn_like),
    "ArnNotEquals": _Operator(_arn_like, negated=True),
    "ArnNotLike": _Operator(_arn_like, negated=True),
}


def context_keys(document: Iterable[Statement]) -> set[str]:
    """Every condition key that the statements name, in conditions and in variables, as they are written."""
    found: set[str] = set()
    for statement in document:
        for keys in (statement.element.get("Condition") or {}).values():
            found |= set(keys)
        written = json.dumps(dict(statement.element))
        for variable in _VARIABLE.findall(written):
            if variable not in ("*", "?", "$"):
                found.add(variable.partition(",")[0].strip())
    return found


def _listed(value: Any) -> list[str]:
    """A text, a number, a truth value or a list of them, as texts in the way JSON writes them."""
    if value is None:
        return []
    items = value if isinstance(value, list | tuple) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
