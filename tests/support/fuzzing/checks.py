"""What is held of every answer besides what the document says, and what JSON Lines look like.

Schemathesis loads this where it runs, in an environment of its own.
"""

from __future__ import annotations

import json
import re

import schemathesis
from hypothesis import strategies as some

_LEAKS = re.compile(
    rb"Traceback|File \"|/opt/ml|secret|\.py\b|no-such-endpoint|arn:aws|2200000000|127\.0\.0\.1|boto|Errno",
    re.IGNORECASE,
)
_NUMBERS = some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(2**53), 2**53)
_LINES = some.lists(some.lists(some.lists(_NUMBERS), min_size=1), min_size=1)

schemathesis.openapi.media_type(
    "application/jsonlines", _LINES.map(lambda lines: "\n".join(map(json.dumps, lines)).encode())
)


@schemathesis.check
def a_fault_leaks_nothing(ctx: object, response: object, case: object) -> None:
    if response.status_code >= 400 and (found := _LEAKS.search(response.content)):
        raise AssertionError(f"the answer has {found[0]!r}")
