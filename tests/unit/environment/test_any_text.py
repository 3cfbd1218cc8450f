"""Whatever a file holds, a person gets an environment or sentences."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment
from clary.environment.schema import json_schema

ROOT = Path(__file__).parents[3]
SAMPLES = [(ROOT / "environments" / f"{name}.yaml").read_text(encoding="utf-8") for name in ("local", "prod")]
KEYS = sorted({*re.findall(r"[a-z_]+(?=:)", "".join(SAMPLES)), "source", "vpc", "space", "volume_gib", "<<"})
VALIDATOR = Draft202012Validator(json_schema())

# The same examples every time, so that a failure is the change's and not the day's.
SETTINGS = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.sampled_from(
        ["iam", "delete", "data-scientist", "111122223333", "eu-west-1", "10.0.0.0/16", "a/b", ".."]
    )
)
trees = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=5) | st.integers() | st.booleans(), below, max_size=5
        )
    ),
    max_leaves=25,
)
PIECES = [
    *"\t\n\r:-?[]{},#&*!|>'\"%@`~\\ \0\x85\u2028\ufeff",
    *("<<: *a", "&a ", "*a", "---\n", "!!set ", "!x ", "!!int ", "? ", "- ", ": ", "\\ud800", "\\U00110000"),
    *("null", "no", "0123", "1_0", "0x1f", "1:30", ".inf"),
]
pieces = st.sampled_from(PIECES)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def loaded(folder: Path, content: bytes) -> Environment | None:
    """Fails the test unless the file is an environment, or refused in printable lines with their places."""
    path = folder / "local.yaml"
    path.write_bytes(content)
    try:
        return load(path)
    except EnvironmentFileError as error:
        refusal = error
    assert refusal.problems
    for line in str(refusal).split("\n"):
        assert line.isprintable()
        assert re.search(r"local\.yaml:[1-9][0-9]*:[1-9][0-9]*: .", line)
    return None


@SETTINGS
@given(content=st.binary(max_size=200))
def test_any_bytes(folder: Path, content: bytes) -> None:
    loaded(folder, content)


@SETTINGS
@given(text=st.lists(pieces | st.sampled_from(KEYS) | st.text(max_size=8), max_size=25).map("".join))
def test_any_text(folder: Path, text: str) -> None:
    loaded(folder, text.encode("utf-8", "surrogatepass"))


@SETTINGS
@given(tree=trees)
def test_any_tree(folder: Path, tree: object) -> None:
    loaded(folder, yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@SETTINGS
@given(tree=st.fixed_dictionaries({}, optional=dict.fromkeys(Environment.model_fields, trees)))
def test_any_value_of_the_known_keys(folder: Path, tree: dict[str, object]) -> None:
    loaded(folder, json.dumps(tree, default=str).encode("utf-8", "surrogatepass"))


@SETTINGS
@given(data=st.data(), sample=st.sampled_from(SAMPLES))
def test_any_slip_in_a_good_file(folder: Path, data: st.DataObject, sample: str) -> None:
    """What the loader still takes, editors take as well."""
    text = sample
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(pieces | st.just("")) + text[end:]

    if loaded(folder, text.encode()) is not None:
        assert VALIDATOR.is_valid(yaml.safe_load(text))
