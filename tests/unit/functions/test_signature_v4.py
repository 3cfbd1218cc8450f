"""The signer, held to AWS's published cases and to botocore's."""

from __future__ import annotations

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

from runtime_common.signature_v4 import Credentials, signed_headers

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
