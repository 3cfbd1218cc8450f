"""What a request's body must be before a model is troubled with it."""

from __future__ import annotations

import binascii
import json
import re
from typing import NoReturn

from inference_gateway import limit
from inference_gateway.catalogue import Model
from inference_gateway.problem import (
    BODY_TOO_LARGE,
    EMPTY_BODY,
    INVALID_JSON,
    UNREADABLE_REQUEST,
    UNSUPPORTED_CONTENT_TYPE,
    Problem,
)

_HEADER_CHARACTERS = 1024  # SageMaker's own limit for Content-Type and Accept
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


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


def check(body: bytes, content_type: str | None, model: Model) -> None:
    """Refuses what the model does not take."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in model.content_types:
        accepted = " or ".join(model.content_types)
        given = "there is no Content-Type" if not media_type else "the Content-Type is another one"
        raise Problem(
            UNSUPPORTED_CONTENT_TYPE,
            f"{given}, send {accepted}",
            members={"accepts": list(model.content_types)},
        )
    if not body:
        raise Problem(EMPTY_BODY, f"send {media_type}, as GET /models/{model.name} shows")
    if len(body) > limit.BODY_BYTES:
        raise Problem(
            BODY_TOO_LARGE,
            f"the body has {len(body)} bytes, this API takes {limit.BODY_BYTES}: send fewer rows at a time",
            members={"limit_bytes": limit.BODY_BYTES},
        )
    if media_type == "application/json" or media_type.endswith("+json"):
        _check_json(body)


def _check_json(body: bytes) -> None:
    """Refuses what programs read differently, or not at all (RFC 8259, section 8, and RFC 7493).

    Keys that appear twice are left to the model: the body is passed on as it came, and nothing here
    depends on what it says.
    """
    try:
        value = _DECODER.decode(body.decode())
        _check_depth(body)
        if _SURROGATE.search(body):
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
