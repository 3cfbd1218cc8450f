"""The document: it says what there is, for the models that a caller sees, and every status."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from inference_gateway import catalogue, openapi, problem
from inference_gateway.routes import ROUTES

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:rows",
    "type": "array",
    "items": {"$ref": "#/$defs/row"},
    "$defs": {"row": {"type": "array", "items": {"enum": [1, {"$ref": "#/kept"}]}}},
}
MODELS = catalogue.parse(
    json.dumps(
        {
            "big-rows": {
                "endpoint": "e",
                "content_types": ["application/json", "application/jsonlines", "text/csv", "image/png"],
                "example": "[[1]]",
                "schema": SCHEMA,
            },
            "later": {"endpoint": "e", "mode": "asynchronous", "content_types": ["text/csv"], "example": "1"},
            "many": {"endpoint": "e", "content_types": ["text/csv"], "targets": True},
            "nightly": {
                "mode": "batch",
                "content_types": ["text/csv"],
                "batch": {"model": "m", "instance_type": "ml.m5.large"},
            },
        }
    )
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(openapi.document(MODELS.values())))
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_has_every_route_for_each_model_that_is_asked_so(document: dict[str, Any]) -> None:
    found = {(method, path) for method, path, _ in operations(document)}

    expected = set()
    for route in ROUTES:
        way = route.path.split("/")[3:4]
        for model in MODELS.values():
            if not way or way[0] in model.ways:
                expected.add((route.method, route.path.replace("{model}", model.name)))
    assert found == expected


def test_says_nothing_of_models_that_are_not_given() -> None:
    told = json.dumps(openapi.document([MODELS["later"]]))

    assert "later" in told
    assert "big-rows" not in told
    assert "BigRows" not in told


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for key, value in part.items():
                if key != "enum":
                    yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    for reference in set(references(document)):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found, reference


def test_a_models_schema_means_the_same_where_it_stands(document: dict[str, Any]) -> None:
    moved = {"$ref": "#/components/schemas/BigRowsBody", "components": document["components"]}
    reference = jsonschema.Draft202012Validator(moved)

    assert reference.is_valid([[1, {"$ref": "#/kept"}]])
    assert not reference.is_valid([[2]])


def test_bodies_are_described_by_their_types(document: dict[str, Any]) -> None:
    content = document["paths"]["/models/big-rows/invocations"]["post"]["requestBody"]["content"]

    schema = {"$ref": "#/components/schemas/BigRowsBody"}
    assert content == {
        "application/json": {"schema": schema, "example": [[1]]},
        "application/jsonlines": {"x-item-schema": schema},
        "text/csv": {"schema": {"type": "string", "minLength": 1}},
        "image/png": {"schema": {"type": "string", "format": "binary", "minLength": 1}},
    }


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(problem).values() if isinstance(kind, problem.Kind)],
    ids=lambda kind: kind.name,
)
def test_every_problem_has_a_status_that_is_documented(document: dict[str, Any], kind: problem.Kind) -> None:
    documented = {status for _, _, operation in operations(document) for status in operation["responses"]}

    assert str(kind.status) in documented


def test_says_which_of_many_models_is_asked(document: dict[str, Any]) -> None:
    (parameter,) = document["paths"]["/models/many/invocations"]["post"]["parameters"]

    assert (parameter["name"], parameter["in"], parameter["required"]) == ("target", "query", True)
    takes = re.compile(parameter["schema"]["pattern"]).search
    assert takes("one.tar.gz")
    assert takes("near/by.tar.gz")
    assert not takes("../one.tar.gz")
