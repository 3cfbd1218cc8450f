"""YAML as a person means it: plain values, the place of each, and what is wrong with the text.

PyYAML reads YAML 1.1, editors read YAML 1.2, and people read neither: `no` is false to one and text to
the other, `0123` is 83 or 123. Whatever is not the same to all of them is refused, with the way to write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_STANDARD = "tag:yaml.org,2002:"

KeyPath = tuple[str | int, ...]
"""The keys, and the indices of lists, that lead from the top of the file to a value."""

_DEEPEST = 60
_MOST_VALUES = 200_000
"""Aliases can make a short text mean billions of values."""

_BOOLEANS = {"true": True, "false": False}
_FORMER_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_TEXT_TAGS = {"str", "timestamp", "value", "merge"}
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER_TO_OTHERS = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+", re.ASCII)
"""YAML 1.2's numbers, https://yaml.org/spec/1.2.2/#1032-tag-resolution: some are text to YAML 1.1."""
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, order=True)
class Place:
    """A line and a column, both counted from one."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """Something that has to be changed in the file, and where."""

    place: Place
    sentence: str
    path: KeyPath = ()

    @property
    def message(self) -> str:
        """The sentence, after the keys that it is about: `network.cidr: …`."""
        return f"{dotted(self.path)}: {self.sentence}" if self.path else self.sentence


@dataclass(frozen=True)
class Entry:
    """Where a value stands, and as what it was written. An item of a list has no key."""

    key: Place | None
    value: Place
    written: str | None
    """The text of a scalar; None for a list or a mapping."""

    @property
    def place(self) -> Place:
        """Where to look: at a scalar itself, at the key of a list or a mapping."""
        return self.value if self.written is not None or self.key is None else self.key


@dataclass(frozen=True)
class Document:
    """A file's content. `value` is None when the text could not be read at all."""

    value: Any
    entries: Mapping[KeyPath, Entry]
    problems: tuple[Problem, ...]

    def nearest(self, path: KeyPath) -> Entry:
        """The entry of a path, or of the closest thing above it that is written in the file."""
        for length in range(len(path), 0, -1):
            if (entry := self.entries.get(path[:length])) is not None:
                return entry
        return Entry(key=Place(1, 1), value=Place(1, 1), written=None)


def read(content: bytes) -> Document:
    """Reads a file's bytes. Never raises: what is wrong is among the problems."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        given = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        return _unreadable(place, f"{given}, save the file with the encoding UTF-8")
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        before_character = text[: error.position]
        place = Place(before_character.count("\n") + 1, len(before_character) - before_character.rfind("\n"))
        return _unreadable(
            place, f"the character U+{_code(error.character):04X} cannot stand in YAML, remove it"
        )
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        return _unreadable(_place(error.problem_mark or error.context_mark), _syntax_message(error))
    except (ValueError, OverflowError):  # PyYAML's scanner hands "\UFFFFFFFF" to chr()
        return _unreadable(
            _place(loader.get_mark()), "an escape names no character, write the character itself"
        )
    finally:
        loader.dispose()
    if node is None:
        return _unreadable(Place(1, 1), "the file is empty, give at least name, account, region and teams")
    builder = _Builder()
    try:
        value = builder.build(node, (), None)
    except _TooMuchError as error:
        return _unreadable(_place(error.node.start_mark), str(error))
    return Document(value, builder.entries, tuple(builder.problems))


def dotted(path: KeyPath) -> str:
    """`("repositories", 0)` is `repositories[0]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{shown(key)}" for key in path)
    return text.removeprefix(".")


def shown(text: str) -> str:
    """A piece of the file inside a message: on one line, printable, and not too long."""
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:80])
    return printable if len(text) <= 80 else f"{printable}…"


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, stopped before it is nested too deeply for Python."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > _DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # types-PyYAML leaves it out
            raise yaml.composer.ComposerError(None, None, "nested too deeply", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _TooMuchError(Exception):
    def __init__(self, node: yaml.Node, message: str) -> None:
        super().__init__(message)
        self.node = node


@dataclass
class _Builder:
    entries: dict[KeyPath, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    path: KeyPath = ()
    """Of the value that is being built."""
    open_nodes: set[int] = field(default_factory=set)
    values: int = 0

    def build(self, node: yaml.Node, path: KeyPath, key: Place | None) -> Any:
        self.values += 1
        if self.values > _MOST_VALUES:
            raise _TooMuchError(
                node, f"the aliases stand for more than {_MOST_VALUES} values, write them out"
            )
        if id(node) in self.open_nodes:
            raise _TooMuchError(node, "an anchor that contains itself, end the alias's circle")
        self.path = path
        written = str(node.value) if isinstance(node, yaml.ScalarNode) else None
        if path:
            self.entries[path] = Entry(key, _place(node.start_mark), written)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        self.open_nodes.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                self.check_tag(node, "map")
                return {
                    name: self.build(value, (*path, name), _place(key_node.start_mark))
                    for name, (key_node, value) in self.pairs(node).items()
                }
            self.check_tag(node, "seq")
            return [self.build(item, (*path, index), None) for index, item in enumerate(node.value)]
        finally:
            self.open_nodes.discard(id(node))

    def pairs(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The keys of a mapping, after those that `<<` merges in; its own come first."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        places: dict[str, Place] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(key_node, "a list or a mapping cannot be a key, give a name")
                continue
            name = key_node.value
            place = _place(key_node.start_mark)
            if name in places:
                first = places[name]
                self.complain(
                    key_node, f"'{shown(name)}' is given twice, first on line {first.line}, remove one"
                )
                continue
            places[name] = place
            if key_node.tag == f"{_STANDARD}merge":
                for source in self.merge_sources(value):
                    for merged_name, pair in self.pairs_once(source).items():
                        merged.setdefault(merged_name, pair)
                continue
            if name == "" and key_node.style is None:
                self.complain(key_node, "a key is empty, give a name before the ':'")
                continue
            self.key(key_node)
            own[name] = (key_node, value)
        return own | {name: pair for name, pair in merged.items() if name not in own}

    def pairs_once(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if id(node) in self.open_nodes:
            raise _TooMuchError(node, "an anchor that contains itself, end the alias's circle")
        self.values += 1
        if self.values > _MOST_VALUES:
            raise _TooMuchError(
                node, f"the aliases stand for more than {_MOST_VALUES} values, write them out"
            )
        self.open_nodes.add(id(node))
        try:
            return self.pairs(node)
        finally:
            self.open_nodes.discard(id(node))

    def merge_sources(self, node: yaml.Node) -> Iterator[yaml.MappingNode]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(source, yaml.MappingNode):
                yield source
            else:
                self.complain(
                    source, "'<<' takes over the keys of a mapping, give an alias of one, like *defaults"
                )

    def key(self, node: yaml.ScalarNode) -> None:
        """A name that YAML takes for something else is told here, once, and then read as text."""
        self.check_characters(node)
        if node.style is not None or node.value == "<<":
            return
        if _kind(node) not in _TEXT_TAGS or _NUMBER_TO_OTHERS.fullmatch(node.value):
            self.complain(
                node, f'{shown(node.value)} as a key is not text to YAML, write "{shown(node.value)}"'
            )

    def scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        self.check_characters(node)
        text, kind = _NO_CHARACTER.sub("", str(node.value)), _kind(node)
        if kind == "null":
            return None
        if kind == "bool":
            if text.lower() in _BOOLEANS:
                return _BOOLEANS[text.lower()]
            if (meant := _FORMER_BOOLEANS.get(text.lower())) is not None:
                self.complain(
                    node,
                    f"{text} without quotes is {meant} to some readers of YAML and text to others,"
                    f' write {meant}, or "{text}" for the text',
                )
                return text
        if kind in ("int", "float") or (
            kind == "str" and node.style is None and _NUMBER_TO_OTHERS.fullmatch(text)
        ):
            return self.number(node)
        if kind not in _TEXT_TAGS:
            self.check_tag(node, "str")
        return text

    def number(self, node: yaml.ScalarNode) -> str | int | float:
        """A number that every reader of YAML understands alike, and that comes back as it was written."""
        text = str(node.value)
        if _WHOLE_NUMBER.fullmatch(text) and len(text) < 1000:
            return int(text)
        try:
            if repr(float(text)) == text and not any(c in text for c in "ni"):
                return float(text)
        except ValueError:
            pass
        self.complain(
            node,
            f"{shown(text)} without quotes is another number to some readers of YAML,"
            f' write "{shown(text)}" for the text, or the plain decimal number',
        )
        return text

    def check_tag(self, node: yaml.Node, usual: str) -> None:
        if node.tag != f"{_STANDARD}{usual}":
            tag = shown(node.tag.replace(_STANDARD, "!!"))
            self.complain(node, f"the tag '{tag}' means nothing here, give the plain value")

    def check_characters(self, node: yaml.ScalarNode) -> None:
        if (found := _NO_CHARACTER.search(node.value)) is not None:
            self.complain(
                node, f"the text holds U+{ord(found.group()):04X}, which is no character, remove it"
            )

    def complain(self, node: yaml.Node, sentence: str) -> None:
        self.problems.append(Problem(_place(node.start_mark), sentence, self.path))


def _kind(node: yaml.Node) -> str:
    return node.tag.removeprefix(_STANDARD) if node.tag.startswith(_STANDARD) else node.tag


def _place(mark: Any) -> Place:
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


def _unreadable(place: Place, message: str) -> Document:
    return Document(None, {}, (Problem(place, message),))


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    """Says what PyYAML found in the words of somebody who writes YAML once a month."""
    problem, context = error.problem or "", error.context or ""
    began = f", begun on line {error.context_mark.line + 1}," if error.context_mark is not None else ""
    if r"'\t'" in problem:
        return "a tab, indent with spaces"
    if problem == "nested too deeply":
        return f"more than {_DEEPEST} levels of nesting, an environment needs fewer than ten"
    if "mapping values are not allowed" in problem:
        return "a ':' that cannot stand here, check the indentation, or put a text with ': ' in quotes"
    if "could not find expected ':'" in problem:
        return f"the key{began} has no ':' after it, write 'key: value'"
    if "expected <block end>" in problem or "did not find expected <document start>" in problem:
        return "this does not line up with what is above it, indent what belongs together alike"
    if "expected the node content" in problem:
        return "something is missing before this, give a key or a value"
    if "undefined alias" in problem:
        return f"{problem.replace('found undefined alias', 'no anchor')} above, define it with '&'"
    if "duplicate anchor" in context + problem:
        return "the anchor is defined twice, give the second another name"
    if "expected a single document" in context:
        return "a second document begins here, keep one environment in a file"
    if "flow sequence" in context:
        return f"the list{began} is not closed or lacks a comma, write [one, two]"
    if "flow mapping" in context:
        return f"the mapping{began} is not closed or lacks a comma, write {{key: value, other: value}}"
    if "quoted scalar" in context:
        if "escape" in problem:
            return "an escape that YAML does not know, double the backslash or use single quotes"
        return f"the text in quotes{began} has no closing quote"
    if "that cannot start any token" in problem:
        return f"{problem.removeprefix('found ')}, put the text in quotes"
    return f"YAML cannot be read here ({shown(f'{context} {problem}'.strip())}), put the text in quotes"
