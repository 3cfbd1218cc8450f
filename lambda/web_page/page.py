"""The page's answer, put together once: its text, and what a browser lets it do."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_SETTINGS, _STYLE, _PROGRAM = "{{settings}}", "{{style}}", "{{program}}"


class SettingsError(ValueError):
    """What the page is told makes no sense."""


class Settings(NamedTuple):
    """How a person shows who they are: with a key, by signing in, or with both."""

    key: bool
    sign_in_url: str = ""
    """Where they sign in: the domain of a user pool."""
    apps: Mapping[str, str] = {}
    """The ids of the app clients that people sign in with, by the clients' names."""

    @classmethod
    def parse(cls, text: str) -> Settings:
        """Of `{"key": true, "sign_in_url": "https://…", "apps": {"analysts": "id"}}`, or a part of it."""
        try:
            said = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"are not JSON: {error}") from error
        if not isinstance(said, dict) or not said.keys() <= {"key", "sign_in_url", "apps"}:
            raise SettingsError(f"are {text!r}, give an object with key, sign_in_url and apps")
        made = cls(said.get("key") is True, str(said.get("sign_in_url", "")), said.get("apps", {}))
        if bool(made.apps) != bool(made.sign_in_url):
            raise SettingsError("sign_in_url goes with apps, give both or neither")
        return made


class Page(NamedTuple):
    body: bytes
    compressed: bytes
    tag: str
    headers: Mapping[str, str]


def page(html: str, style: str, program: str, settings: Settings) -> Page:
    """One file with everything in it. Its policy names style and program by their hashes: nothing else runs.

    https://www.w3.org/TR/CSP3/ and https://www.w3.org/TR/trusted-types/
    """
    data = json.dumps(settings._asdict() | {"apps": dict(settings.apps)}).replace("<", "\\u003c")
    for place, text in ((_PROGRAM, program), (_STYLE, style), (_SETTINGS, data)):
        before, found, after = html.partition(place)
        if not found:
            raise ValueError(f"the page has no place for {place}")
        html = before + text + after
    # A result too large for an answer is behind a link to S3, which is followed and not fetched.
    reached = ["'self'"]
    if settings.sign_in_url:
        address = urlsplit(settings.sign_in_url)
        reached.append(f"{address.scheme}://{address.netloc}")
    policy = {
        "default-src": "'none'",
        "script-src": f"'{_hash(program)}'",
        "style-src": f"'{_hash(style)}'",
        "connect-src": " ".join(reached),
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    body = html.encode()
    return Page(
        body=body,
        compressed=gzip.compress(body, mtime=0),
        tag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        headers={
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "Cache-Control": "no-cache",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Referrer-Policy": "no-referrer",
            "Strict-Transport-Security": "max-age=31536000",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
