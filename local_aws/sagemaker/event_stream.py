"""Messages of AWS's event streams: `application/vnd.amazon.eventstream`.

Prelude (both lengths and their checksum), headers, payload, checksum of all.
https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

_TEXT = 7
"""The type of a header that is a text."""


def event(kind: str, payload: bytes) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/octet-stream", ":message-type": "event"}
    return _message(headers, payload)


def failure(kind: str, message: str, code: str) -> bytes:
    """An error in the middle of a stream: its last message."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return _message(headers, json.dumps({"Message": message, "ErrorCode": code}).encode())


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 12 + len(encoded) + len(payload) + 4, len(encoded))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    message = prelude + encoded + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(text)) + text
