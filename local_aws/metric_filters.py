"""Metric filters: values that are counted in what is logged.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
Patterns are JSON's (`{ $.status = "429" && $.latency > 5 }`) and terms; those in brackets match nothing here.
"""

from __future__ import annotations

import fnmatch
import json
import logging
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from local_aws import hooks, metrics

logger = logging.getLogger("local_aws.metric_filters")

Matcher = Callable[[str], bool]
_Condition = Callable[[Any], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<mark>&&|\|\||[()])|(?P<selector>\$[^\s()=!<>&|]*)"
    r'|(?P<operator><=|>=|!=|=|<|>)|(?P<text>"(?:\\.|[^"\\])*")|(?P<word>[^\s()=!<>&|"]+))'
)
_TERM = re.compile(r'([-?]?)(?:"((?:\\.|[^"\\])*)"|(\S+))')
_NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def install() -> None:
    hooks.logs.watch_log_events(_count)


def _count(filters: Iterable[Mapping[str, Any]], messages: Iterable[str]) -> None:
    lines = list(messages)
    for each in filters:
        matches = matcher(str(each.get("filterPattern") or ""))
        for line in lines:
            for told in each.get("metricTransformations") or ():
                value = _value(told.get("metricValue"), line) if matches(line) else told.get("defaultValue")
                if value is None:
                    continue
                dimensions = {
                    name: str(_selected(_json(line), selector))
                    for name, selector in (told.get("dimensions") or {}).items()
                }
                unit = str(told.get("unit") or "None")
                metrics.record(
                    str(told["metricNamespace"]), {str(told["metricName"]): (float(value), unit)}, dimensions
                )


def _value(said: object, line: str) -> float | None:
    text = str(said or "1")
    found = _selected(_json(line), text) if text.startswith("$") else text
    try:
        return float(str(found))
    except ValueError:
        return None


@cache
def matcher(pattern: str) -> Matcher:
    """Whether a line fits; nothing fits a pattern that is not understood."""
    text = pattern.strip()
    if text.startswith("{") and text.endswith("}"):
        try:
            condition = _Parser(text[1:-1]).whole()
        except ValueError as error:
            logger.warning("the metric filter %r matches nothing here: %s", pattern, error)
            return lambda _line: False
        return lambda line: (found := _json(line)) is not None and condition(found)
    if text.startswith("["):
        logger.warning("the metric filter %r matches nothing here", pattern)
        return lambda _line: False
    return _terms(text)


def _terms(text: str) -> Matcher:
    """`wanted "and this" ?either ?or -not`"""
    found = [(sign, phrase or word) for sign, phrase, word in _TERM.findall(text)]
    wanted = [word for sign, word in found if not sign]
    either = [word for sign, word in found if sign == "?"]
    unwanted = [word for sign, word in found if sign == "-"]
    return lambda line: (
        all(word in line for word in wanted)
        and not any(word in line for word in unwanted)
        and (not either or any(word in line for word in either))
    )


class _Parser:
    """Conditions of a JSON pattern: `&&` binds closer than `||`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise ValueError(f"{text[at:]!r} is not understood")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def whole(self) -> _Condition:
        condition = self._either()
        if self._tokens:
            raise ValueError(f"{self._tokens[0][1]!r} is too much")
        return condition

    def _either(self) -> _Condition:
        parts = [self._both()]
        while self._take("||"):
            parts.append(self._both())
        return lambda value: any(part(value) for part in parts)

    def _both(self) -> _Condition:
        parts = [self._one()]
        while self._take("&&"):
            parts.append(self._one())
        return lambda value: all(part(value) for part in parts)

    def _one(self) -> _Condition:
        if self._take("("):
            condition = self._either()
            if not self._take(")"):
                raise ValueError("a parenthesis is not closed")
            return condition
        selector = self._next("selector")
        kind, sign = self._tokens[0] if self._tokens else ("", "")
        if kind == "word":
            words = []
            while self._tokens and self._tokens[0][0] == "word":
                words.append(self._tokens.pop(0)[1].upper())
            return _is(selector, " ".join(words))
        self._next("operator")
        if not self._tokens or self._tokens[0][0] not in ("text", "word"):
            raise ValueError("there is nothing to compare with")
        kind, text = self._tokens.pop(0)
        return _compared(selector, sign, json.loads(text) if kind == "text" else text)

    def _take(self, mark: str) -> bool:
        if self._tokens and self._tokens[0] == ("mark", mark):
            self._tokens.pop(0)
            return True
        return False

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise ValueError(f"a {kind} is missing")
        return self._tokens.pop(0)[1]


_ABSENT = object()


def _is(selector: str, said: str) -> _Condition:
    known: Mapping[str, Callable[[Any], bool]] = {
        "EXISTS": lambda value: value is not _ABSENT,
        "NOT EXISTS": lambda value: value is _ABSENT,
        "IS NULL": lambda value: value is None,
        "IS TRUE": lambda value: value is True,
        "IS FALSE": lambda value: value is False,
    }
    if said not in known:
        raise ValueError(f"{said!r} is not understood")
    return lambda value: known[said](_selected(value, selector))


def _compared(selector: str, sign: str, wanted: str) -> _Condition:
    def equal(value: Any) -> bool:
        if value is _ABSENT or isinstance(value, dict | list):
            return False
        if isinstance(value, str):
            return fnmatch.fnmatchcase(value, wanted.replace("[", "[[]"))
        try:
            return not isinstance(value, bool) and float(value) == float(wanted)
        except (TypeError, ValueError):
            return False

    def numeric(value: Any) -> bool:
        try:
            return _NUMBERS[sign](float(value), float(wanted))
        except (TypeError, ValueError):
            return False

    if sign == "=":
        return lambda value: equal(_selected(value, selector))
    if sign == "!=":
        return lambda value: (
            _selected(value, selector) is not _ABSENT and not equal(_selected(value, selector))
        )
    return lambda value: numeric(_selected(value, selector))


def _selected(value: Any, selector: str) -> Any:
    """`$.errors[0].code`"""
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", selector):
        if name:
            value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else _ABSENT
    return value


def _json(line: str) -> Any:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None
