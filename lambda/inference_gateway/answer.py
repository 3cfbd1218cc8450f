"""What the gateway answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple


class Answer(NamedTuple):
    content_type: str
    body: bytes
    reason: str | None = None
    """What the log should know of an answer that is not all it could be."""
    status: int = 200
    headers: Mapping[str, str] = {}

    @classmethod
    def of_json(
        cls,
        value: object,
        *,
        status: int = 200,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return cls("application/json", json.dumps(value).encode(), reason, status, headers or {})
