"""Which question a method and a path ask."""

from __future__ import annotations

from typing import NamedTuple

from inference_gateway.problem import METHOD_NOT_ALLOWED, UNKNOWN_ROUTE, Problem


class ListModels(NamedTuple):
    """GET /models"""


class DescribeModel(NamedTuple):
    """GET /models/{model}"""

    model: str


class InvokeModel(NamedTuple):
    """POST /models/{model}/invocations"""

    model: str


Question = ListModels | DescribeModel | InvokeModel


def question(method: str, path: str) -> Question:
    """What is asked; a slash at the end of the path makes no difference."""
    allowed, asked = _at(path)
    if method != allowed:
        raise Problem(METHOD_NOT_ALLOWED, f"this path takes {allowed} only", headers={"Allow": allowed})
    return asked


def _at(path: str) -> tuple[str, Question]:
    match path.removeprefix("/").removesuffix("/").split("/"):
        case ["models"]:
            return "GET", ListModels()
        case ["models", model] if model:
            return "GET", DescribeModel(model)
        case ["models", model, "invocations"] if model:
            return "POST", InvokeModel(model)
    raise Problem(UNKNOWN_ROUTE, "use /models, /models/{model} or /models/{model}/invocations")
