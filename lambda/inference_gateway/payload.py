"""What a request's body must be before a model is troubled with it."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from inference_gateway import limit
from inference_gateway.catalogue import Lookup, Model
from inference_gateway.problem import (
    BODY_DOES_NOT_FIT,
    BODY_TOO_LARGE,
    EMPTY_BODY,
    INVALID_JSON,
    UNREADABLE_REQUEST,
    UNSUPPORTED_CONTENT_TYPE,
    Kind,
    Problem,
)

if TYPE_CHECKING:
    from inference_gateway.schema import Check
    from inference_gateway.shape import Shape

_MOST_MISFITS = 10
_HEADER_CHARACTERS = 1024  # SageMaker's own limit for Content-Type and Accept
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_SCANNED_BYTES = 16 * 1024
"""From here on it is worth to look at JSON without making objects of it."""

TARGET_PATTERN = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){0,6}"
"""An artifact, in folders or not; none of them is called `..`."""
_TARGET = re.compile(TARGET_PATTERN)
_JSON_LINES = {
    "application/jsonlines",
    "application/jsonl",
    "application/x-jsonlines",
    "application/x-ndjson",
}
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Misfit(NamedTuple):
    """What of a body does not fit: where, as a JSON Pointer and, in lines, the number of the line."""

    pointer: str
    message: str
    line: int | None


def decoded(body: str | None, *, is_base64: bool) -> bytes:
    """The bytes that the client sent."""
    if body is None:
        return b""
    try:
        return binascii.a2b_base64(body, strict_mode=True) if is_base64 else body.encode()
    except ValueError as error:
        raise Problem(
            UNREADABLE_REQUEST, "the body is neither UTF-8 nor proper base64", reason=str(error)
        ) from error


def header(name: str, value: str | None) -> str | None:
    """A header that is passed on: it must not be able to end its line."""
    if value is None or (value.isascii() and value.isprintable() and len(value) <= _HEADER_CHARACTERS):
        return value
    raise Problem(
        UNREADABLE_REQUEST,
        f"the header {name} is longer than {_HEADER_CHARACTERS} characters or has some that are not ASCII",
    )


def idempotency_key(value: str | None) -> str | None:
    """https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/"""
    if value is None or (0 < len(value) <= 255 and value.isascii() and value.isprintable()):
        return value
    raise Problem(UNREADABLE_REQUEST, "the header Idempotency-Key has not 1 to 255 characters of ASCII")


def target(value: str | None) -> str:
    """Which of an endpoint's many models is meant: the artifact's key below their folder.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    """
    if value is not None and _TARGET.fullmatch(value):
        return value
    raise Problem(UNREADABLE_REQUEST, "say which model is meant, like target=nearby.tar.gz")


def choice(name: str, value: str | None, choices: tuple[str, ...]) -> str:
    """A parameter with a few values, of which the first is the default."""
    if value is None:
        return choices[0]
    if value not in choices:
        raise Problem(UNREADABLE_REQUEST, f"the parameter {name} is {' or '.join(choices)}")
    return value


def check(
    body: bytes,
    content_type: str | None,
    model: Model,
    fits: Check | None = None,
    shape: Shape | None = None,
    *,
    empty: bool = False,
) -> None:
    """Refuses what the model does not take; `fits` is its schema, and `shape` tells of some bodies that they
    fit, unread. An `empty` body comes later."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in model.content_types:
        accepted = " or ".join(model.content_types)
        given = "there is no Content-Type" if not media_type else "the Content-Type is another one"
        raise Problem(
            UNSUPPORTED_CONTENT_TYPE,
            f"{given}, send {accepted}",
            members={"accepts": list(model.content_types)},
        )
    if empty:
        if body:
            raise Problem(UNREADABLE_REQUEST, "there is a body, and with input=upload it comes later")
        return
    if not body:
        raise Problem(EMPTY_BODY, f"send {media_type}, as GET /models/{model.name} shows")
    most = body_bytes(model)
    if len(body) > most:
        raise Problem(
            BODY_TOO_LARGE,
            f"the body has {len(body)} bytes, this way takes {most}: {_less(model)}",
            members={"limit_bytes": most},
        )
    if is_json(media_type):
        if len(body) >= _SCANNED_BYTES and _is_fit_unread(body, fits, shape):
            return
        value = _strict_json(body)
        if fits is not None and (faults := fits(value)):
            misfits = [Misfit(fault.pointer, fault.message, None) for fault in faults]
            raise misfitting(BODY_DOES_NOT_FIT, misfits)
    elif is_json_lines(media_type):
        _check_lines(body, fits)


def is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def is_json_lines(media_type: str) -> bool:
    return media_type in _JSON_LINES


def key(lookup: Lookup, content_types: Sequence[str]) -> dict[str, object]:
    """Where each row has its key, in JSON and in CSV."""
    found: dict[str, object] = {}
    if any(is_json(each) or is_json_lines(each) for each in content_types):
        found["member"] = lookup.member
    if "text/csv" in content_types:
        found["column"] = lookup.column
    return found


def body_bytes(model: Model) -> int:
    """What a request's body may have for this model."""
    return limit.SERVERLESS_BYTES if model.mode == "serverless" else limit.BODY_BYTES


def _less(model: Model) -> str:
    return "send fewer rows at a time" if "invocations" in model.ways else "upload it, with input=upload"


def _check_lines(body: bytes, fits: Check | None) -> None:
    """Each line is a JSON text: https://jsonlines.org. The end of the last line may be missing."""
    lines = body.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            value = _strict_json(line)
        except Problem as problem:
            raise Problem(INVALID_JSON, f"line {number}: {problem.detail}") from None
        if fits is not None and (faults := fits(value)):
            misfits = [Misfit(fault.pointer, fault.message, number) for fault in faults]
            raise misfitting(BODY_DOES_NOT_FIT, misfits)


def misfitting(kind: Kind, misfits: Sequence[Misfit]) -> Problem:
    """What does not fit, and where: some of it is enough."""
    errors = [
        {"pointer": pointer, "detail": message} | ({} if line is None else {"line": line})
        for pointer, message, line in misfits[:_MOST_MISFITS]
    ]
    pointer, message, line = misfits[0]
    where = f"'{pointer}'" if pointer else "the whole of it"
    if line is not None:
        where = f"line {line}, {where}"
    return Problem(kind, f"{where}: {message}"[:400], members={"errors": errors})


def _is_fit_unread(body: bytes, fits: Check | None, shape: Shape | None) -> bool:
    """Whether it is certain without making objects of it all."""
    if fits is None:
        valid = _is_strict_json(body)
        if valid:
            _check_depth(body)
        return valid
    return shape is not None and shape(body) and _is_strict_json(body)


def _is_strict_json(body: bytes) -> bool:
    """Whether it is certain, but for its depth.

    SQLite reads JSON without making objects of it, in a fifth of the time. It stops at a byte 0, which stands
    in no JSON; what it does not like is read again, for a reason.
    https://www.sqlite.org/json1.html#the_json_valid_function
    """
    try:
        import sqlite3  # costs 4 ms, and saves more
    except ImportError:
        return False
    if b"\0" in body or _has_surrogate(body):
        return False
    database = sqlite3.connect(":memory:")
    try:
        (valid,) = database.execute("SELECT json_valid(?)", (body.decode(),)).fetchone()
    except (UnicodeDecodeError, sqlite3.Error):
        return False
    finally:
        database.close()
    return bool(valid)


def _has_surrogate(body: bytes) -> bool:
    return b"\\" in body and _SURROGATE.search(body) is not None


def _strict_json(body: bytes) -> object:
    """Refuses what programs read differently, or not at all (RFC 8259, section 8, and RFC 7493).

    Keys that appear twice are left to the model: the body is passed on as it came, and nothing here
    depends on what it says.
    """
    try:
        value: object = _DECODER.decode(body.decode())
        _check_depth(body)
        if _has_surrogate(body):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Problem(INVALID_JSON, "a string has half of a surrogate pair, which no text has") from error
    except UnicodeDecodeError as error:
        raise Problem(INVALID_JSON, f"the body is not UTF-8 at byte {error.start}") from error
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise Problem(
            INVALID_JSON, f"{error.msg} at line {error.lineno}, column {error.colno}".lower()
        ) from error
    except ValueError as error:
        raise Problem(INVALID_JSON, "a number is too long, or not one in JSON (NaN, Infinity)") from error
    return value


def _check_depth(body: bytes) -> None:
    """Refuses JSON, known to be valid, whose brackets lie too deep: takes away the innermost, and again.

    Walking through the value instead costs more than parsing did.
    """
    brackets = _STRING.sub(b"", body) if b'"' in body else body
    brackets = brackets.translate(_ONE_KIND, delete=_NO_BRACKETS)
    for _ in range(limit.JSON_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise _too_deep()


def _too_deep() -> Problem:
    return Problem(INVALID_JSON, f"the body is nested deeper than {limit.JSON_DEPTH} levels")


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_refuse)
