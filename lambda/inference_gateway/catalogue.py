"""The models that the gateway stands in front of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

_MODEL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # CreateEndpoint's own pattern
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_KEYS = {"endpoint", "content_types", "example"}


class Model(NamedTuple):
    name: str
    endpoint: str
    content_types: tuple[str, ...]
    example: str | None = None


class CatalogueError(ValueError):
    """All that is wrong with the text the catalogue was to be read from."""


def parse(text: str) -> Mapping[str, Model]:
    """Reads `{"housing": {"endpoint": "…", "content_types": ["text/csv"], "example": "…"}}`.

    `example` may be missing or null.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"MODELS is not JSON: {error}") from error
    if not isinstance(entries, dict):
        raise CatalogueError(f"MODELS is {_kind(entries)}, give an object with an entry for each model")
    wrong: list[str] = []
    models = {name: _model(name, entry, wrong) for name, entry in entries.items()}
    if wrong:
        raise CatalogueError("MODELS: " + "; ".join(wrong))
    return {name: model for name, model in models.items() if model is not None}


def _model(name: str, entry: object, wrong: list[str]) -> Model | None:
    before = len(wrong)
    if not _MODEL_NAME.fullmatch(name):
        wrong.append(f"'{name}' is not a name, use lower-case letters, digits and single hyphens")
    if not isinstance(entry, dict):
        wrong.append(f"'{name}' is {_kind(entry)}, give an object with endpoint and content_types")
        return None
    wrong.extend(f"'{name}' has the unknown key '{key}'" for key in entry if key not in _KEYS)
    endpoint, types, example = entry.get("endpoint"), entry.get("content_types"), entry.get("example")
    if not isinstance(endpoint, str) or not _ENDPOINT_NAME.fullmatch(endpoint):
        wrong.append(f"'{name}': endpoint is {endpoint!r}, give the name of an endpoint")
    if not isinstance(types, list) or not types or not all(_is_media_type(item) for item in types):
        wrong.append(f"'{name}': content_types is {types!r}, give a list like [\"text/csv\"]")
    if not isinstance(example, str | None):
        wrong.append(f"'{name}': example is {_kind(example)}, give a string or nothing")
    if len(wrong) > before:
        return None
    return Model(name=name, endpoint=str(endpoint), content_types=tuple(types or ()), example=example)


def _is_media_type(value: object) -> bool:
    return isinstance(value, str) and bool(_MEDIA_TYPE.fullmatch(value))


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
