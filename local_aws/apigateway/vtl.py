"""The Velocity templates of integrations: the part of the language that API Gateway documents.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
Objects are Python's dicts, lists, texts and numbers; the Java methods that templates call on them are
tables below. What a template calls and nobody knows renders as it is written, as in Velocity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

Scope = dict[str, Any]
_STEPS = 100_000
"""Loops of an untrusted template end: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
allows 1,000 rounds of #foreach."""


class TemplateError(Exception):
    """The template cannot be read, or does what cannot be done."""


class _Missing:
    """Nothing is known of that name."""


MISSING = _Missing()


def render(template: str, scope: Scope) -> str:
    """The template's text; `scope` are its variables, and `#set` changes them."""
    return _Renderer(scope).block(_parsed(template))


def text(value: Any) -> str:
    """A value as it appears in a text: as Java's maps print, and JSON's arrays."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


# --- what a template consists of --------------------------------------------------------------------


@dataclass(frozen=True)
class _Reference:
    root: str
    steps: tuple[tuple[str, Any], ...]
    quiet: bool
    source: str


@dataclass(frozen=True)
class _Set:
    target: _Reference
    value: Any


@dataclass(frozen=True)
class _If:
    branches: tuple[tuple[Any, tuple[Any, ...]], ...]


@dataclass(frozen=True)
class _ForEach:
    name: str
    items: Any
    body: tuple[Any, ...]


@dataclass(frozen=True)
class _Break:
    pass


@dataclass(frozen=True)
class _Operation:
    operator: str
    left: Any
    right: Any = None


@dataclass(frozen=True)
class _Literal:
    value: Any


@dataclass(frozen=True)
class _Interpolated:
    parts: tuple[Any, ...]


@dataclass(frozen=True)
class _List:
    items: tuple[Any, ...]


@dataclass(frozen=True)
class _Map:
    items: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class _Range:
    first: Any
    last: Any


@lru_cache(maxsize=256)
def _parsed(template: str) -> tuple[Any, ...]:
    parser = _Parser(template)
    block, ended_by = parser.block(())
    if ended_by:
        raise TemplateError(f"#{ended_by} without #if or #foreach")
    return block


_NAME = re.compile(r"[A-Za-z_][\w-]*")
_DIRECTIVE = re.compile(
    r"#(?:\{(set|if|elseif|else|end|foreach|break|stop)\}|(set|if|elseif|else|end|foreach|break|stop)(?![A-Za-z]))"
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORDS = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))


@dataclass
class _Parser:
    source: str
    at: int = 0

    def block(self, ends: tuple[str, ...]) -> tuple[tuple[Any, ...], str]:
        """What stands up to one of the directives `ends`, which is consumed, or the end of the source."""
        parts: list[Any] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append("".join(plain))
                plain.clear()

        while self.at < len(self.source):
            char = self.source[self.at]
            if char == "\\" and self.source[self.at + 1 : self.at + 2] in ("$", "#"):
                plain.append(self.source[self.at + 1])
                self.at += 2
            elif self.source.startswith("##", self.at):
                end = self.source.find("\n", self.at)
                self.at = len(self.source) if end < 0 else end + 1
            elif self.source.startswith("#*", self.at):
                end = self.source.find("*#", self.at)
                self.at = len(self.source) if end < 0 else end + 2
            elif self.source.startswith("#[[", self.at):
                end = self.source.find("]]#", self.at)
                end = len(self.source) if end < 0 else end
                plain.append(self.source[self.at + 3 : end])
                self.at = end + 3
            elif char == "#" and (found := _DIRECTIVE.match(self.source, self.at)):
                name = found[1] or found[2]
                self.at = found.end()
                if name in ends:
                    flush()
                    return tuple(parts), name
                flush()
                parts.append(self._directive(name))
            elif char == "$" and (reference := self._reference()):
                flush()
                parts.append(reference)
            else:
                plain.append(char)
                self.at += 1
        flush()
        return tuple(parts), ""

    def _directive(self, name: str) -> Any:
        if name == "set":
            self._expect("(")
            self._blank()
            target = self._reference()
            if target is None:
                raise TemplateError("#set needs a reference")
            self._expect("=")
            value = self._expression()
            self._expect(")")
            self._rest_of_line()
            return _Set(target, value)
        if name == "if":
            branches = []
            condition: Any = self._condition()
            while True:
                body, ended_by = self.block(("elseif", "else", "end"))
                branches.append((condition, body))
                if ended_by == "end":
                    self._rest_of_line()
                    return _If(tuple(branches))
                if not ended_by:
                    raise TemplateError("#if without #end")
                if ended_by == "else":
                    self._rest_of_line()
                condition = self._condition() if ended_by == "elseif" else _Literal(True)
        if name == "foreach":
            self._expect("(")
            self._blank()
            item = self._reference()
            self._blank()
            if item is None or not self._word("in"):
                raise TemplateError("#foreach needs ($item in $list)")
            items = self._expression()
            self._expect(")")
            self._rest_of_line()
            body, ended_by = self.block(("end",))
            if not ended_by:
                raise TemplateError("#foreach without #end")
            self._rest_of_line()
            return _ForEach(item.root, items, body)
        if name in ("break", "stop"):
            return _Break()
        raise TemplateError(f"#{name} without #if or #foreach")

    def _condition(self) -> Any:
        self._expect("(")
        condition = self._expression()
        self._expect(")")
        self._rest_of_line()
        return condition

    def _rest_of_line(self) -> None:
        found = re.compile(r"[ \t]*\r?\n").match(self.source, self.at)
        if found:
            self.at = found.end()

    def _reference(self) -> _Reference | None:
        start = self.at
        self.at += 1
        quiet = self._take("!")
        braced = self._take("{")
        found = (
            _NAME.match(self.source, self.at)
            if start < len(self.source) and self.source[start] == "$"
            else None
        )
        if not found:
            self.at = start
            return None
        self.at = found.end()
        steps: list[tuple[str, Any]] = []
        while True:
            if self._peek(".") and (name := _NAME.match(self.source, self.at + 1)):
                self.at = name.end()
                steps.append(("call", (name[0], self._arguments())) if self._peek("(") else ("get", name[0]))
            elif self._peek("["):
                before = self.at
                self.at += 1
                try:
                    index = self._expression()
                    self._expect("]")
                except TemplateError:
                    self.at = before
                    break
                steps.append(("index", index))
            else:
                break
        if braced and not self._take("}"):
            self.at = start
            return None
        return _Reference(found[0], tuple(steps), quiet, self.source[start : self.at])

    def _arguments(self) -> tuple[Any, ...]:
        return self._sequence("(", ")")

    def _sequence(self, opening: str, closing: str) -> tuple[Any, ...]:
        self._expect(opening)
        items: list[Any] = []
        self._blank()
        while not self._take(closing):
            items.append(self._expression())
            self._blank()
            if not self._take(",") and not self._peek(closing):
                raise TemplateError(f"expected '{closing}' at {self.at}")
            self._blank()
        return tuple(items)

    def _expression(self, level: int = 0) -> Any:
        if level == len(_LEVELS):
            return self._term()
        left = self._expression(level + 1)
        while operator := self._operator(_LEVELS[level]):
            left = _Operation(operator, left, self._expression(level + 1))
        return left

    def _operator(self, operators: tuple[str, ...]) -> str:
        self._blank()
        for operator in operators:
            if self._take(operator):
                return operator
        for word, operator in _WORDS.items():
            if operator in operators and self._word(word):
                return operator
        return ""

    def _term(self) -> Any:
        self._blank()
        if self._peek("!") or (self._peek("not") and self._word("not")):
            self._take("!")
            return _Operation("!", self._term())
        if self._take("("):
            inner = self._expression()
            self._expect(")")
            return inner
        if self._peek("$"):
            reference = self._reference()
            if reference is None:
                raise TemplateError(f"cannot read the reference at {self.at}")
            return reference
        if self._peek("["):
            return self._list()
        if self._peek("{"):
            return self._map()
        if self._peek("'") or self._peek('"'):
            return self._string()
        if found := _NUMBER.match(self.source, self.at):
            self.at = found.end()
            return _Literal(float(found[0]) if "." in found[0] else int(found[0]))
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._word(word):
                return _Literal(value)
        raise TemplateError(f"cannot read '{self.source[self.at : self.at + 20]}'")

    def _list(self) -> Any:
        self._expect("[")
        self._blank()
        if self._take("]"):
            return _List(())
        items = [self._expression()]
        self._blank()
        if self._take(".."):
            last = self._expression()
            self._expect("]")
            return _Range(items[0], last)
        while not self._take("]"):
            self._expect(",")
            items.append(self._expression())
            self._blank()
        return _List(tuple(items))

    def _map(self) -> Any:
        self._expect("{")
        items = []
        self._blank()
        while not self._take("}"):
            key = self._expression()
            self._expect(":")
            items.append((key, self._expression()))
            self._blank()
            if not self._take(",") and not self._peek("}"):
                raise TemplateError(f"expected '}}' at {self.at}")
            self._blank()
        return _Map(tuple(items))

    def _string(self) -> Any:
        quote = self.source[self.at]
        end = self.at + 1
        while True:
            end = self.source.find(quote, end)
            if end < 0:
                raise TemplateError("a text without its end")
            if self.source[end + 1 : end + 2] != quote:
                break
            end += 2
        inner = self.source[self.at + 1 : end].replace(quote * 2, quote)
        self.at = end + 1
        if quote == "'":
            return _Literal(inner)
        return _Interpolated(_parsed(inner))

    def _blank(self) -> None:
        while self.at < len(self.source) and self.source[self.at].isspace():
            self.at += 1

    def _peek(self, expected: str) -> bool:
        return self.source.startswith(expected, self.at)

    def _take(self, expected: str) -> bool:
        if self._peek(expected):
            self.at += len(expected)
            return True
        return False

    def _word(self, word: str) -> bool:
        found = _NAME.match(self.source, self.at)
        if found and found[0] == word:
            self.at = found.end()
            return True
        return False

    def _expect(self, expected: str) -> None:
        self._blank()
        if not self._take(expected):
            raise TemplateError(f"expected '{expected}' before '{self.source[self.at : self.at + 20]}'")


# --- rendering --------------------------------------------------------------------------------------


class _Broken(Exception):
    """A #break."""


@dataclass
class _Renderer:
    scope: Scope
    steps: int = field(default=0)

    def block(self, parts: tuple[Any, ...]) -> str:
        out: list[str] = []
        with suppress(_Broken):
            self._into(out, parts)
        return "".join(out)

    def _into(self, out: list[str], parts: tuple[Any, ...]) -> None:
        for part in parts:
            if isinstance(part, str):
                out.append(part)
            elif isinstance(part, _Reference):
                value = self._value(part)
                unknown = value is MISSING and not part.quiet
                out.append(part.source if unknown else text(value))
            elif isinstance(part, _Set):
                self._set(part.target, self._value(part.value))
            elif isinstance(part, _If):
                for condition, body in part.branches:
                    if _true(self._value(condition)):
                        self._into(out, body)
                        break
            elif isinstance(part, _ForEach):
                self._each(out, part)
            else:
                raise _Broken

    def _each(self, out: list[str], loop: _ForEach) -> None:
        items = self._value(loop.items)
        if isinstance(items, dict):
            items = list(items.values())
        if not isinstance(items, list):
            return
        outer = {
            name: self.scope[name] for name in (loop.name, "foreach", "velocityCount") if name in self.scope
        }
        for index, item in enumerate(items):
            self.steps += 1
            if self.steps > _STEPS:
                raise TemplateError("too many rounds of #foreach")
            self.scope |= {
                loop.name: item,
                "velocityCount": index + 1,
                "foreach": {
                    "index": index,
                    "count": index + 1,
                    "hasNext": index + 1 < len(items),
                    "first": index == 0,
                    "last": index + 1 == len(items),
                },
            }
            try:
                self._into(out, loop.body)
            except _Broken:
                break
        for name in (loop.name, "foreach", "velocityCount"):
            self.scope.pop(name, None)
        self.scope |= outer

    def _set(self, target: _Reference, value: Any) -> None:
        if value is MISSING or value is None:
            return  # as Velocity: what is null leaves the variable alone
        if not target.steps:
            self.scope[target.root] = value
            return
        holder: Any = self.scope.get(target.root)
        for kind, step in target.steps[:-1]:
            following = holder.get(step) if isinstance(holder, dict) and kind == "get" else None
            if following is None and isinstance(holder, dict) and kind == "get":
                following = holder[step] = {}
            holder = following
        kind, step = target.steps[-1]
        key = self._value(step) if kind == "index" else step
        in_list = isinstance(holder, list) and isinstance(key, int) and -len(holder) <= key < len(holder)
        if in_list or isinstance(holder, dict):
            holder[key] = value

    def _value(self, node: Any) -> Any:
        if isinstance(node, _Reference):
            return self._resolve(node)
        if isinstance(node, _Literal):
            return node.value
        if isinstance(node, _Interpolated):
            return self.block(node.parts)
        if isinstance(node, _List):
            return [self._value(item) for item in node.items]
        if isinstance(node, _Map):
            return {text(self._value(key)): self._value(value) for key, value in node.items}
        if isinstance(node, _Range):
            first, last = int(self._value(node.first)), int(self._value(node.last))
            if abs(last - first) > _STEPS:
                raise TemplateError("too long a range")
            return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))
        return self._operate(node)

    def _resolve(self, reference: _Reference) -> Any:
        value = self.scope.get(reference.root, MISSING)
        for kind, step in reference.steps:
            if value is MISSING or value is None:
                return MISSING
            if kind == "get":
                value = _property(value, step)
            elif kind == "index":
                value = _item(value, self._value(step))
            else:
                name, arguments = step
                value = _call(value, name, [self._value(argument) for argument in arguments])
        return value

    def _operate(self, node: _Operation) -> Any:
        if node.operator == "!":
            return not _true(self._value(node.left))
        if node.operator == "&&":
            return _true(self._value(node.left)) and _true(self._value(node.right))
        if node.operator == "||":
            return _true(self._value(node.left)) or _true(self._value(node.right))
        left, right = self._value(node.left), self._value(node.right)
        if node.operator in ("==", "!="):
            return _same(left, right) == (node.operator == "==")
        if node.operator == "+" and (isinstance(left, str) or isinstance(right, str)):
            return text(left) + text(right)
        if not (_number(left) and _number(right)):
            return MISSING
        return _ARITHMETIC[node.operator](left, right)


def _divided(left: Any, right: Any) -> Any:
    if right == 0:
        return MISSING
    if isinstance(left, int) and isinstance(right, int):
        return int(left / right)
    return left / right


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": lambda left, right: left % right if right else MISSING,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _true(value: Any) -> bool:
    """Velocity's: everything that is there is true, but the false."""
    return value is not None and value is not MISSING and value is not False


def _same(left: Any, right: Any) -> bool:
    left, right = (None if value is MISSING else value for value in (left, right))
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, str) != isinstance(right, str) and None not in (left, right):
        return text(left) == text(right)
    return bool(left == right)


def _property(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        found = value.get(name, MISSING)
        return _JAVA_PROPERTIES[name](value) if found is MISSING and name in _JAVA_PROPERTIES else found
    return getattr(value, name, MISSING) if isinstance(value, Bean) else MISSING


_JAVA_PROPERTIES: dict[str, Callable[[Any], Any]] = {"empty": lambda value: not value}


def _item(value: Any, key: Any) -> Any:
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    return MISSING


class Bean:
    """What a template calls by name: its public attributes and methods, and no others."""


def _call(value: Any, name: str, arguments: list[Any]) -> Any:
    arguments = [None if argument is MISSING else argument for argument in arguments]
    if isinstance(value, Bean):
        method = None if name.startswith("_") else getattr(value, name, None)
    else:
        kind = next((kind for kind in (Mapping, list, str, int, float) if isinstance(value, kind)), None)
        table = _METHODS.get(kind, {}) if kind else {}
        known = table.get(name) or _ANY.get(name)
        method = None if known is None else lambda *given: known(value, *given)
    if method is None:
        return MISSING
    try:
        return method(*arguments)
    except TemplateError:
        raise
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, re.error):
        return MISSING


def _put(value: dict[Any, Any], key: Any, item: Any) -> Any:
    before = value.get(key)
    value[key] = item
    return "" if before is None else before


def _add(value: list[Any], *given: Any) -> bool:
    value.insert(given[0] if len(given) > 1 else len(value), given[-1])
    return True


def _java_pattern(replacement: str) -> str:
    return re.sub(r"\$(\d)", r"\\\1", replacement)


_ANY: dict[str, Callable[..., Any]] = {
    "toString": text,
    "equals": _same,
    "isEmpty": lambda value: not value,
    "size": len,
    "length": len,
}
_METHODS: dict[Any, dict[str, Callable[..., Any]]] = {
    Mapping: {
        "get": lambda value, key: value.get(key),
        "getOrDefault": lambda value, key, other: value.get(key, other),
        "put": _put,
        "putAll": lambda value, more: value.update(more),
        "remove": lambda value, key: value.pop(key, None),
        "containsKey": lambda value, key: key in value,
        "containsValue": lambda value, item: item in value.values(),
        "keySet": lambda value: list(value),
        "values": lambda value: list(value.values()),
        "entrySet": lambda value: [{"key": key, "value": item} for key, item in value.items()],
    },
    list: {
        "get": lambda value, index: value[index],
        "add": _add,
        "addAll": lambda value, more: value.extend(more),
        "contains": lambda value, item: item in value,
        "indexOf": lambda value, item: value.index(item) if item in value else -1,
        "remove": lambda value, index: value.pop(index),
    },
    str: {
        "charAt": lambda value, index: value[index],
        "concat": lambda value, more: value + more,
        "contains": lambda value, part: part in value,
        "endsWith": lambda value, part: value.endswith(part),
        "equalsIgnoreCase": lambda value, other: value.lower() == str(other).lower(),
        "indexOf": lambda value, part: value.find(part),
        "lastIndexOf": lambda value, part: value.rfind(part),
        "matches": lambda value, pattern: re.fullmatch(pattern, value) is not None,
        "replace": lambda value, old, new: value.replace(old, new),
        "replaceAll": lambda value, pattern, new: re.sub(pattern, _java_pattern(new), value),
        "replaceFirst": lambda value, pattern, new: re.sub(pattern, _java_pattern(new), value, count=1),
        "split": lambda value, pattern: re.split(pattern, value),
        "startsWith": lambda value, part: value.startswith(part),
        "substring": lambda value, first, last=None: value[first:last],
        "toLowerCase": lambda value: value.lower(),
        "toUpperCase": lambda value: value.upper(),
        "trim": lambda value: value.strip(),
    },
    int: {"intValue": int, "doubleValue": float},
    float: {"intValue": int, "doubleValue": float},
}
