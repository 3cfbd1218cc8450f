"""How a model appears in the API: its schema, inline or from a file, and which pages may call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model_api import ModelApi

WHOLE = """name: dev
account: "111122223333"
region: eu-west-1
teams: {research: {members: {ada: data-scientist}}}
repositories: [housing]
models:
  housing:
    team: research
    image: {repository: housing, tag: v1}
    artifact: {key: model.tar.gz}
"""


def loaded(folder: Path, more: str) -> ModelApi:
    file = folder / "dev.yaml"
    file.write_text(WHOLE + more)
    return load(file).models["housing"].api


@pytest.mark.parametrize(
    ("more", "where", "words"),
    [
        (
            "    api:\n      body_schema: {type: float}\n",
            "12:27",
            ("models.housing.api.body_schema.type", "is not a type, give some of: array"),
        ),
        (
            "    api:\n      body_schema:\n        unevaluatedItems: false\n",
            "13:27",
            ("body_schema.unevaluatedItems", "is not supported here, take it out"),
        ),
        (
            "    api:\n      body_schema: {properties: {a: {items: {minItems: -1}}}}\n",
            "12:56",
            ("body_schema.properties.a.items.minItems", "is not a whole number"),
        ),
        (
            "    api:\n      body_schema: {type: array}\n      body_schema_file: body.json\n",
            "13:25",
            ("cannot stand beside 'body_schema'",),
        ),
        (
            "    api:\n      body_schema_file: ../body.json\n",
            "12:25",
            ("is not below the repository's root",),
        ),
        (
            "    api:\n      body_schema_file: body.yaml\n",
            "12:25",
            ("'body.yaml' does not fit", ".json file"),
        ),
        (
            "api: {cors: {origins: [https://shop.example/]}}\n",
            "11:24",
            ("'https://shop.example/' does not fit", "the origin of a web page"),
        ),
        (
            'api: {cors: {origins: ["*"]}}\n',
            "11:24",
            ("'*' does not fit",),
        ),
    ],
)
def test_tells_what_is_wrong_at_its_line(
    tmp_path: Path, more: str, where: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(EnvironmentFileError) as refused:
        loaded(tmp_path, more)

    told = str(refused.value)
    assert f"dev.yaml:{where}" in told, told
    for each in words:
        assert each in told


def test_reads_a_schema_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps({"type": "array"}))
    api = loaded(tmp_path, "    api: {body_schema_file: body.json}\n")

    assert api.schema_below(tmp_path) == {"type": "array"}


def test_takes_a_schema_as_it_stands(tmp_path: Path) -> None:
    api = loaded(tmp_path, "    api:\n      body_schema: {type: array, items: {type: [number, 'null']}}\n")

    assert api.schema_below(tmp_path) == {"type": "array", "items": {"type": ["number", "null"]}}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no file '.*body.json', which a model's 'body_schema_file' names"),
        ("{", "is no schema that can be checked"),
        ('{"type": 1}', "is no schema that can be checked: /type: is not a type"),
    ],
)
def test_refuses_a_file_that_is_no_schema(tmp_path: Path, content: str | None, complaint: str) -> None:
    api = loaded(tmp_path, "    api: {body_schema_file: body.json}\n")
    if content is not None:
        (tmp_path / "body.json").write_text(content)

    with pytest.raises(ValueError, match=complaint):
        api.schema_below(tmp_path)
