"""`clary up` ends with a question to each model that can be asked at once, and with none to the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary import outputs, prediction
from clary.commands import environment
from clary.errors import ClaryError
from inference_gateway.problem import CONTENT_TYPE, UNKNOWN_KEY

TARGET: Any = object()


def model(**changes: Any) -> dict[str, Any]:
    return {"example": "1", "access": {}, "targets": False, "url": "http://api/models/a"} | changes


MODELS = {
    "steady": model(),
    "dumb": model(example=None),
    "hidden": model(access=None),
    "many": model(targets=True),
    "promoted": model(),
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def ask(_target: Any, _found: Any, name: str, _data: bytes, _kind: str | None) -> prediction.Answer:
        names.append(name)
        return prediction.Answer(200 if name == "steady" else 503, "text/csv", b"42\n")

    monkeypatch.setattr(prediction, "predict", ask)
    return names


def test_asks_no_model_that_is_hidden_or_many_or_has_no_version_yet(
    monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    states = dict.fromkeys(MODELS, ("InService", "")) | {"promoted": ("NotApproved", "")}
    monkeypatch.setattr(outputs, "endpoint_states", lambda _: states)

    environment._show_first_prediction(TARGET, {"models": MODELS})

    assert asked == ["steady"]


def test_a_model_whose_feature_group_is_still_empty_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = json.dumps({"type": UNKNOWN_KEY.type, "status": UNKNOWN_KEY.status}).encode()
    answer = prediction.Answer(UNKNOWN_KEY.status, CONTENT_TYPE, problem)
    monkeypatch.setattr(prediction, "predict", lambda *_: answer)
    monkeypatch.setattr(outputs, "endpoint_states", lambda _: {"steady": ("InService", "")})

    environment._show_first_prediction(TARGET, {"models": {"steady": model()}})

    assert "answer" not in capsys.readouterr().out


def test_a_model_that_should_answer_and_does_not_is_an_error(
    monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr(outputs, "endpoint_states", lambda _: dict.fromkeys(MODELS, ("InService", "")))

    with pytest.raises(ClaryError, match="the API answered 503"):
        environment._show_first_prediction(TARGET, {"models": MODELS})

    assert asked == ["steady", "promoted"]
