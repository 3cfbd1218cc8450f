"""The deployed API, attacked from its own document by Schemathesis: no server error, and no answer that the
document does not know.

`make fuzz` sends 10,000 requests, others each time; the test some hundred, which are always the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import client_programs
from support.served_api import ServedApi, read

FUZZING = Path(client_programs.__file__).with_name("fuzzing")
ALL = int(os.environ.get("CLARY_FUZZ", "0"))
"""How many requests, where it is not a matter of a minute."""
OPERATIONS = 26

Attack = Callable[..., tuple[dict[str, Any], str]]


@pytest.fixture
def attack(served: ServedApi, tmp_path: Path) -> Attack:
    """What came of it, and what Schemathesis said."""

    def run(*options: str, document: str | Path = f"{served.url}/openapi.json") -> tuple[dict[str, Any], str]:
        report = tmp_path / "report.json"
        done = client_programs.run(
            "st", "--no-color", "--config-file", FUZZING / "schemathesis.toml", "run", document,
            "--url", served.url, "--header", f"x-api-key: {served.key}",
            "--report", "json", "--report-json-path", report, *options,
            environment={"PATH": os.environ["PATH"], "SCHEMATHESIS_HOOKS": str(FUZZING / "checks.py")},
            at=tmp_path, timeout=180 + ALL / 5, which="schemathesis",
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert report.exists(), said
        return json.loads(report.read_text()), said

    return run


def test_no_request_is_answered_with_what_the_document_does_not_know(attack: Attack) -> None:
    # what does not depend on the number is some 600
    options = ("--max-examples", str(ALL // 18)) if ALL else ("--max-examples", "5", "--seed", "1")

    found, said = attack(*options)

    print(said)
    assert found["exit_code"] == 0, said
    assert found["operations"]["tested"] == OPERATIONS
    assert found["test_cases"]["generated"] >= (ALL or 500)


def test_what_the_document_does_not_know_is_found(served: ServedApi, attack: Attack, tmp_path: Path) -> None:
    document = read(served.ask("GET", "/openapi.json"))
    del document["paths"]["/models/later/jobs/{job}"]["get"]["responses"]["404"]
    document["components"]["schemas"]["Problem"]["required"].append("more")
    document["components"]["schemas"]["RowsBody"]["maxItems"] = 0
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))

    found, said = attack(
        "--include-operation-id", "describeJob_later", "--include-operation-id", "invokeModel_rows",
        "--phases", "coverage", "--seed", "1", document=file,
    )  # fmt: skip

    kinds = {failure["type"] for failure in found["failures"]}
    assert kinds >= {"UndefinedStatusCode", "JsonSchemaError", "AcceptedNegativeData"}, said
