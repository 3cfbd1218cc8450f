"""Avro's object container files, as Iceberg's manifests are: read and written.

https://avro.apache.org/docs/1.12.0/specification/
"""

from __future__ import annotations

import io
import json
import secrets
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

Schema = Any
"""As in JSON: a name, a union as a list, or a complex type as a mapping."""

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16


class NotReadable(Exception):
    """Why something is no file of Avro's, or none that is understood here."""


def write(schema: Schema, values: Iterable[Any], metadata: Mapping[str, str]) -> bytes:
    """A file of these values; a value of a union with `null` is None or of its other branch."""
    file, block, count = io.BytesIO(), io.BytesIO(), 0
    sync = secrets.token_bytes(_SYNC_BYTES)
    head = {"avro.schema": json.dumps(schema), "avro.codec": "null", **metadata}
    file.write(_MAGIC)
    _write(file, {"type": "map", "values": "bytes"}, {name: one.encode() for name, one in head.items()})
    file.write(sync)
    for value in values:
        _write(block, schema, value)
        count += 1
    if count:
        _write(file, "long", count)
        _write(file, "bytes", block.getvalue())
        file.write(sync)
    return file.getvalue()


def read(content: bytes) -> list[Any]:
    """The values of a file. Raises `NotReadable`."""
    file = io.BytesIO(content)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise NotReadable("it does not begin as a file of Avro's")
    head = _read(file, {"type": "map", "values": "bytes"})
    schema, codec = json.loads(head["avro.schema"]), head.get("avro.codec", b"null").decode()
    if codec not in ("null", "deflate"):
        raise NotReadable(f"it is compressed with {codec}")
    file.read(_SYNC_BYTES)
    values = []
    while file.tell() < len(content):
        count = _read(file, "long")
        packed = _read(file, "bytes")
        block = io.BytesIO(zlib.decompress(packed, -15) if codec == "deflate" else packed)
        values += [_read(block, schema) for _ in range(count)]
        file.read(_SYNC_BYTES)
    return values


def _write(file: BinaryIO, schema: Schema, value: Any) -> None:
    if isinstance(schema, list):
        branch = (
            schema.index("null")
            if value is None
            else next(n for n, one in enumerate(schema) if one != "null")
        )
        _write(file, "long", branch)
        _write(file, schema[branch], value)
        return
    kind = schema["type"] if isinstance(schema, Mapping) else schema
    if kind == "record":
        for field in schema["fields"]:
            _write(file, field["type"], value.get(field["name"]))
    elif kind == "array":
        _write_blocks(file, [(schema["items"], one) for one in value])
    elif kind == "map":
        pairs = [("string", name, schema["values"], one) for name, one in value.items()]
        _write_blocks(file, [part for a, b, c, d in pairs for part in ((a, b), (c, d))], per=2)
    elif kind == "boolean":
        file.write(b"\x01" if value else b"\x00")
    elif kind in ("int", "long"):
        file.write(_varint((value << 1) ^ (value >> 63)))
    elif kind == "float":
        file.write(struct.pack("<f", value))
    elif kind == "double":
        file.write(struct.pack("<d", value))
    elif kind == "string":
        _write(file, "bytes", value.encode())
    elif kind == "bytes":
        _write(file, "long", len(value))
        file.write(value)
    elif kind != "null":
        raise NotReadable(f"the type {kind} is not written here")


def _write_blocks(file: BinaryIO, parts: Sequence[tuple[Schema, Any]], per: int = 1) -> None:
    """The items of an array or a map, in one block, and the end."""
    if parts:
        _write(file, "long", len(parts) // per)
        for schema, value in parts:
            _write(file, schema, value)
    _write(file, "long", 0)


def _read(file: BinaryIO, schema: Schema) -> Any:
    if isinstance(schema, list):
        return _read(file, schema[_read(file, "long")])
    kind = schema["type"] if isinstance(schema, Mapping) else schema
    if isinstance(kind, Mapping | list):
        return _read(file, kind)
    if kind == "record":
        return {field["name"]: _read(file, field["type"]) for field in schema["fields"]}
    if kind == "array":
        return [_read(file, schema["items"]) for _ in _items(file)]
    if kind == "map":
        return {_read(file, "string"): _read(file, schema["values"]) for _ in _items(file)}
    if kind == "boolean":
        return file.read(1) == b"\x01"
    if kind in ("int", "long"):
        number = _unsigned(file)
        return (number >> 1) ^ -(number & 1)
    if kind == "float":
        return struct.unpack("<f", file.read(4))[0]
    if kind == "double":
        return struct.unpack("<d", file.read(8))[0]
    if kind == "string":
        return _read(file, "bytes").decode()
    if kind == "bytes":
        return file.read(_read(file, "long"))
    if kind == "fixed":
        return file.read(schema["size"])
    if kind == "null":
        return None
    raise NotReadable(f"the type {kind} is not understood here")


def _items(file: BinaryIO) -> Iterable[int]:
    while count := _read(file, "long"):
        if count < 0:  # followed by the size of the block
            count = -count
            _read(file, "long")
        yield from range(count)


def _varint(number: int) -> bytes:
    found = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        if not number:
            found.append(low)
            return bytes(found)
        found.append(low | 0x80)


def _unsigned(file: BinaryIO) -> int:
    number = shift = 0
    while True:
        byte = file.read(1)
        if not byte:
            raise NotReadable("it ends too early")
        number |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return number
        shift += 7
