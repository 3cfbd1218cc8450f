import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from clary.environment import schema
from clary.environment.loader import EnvironmentFileError, load

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "environments").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / schema.SCHEMA).read_text(encoding="utf-8")))


def smallest(**more: Any) -> dict[str, Any]:
    teams = {"research": {"members": {"ada": "data-scientist"}}}
    return {"name": "dev", "account": "111122223333", "region": "eu-west-1", "teams": teams, **more}


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / schema.SCHEMA).read_text(encoding="utf-8")

    assert committed == schema.schema_text(), "run python -m clary.environment.schema"


def test_the_page_of_keys_is_current() -> None:
    committed = (ROOT / schema.PAGE).read_text(encoding="utf-8")

    assert committed == schema.page_text(committed), "run python -m clary.environment.schema"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema.json_schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_environment_fits_the_schema(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_environment_tells_editors_of_the_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]

    assert first == f"# yaml-language-server: $schema={Path(schema.SCHEMA).name}"


@pytest.mark.parametrize(
    "member", ["data-scientist", {"persona": "mlops-engineer"}, {"persona": "data-scientist", "space": None}]
)
def test_a_member_has_a_short_and_a_long_form(validator: Draft202012Validator, member: object) -> None:
    validator.validate(smallest(teams={"research": {"members": {"ada": member}}}))


@pytest.mark.parametrize(
    "broken",
    [
        {"teams": {"research": {"members": {"ada": "An Astronaut"}}}},
        {"teams": {"Data Science": {}}},
        {"teams": {"t" * 21: {}}},
        {"teams": {}},
        {"colour": "blue"},
        {"account": 111122223333},
        {"network": {"cidrr": "10.0.0.0/16"}},
        {"tags": {"a": ["b"]}},
        {"tags": {"aws:a": "b"}},
        {"data": {"on_destroy": "maybe"}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_loader_refuses(
    validator: Draft202012Validator, tmp_path: Path, broken: dict[str, Any]
) -> None:
    path = tmp_path / "dev.yaml"
    path.write_text(json.dumps(smallest(**broken)), encoding="utf-8")

    assert not validator.is_valid(smallest(**broken))
    with pytest.raises(EnvironmentFileError):
        load(path)


def test_every_key_says_what_it_is_for() -> None:
    generated = schema.json_schema()
    parts = {"the file": generated, **generated["$defs"]}

    silent = [
        f"{name}.{key}"
        for name, part in parts.items()
        for form in part.get("anyOf", [part])
        for key, value in form.get("properties", {}).items()
        if not value.get("description")
    ]

    assert not silent


def test_the_pages_smallest_file_is_valid(tmp_path: Path) -> None:
    page = (ROOT / schema.PAGE).read_text(encoding="utf-8")
    (text,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "name:" in block)
    (tmp_path / "smallest.yaml").write_text(text, encoding="utf-8")

    assert len(text.splitlines()) == 5
    assert load(tmp_path / "smallest.yaml").name == "smallest"


def test_the_pages_errors_are_what_the_loader_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / schema.PAGE).read_text(encoding="utf-8")
    (told,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "environments").mkdir()
    path = Path("environments/dev.yaml")
    path.write_text(
        "name: dev\naccount: 111122223333\nregion: eu-west-1\n"
        "teams:\n  research:\n    member: {ada: data-scientist}\n"
    )

    with pytest.raises(EnvironmentFileError) as caught:
        load(path)

    assert f"{caught.value}\n" == told
