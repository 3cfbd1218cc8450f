"""Texts that fit a schema's pattern: what a service would have made up, another type's schema may ask for.

The same seed gives the same text. Not every pattern is understood; what is made is checked by whoever asks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from re import _constants as sre  # type: ignore[attr-defined]  # where the parser's words are
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_PREFERRED = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_./"
_USUAL_LENGTH = 12
_ATTEMPTS = 20
_BEFORE_LONGER = 4
_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdigit,
    sre.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdigit(),
    sre.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    sre.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
}


class _NotUnderstood(Exception):
    """Something in the pattern that nothing is made from here."""


def fitting(pattern: str, seed: str, fits: Callable[[str], bool]) -> str | None:
    """A text that a pattern is about as a whole, and that `fits` besides; None where none is found."""
    try:
        parsed = parser.parse(pattern)
        for attempt in range(_ATTEMPTS):
            usual = _USUAL_LENGTH * (1 + attempt // _BEFORE_LONGER)
            text = "".join(_texts(parsed, _choices(f"{seed}:{attempt}"), usual))
            if fits(text):
                return text
    except (_NotUnderstood, re.error):
        pass
    return None


def _choices(seed: str) -> Iterator[int]:
    """Numbers without an end."""
    number = 0
    while True:
        yield from hashlib.sha256(f"{seed}:{number}".encode()).digest()
        number += 1


def _texts(parsed: Any, choices: Iterator[int], usual: int) -> Iterator[str]:
    """`usual`: how often what may be there many times is."""
    for kind, argument in parsed:
        if kind is sre.LITERAL:
            yield chr(argument)
        elif kind in (sre.IN, sre.ANY, sre.NOT_LITERAL):
            yield _letter([(kind, argument)] if kind is not sre.IN else argument, choices)
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, repeated = argument
            times = least if least != 1 or most == 1 else min(int(most), usual)
            for _ in range(times):
                yield from _texts(repeated, choices, usual)
        elif kind is sre.SUBPATTERN:
            yield from _texts(argument[-1], choices, usual)
        elif kind is sre.BRANCH:
            _, branches = argument
            yield from _texts(branches[next(choices) % len(branches)], choices, usual)
        elif kind not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            raise _NotUnderstood(kind)


def _letter(members: Any, choices: Iterator[int]) -> str:
    negated = members[0][0] in (sre.NEGATE, sre.NOT_LITERAL)
    allowed = [letter for letter in _PREFERRED if any(_is(letter, *one) for one in members) is not negated]
    if not allowed:
        literal = next((argument for kind, argument in members if kind is sre.LITERAL), None)
        if negated or literal is None:
            raise _NotUnderstood(members)
        return chr(literal)
    hexadecimal = [letter for letter in allowed if letter in "0123456789abcdef"]
    among = hexadecimal or [letter for letter in allowed if letter.isalnum()] or allowed
    return among[next(choices) % len(among)]


def _is(letter: str, kind: Any, argument: Any) -> bool:
    code = ord(letter)
    if kind is sre.RANGE:
        return bool(argument[0] <= code <= argument[1])
    if kind is sre.CATEGORY:
        return bool(_CATEGORIES[argument](letter))
    if kind is sre.ANY:
        return True
    return kind in (sre.LITERAL, sre.NOT_LITERAL) and code == argument
