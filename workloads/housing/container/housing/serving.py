"""The server behind an endpoint: CSV rows without a header in, one prediction a line out.

The contract is SageMaker's: `GET /ping` and `POST /invocations` on port 8080, or on
`SAGEMAKER_BIND_TO_PORT` where several containers share a host.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import csv
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

import waitress
from flask import Flask, Response, request
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    NotAcceptable,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from housing import scoring
from housing.place import Place

_TYPE = "text/csv"
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_ROWS_AT_MOST = 10_000
_BYTES_AT_MOST = 6 * 1024 * 1024
"""What InvokeEndpoint takes in a body (a `BodyBlob` of the service's API model)."""


class Model(Protocol):
    """What answers rows of CSV fields; it raises a ValueError that names the row it cannot answer."""

    def predict(self, rows: Sequence[Sequence[str]]) -> list[float]: ...


def main() -> int:
    """Serves until SIGTERM, which SageMaker sends 30 seconds before SIGKILL. The model is loaded before
    the port is opened: whoever gets an answer gets it from a model that is there."""
    # the first process of a container ignores SIGTERM unless it says otherwise
    signal.signal(signal.SIGTERM, _stop)
    try:
        host = os.environ.get("CLARY_BIND_HOST") or "0.0.0.0"  # noqa: S104  # a container's port is its own
        port = _port(os.environ.get("SAGEMAKER_BIND_TO_PORT") or "8080")
        app = application(load(Place.of_this_process().model / "model.joblib"))
        server = waitress.create_server(
            app, host=host, port=port, threads=4, ident=None, max_request_body_size=4 * _BYTES_AT_MOST
        )
    except (ValueError, OSError) as error:
        print(f"cannot serve: {error}", file=sys.stderr, flush=True)
        return 1
    print(f"serving on {host}:{port}", flush=True)
    server.run()
    server.close()
    return 0


def load(path: Path) -> Model:
    """The model of a file: by its scores if training wrote them, otherwise as the estimator it holds."""
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}, give a model.tar.gz that holds {path.name}")
    scores = scoring.read(path)
    if scores is not None:
        return scores
    from housing.fitted import Fitted  # only this model needs scikit-learn

    return Fitted(path)


def application(model: Model) -> Flask:
    app = Flask("housing", static_folder=None)

    @app.get("/ping")
    def ping() -> Response:
        return Response(status=200)

    @app.post("/invocations")
    def invocations() -> Response:
        _check_types()
        try:
            answers = model.predict(_rows(_body()))
        except ValueError as error:
            raise BadRequest(str(error)) from error
        # 12 digits: more than the data says, and fewer than two builds of a linear algebra library differ in
        return Response("".join(f"{answer:.12g}\n" for answer in answers), mimetype=_TYPE)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return Response(
            f"{error.description}\n",
            error.code,
            error.get_headers(),
            content_type="text/plain; charset=utf-8",
        )

    return app


def _check_types() -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != _TYPE or charset not in _CHARSETS:
        raise UnsupportedMediaType(
            f"the content type is '{request.content_type or ''}', send {_TYPE}; charset=utf-8,"
            " rows without a header"
        )
    if request.accept_mimetypes and not request.accept_mimetypes[_TYPE]:
        raise NotAcceptable(
            f"'{request.accept_mimetypes}' is asked for, and {_TYPE} is what there is: accept it"
        )


def _body() -> str:
    if (request.content_length or 0) > _BYTES_AT_MOST:
        raise RequestEntityTooLarge(
            f"the body has {request.content_length} bytes, send at most {_BYTES_AT_MOST} at a time"
        )
    try:
        return request.get_data(cache=False).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error


def _rows(text: str) -> list[list[str]]:
    """The records of the body; a blank line is refused, or answers would not match the lines asked."""
    if not text.strip():
        raise ValueError("the body is empty, send at least one row")
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True)
    try:
        for row in reader:
            if len(rows) == _ROWS_AT_MOST:
                raise ValueError(f"more than {_ROWS_AT_MOST} rows, send fewer at a time")
            if not row:
                raise scoring.BadRow(len(rows) + 1, "the line is empty")
            rows.append(row)
    except csv.Error as error:
        raise scoring.BadRow(len(rows) + 1, f"not CSV: {error}") from error
    return rows


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise ValueError(f"SAGEMAKER_BIND_TO_PORT is '{text}', give a port from 1 to {2**16 - 1}")
    return int(text)


def _stop(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # what signal.signal calls with
    raise SystemExit(0)
