"""Every route of the API: the one table that requests, API Gateway's resources and the document are made of.

Segments alternate: what kind of thing, which one, what of it, which one. A slash at the end makes no
difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from inference_gateway.problem import METHOD_NOT_ALLOWED, UNKNOWN_ROUTE, Problem


class Route(NamedTuple):
    operation: str
    """As programs that are generated from the document call it."""
    method: str
    path: str


HEALTH = Route("checkHealth", "GET", "/health")
DOCUMENT = Route("getDocument", "GET", "/openapi.json")
LIST_MODELS = Route("listModels", "GET", "/models")
DESCRIBE_MODEL = Route("describeModel", "GET", "/models/{model}")
INVOKE_MODEL = Route("invokeModel", "POST", "/models/{model}/invocations")
CREATE_JOB = Route("createJob", "POST", "/models/{model}/jobs")
DESCRIBE_JOB = Route("describeJob", "GET", "/models/{model}/jobs/{job}")
START_JOB = Route("startJob", "POST", "/models/{model}/jobs/{job}")
DELETE_JOB = Route("deleteJob", "DELETE", "/models/{model}/jobs/{job}")
CREATE_BATCH = Route("createBatch", "POST", "/models/{model}/batches")
DESCRIBE_BATCH = Route("describeBatch", "GET", "/models/{model}/batches/{batch}")
START_BATCH = Route("startBatch", "POST", "/models/{model}/batches/{batch}")
DELETE_BATCH = Route("deleteBatch", "DELETE", "/models/{model}/batches/{batch}")

ROUTES = (
    HEALTH,
    DOCUMENT,
    LIST_MODELS,
    DESCRIBE_MODEL,
    INVOKE_MODEL,
    CREATE_JOB,
    DESCRIBE_JOB,
    START_JOB,
    DELETE_JOB,
    CREATE_BATCH,
    DESCRIBE_BATCH,
    START_BATCH,
    DELETE_BATCH,
)


class Question(NamedTuple):
    route: Route
    model: str = ""
    item: str = ""
    """A job, or a batch."""


def question(method: str, path: str) -> Question:
    """What is asked."""
    methods, segments = _at(path)
    try:
        route = methods[method]
    except KeyError:
        allowed = ", ".join(methods)
        raise Problem(
            METHOD_NOT_ALLOWED, f"this path takes {allowed} only", headers={"Allow": allowed}
        ) from None
    return Question(route, *segments[1::2])


def methods_of(path: str) -> tuple[str, ...]:
    """What a path takes."""
    return tuple(_at(path)[0])


def _at(path: str) -> tuple[Mapping[str, Route], list[str]]:
    segments = path.removeprefix("/").removesuffix("/").split("/")
    methods = _BY_PATH.get((len(segments), *segments[::2]))
    if methods is None or not all(segments):
        raise Problem(UNKNOWN_ROUTE, "GET /openapi.json says which paths there are")
    return methods, segments


def _by_path() -> Mapping[tuple[int | str, ...], Mapping[str, Route]]:
    found: dict[tuple[int | str, ...], dict[str, Route]] = {}
    for route in ROUTES:
        segments = route.path[1:].split("/")
        found.setdefault((len(segments), *segments[::2]), {})[route.method] = route
    return found


_BY_PATH = _by_path()
