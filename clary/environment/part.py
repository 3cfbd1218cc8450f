"""What every part of an environment file is made of: strict models, forms of words, and complaints."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from clary.environment.form import Form


def name_of(what: str, example: str, longest: int = 20) -> Form:
    says = f"{what}: lower-case letters, digits and single hyphens, beginning with a letter"
    return Form(says, example, "[a-z][a-z0-9]*(-[a-z0-9]+)*", longest)


RepositoryName = Annotated[str, name_of("an image repository's name", "housing")]
AccountId = Annotated[
    str, Form("the twelve digits of an AWS account, in quotes", "111122223333", "[0-9]{12}")
]
Region = Annotated[str, Form("an AWS region", "eu-west-1", "[a-z]{2}(-[a-z]+)+-[0-9]")]
InstanceType = Annotated[str, Form("a SageMaker instance type", "ml.m5.large", r"ml\.[a-z0-9-]+\.[a-z0-9]+")]
ImageTag = Annotated[str, Form("an image's tag", "v1", "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")]
EmailAddress = Annotated[
    str, Form("an e-mail address", "costs@example.com", r"[^@\s]+@[^@\s]+\.[^@\s.]+", longest=254)
]
WebAddress = Annotated[
    str,
    Form(
        "an https address, without a query",
        "https://git.example.org/research/notebooks.git",
        "https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?",
        longest=256,
    ),
]
TagName = Annotated[
    str,
    Form(
        "a tag's name (letters, digits, spaces and _.:/=+-@, beginning with neither aws: nor clary:)",
        "cost-center",
        "(?!aws:|clary:)[A-Za-z0-9 _.:/=+@-]+",
        longest=128,
    ),
]
VariableName = Annotated[
    str, Form("the name of an environment variable", "LOG_LEVEL", "[a-zA-Z_][a-zA-Z0-9_]*", longest=512)
]


def as_text(value: object) -> object:
    """SageMaker and tags know only text: `0.1` becomes "0.1", and `true` "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return value


TEXT_OR_NUMBER: dict[str, Any] = {"type": ["string", "number", "boolean"]}
Variable = Annotated[str, Field(max_length=1024), BeforeValidator(as_text), WithJsonSchema(TEXT_OR_NUMBER)]
"""Text that may be written as a number or as true or false, as long as SageMaker's API allows."""


def _tag_value(value: str) -> str:
    if len(value) > 256 or re.fullmatch(r"[\w\s.:/=+@-]*", value) is None:
        raise ValueError("does not fit, give at most 256 letters, digits, spaces and _.:/=+-@")
    return value


TagValue = Annotated[
    str, BeforeValidator(as_text), AfterValidator(_tag_value), WithJsonSchema(TEXT_OR_NUMBER)
]
FROM_LIST = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""YAML has lists; frozen models hold tuples."""
_Value = TypeVar("_Value")


def different(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
    repeated = [(index, value) for index, value in enumerate(values) if value in values[:index]]
    if repeated:
        raise refusal(
            *(Complaint((index,), f"'{value}' is listed twice, remove one") for index, value in repeated)
        )
    return values


DIFFERENT = AfterValidator(different)


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    """Not `min_length`: pydantic would say that nothing is listed of what cannot be read, too."""
    if not values:
        raise ValueError("has 0 entries, give at least 1")
    return different(values)


SOME = AfterValidator(_some)


class Complaint:
    """What is wrong between parts that are each well-formed, and at which key to say so."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        self.path = path
        self.message = message


def refusal(*complaints: Complaint) -> ValidationError:
    """Raised within a validator, pydantic puts each complaint at its own key."""
    return ValidationError.from_exception_data(
        "environment",
        [
            InitErrorDetails(
                type=PydanticCustomError("complaint", "{message}", {"message": complaint.message}),
                loc=complaint.path,
                input=None,
            )
            for complaint in complaints
        ],
    )


class Part(BaseModel):
    """A part of the file: nothing unknown, nothing coerced, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


def no_such(kind: str, given: str, known: Sequence[str]) -> str:
    """The sentence about a name that refers to nothing, with the nearest one that does."""
    if not known:
        return f"no {kind} '{given}', and there is none at all: add it first"
    near = get_close_matches(given, known, n=1)
    hint = f", did you mean '{near[0]}'?" if near else ","
    return f"no {kind} '{given}'{hint} choose one of: {', '.join(sorted(known))}"
