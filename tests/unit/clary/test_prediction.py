"""Asking a model from the command line: at once, and later, with an API that is played by the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from clary import prediction
from clary.errors import ClaryError
from clary.prediction import predict

TARGET: Any = SimpleNamespace(ca=None)


@dataclass
class PlayedApi:
    """Answers in the order of a script; a Location is relative, as the API's own are."""

    url: str = ""
    script: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    @property
    def outputs(self) -> dict[str, Any]:
        return {
            "environment": "local",
            "api": {},
            "launched": {},
            "models": {
                name: {
                    "access": {
                        "authorization": "api-key",
                        "url": f"{self.url}/v1/models/{name}/{way}",
                        "headers": {"x-api-key": "k"},
                    },
                    "content_types": ["text/csv"],
                    "targets": name == "many",
                }
                for name, way in (("later", "jobs"), ("many", "invocations"))
            },
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedApi]:
    monkeypatch.setattr(prediction, "_POLL_SECONDS", 0)
    played = PlayedApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            self.rfile.read(length)
            played.asked.append((self.command, self.path, self.headers.get("x-api-key")))
            status, body, headers = played.script.pop(0)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield played
    server.shutdown()
    server.server_close()
    thread.join()


def test_answers_what_is_answered_at_once(api: PlayedApi) -> None:
    api.script = [(200, b"42\n", {"content-type": "text/csv"})]

    answer = predict(TARGET, api.outputs, "later", b"1", None)

    assert (answer.status, answer.content_type, answer.body) == (200, "text/csv", b"42\n")


def test_waits_for_a_job_and_follows_its_link(api: PlayedApi) -> None:
    api.script = [
        (202, {"state": "in-progress"}, {"location": "jobs/7"}),
        (200, {"state": "in-progress"}, {}),
        (200, {"state": "completed", "result": {"url": f"{api.url}/bucket/output"}}, {}),
        (200, b"42\n", {"content-type": "text/csv"}),
    ]

    answer = predict(TARGET, api.outputs, "later", b"1", None)

    assert answer.body == b"42\n"
    assert api.asked == [
        ("POST", "/v1/models/later/jobs", "k"),
        ("GET", "/v1/models/later/jobs/7", "k"),
        ("GET", "/v1/models/later/jobs/7", "k"),
        ("GET", "/bucket/output", None),
    ]


def test_says_why_a_job_has_failed(api: PlayedApi) -> None:
    api.script = [
        (202, {"state": "in-progress"}, {"location": "jobs/7"}),
        (200, {"state": "failed", "problem": {"detail": "compare the input"}}, {}),
    ]

    with pytest.raises(ClaryError, match="'later' is failed: compare the input"):
        predict(TARGET, api.outputs, "later", b"1", None)


def test_passes_a_problem_on(api: PlayedApi) -> None:
    api.script = [(429, {"title": "Too many"}, {"content-type": "application/problem+json"})]

    assert predict(TARGET, api.outputs, "later", b"1", None).status == 429


def test_gives_up_on_a_job_without_an_end(api: PlayedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "_MOST_SECONDS", -1)
    api.script = [
        (202, {"state": "in-progress"}, {"location": "jobs/7"}),
        (200, {"state": "in-progress"}, {}),
    ]

    with pytest.raises(ClaryError, match="has not answered within"):
        predict(TARGET, api.outputs, "later", b"1", None)


def test_names_one_of_many_models(api: PlayedApi) -> None:
    api.script = [(200, b"42\n", {"content-type": "text/csv"})]

    predict(TARGET, api.outputs, "many", b"1", None, "near/by.tar.gz")

    assert api.asked == [("POST", "/v1/models/many/invocations?target=near%2Fby.tar.gz", "k")]


@pytest.mark.parametrize(
    ("model", "artifact", "why"),
    [("many", None, "say which one with --target"), ("later", "by.tar.gz", "leave --target out")],
)
def test_asks_nobody_while_it_is_unclear_which_model_is_meant(
    model: str, artifact: str | None, why: str, api: PlayedApi
) -> None:
    with pytest.raises(ClaryError, match=why):
        predict(TARGET, api.outputs, model, b"1", None, artifact)

    assert api.asked == []
