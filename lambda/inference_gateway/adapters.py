"""The models' endpoints, as SageMaker serves them: two operations of its API, without an SDK.

Errors: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from inference_gateway.ports import (
    SERVING,
    AnswerFailed,
    AnswerTooLarge,
    EndpointFault,
    ModelFailed,
    ModelRefused,
    NotInService,
    Prediction,
    RequestTooLarge,
    State,
    Throttled,
    TooSlow,
    Unavailable,
)
from runtime_common.connection import ConnectionLost, KeptConnection, NotReached, Reply, ReplyTooLarge
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials, signed_headers

_DESCRIPTION_BYTES = 1_000_000

_STATES: Mapping[str, State] = {
    "InService": "in-service",
    # These five go on serving what they served before.
    "Updating": "updating",
    "SystemUpdating": "updating",
    "RollingBack": "updating",
    "UpdateRollbackFailed": "updating",
    "Creating": "creating",
    "Deleting": "deleting",
    "Failed": "failed",
    "OutOfService": "out-of-service",
}
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html"""

_THROTTLING = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "TooManyRequestsException",
}


class SageMakerEndpoints:
    """The port `Endpoints`, kept with SageMaker."""

    def __init__(
        self,
        *,
        runtime: KeptConnection,
        control: KeptConnection,
        region: str,
        credentials: Credentials,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._runtime = runtime
        self._control = control
        self._region = region
        self._credentials = credentials
        self._now = now

    def invoke(
        self,
        endpoint: str,
        *,
        body: bytes,
        content_type: str,
        accept: str | None,
        deadline: Deadline,
        limit_bytes: int,
    ) -> Prediction:
        headers = {"Content-Type": content_type}
        if accept:
            headers["Accept"] = accept
        reply = self._send(
            self._runtime,
            f"/endpoints/{endpoint}/invocations",
            headers,
            body,
            deadline=deadline,
            limit_bytes=limit_bytes,
            # Nobody knows what a model does with a request that it gets twice.
            harmless_twice=False,
        )
        if reply.status == 200:
            content_type = reply.headers.get("Content-Type", "application/octet-stream")
            return Prediction(content_type, reply.body)
        raise self._invocation_fault(endpoint, reply, deadline)

    def state(self, endpoint: str, *, deadline: Deadline) -> State:
        reply = self._send(
            self._control,
            "/",
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.DescribeEndpoint"},
            json.dumps({"EndpointName": endpoint}).encode(),
            deadline=deadline,
            limit_bytes=_DESCRIPTION_BYTES,
            harmless_twice=True,
        )
        answer = _object(reply)
        if reply.status != 200:
            if _code(reply, answer) == "ValidationException" and "Could not find" in _message(answer):
                return "missing"
            raise _fault(reply, answer)
        try:
            return _STATES[str(answer["EndpointStatus"])]
        except KeyError as error:
            raise AnswerFailed(f"DescribeEndpoint has no status that is known: {error}") from error

    def _send(
        self,
        connection: KeptConnection,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline: Deadline,
        limit_bytes: int,
        harmless_twice: bool,
    ) -> Reply:
        origin = connection.origin
        path = origin.prefix + path
        signed = signed_headers(
            method="POST",
            path=path,
            headers={"Host": origin.authority, **headers},
            payload=body,
            credentials=self._credentials,
            region=self._region,
            service="sagemaker",
            now=self._now(),
        )
        try:
            return connection.exchange(
                "POST",
                path,
                signed,
                body,
                deadline=deadline,
                limit_bytes=limit_bytes,
                harmless_twice=harmless_twice,
            )
        except TimeoutError as error:
            raise TooSlow(str(error)) from error
        except NotReached as error:
            raise Unavailable(str(error)) from error
        except ReplyTooLarge as error:
            raise AnswerTooLarge(str(error)) from error
        except ConnectionLost as error:
            raise (AnswerFailed if error.request_sent else Unavailable)(str(error)) from error

    def _invocation_fault(self, endpoint: str, reply: Reply, deadline: Deadline) -> EndpointFault:
        answer = _object(reply)
        if _code(reply, answer) not in ("ValidationError", "ValidationException"):
            return _fault(reply, answer)
        # The runtime knows only endpoints that have been in service: "Endpoint … of account … not found".
        try:
            state = self.state(endpoint, deadline=deadline)
        except EndpointFault as fault:
            if "not found" not in _message(answer):
                return fault
            state = "missing"
        return _fault(reply, answer) if state in SERVING else NotInService(state, _reason(reply, answer))


def _fault(reply: Reply, answer: Mapping[str, object]) -> EndpointFault:
    code, reason = _code(reply, answer), _reason(reply, answer)
    if code == "ModelError":
        return _model_fault(answer, reason)
    if code == "ModelNotReadyException":
        return NotInService("loading", reason)
    if code in _THROTTLING or reply.status == 429:
        return Throttled(reason)
    if code == "ServiceUnavailable" or reply.status == 503:
        return Unavailable(reason)
    if reply.status == 413:
        return RequestTooLarge(reason)
    return AnswerFailed(reason)


def _model_fault(answer: Mapping[str, object], reason: str) -> EndpointFault:
    status = answer.get("OriginalStatusCode")
    # Status 0 is no answer at all. After 60 seconds: 'Received server error (0) from primary with message
    # "Your invocation timed out while waiting for a response from container primary. …"'.
    if status == 0 and "timed out" in _message(answer):
        return TooSlow(reason)
    if isinstance(status, int) and 400 <= status < 500:
        return ModelRefused(status, reason)
    return ModelFailed(reason)


def _object(reply: Reply) -> Mapping[str, object]:
    """The reply's JSON object; an empty one for anything else."""
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _code(reply: Reply, answer: Mapping[str, object]) -> str:
    """The error's name, without a namespace before it or a URL behind it.

    https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
    """
    named = reply.headers.get("x-amzn-ErrorType") or answer.get("__type") or answer.get("code") or ""
    return str(named).partition(":")[0].rpartition("#")[2]


def _message(answer: Mapping[str, object]) -> str:
    return str(answer.get("message") or answer.get("Message") or "")


def _reason(reply: Reply, answer: Mapping[str, object]) -> str:
    """For the log: where to look. Messages stay out, since a model's may hold the caller's data."""
    told = {
        "status": reply.status,
        "code": _code(reply, answer),
        "model_status": answer.get("OriginalStatusCode"),
        "log_stream": answer.get("LogStreamArn"),
        "request_id": reply.headers.get("x-amzn-RequestId"),
    }
    return " ".join(f"{name}={value}" for name, value in told.items() if value not in (None, ""))
