"""Where presigned URLs lead: a page that says what would be there on AWS, and that it is not here."""

from __future__ import annotations

import html
import secrets
import threading
import time
from collections.abc import Mapping

from local_aws.sagemaker import clients

PATH = "/_local_aws/studio"

_LOCK = threading.Lock()
_TOKENS: dict[str, tuple[str, float]] = {}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


def url(what: str, seconds: float) -> str:
    """A URL that is good once, and for so long."""
    token = secrets.token_urlsafe(32)
    with _LOCK:
        _TOKENS[token] = (what, time.time() + seconds)
    return f"{clients.url()}{PATH}?token={token}"


def page(method: str, query: Mapping[str, list[str]], body: bytes) -> tuple[int, str, bytes]:  # noqa: ARG001 - any
    token = query.get("token", [""])[0]
    with _LOCK:
        what, until = _TOKENS.pop(token, ("", 0.0))
    if time.time() > until:
        text = "This URL was used, has expired, or never was one."
        return 403, "text/html", _PAGE.format(title="Access denied", text=text).encode()
    text = f"On AWS, {html.escape(what)} would open now. The local AWS keeps its settings and states only."
    return 200, "text/html", _PAGE.format(title="Not on this machine", text=text).encode()
