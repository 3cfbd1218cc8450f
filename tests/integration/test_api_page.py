"""What `docs/api.md` shows to those who call the API with a key, run as it stands.

What it shows to the others needs IAM enforced, and is run by tests/e2e/test_api_authorization.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.page_examples import api_examples, run
from support.served_api import ServedApi

EXAMPLES, _ = api_examples()
SAYS = [
    "[3, 7]",
    "[3, 7]",
    "[ 3, 7 ]",
    "6.0",
    "completed ['3.0', '7.0']",
    "in-progress",
    "completed [ '3.0', '7.0' ]",
    "26.5",
]


def test_every_example_is_run() -> None:
    assert [language for language, _ in EXAMPLES] == ["sh", "python", "js", "sh", "python", "sh", "js", "sh"]


@pytest.mark.parametrize(("number", "says"), list(enumerate(SAYS)))
def test_an_example_does_what_it_says(served: ServedApi, tmp_path: Path, number: int, says: str) -> None:
    said = run(EXAMPLES[number], {"API_URL": served.url, "API_KEY": served.key}, tmp_path)

    assert said.split() == says.split()
