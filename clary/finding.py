"""What somebody who looked something over has to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    FINE = "fine"
    TIGHT = "tight"
    """It will work, but not all of it, or not always."""
    UNKNOWN = "unknown"
    """It could not be found out, and the message says why."""
    BLOCKED = "blocked"
    """It would fail."""


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    subject: str
    message: str
    remedy: str | None = None
