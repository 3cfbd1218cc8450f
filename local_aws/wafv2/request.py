"""A web request as rules see it: its parts, what is inspected of them, and how they are transformed.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-fields-list.html
https://docs.aws.amazon.com/waf/latest/developerguide/waf-oversize-request-components.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
import posixpath
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

HEADER_BYTES = 8192
HEADER_COUNT = 200
BODY_BYTES = 16 * 1024
"""What is inspected of a REST API's bodies unless the web ACL says more."""


class Oversize(Exception):
    """There is more than is inspected, and the rule says what that means: a match or none."""

    def __init__(self, matches: bool) -> None:
        super().__init__(matches)
        self.matches = matches


@dataclass(frozen=True)
class Request:
    """Path and query as they were sent: nothing is decoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, list[str]]
    """By names in lower case."""
    body: bytes
    client_address: str
    request_id: str
    body_limit: int = field(default=BODY_BYTES)

    @property
    def arguments(self) -> list[tuple[str, str]]:
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return [(name, value) for name, _, value in pairs]

    @property
    def cookies(self) -> list[tuple[str, str]]:
        crumbs = (
            crumb.strip().partition("=")
            for line in self.headers.get("cookie", ())
            for crumb in line.split(";")
        )
        return [(name, value) for name, _, value in crumbs if name]

    def header(self, name: str) -> str | None:
        values = self.headers.get(name.lower())
        return None if not values else values[0]

    def address(self, forwarded: Mapping[str, Any] | None) -> str | None:
        """The client's address, or the one in a header; None when the header has none."""
        if not forwarded:
            return self.client_address
        value = self.header(forwarded["HeaderName"])
        if value is None:
            return None
        addresses = [part.strip() for part in value.split(",")]
        return addresses[-1] if forwarded.get("Position") == "LAST" else addresses[0]

    def parts(self, wanted: Mapping[str, Any]) -> list[bytes]:
        """The texts that a `FieldToMatch` names; none when the request has no such part."""
        ((kind, options),) = wanted.items()
        return [
            text.encode("latin-1", "replace") if isinstance(text, str) else text
            for text in self._texts(kind, options)
        ]

    def _texts(self, kind: str, options: Mapping[str, Any]) -> Iterable[str | bytes]:
        if kind == "UriPath":
            return [self.path]
        if kind == "QueryString":
            return [self.query]
        if kind == "Method":
            return [self.method]
        if kind == "SingleHeader":
            return self.headers.get(options["Name"].lower(), ())
        if kind == "SingleQueryArgument":
            name = options["Name"].lower()
            return [value for key, value in self.arguments if key.lower() == name]
        if kind == "AllQueryArguments":
            return [part for pair in self.arguments for part in pair]
        if kind == "Body":
            return [self._inspected(options)]
        if kind == "JsonBody":
            return self._json(options)
        if kind == "Headers":
            return self._chosen(
                [(name, value) for name, values in self.headers.items() for value in values],
                options,
                "Headers",
            )
        if kind == "Cookies":
            return self._chosen(self.cookies, options, "Cookies")
        if kind == "HeaderOrder":
            return [":".join(self.headers)]
        # Fingerprints of TLS and a URL's fragment: nothing that this machine could know.
        if options.get("FallbackBehavior") == "MATCH":
            raise Oversize(True)
        raise Oversize(False)

    def _inspected(self, options: Mapping[str, Any]) -> bytes:
        _check_size(len(self.body) > self.body_limit, options)
        return self.body[: self.body_limit]

    def _json(self, options: Mapping[str, Any]) -> list[str | bytes]:
        text = self._inspected(options)
        try:
            body = json.loads(text)
        except ValueError:
            fallback = options.get("InvalidFallbackBehavior")
            if fallback in ("MATCH", "NO_MATCH"):
                raise Oversize(fallback == "MATCH") from None
            return [text]
        paths = options["MatchPattern"].get("IncludedPaths")
        scope = options.get("MatchScope", "ALL")
        found: list[str | bytes] = []
        for path, key, value in _walk(body, ""):
            if paths is not None and not any(path == each or path.startswith(f"{each}/") for each in paths):
                continue
            if key is not None and scope in ("ALL", "KEY"):
                found.append(key)
            if value is not None and scope in ("ALL", "VALUE"):
                found.append(value)
        return found

    def _chosen(
        self, pairs: list[tuple[str, str]], options: Mapping[str, Any], kind: str
    ) -> list[str | bytes]:
        size = sum(len(name) + len(value) for name, value in pairs)
        _check_size(size > HEADER_BYTES or len(pairs) > HEADER_COUNT, options)
        pattern = options["MatchPattern"]
        included = pattern.get(f"Included{kind}")
        excluded = pattern.get(f"Excluded{kind}")

        def wanted(name: str) -> bool:
            if included is not None:
                return name.lower() in {each.lower() for each in included}
            return excluded is None or name.lower() not in {each.lower() for each in excluded}

        scope = options.get("MatchScope", "ALL")
        found: list[str | bytes] = []
        left = HEADER_BYTES
        for name, value in pairs[:HEADER_COUNT]:
            left -= len(name) + len(value)
            if left < 0:
                break
            if wanted(name):
                found += [
                    *([name] if scope in ("ALL", "KEY") else ()),
                    *([value] if scope in ("ALL", "VALUE") else ()),
                ]
        return found


def _check_size(larger: bool, options: Mapping[str, Any]) -> None:
    handling = options.get("OversizeHandling", "CONTINUE")
    if larger and handling != "CONTINUE":
        raise Oversize(handling == "MATCH")


def _walk(value: Any, path: str) -> Iterable[tuple[str, str | None, str | None]]:
    """Where something stands in a JSON value, its key, and its text."""
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}/{key}"
            yield where, key, None
            yield from _walk(item, where)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{path}/{number}")
    else:
        yield path, None, value if isinstance(value, str) else json.dumps(value)


# --- transformations --------------------------------------------------------------------------------


def transformed(text: bytes, transformations: Iterable[Mapping[str, Any]]) -> bytes:
    """The text after every transformation, by their priority.

    https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-transformation.html
    """
    for each in sorted(transformations, key=lambda one: one["Priority"]):
        text = _TRANSFORMATIONS[each["Type"]](text.decode("latin-1")).encode("latin-1", "replace")
    return text


def _decoded(text: str) -> str:
    return urllib.parse.unquote_plus(text, encoding="latin-1")


def _decoded_with_units(text: str) -> str:
    return _decoded(re.sub(r"%u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16) & 0xFF), text))


def _command_line(text: str) -> str:
    text = re.sub(r"[\\\"'^]", "", text)
    text = re.sub(r"\s+(?=[/(])", "", text)
    return re.sub(r"\s+", " ", re.sub(r"[,;]", " ", text)).lower()


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return text


def _from_base64_leniently(text: str) -> str:
    return _from_base64(re.sub(r"[^A-Za-z0-9+/]", "", text))


def _from_hex(text: str) -> str:
    try:
        return bytes.fromhex(text).decode("latin-1")
    except ValueError:
        return text


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{1,3})|(.))", re.DOTALL)
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code:
            return chr(int(code, 16) & 0xFF)
        if found[3]:
            return chr(int(found[3], 8) & 0xFF)
        return _NAMED.get(found[4], found[4])

    return _ESCAPE.sub(plain, text)


def _normal_path(text: str) -> str:
    if not text:
        return text
    ends = "/" if text.endswith("/") and text != "/" else ""
    return re.sub("^//", "/", posixpath.normpath(text)) + ends


_TRANSFORMATIONS: dict[str, Callable[[str], str]] = {
    "NONE": lambda text: text,
    "BASE64_DECODE": _from_base64,
    "BASE64_DECODE_EXT": _from_base64_leniently,
    "CMD_LINE": _command_line,
    "COMPRESS_WHITE_SPACE": lambda text: re.sub(r"[\f\t\n\r\v\xa0 ]+", " ", text),
    "CSS_DECODE": lambda text: re.sub(
        r"\\([0-9a-fA-F]{1,6})\s?", lambda found: chr(int(found[1], 16) & 0xFF), text
    ),
    "ESCAPE_SEQ_DECODE": _unescaped,
    "HEX_DECODE": _from_hex,
    "HTML_ENTITY_DECODE": html.unescape,
    "JS_DECODE": _unescaped,
    "LOWERCASE": str.lower,
    "MD5": lambda text: hashlib.md5(text.encode("latin-1"), usedforsecurity=False).digest().decode("latin-1"),
    "NORMALIZE_PATH": _normal_path,
    "NORMALIZE_PATH_WIN": lambda text: _normal_path(text.replace("\\", "/")),
    "REMOVE_NULLS": lambda text: text.replace("\0", ""),
    "REPLACE_COMMENTS": lambda text: re.sub(r"/\*.*?(?:\*/|$)", " ", text, flags=re.DOTALL),
    "REPLACE_NULLS": lambda text: text.replace("\0", " "),
    "SQL_HEX_DECODE": lambda text: re.sub(
        r"0x((?:[0-9a-fA-F]{2})+)", lambda found: bytes.fromhex(found[1]).decode("latin-1"), text
    ),
    "URL_DECODE": _decoded,
    "URL_DECODE_UNI": _decoded_with_units,
    "UTF8_TO_UNICODE": lambda text: "".join(
        char if ord(char) < 128 else f"%u{ord(char):04x}"
        for char in text.encode("latin-1").decode("utf-8", "replace")
    ),
}
