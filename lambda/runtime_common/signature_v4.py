"""AWS Signature Version 4, in the Authorization header, for services other than S3.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


class Credentials(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


def signed_headers(
    *,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]] = (),
    headers: Mapping[str, str],
    payload: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """The given headers, and those that sign the request.

    `path` is as it goes over the wire, `query` is decoded, `headers` names the host and is signed as a
    whole, `now` is in seconds since 1970.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    date = moment[:8]
    complete = {**headers, "X-Amz-Date": moment}
    if credentials.session_token:
        complete["X-Amz-Security-Token"] = credentials.session_token
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in complete.items())
    names = ";".join(name for name, _ in lines)
    request = "\n".join(
        (
            method,
            quote(_normalized(path), safe="/" + _UNRESERVED),
            _canonical_query(query),
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            hashlib.sha256(payload).hexdigest(),
        )
    )
    scope = f"{date}/{region}/{service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = _signing_key(credentials.secret_access_key, date, region, service)
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    complete["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return complete


@lru_cache(maxsize=2)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Good for a day, so kept: yesterday's and today's around midnight."""
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical_query(query: Iterable[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _normalized(path: str) -> str:
    """Without empty, `.` and `..` segments; a slash at the end stays."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
