"""How a model of an environment file appears in the API: what a body of it looks like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from clary.environment.form import Form
from clary.environment.model_features import ModelFeatures, of_body
from clary.environment.part import DIFFERENT, FROM_LIST, Complaint, Part, refusal
from inference_gateway.schema import SchemaError, compiled

ContentType = Annotated[str, Form("a media type", "text/csv", "[a-z]+/[a-z0-9.+-]+")]
SchemaFile = Annotated[
    str,
    Form(
        "a .json file, relative to the repository's root",
        "workloads/housing/body.schema.json",
        r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\.json",
        longest=200,
    ),
]


class ModelApi(Part):
    """What the gateway lets through to the model."""

    content_types: Annotated[tuple[ContentType, ...], FROM_LIST, DIFFERENT] = Field(
        default=("application/json",), min_length=1
    )
    """The media types that the model takes."""
    example: str | None = None
    """A request body that the model answers; `clary predict` sends it, and the API shows it."""
    features: ModelFeatures | None = None
    """What is looked up for the model by a key that clients send. By default, nothing."""
    body_schema: Mapping[str, Any] | None = None
    """JSON Schema (draft 2020-12) of a body in JSON, or of a line in JSON Lines. What does not fit is refused
    before the model is asked. By default, JSON has to be JSON."""
    body_schema_file: SchemaFile | None = None
    """The same, in a file of its own."""

    @field_validator("body_schema")
    @classmethod
    def _can_be_kept(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if value is not None:
            try:
                compiled(json.loads(json.dumps(value)))
            except SchemaError as error:
                raise refusal(Complaint(error.path, error.message)) from None
            except (TypeError, ValueError):
                raise ValueError("is not JSON, give numbers, text, true, false, lists and mappings") from None
        return value

    @field_validator("body_schema_file")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        if value is not None and ".." in PurePosixPath(value).parts:
            raise ValueError("is not below the repository's root, give a file of its own")
        return value

    @model_validator(mode="after")
    def _one_schema(self) -> Self:
        if self.body_schema is not None and self.body_schema_file is not None:
            message = "cannot stand beside 'body_schema', give either of them"
            raise refusal(Complaint(("body_schema_file",), message))
        return self

    @model_validator(mode="after")
    def _has_rows_with_keys(self) -> Self:
        complaints = [] if self.features is None else list(of_body(self.features, self.content_types))
        if complaints:
            raise refusal(*complaints)
        return self

    def schema_below(self, root: Path) -> Mapping[str, Any] | None:
        """The schema, read from its file where it has one. Raises ValueError if that is no schema."""
        if self.body_schema_file is None:
            return self.body_schema
        file = root / self.body_schema_file
        try:
            schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            compiled(schema)
        except FileNotFoundError:
            raise ValueError(f"no file '{file}', which a model's 'body_schema_file' names") from None
        except ValueError as error:
            raise ValueError(f"'{file}' is no schema that can be checked: {error}") from None
        return schema
