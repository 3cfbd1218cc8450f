"""What one field of a CSV file says. Training and serving read fields by the same rules."""

from __future__ import annotations

from math import isfinite

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
_SHOWN = 40


def is_missing(text: str) -> bool:
    """Whether a field of a number column holds no value. In a text column, NA is a text like any other."""
    return text.strip().casefold() in _MISSING


def number(text: str) -> float:
    """The number in a field; a ValueError says what else it is."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a number") from None
    # float() also takes Python's own 1_000, which no other reader of CSV does
    if "_" in text or not isfinite(value):
        raise ValueError(f"{shown(text)} is not a finite decimal number")
    return value


def shown(text: str) -> str:
    """A field as an error message shows it: quoted, on one line, and never long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
