"""The SageMaker runtime: InvokeEndpoint, InvokeEndpointAsync and InvokeEndpointWithResponseStream.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Runtime.html
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import OperationModel

from local_aws import hooks, request_validation
from local_aws.errors import ServiceError, not_supported
from local_aws.sagemaker import clients, event_stream, storage
from local_aws.sagemaker import live as endpoints
from local_aws.sagemaker.asynchronous import Request
from local_aws.sagemaker.hosting import (
    Invocation,
    NoCapacity,
    NoComponent,
    NoCopies,
    NoVariant,
    ServerlessVariant,
    Throttled,
    WrongTarget,
)
from local_aws.sagemaker.live import LiveEndpoint
from local_aws.sagemaker.model_server import NoAnswer, NotHealthy
from local_aws.sagemaker.multi_model import ModelNotReady, UnknownModel
from local_aws.store import STORE

Response = tuple[int, dict[str, str], Any]
"""Status, headers and body: bytes, or a stream of `hooks`."""

_LARGEST = 6 * 1024 * 1024
"""Bytes of a request's body, and of an answer's, as the service model has it."""
_LARGEST_SERVERLESS = 4 * 1024 * 1024
_TOLD = 1024
"""Characters of the container's words that the error's message repeats."""
_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)")
_PREFIX = "x-amzn-sagemaker-"
_ATTRIBUTES = f"{_PREFIX}custom-attributes"
_INFERENCE_ID = f"{_PREFIX}inference-id"
_COMPONENT = f"{_PREFIX}inference-component"
_FORWARDED = ("content-type", "accept", _ATTRIBUTES, _INFERENCE_ID)
_NOT_EMULATED = tuple(_PREFIX + name for name in ("enable-explanations", "session-id", "prefix-aware-id"))
_OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
_NO_COPIES = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress"
    " (if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
"""https://aws.amazon.com/blogs/machine-learning/unlock-cost-savings-with-the-new-scale-down-to-zero-feature-in-amazon-sagemaker-inference/"""
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container {container}. Review the"
    " latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answers a request of the runtime API; headers have names in lower case. Raises `ServiceError`."""
    began = time.perf_counter()
    match = _PATH.fullmatch(path)
    if match is None or method != "POST":
        raise not_supported(f"{method} {path}")
    name, operation = unquote(match[1]), _OPERATIONS[match[2]]
    for header in _NOT_EMULATED:
        if header in headers:
            raise not_supported(f"an invocation with the header {header}")
    if operation != "InvokeEndpointAsync":
        _check_size(body, _LARGEST)
    _check(operation, name, headers)
    live = endpoints.find(name)
    if live is None or STORE.get("Endpoint", (name,)) is None:
        raise _invalid(f"Endpoint {name} of account {hooks.request.account_id()} not found.")
    if live.for_components and _COMPONENT not in headers:
        raise _invalid(
            "Inference Component Name header is required for endpoints to which you plan to deploy inference"
            " components. Please include Inference Component Name header or consider using SageMaker models."
        )
    if operation == "InvokeEndpointAsync":
        return _enqueue(live, headers, body)
    if live.queue is not None:
        raise _invalid(f"Endpoint {name} is an asynchronous endpoint: use InvokeEndpointAsync.")
    if live.fleet is not None and isinstance(live.fleet.variants[0], ServerlessVariant):
        _check_size(body, _LARGEST_SERVERLESS)
    if operation == "InvokeEndpoint":
        return _invoke(live, headers, body, began)
    return _stream(live, headers, body)


def _invoke(live: LiveEndpoint, headers: Mapping[str, str], body: bytes, began: float) -> Response:
    with _told(live.name):
        served = live.invoke(_invocation(headers, body), began)
    answered = served.answer
    if not 200 <= answered.status < 300:
        raise _model_error(
            live.name, answered.status, served.container, answered.body.decode(errors="replace")
        )
    if len(answered.body) > _LARGEST:
        said = f"The response is larger than {_LARGEST} bytes."
        raise _model_error(live.name, 0, served.container, said)
    found = {"x-Amzn-Invoked-Production-Variant": served.variant}
    if "content-type" in answered.headers:
        # In small letters: ministack makes the control plane's type of an answer in JSON, and looks for
        # `Content-Type`.
        found["content-type"] = answered.headers["content-type"]
    if _ATTRIBUTES in answered.headers:
        found["X-Amzn-SageMaker-Custom-Attributes"] = answered.headers[_ATTRIBUTES]
    return 200, found, answered.body


def _stream(live: LiveEndpoint, headers: Mapping[str, str], body: bytes) -> Response:
    """The container's answer piece by piece, as it comes."""
    asked = dict(headers)
    if f"{_PREFIX}accept" in asked:
        asked["accept"] = asked[f"{_PREFIX}accept"]
    open_until_read = ExitStack()
    try:
        with _told(live.name):
            streamed = open_until_read.enter_context(live.stream(_invocation(asked, body)))
            if not 200 <= streamed.status < 300:
                said = b"".join(streamed.chunks()).decode(errors="replace")
                raise _model_error(live.name, streamed.status, streamed.container, said)
    except BaseException:
        open_until_read.close()
        raise
    found = {
        "Content-Type": "application/vnd.amazon.eventstream",
        "x-Amzn-Invoked-Production-Variant": streamed.variant,
    }
    if "content-type" in streamed.headers:
        found["X-Amzn-SageMaker-Content-Type"] = streamed.headers["content-type"]
    if _ATTRIBUTES in streamed.headers:
        found["X-Amzn-SageMaker-Custom-Attributes"] = streamed.headers[_ATTRIBUTES]

    def events() -> Generator[bytes]:
        with open_until_read:
            try:
                for chunk in streamed.chunks():
                    yield event_stream.event("PayloadPart", chunk)
            except NoAnswer as error:
                code = "ModelInvocationTimeExceeded" if error.timed_out else "StreamBroken"
                yield event_stream.failure("ModelStreamError", str(error), code)

    return 200, found, hooks.server.streamed(events())


def _enqueue(live: LiveEndpoint, headers: Mapping[str, str], body: bytes) -> Response:
    queue = live.queue
    if queue is None:
        raise _invalid(f"Endpoint {live.name} is not an asynchronous endpoint: use InvokeEndpoint.")
    location = headers.get(f"{_PREFIX}inputlocation")
    if (location is None) == (not body):
        raise _invalid("Provide exactly one of InputLocation and Body.")
    if location is not None and not storage.exists(clients.of_account("s3"), location):
        raise _invalid(f"Could not find the input at {location}.")
    kept = {
        header: headers[_PREFIX + header]
        for header in ("content-type", "accept")
        if _PREFIX + header in headers
    }
    kept |= {header: headers[header] for header in (_ATTRIBUTES, _INFERENCE_ID) if header in headers}
    inference_id = headers.get(_INFERENCE_ID, str(uuid.uuid4()))
    output, failure = queue.locations(
        headers.get(f"{_PREFIX}s3outputpathextension"), headers.get(f"{_PREFIX}filename")
    )
    queue.put(
        Request(
            inference_id,
            kept,
            location,
            body if location is None else None,
            output,
            failure,
            wait_seconds=float(headers.get(f"{_PREFIX}requestttlseconds", 21_600)),
            invocation_seconds=float(headers.get(f"{_PREFIX}invocationtimeoutseconds", 900)),
        )
    )
    found = {"Content-Type": "application/json"}
    if output is not None:
        found["X-Amzn-SageMaker-OutputLocation"] = output
    if failure is not None:
        found["X-Amzn-SageMaker-FailureLocation"] = failure
    return 202, found, b'{"InferenceId":"' + inference_id.encode() + b'"}'


def _invocation(headers: Mapping[str, str], body: bytes) -> Invocation:
    return Invocation(
        body,
        {header: headers[header] for header in _FORWARDED if header in headers},
        variant=headers.get(f"{_PREFIX}target-variant"),
        model=headers.get(f"{_PREFIX}target-model"),
        container=headers.get(f"{_PREFIX}target-container-hostname"),
        component=headers.get(_COMPONENT),
    )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What can go wrong with an invocation, in the API's words."""
    try:
        yield
    except (NoVariant, WrongTarget) as error:
        said = (
            f"Endpoint {name} {error}."
            if isinstance(error, WrongTarget)
            else f"Cannot invoke the endpoint {name}: {error}."
        )
        raise _invalid(said) from error
    except NoComponent as error:
        raise _no_component(name, str(error)) from error
    except NoCopies as error:
        raise _invalid(_NO_COPIES) from error
    except NoCapacity as error:
        raise ServiceError(
            "ServiceUnavailable", f"no instance of the endpoint {name} is running", 503
        ) from error
    except Throttled as error:
        raise ServiceError("ThrottlingException", "Rate exceeded") from error
    except UnknownModel as error:
        raise _invalid(
            f"Failed to download model data(bucket: {error.bucket}, key: {error.key}). Please ensure that"
            " there is an object located at the URL and that the role passed to CreateModel has permissions"
            " to download the model."
        ) from error
    except (ModelNotReady, TimeoutError) as error:
        said = f"The model of endpoint {name} is not ready: wait and try your request again."
        raise ServiceError("ModelNotReadyException", said, 429) from error
    except NotHealthy as error:
        raise _model_error(name, 0, "primary", str(error)) from error
    except NoAnswer as error:
        said = _TIMED_OUT.format(container=error.container) if error.timed_out else str(error)
        raise _model_error(name, 0, error.container, said) from error


def _no_component(endpoint: str, name: str) -> ServiceError:
    record = STORE.get("InferenceComponent", (name,))
    if record is None or record["EndpointName"] != endpoint:
        return _invalid(f"Inference Component {name} of account {hooks.request.account_id()} not found.")
    if "BaseInferenceComponentName" in record.get("Specification", {}):
        return not_supported("an invocation of an adapter")
    return _invalid(_NO_COPIES)


def _check(operation: str, name: str, headers: Mapping[str, str]) -> None:
    """Refuses what the service model does not allow of a request's headers."""
    model = _operation(operation)
    request: dict[str, Any] = {"EndpointName": name, "Body": b""}  # bodies may be empty, and must be there
    for member, shape in model.input_shape.members.items():
        value = headers.get(shape.serialization.get("name", "").lower())
        if shape.serialization.get("location") != "header" or value is None:
            continue
        request[member] = int(value) if shape.type_name == "integer" and value.isdigit() else value
    try:
        request_validation.check(model.input_shape, request)
    except ServiceError as error:
        raise _invalid(error.message) from error


@cache
def _operation(name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model("sagemaker-runtime").operation_model(name)


def _check_size(body: bytes, largest: int) -> None:
    if len(body) > largest:
        raise ServiceError("413", f"HTTP content length exceeded {largest} bytes.", 413)


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def _model_error(name: str, status: int, container: str, said: str) -> ServiceError:
    """Status 0 is how AWS says that the container gave no answer."""
    account, region = hooks.request.account_id(), hooks.request.region()
    group = f"/aws/sagemaker/Endpoints/{name}"
    kind = "client" if 400 <= status < 500 else "server"
    return ServiceError(
        "ModelError",
        f'Received {kind} error ({status}) from {container} with message "{said[:_TOLD]}". See'
        f" https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
        f" in account {account} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=said,
        LogStreamArn=f"arn:aws:logs:{region}:{account}:log-group:{group}",
    )
