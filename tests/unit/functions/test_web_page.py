"""The page's answer: one text for everybody, and a policy under which nothing else runs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from web_page import handler
from web_page.page import Page, Settings, SettingsError, page

HTML = "<style>{{style}}</style><script type=json>{{settings}}</script><script>{{program}}</script>"
PEOPLE = {
    "key": False,
    "sign_in_url": "https://acme.auth.eu-west-1.amazoncognito.com",
    "apps": {"team": "id1"},
}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("SETTINGS", json.dumps(PEOPLE))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    handler._page.cache_clear()
    yield monkeypatch
    handler._page.cache_clear()


def ask(**headers: str) -> dict[str, Any]:
    return handler.handler({"headers": headers}, None)


def policy(made: Page) -> dict[str, str]:
    parts = made.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def test_the_policy_lets_the_page_s_own_program_run_and_no_other(deployed: pytest.MonkeyPatch) -> None:
    answer = ask()

    programs = re.findall(r"<script>(.*?)</script>", answer["body"], re.DOTALL)
    (hashed,) = (base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in programs)
    said = answer["headers"]["Content-Security-Policy"]
    assert f"script-src 'sha256-{hashed}';" in said
    assert "default-src 'none';" in said
    assert "unsafe" not in said


def test_the_page_reaches_its_own_api_and_where_people_sign_in() -> None:
    with_keys = page(HTML, "", "", Settings(key=True))
    with_people = page(HTML, "", "", Settings.parse(json.dumps(PEOPLE)))

    assert policy(with_keys)["connect-src"] == "'self'"
    assert policy(with_people)["connect-src"] == "'self' https://acme.auth.eu-west-1.amazoncognito.com"


def test_what_it_is_told_stays_data() -> None:
    hostile = "</script><script>alert(1)</script>"

    made = page(HTML, "", "", Settings(False, "https://sign-in.example", {hostile: "{{program}}"}))

    assert made.body.count(b"</script>") == 2
    said = made.body.split(b"<script type=json>")[1].split(b"</script>")[0]
    assert json.loads(said)["apps"] == {hostile: "{{program}}"}


def test_a_browser_that_has_the_page_is_not_sent_it_again(deployed: pytest.MonkeyPatch) -> None:
    tag = ask()["headers"]["ETag"]

    again = ask(**{"If-None-Match": tag})

    assert (again["statusCode"], again["body"]) == (304, "")
    assert ask(**{"If-None-Match": '"another"'})["statusCode"] == 200


def test_it_travels_compressed_where_the_browser_takes_it(deployed: pytest.MonkeyPatch) -> None:
    answer = ask(**{"accept-encoding": "gzip, deflate, br"})

    body = base64.b64decode(answer["body"])
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert gzip.decompress(body).decode() == ask()["body"]
    assert len(body) < 20_000


@pytest.mark.parametrize("event", [None, [], {}, {"headers": None}, {"headers": {"accept-encoding": None}}])
def test_any_event_is_answered_with_the_page(deployed: pytest.MonkeyPatch, event: object) -> None:
    assert handler.handler(event, None)["statusCode"] == 200


def test_people_sign_in_where_the_services_are(deployed: pytest.MonkeyPatch) -> None:
    deployed.setenv("AWS_ENDPOINT_URL", "http://localhost:4566/")

    answer = ask()

    assert '"sign_in_url": "http://localhost:4566"' in answer["body"]
    assert "connect-src 'self' http://localhost:4566;" in answer["headers"]["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "are not JSON"),
        ("[]", "give an object with key, sign_in_url and apps"),
        ('{"keys": true}', "give an object with key, sign_in_url and apps"),
        ('{"sign_in_url": "https://a.example"}', "give both or neither"),
        ('{"apps": {"team": "id1"}}', "give both or neither"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=wrong):
        Settings.parse(text)
