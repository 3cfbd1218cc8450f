"""What `benchmarks/api_load.py` takes for wrong."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "api_load.py"


@pytest.fixture(scope="module")
def load() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("api_load", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    path, module = list(sys.path), importlib.util.module_from_spec(spec)
    sys.modules["api_load"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["api_load"]
    sys.path[:] = path


@pytest.fixture
def endpoint(load: ModuleType) -> Any:
    """Updated from 20 to 30, killed from 50 to 60."""
    never = float("inf")
    return load.Endpoint("numbers", served=[(1, 0.0, never), (2, 20.0, 30.0)], killed=[(50.0, 60.0)])


@pytest.mark.parametrize(
    ("version", "began", "ended", "right"),
    [
        (1, 5, 6, True),
        (2, 5, 6, False),
        (1, 25, 26, True),
        (2, 25, 26, True),
        (1, 29, 31, True),
        (1, 31, 32, False),
        (2, 31, 32, True),
        (3, 31, 32, False),
    ],
)
def test_an_answer_is_by_a_version_of_its_time(
    endpoint: Any, version: int, began: float, ended: float, right: bool
) -> None:
    assert endpoint.may_answer(version, began, ended) is right


def fault(load: ModuleType, kind: str | None, began: float) -> Any:
    body = json.dumps({"type": f"urn:clary:problem:{kind}", "request_id": "1"}).encode()
    content_type = "application/problem+json" if kind else "text/html"
    return load.Answer(502, {"content-type": content_type}, body, began, began + 0.1)


@pytest.mark.parametrize(
    ("kind", "began", "wrong"),
    [("model-failed", 55.0, 0), ("model-failed", 5.0, 1), ("model-failed", 61.0, 1), (None, 55.0, 1)],
)
def test_a_fault_is_for_a_kill_alone_and_a_problem(
    load: ModuleType, endpoint: Any, kind: str | None, began: float, wrong: int
) -> None:
    seen = load.Seen()

    seen.fault(fault(load, kind, began), endpoint, "a request")

    assert len(seen.wrong) == wrong


@pytest.mark.parametrize(
    ("state", "ran", "wrong"),
    [
        ("completed", "7\n", 0),
        ("failed", "7\n", 0),
        ("failed", "", 0),
        ("completed", "", 1),
        ("completed", "7\n7\n", 1),
        ("failed", "7\n7\n", 1),
        ("in-progress", "7\n", 1),
        ("completed", "7\n8\n", 1),
    ],
)
def test_a_job_runs_once_and_comes_to_an_end(
    load: ModuleType, tmp_path: Path, state: str, ran: str, wrong: int
) -> None:
    seen, file = load.Seen(), tmp_path / "ran"
    file.write_text(ran)
    seen.jobs.append(load.Job(7, "a", 0, 1.0, state=state))

    load._count_runs(SimpleNamespace(ran=file), seen)

    assert len(seen.wrong) == wrong
