"""The signer, held to AWS's published cases and to botocore's."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_common.signature_v4 import Credentials, signed_form, signed_headers, signed_query

_SUITE: dict[str, Any] = json.loads((Path(__file__).parent / "signature_v4_suite.json").read_text())
_MOMENT = datetime.fromisoformat(_SUITE["time"])

_WORD = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NAME = st.from_regex(r"x-[a-z]{1,6}(-[a-z0-9]{1,6})?", fullmatch=True)


@pytest.mark.parametrize("case", _SUITE["cases"], ids=lambda case: str(case["name"]))
def test_signs_as_the_published_suite_does(case: dict[str, Any]) -> None:
    signed = signed_headers(
        method=case["method"],
        path=case["path"],
        query=[(name, value) for name, value in case.get("query", [])],
        headers={"Host": _SUITE["host"], **case.get("headers", {})},
        payload=case.get("body", "").encode(),
        credentials=Credentials(
            _SUITE["access_key_id"], _SUITE["secret_access_key"], case.get("session_token")
        ),
        region=_SUITE["region"],
        service=_SUITE["service"],
        now=_MOMENT.timestamp(),
    )

    assert signed["Authorization"].rpartition("Signature=")[2] == case["signature"]


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    segments=st.lists(_TEXT, max_size=4),
    query=st.dictionaries(_TEXT.filter(bool), _TEXT, max_size=3),
    headers=st.dictionaries(_NAME, _WORD, max_size=4),
    payload=st.binary(max_size=100),
    token=st.none() | st.from_regex(r"[A-Za-z0-9+/=]{1,40}", fullmatch=True),
    secret=st.from_regex(r"[A-Za-z0-9+/]{40}", fullmatch=True),
    seconds=st.integers(0, 2**32),
)
def test_signs_whatever_botocore_signs_in_the_same_way(
    method: str,
    segments: list[str],
    query: dict[str, str],
    headers: dict[str, str],
    payload: bytes,
    token: str | None,
    secret: str,
    seconds: int,
) -> None:
    path = quote("/" + "/".join(segments))
    url = f"https://service.example{path}" + ("?" + urlencode(query, quote_via=quote) if query else "")
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=dict(headers), data=payload)
    credentials = botocore.credentials.Credentials("AKID", secret, token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: datetime.fromtimestamp(seconds, UTC))
        botocore.auth.SigV4Auth(credentials, "sagemaker", "eu-west-1").add_auth(request)

    signed = signed_headers(
        method=method,
        path=path,
        query=query.items(),
        headers={"Host": "service.example", **headers},
        payload=payload,
        credentials=Credentials("AKID", secret, token),
        region="eu-west-1",
        service="sagemaker",
        now=float(seconds),
    )

    assert signed["Authorization"] == request.headers["Authorization"]
    assert signed["X-Amz-Date"] == request.headers["X-Amz-Date"]


def test_keeps_the_headers_it_was_given() -> None:
    signed = signed_headers(
        method="POST",
        path="/",
        headers={"Host": "h", "Accept": "text/csv"},
        payload=b"",
        credentials=Credentials("AKID", "secret"),
        region="eu-west-1",
        service="sagemaker",
        now=0.0,
    )

    assert signed["Accept"] == "text/csv"
    assert "X-Amz-Security-Token" not in signed


_KEY = st.text(st.sampled_from("abz09-_.~/ +%&=\u00e4"), min_size=1, max_size=20).map(lambda key: "k" + key)
_SECRET = st.from_regex(r"[A-Za-z0-9+/]{40}", fullmatch=True)
_TOKEN = st.none() | st.from_regex(r"[A-Za-z0-9+/=]{1,40}", fullmatch=True)


def at(seconds: int, patch: pytest.MonkeyPatch) -> None:
    """Sets botocore's clock."""
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)


@settings(max_examples=100, deadline=None)
@given(key=_KEY, payload=st.binary(max_size=50), token=_TOKEN, secret=_SECRET, seconds=st.integers(0, 2**32))
def test_signs_for_s3_as_botocore_does(
    key: str, payload: bytes, token: str | None, secret: str, seconds: int
) -> None:
    path = "/bucket/" + quote(key, safe="/-_.~")
    request = botocore.awsrequest.AWSRequest(
        "PUT", f"https://s3.example{path}", headers={"Host": "s3.example", "If-None-Match": "*"}, data=payload
    )
    request.context["signing"] = {"payload_signing_enabled": True}
    with pytest.MonkeyPatch.context() as patch:
        at(seconds, patch)
        credentials = botocore.credentials.Credentials("AKID", secret, token)
        botocore.auth.S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)

    signed = signed_headers(
        method="PUT",
        path=path,
        headers={"Host": "s3.example", "If-None-Match": "*"},
        payload=payload,
        credentials=Credentials("AKID", secret, token),
        region="eu-west-1",
        service="s3",
        now=float(seconds),
    )

    assert signed["Authorization"] == request.headers["Authorization"]


@settings(max_examples=100, deadline=None)
@given(key=_KEY, token=_TOKEN, secret=_SECRET, seconds=st.integers(0, 2**32), good_for=st.integers(1, 604800))
def test_signs_a_link_as_botocore_does(
    key: str, token: str | None, secret: str, seconds: int, good_for: int
) -> None:
    path = "/bucket/" + quote(key, safe="/-_.~")
    request = botocore.awsrequest.AWSRequest("GET", f"https://s3.example{path}")
    with pytest.MonkeyPatch.context() as patch:
        at(seconds, patch)
        credentials = botocore.credentials.Credentials("AKID", secret, token)
        botocore.auth.S3SigV4QueryAuth(credentials, "s3", "eu-west-1", expires=good_for).add_auth(request)

    query = signed_query(
        method="GET",
        path=path,
        host="s3.example",
        credentials=Credentials("AKID", secret, token),
        region="eu-west-1",
        seconds=good_for,
        now=float(seconds),
    )

    assert sorted(query.split("&")) == sorted(str(request.url).partition("?")[2].split("&"))


@settings(max_examples=50, deadline=None)
@given(key=_KEY, token=_TOKEN, secret=_SECRET, seconds=st.integers(0, 2**32))
def test_signs_a_form_as_botocore_does(key: str, token: str | None, secret: str, seconds: int) -> None:
    form = signed_form(
        bucket="bucket",
        fields={"key": key, "Content-Type": "text/csv"},
        least_bytes=1,
        most_bytes=100,
        credentials=Credentials("AKID", secret, token),
        region="eu-west-1",
        seconds=60,
        now=float(seconds),
    )

    request = botocore.awsrequest.AWSRequest("POST", "https://s3.example/bucket")
    policy = json.loads(base64.b64decode(form["policy"]))
    request.context["s3-presign-post-fields"] = {}
    request.context["s3-presign-post-policy"] = {
        "expiration": policy["expiration"],
        "conditions": [*policy["conditions"][:2], {"key": key}, {"Content-Type": "text/csv"}],
    }
    with pytest.MonkeyPatch.context() as patch:
        at(seconds, patch)
        credentials = botocore.credentials.Credentials("AKID", secret, token)
        botocore.auth.S3SigV4PostAuth(credentials, "s3", "eu-west-1").add_auth(request)
    theirs = request.context["s3-presign-post-fields"]

    assert form["x-amz-signature"] == theirs["x-amz-signature"]
    assert policy == json.loads(base64.b64decode(theirs["policy"]))
    ends = datetime.fromisoformat(policy["expiration"]).timestamp()
    assert ends == seconds + 60
