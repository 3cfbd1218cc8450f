"""AWS Signature Version 4: in the Authorization header, and for S3 in a link or a form as well.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
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

    S3 wants the payload's hash in a header, and takes the path as it is: a key may have `//` in it.
    """
    moment = _moment(now)
    date = moment[:8]
    digest = hashlib.sha256(payload).hexdigest()
    complete = {**headers, "X-Amz-Date": moment}
    if service == "s3":
        complete["X-Amz-Content-SHA256"] = digest
    if credentials.session_token:
        complete["X-Amz-Security-Token"] = credentials.session_token
    canonical_path = path if service == "s3" else quote(_normalized(path), safe="/" + _UNRESERVED)
    names, signature = _signature(
        method, canonical_path, query, complete, digest, credentials, region, service, moment
    )
    complete["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{_scope(date, region, service)},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return complete


def signed_query(
    *,
    method: str,
    path: str,
    host: str,
    credentials: Credentials,
    region: str,
    seconds: int,
    now: float,
) -> str:
    """What makes a link of S3's to be followed without credentials, for as long as it says.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    moment = _moment(now)
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{_scope(moment[:8], region, 's3')}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        query["X-Amz-Security-Token"] = credentials.session_token
    _, signature = _signature(
        method, path, query.items(), {"host": host}, "UNSIGNED-PAYLOAD", credentials, region, "s3", moment
    )
    return f"{_canonical_query(query.items())}&X-Amz-Signature={signature}"


def signed_form(
    *,
    bucket: str,
    fields: Mapping[str, str],
    least_bytes: int,
    most_bytes: int,
    credentials: Credentials,
    region: str,
    seconds: int,
    now: float,
) -> dict[str, str]:
    """The fields of a form that uploads one object to S3, and may say nothing but `fields`.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
    """
    moment = _moment(now)
    complete = {
        **fields,
        "x-amz-algorithm": _ALGORITHM,
        "x-amz-credential": f"{credentials.access_key_id}/{_scope(moment[:8], region, 's3')}",
        "x-amz-date": moment,
    }
    if credentials.session_token:
        complete["x-amz-security-token"] = credentials.session_token
    policy = {
        "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds)),
        "conditions": [
            {"bucket": bucket},
            ["content-length-range", least_bytes, most_bytes],
            *({name: value} for name, value in complete.items()),
        ],
    }
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    key = _signing_key(credentials.secret_access_key, moment[:8], region, "s3")
    signature = hmac.digest(key, encoded.encode(), "sha256").hex()
    return {**complete, "policy": encoded, "x-amz-signature": signature}


def _signature(
    method: str,
    canonical_path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    payload_hash: str,
    credentials: Credentials,
    region: str,
    service: str,
    moment: str,
) -> tuple[str, str]:
    """The names of the headers, which are all signed, and the signature."""
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _ in lines)
    request = "\n".join(
        (
            method,
            canonical_path,
            _canonical_query(query),
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            payload_hash,
        )
    )
    date = moment[:8]
    scope = _scope(date, region, service)
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = _signing_key(credentials.secret_access_key, date, region, service)
    return names, hmac.digest(key, to_sign.encode(), "sha256").hex()


def _moment(now: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def _scope(date: str, region: str, service: str) -> str:
    return f"{date}/{region}/{service}/aws4_request"


@lru_cache(maxsize=4)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Good for a day, so kept: for two services, yesterday's and today's around midnight."""
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
