"""The SageMaker runtime: InvokeEndpoint.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from urllib.parse import unquote

from local_aws import hooks
from local_aws.sagemaker.behaviours import endpoint
from local_aws.sagemaker.errors import ServiceError, not_supported
from local_aws.sagemaker.hosting import INVOCATION_SECONDS, Answer, NoVariant
from local_aws.store import STORE

_LARGEST = 6 * 1024 * 1024
"""Bytes of a request's body, as the service model has it."""
_TOLD = 1024
"""Characters of the container's words that the error's message repeats."""
_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_FORWARDED = ("content-type", "accept", _ATTRIBUTES, "x-amzn-sagemaker-inference-id")
_NOT_EMULATED = (
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-target-container-hostname",
    "x-amzn-sagemaker-inference-component",
    "x-amzn-sagemaker-enable-explanations",
    "x-amzn-sagemaker-session-id",
)


def answer(
    method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Answers a request of the runtime API; headers have names in lower case. Raises `ServiceError`."""
    match = _PATH.fullmatch(path)
    if match is None or method != "POST":
        raise not_supported(f"{method} {path}")
    return _invoke(unquote(match[1]), headers, body)


def _invoke(name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    for header in _NOT_EMULATED:
        if header in headers:
            raise not_supported(f"an invocation with the header {header}")
    if len(body) > _LARGEST:
        raise ServiceError("413", f"HTTP content length exceeded {_LARGEST} bytes.", 413)
    fleet = endpoint.fleet(name)
    if fleet is None or STORE.get("Endpoint", (name,)) is None:
        raise ServiceError("ValidationError", f"Endpoint {name} of account {hooks.account_id()} not found.")
    forwarded = {header: headers[header] for header in _FORWARDED if header in headers}
    try:
        with fleet.instance(headers.get("x-amzn-sagemaker-target-variant")) as (variant, instance):
            if instance is None:
                raise ServiceError(
                    "ServiceUnavailable", f"no container of the variant {variant.name} is running", 503
                )
            answered = instance.invoke(body, forwarded, INVOCATION_SECONDS)
    except NoVariant as error:
        raise ServiceError("ValidationError", f"Cannot invoke the endpoint {name}: {error}.") from error
    except TimeoutError as error:
        raise _model_error(
            name,
            0,
            "Your invocation timed out while waiting for a response from container primary. Review the"
            " latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _model_error(name, 0, f"the container closed the connection: {error}") from error
    if not 200 <= answered.status < 300:
        raise _model_error(name, answered.status, answered.body.decode(errors="replace"))
    return 200, _response_headers(answered, variant.name), answered.body


def _response_headers(answered: Answer, variant: str) -> dict[str, str]:
    found = {"x-Amzn-Invoked-Production-Variant": variant}
    if "content-type" in answered.headers:
        found["Content-Type"] = answered.headers["content-type"]
    if _ATTRIBUTES in answered.headers:
        found["X-Amzn-SageMaker-Custom-Attributes"] = answered.headers[_ATTRIBUTES]
    return found


def _model_error(name: str, status: int, said: str) -> ServiceError:
    """Status 0 is how AWS says that the container gave no answer."""
    account, region = hooks.account_id(), hooks.region()
    group = f"/aws/sagemaker/Endpoints/{name}"
    kind = "client" if 400 <= status < 500 else "server"
    return ServiceError(
        "ModelError",
        f'Received {kind} error ({status}) from primary with message "{said[:_TOLD]}". See'
        f" https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
        f" in account {account} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=said,
        LogStreamArn=f"arn:aws:logs:{region}:{account}:log-group:{group}",
    )
