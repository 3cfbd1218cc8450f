"""The API as an OpenAPI 3.1 document: the routes that there are, for the models that a caller sees.

Each model has paths of its own, with its own types, schema and example: programs that are generated from
the document know what a body looks like. Every status that the API answers is in it, API Gateway's own
included. https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference_gateway import limit, payload
from inference_gateway.catalogue import Lookup, Model
from inference_gateway.problem import CONTENT_TYPE
from inference_gateway.quota import PERIODS
from inference_gateway.routes import (
    CREATE_BATCH,
    CREATE_JOB,
    DELETE_BATCH,
    DELETE_JOB,
    DESCRIBE_BATCH,
    DESCRIBE_JOB,
    DESCRIBE_MODEL,
    DOCUMENT,
    HEALTH,
    INVOKE_MODEL,
    LIST_MODELS,
    ROUTES,
    START_BATCH,
    START_JOB,
    Route,
)

_SUMMARIES: Mapping[Route, str] = {
    HEALTH: "Whether the API answers",
    DOCUMENT: "This document",
    LIST_MODELS: "The models there are",
    DESCRIBE_MODEL: "A model's state, types, limits, schema and example",
    INVOKE_MODEL: "A prediction, at once",
    CREATE_JOB: "A prediction, later: the body is the input, or it is uploaded",
    DESCRIBE_JOB: "What became of a job, and its result",
    START_JOB: "Starts a job whose input is uploaded",
    DELETE_JOB: "Cancels a job and deletes what there is of it",
    CREATE_BATCH: "Predictions for a whole file: the body is the input, or it is uploaded",
    DESCRIBE_BATCH: "What became of a batch, and its result",
    START_BATCH: "Starts a batch whose input is uploaded",
    DELETE_BATCH: "Cancels a batch and deletes what there is of it",
}

_ALWAYS = (400, 401, 403, 404, 405, 413, 415, 429, 500, 502, 503, 504)
"""What any request may be answered, by the function or by API Gateway."""
_OF_ORDERS: Mapping[str, tuple[int, ...]] = {"GET": (), "POST": (409, 422, 424), "DELETE": (409,)}

_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Which problem: stable, for programs"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What would do, for people"},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "description": "What to quote when asking for help"},
    },
}

_TIME = {"type": "string", "format": "date-time"}
_ORDER_STATES = ("awaiting-input", "in-progress", "completed", "failed", "expired", "cancelled")


def document(models: Iterable[Model], unseen: Sequence[str] = ()) -> dict[str, Any]:
    """Of teams that are `unseen` there may be more: the document says so in `x-unseen`."""
    models = list(models)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if "{model}" not in route.path:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, None)
            continue
        for model in models:
            way = route.path.split("/")[3:4]
            if not way or way[0] in model.ways:
                path = route.path.replace("{model}", model.name)
                paths.setdefault(path, {})[route.method.lower()] = _operation(route, model)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Models",
            "version": "1",
            "description": "Predictions over HTTPS. Every fault is application/problem+json (RFC 9457).",
        },
        "servers": [{"url": "."}],
        "security": [{"key": []}, {"signature": []}, {"token": []}],
        **({"x-unseen": list(unseen)} if unseen else {}),
        "tags": [{"name": model.name} for model in models],
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": _PROBLEM,
                "Model": _model_schema(),
                "Job": _order_schema("job"),
                "Batch": _order_schema("batch"),
                **{
                    _schema_name(model): _moved(model.schema, f"#/components/schemas/{_schema_name(model)}")
                    for model in models
                    if model.schema is not None
                },
            },
            "responses": {
                "Problem": {
                    "description": "Why there is no answer",
                    "headers": {"Retry-After": {"schema": {"type": "string"}}},
                    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4 for the service execute-api",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _operation(route: Route, model: Model | None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation if model is None else f"{route.operation}_{model.name}",
        "summary": _SUMMARIES[route],
        "responses": _answers(route)
        | {str(status): {"$ref": "#/components/responses/Problem"} for status in _faults(route)},
    }
    if model is None:
        return operation
    operation["tags"] = [model.name]
    segments = route.path.split("/")
    if len(segments) > 4:
        name = segments[4].strip("{}")
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        ]
    if route in (CREATE_JOB, CREATE_BATCH):
        operation["parameters"] = [
            {
                "name": "input",
                "in": "query",
                "description": "With `upload` the body is empty, and the answer has a form for the input",
                "schema": {"type": "string", "enum": ["body", "upload"], "default": "body"},
            },
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and the same request are the same order, once",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
            },
        ]
    if route == INVOKE_MODEL and model.targets:
        operation["parameters"] = [
            {
                "name": "target",
                "in": "query",
                "required": True,
                "description": "Which of the endpoint's models is meant: its artifact's key in their folder",
                "schema": {"type": "string", "pattern": f"^{payload.TARGET_PATTERN}$"},
            }
        ]
    if route in (INVOKE_MODEL, CREATE_JOB, CREATE_BATCH):
        operation["requestBody"] = {
            "required": route == INVOKE_MODEL,
            "description": f"At most {payload.body_bytes(model)} bytes{_looked_up(model)}",
            "content": {kind: _body(model, kind) for kind in model.content_types},
        }
    return operation


def _faults(route: Route) -> tuple[int, ...]:
    if route == INVOKE_MODEL:
        return (*_ALWAYS, 422, 424)
    if "/jobs" in route.path or "/batches" in route.path:
        return (*_ALWAYS, *_OF_ORDERS[route.method])
    return _ALWAYS


def _answers(route: Route) -> dict[str, Any]:
    if route == INVOKE_MODEL:
        return {"200": {"description": "What the model has answered", "content": {"*/*": {}}}}
    if route.method == "DELETE":
        return {"204": {"description": "It is cancelled, and nothing is left of it"}}
    order = {"jobs": "Job", "batches": "Batch"}.get(next(iter(route.path.split("/")[3:4]), ""))
    if order and route.method == "POST":
        taken = {
            "202": _answer("Taken: its Location says what becomes of it", order, "Location", "Retry-After")
        }
        if route in (CREATE_JOB, CREATE_BATCH):
            taken["201"] = _answer("It waits for its input: send the form, then start it", order, "Location")
        return taken
    if order:
        return {"200": _answer("What is known of it", order, "Retry-After")}
    inline: Mapping[Route, Mapping[str, Any]] = {
        HEALTH: {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
        DOCUMENT: {"type": "object"},
        LIST_MODELS: {
            "type": "object",
            "required": ["models"],
            "properties": {
                "models": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}},
                    },
                },
                "unseen": {
                    "type": "array",
                    "description": "Teams whose launched models cannot be looked up: there may be more",
                    "items": {"type": "string"},
                },
            },
        },
    }
    if route in inline:
        content = {"application/json": {"schema": inline[route]}}
        return {"200": {"description": _SUMMARIES[route], "content": content}}
    return {"200": _answer(_SUMMARIES[route], "Model")}


def _answer(description: str, schema: str, *headers: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    if headers:
        answer["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return answer


def _looked_up(model: Model) -> str:
    if model.features is None:
        return ""
    return f" and {limit.KEYS} rows, each with a key in whose place the model gets what is known of it"


def _keyed(lookup: Lookup, content_type: str) -> dict[str, Any]:
    """What is known of a body without a schema of its own."""
    kind = {"type": ["string", "integer"], "description": "The key", "minLength": 1}
    row = {"type": "object", "required": [lookup.member], "properties": {lookup.member: kind}}
    if payload.is_json_lines(content_type):
        return {"x-item-schema": row}
    if payload.is_json(content_type):
        several = {"type": "array", "items": row, "minItems": 1, "maxItems": limit.KEYS}
        return {"schema": {"anyOf": [row, several]}}
    column = f"CSV, without a header. Column {lookup.column} is the key."
    return {"schema": {"type": "string", "minLength": 1, "description": column}}


def _body(model: Model, content_type: str) -> dict[str, Any]:
    described: dict[str, Any] = {}
    schema = None if model.schema is None else {"$ref": f"#/components/schemas/{_schema_name(model)}"}
    if model.features is not None and (schema is None or content_type.startswith("text/")):
        described |= _keyed(model.features, content_type)
    elif payload.is_json(content_type):
        described["schema"] = schema or {}
    elif content_type.startswith("text/"):
        described["schema"] = {"type": "string", "minLength": 1}
    elif schema is not None and payload.is_json_lines(content_type):
        described["x-item-schema"] = schema
    elif not payload.is_json_lines(content_type):
        described["schema"] = {"type": "string", "format": "binary", "minLength": 1}
    if model.example is not None and content_type == model.content_types[0]:
        described["example"] = model.example
        if payload.is_json(content_type):
            try:
                described["example"] = json.loads(model.example)
            except ValueError:
                del described["example"]  # a text that is no JSON is no example of it
    return described


def _model_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["name", "state", "mode", "ways", "content_types", "limits"],
        "properties": {
            "name": {"type": "string"},
            "state": {"type": "string"},
            "mode": {"enum": ["real-time", "serverless", "asynchronous", "batch"]},
            "ways": {"type": "array", "items": {"enum": ["invocations", "jobs", "batches"]}},
            "content_types": {"type": "array", "items": {"type": "string"}},
            "limits": {"type": "object", "additionalProperties": {"type": "number"}},
            "quota": {
                "type": "object",
                "description": "How often whoever asks may ask the model in all",
                "required": ["requests", "per"],
                "properties": {"requests": {"type": "integer"}, "per": {"enum": list(PERIODS)}},
            },
            "targets": {"const": True, "description": "The parameter `target` says which model is meant"},
            "key": {
                "type": "object",
                "description": "Which member of a row, or column in CSV, is the key of what is looked up",
                "properties": {"member": {"type": "string"}, "column": {"type": "integer", "minimum": 1}},
            },
            "schema": {"description": "JSON Schema of a body, or of a line"},
            "example": {"type": "string"},
        },
    }


def _order_schema(kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [kind, "model", "state", "created"],
        "properties": {
            kind: {"type": "string"},
            "model": {"type": "string"},
            "state": {"enum": list(_ORDER_STATES)},
            "created": _TIME,
            "upload": {
                "type": "object",
                "description": "A form: these fields, then the file in a field named `file`",
                "required": ["url", "fields", "limit_bytes", "expires"],
                "properties": {
                    "url": {"type": "string"},
                    "fields": {"type": "object", "additionalProperties": {"type": "string"}},
                    "limit_bytes": {"type": "integer"},
                    "expires": _TIME,
                },
            },
            "result": {
                "type": "object",
                "required": ["url", "url_expires", "bytes"],
                "properties": {
                    "url": {"type": "string", "description": "GET it without credentials"},
                    "url_expires": _TIME,
                    "bytes": {"type": "integer"},
                    "content_type": {"type": "string"},
                    "text": {
                        "type": "string",
                        "description": f"The result, up to {limit.RESULT_BYTES} bytes",
                    },
                    "base64": {"type": "string", "description": "The same, where it is no text"},
                },
            },
            "problem": {"$ref": "#/components/schemas/Problem"},
        },
    }


def _schema_name(model: Model) -> str:
    return "".join(word.capitalize() for word in model.name.split("-")) + "Body"


_VALUES = {"const", "default", "enum", "examples"}


def _moved(schema: Any, to: str) -> Any:
    """A schema whose references to itself hold where it stands in the document."""
    if isinstance(schema, list):
        return [_moved(each, to) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: to + value[1:]
        if key == "$ref" and isinstance(value, str)
        else (value if key in _VALUES else _moved(value, to))
        for key, value in schema.items()
        if key not in ("$schema", "$id")
    }
