"""Lambda's API: what it refuses, beyond what ministack does.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError

PAYLOAD_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_ENVIRONMENT_BYTES = 4 * 1024
_RESERVED = {
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
}
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""

_ENDED = re.compile(
    r"python2\.7|python3\.[678]|nodejs(4\.3|6\.10|8\.10|1[0246]\.x)?|ruby2\.[57]|dotnetcore.*|go1\.x|java8"
)
"""Runtimes that no function can be made of any more.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated"""

_INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
_FUNCTIONS = re.compile(r"/2015-03-31/functions/?")
_CONFIGURATION = re.compile(r"/2015-03-31/functions/([^/]+)/configuration")


def install() -> None:
    usual = hooks.server.service("lambda")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        try:
            if method == "POST" and _INVOKE.fullmatch(path):
                _check_payload(headers.get("x-amz-invocation-type", "RequestResponse"), len(body))
            elif (method == "POST" and _FUNCTIONS.fullmatch(path)) or (
                method == "PUT" and _CONFIGURATION.fullmatch(path)
            ):
                check(json.loads(body or b"{}"))
        except ServiceError as error:
            said = {"Type": "User", "Message": error.message, "message": error.message}
            return (
                error.status,
                {"Content-Type": "application/json", "x-amzn-ErrorType": error.code},
                (json.dumps(said).encode()),
            )
        except ValueError:
            pass  # the service says what is wrong with it
        return await usual(method, path, headers, body, query)

    hooks.server.add_service("lambda", handle)


def _check_payload(kind: str, size: int) -> None:
    limit = PAYLOAD_BYTES.get(kind)
    if limit is not None and size > limit:
        raise ServiceError(
            "RequestTooLargeException",
            f"{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
            413,
        )


def check(function: Mapping[str, Any]) -> None:
    """Raises for what AWS refuses of a function's configuration."""
    variables = (function.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(_RESERVED & variables.keys())
    if reserved:
        raise _refused(
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    size = len(json.dumps(variables, separators=(",", ":")).encode())
    if variables and size > _ENVIRONMENT_BYTES:
        raise _refused(
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided exceeded the 4KB limit. String measured: {json.dumps(variables)}"
        )
    if _ENDED.fullmatch(str(function.get("Runtime") or "")):
        raise _refused(
            f"The runtime parameter of {function['Runtime']} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or updating "
            "functions."
        )


def _refused(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message)
