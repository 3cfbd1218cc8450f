"""The models that the gateway stands in front of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeGuard, cast

FeatureType = Literal["string", "integral", "fractional"]
Mode = Literal["real-time", "serverless", "asynchronous", "batch"]
_MODES = ("real-time", "serverless", "asynchronous", "batch")
_MODEL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # CreateEndpoint's own pattern
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_KEYS = {
    "endpoint", "component", "mode", "content_types", "example", "schema", "batch", "targets", "features"
}  # fmt: skip
_LOOKUP_KEYS = {"group", "identifier", "key_type", "member", "column", "features"}
_BATCH_KEYS = {"model", "instance_type", "instance_count", "encrypt_volume"}


class Batch(NamedTuple):
    """What a transform of the model runs on."""

    model: str
    instance_type: str
    instance_count: int = 1
    encrypt_volume: bool = True
    """Instances with disks of their own encrypt these themselves, and take no key for them."""


class Lookup(NamedTuple):
    """What the model gets in the place of a key."""

    group: str
    identifier: str
    """The feature that a key is of."""
    key_type: FeatureType
    member: str
    """Which member of a row in JSON is its key."""
    column: int
    """Which column of a row in CSV, from 1."""
    features: Mapping[str, FeatureType]
    """In order."""


class Model(NamedTuple):
    name: str
    endpoint: str | None
    content_types: tuple[str, ...]
    example: str | None = None
    mode: Mode = "real-time"
    component: str | None = None
    schema: object = None
    """JSON Schema of a body in JSON, and of a line in JSON Lines."""
    batch: Batch | None = None
    targets: bool = False
    """Whether the endpoint has many models, of which a request names one."""
    features: Lookup | None = None
    """What is looked up for it."""

    @property
    def ways(self) -> tuple[str, ...]:
        """How it can be asked."""
        first = {"asynchronous": "jobs", "batch": None}.get(self.mode, "invocations")
        return tuple(way for way in (first, self.batch and "batches") if way)


class Seen(NamedTuple):
    """The models that somebody may know of, as far as they could be seen."""

    models: list[Model]
    unseen: Sequence[str] = ()
    """Teams of whose launched models there may be more."""
    reason: str | None = None
    """For the log: why."""


class CatalogueError(ValueError):
    """All that is wrong with the text the catalogue was to be read from."""


def parse(text: str, described: str = "{}") -> Mapping[str, Model]:
    """Reads `{"housing": {"endpoint": "…", "content_types": ["text/csv"], "example": "…"}}`.

    `described` is more of the same, for what is too long for an environment variable. Everything but
    `content_types` may be missing or null; a model without an endpoint is for batches.
    """
    wrong: list[str] = []
    entries, more = _entries("MODELS", text), _entries("models.json", described)
    whole = {
        name: {**more.get(name, {}), **entry} if isinstance(entry, dict) else entry
        for name, entry in entries.items()
    }
    models = {name: _model(name, entry, wrong) for name, entry in whole.items()}
    if wrong:
        raise CatalogueError("MODELS: " + "; ".join(wrong))
    return {name: model for name, model in models.items() if model is not None}


def _entries(what: str, text: str) -> dict[str, dict[str, object]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{what} is not JSON: {error}") from error
    if not isinstance(entries, dict):
        raise CatalogueError(f"{what} is {_kind(entries)}, give an object with an entry for each model")
    return entries


def _model(name: str, entry: object, wrong: list[str]) -> Model | None:
    before = len(wrong)
    if not _MODEL_NAME.fullmatch(name):
        wrong.append(f"'{name}' is not a name, use lower-case letters, digits and single hyphens")
    if not isinstance(entry, dict):
        wrong.append(f"'{name}' is {_kind(entry)}, give an object with endpoint and content_types")
        return None
    wrong.extend(f"'{name}' has the unknown key '{key}'" for key in entry if key not in _KEYS)
    endpoint, types, example = entry.get("endpoint"), entry.get("content_types"), entry.get("example")
    mode, component, batch = entry.get("mode", "real-time"), entry.get("component"), entry.get("batch")
    if mode not in _MODES:
        wrong.append(f"'{name}': mode is {mode!r}, choose one of: {', '.join(_MODES)}")
    if (endpoint is not None or mode != "batch") and not _is_endpoint(endpoint):
        wrong.append(f"'{name}': endpoint is {endpoint!r}, give the name of an endpoint")
    if component is not None and not _is_endpoint(component):
        wrong.append(f"'{name}': component is {component!r}, give the name of an inference component")
    if not isinstance(types, list) or not types or not all(is_media_type(item) for item in types):
        wrong.append(f"'{name}': content_types is {types!r}, give a list like [\"text/csv\"]")
    if not isinstance(example, str | None):
        wrong.append(f"'{name}': example is {_kind(example)}, give a string or nothing")
    if batch is None and mode == "batch":
        wrong.append(f"'{name}': its mode is batch, and it has no batch")
    if batch is not None and not (
        isinstance(batch, dict) and {"model", "instance_type"} <= batch.keys() <= _BATCH_KEYS
    ):
        wrong.append(f"'{name}': batch is {batch!r}, give an object with model and instance_type")
    features = entry.get("features")
    if features is not None and not (isinstance(features, dict) and features.keys() == _LOOKUP_KEYS):
        wrong.append(
            f"'{name}': features is {features!r}, give an object with {', '.join(sorted(_LOOKUP_KEYS))}"
        )
    if len(wrong) > before:
        return None
    return Model(
        name=name,
        endpoint=cast("str | None", endpoint),
        content_types=tuple(types or ()),
        example=example,
        mode=cast(Mode, mode),
        component=cast("str | None", component),
        schema=entry.get("schema"),
        batch=Batch(**batch) if batch else None,
        targets=entry.get("targets") is True,
        features=Lookup(**features) if features else None,
    )


def _is_endpoint(value: object) -> bool:
    return isinstance(value, str) and bool(_ENDPOINT_NAME.fullmatch(value))


def is_media_type(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(_MEDIA_TYPE.fullmatch(value))


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
