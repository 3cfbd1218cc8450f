"""What SageMaker does for the gateway: a few operations of its API, without an SDK.

Errors: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from inference_gateway import limit
from inference_gateway.catalogue import Batch
from inference_gateway.ports import (
    SERVING,
    AnswerFailed,
    AnswerTooLarge,
    EndpointFault,
    ModelFailed,
    ModelRefused,
    NotInService,
    Order,
    Places,
    Prediction,
    Progress,
    RequestTooLarge,
    State,
    Store,
    TargetMissing,
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


class SageMaker:
    """SageMaker's API, and its runtime's: signed requests, and faults in the domain's words."""

    def __init__(
        self,
        *,
        runtime: KeptConnection,
        control: KeptConnection,
        features: KeptConnection,
        region: str,
        credentials: Credentials,
        now: Callable[[], float] = time.time,
        trace: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`trace` is the header of the request that is being answered."""
        self._trace = trace
        self._runtime = runtime
        self._control = control
        self._features = features
        self._region = region
        self._credentials = credentials
        self._now = now

    def runtime(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline: Deadline,
        limit_bytes: int = _DESCRIPTION_BYTES,
    ) -> Reply:
        # Nobody knows what a model does with a request that it gets twice.
        return self._send(
            self._runtime,
            path,
            headers,
            body,
            deadline=deadline,
            limit_bytes=limit_bytes,
            harmless_twice=False,
        )

    def control(
        self,
        operation: str,
        request: Mapping[str, object],
        *,
        deadline: Deadline,
        harmless_twice: bool = True,
    ) -> tuple[Reply, Mapping[str, object]]:
        """The answer, and its JSON object."""
        reply = self._send(
            self._control,
            "/",
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"},
            json.dumps(request).encode(),
            deadline=deadline,
            limit_bytes=_DESCRIPTION_BYTES,
            harmless_twice=harmless_twice,
        )
        return reply, _object(reply)

    def told(
        self,
        operation: str,
        request: Mapping[str, object],
        *,
        deadline: Deadline,
        of_something: bool = False,
    ) -> Mapping[str, object]:
        """What an operation that only reads answers; nothing where it is `of_something` that is not there."""
        reply, answer = self.control(operation, request, deadline=deadline)
        if reply.status == 200:
            return answer
        if of_something and _code(reply, answer) in ("ResourceNotFound", "ValidationException"):
            return {}
        raise _fault(reply, answer)

    def features(self, request: Mapping[str, object], *, deadline: Deadline) -> Mapping[str, object]:
        """BatchGetRecord of Feature Store's runtime: reading is harmless twice."""
        reply = self._send(
            self._features,
            "/BatchGetRecord",
            {"Content-Type": "application/json"},
            json.dumps(request).encode(),
            deadline=deadline,
            limit_bytes=limit.FEATURES_BYTES,
            harmless_twice=True,
        )
        answer = _object(reply)
        if reply.status != 200:
            raise _fault(reply, answer)
        return answer

    def state(self, endpoint: str, *, deadline: Deadline) -> State:
        reply, answer = self.control("DescribeEndpoint", {"EndpointName": endpoint}, deadline=deadline)
        if reply.status != 200:
            if _code(reply, answer) == "ValidationException" and "Could not find" in _message(answer):
                return "missing"
            raise _fault(reply, answer)
        try:
            return _STATES[str(answer["EndpointStatus"])]
        except KeyError as error:
            raise AnswerFailed(f"DescribeEndpoint has no status that is known: {error}") from error

    def invocation_fault(self, endpoint: str, reply: Reply, deadline: Deadline) -> EndpointFault:
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
        trace = self._trace()
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
        if trace:
            # Not signed: whoever passes it on may add to it.
            signed["X-Amzn-Trace-Id"] = trace
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


class SageMakerEndpoints:
    """The port `Endpoints`, kept with SageMaker."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker

    def invoke(
        self,
        endpoint: str,
        *,
        body: bytes,
        content_type: str,
        accept: str | None,
        component: str | None,
        target: str | None,
        deadline: Deadline,
        limit_bytes: int,
    ) -> Prediction:
        headers = {"Content-Type": content_type}
        if accept:
            headers["Accept"] = accept
        if component:
            headers["X-Amzn-SageMaker-Inference-Component"] = component
        if target:
            headers["X-Amzn-SageMaker-Target-Model"] = target
        path = f"/endpoints/{endpoint}/invocations"
        reply = self._sagemaker.runtime(path, headers, body, deadline=deadline, limit_bytes=limit_bytes)
        if reply.status == 200:
            content_type = reply.headers.get("Content-Type", "application/octet-stream")
            return Prediction(content_type, reply.body)
        answer = _object(reply)
        if target and _message(answer).startswith("Failed to download model data"):
            raise TargetMissing(_reason(reply, answer))
        raise self._sagemaker.invocation_fault(endpoint, reply, deadline)

    def state(self, endpoint: str, *, deadline: Deadline) -> State:
        return self._sagemaker.state(endpoint, deadline=deadline)


class AsynchronousEndpoint:
    """The port `Runner`: an endpoint that answers into the store.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
    """

    def __init__(self, sagemaker: SageMaker, endpoint: str, store: Store) -> None:
        self._sagemaker = sagemaker
        self._endpoint = endpoint
        self._store = store

    def places(self, order: Order) -> Places:
        """As the endpoint's configuration has it: what is told of an order says so, too, and goes first."""
        model = order.folder.removesuffix(f"{order.id}/")
        return Places(f"{model}output/{order.id}/output", f"{model}failure/{order.id}/")

    def submit(self, order: Order, body: bytes | None, deadline: Deadline) -> Places:
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Amzn-SageMaker-Content-Type": order.content_type,
            "X-Amzn-SageMaker-Inference-Id": order.id,
            "X-Amzn-SageMaker-S3OutputPathExtension": order.id,
            "X-Amzn-SageMaker-Filename": "output",
            "X-Amzn-SageMaker-RequestTTLSeconds": str(limit.JOB_SECONDS),
            "X-Amzn-SageMaker-InvocationTimeoutSeconds": str(limit.ANSWER_SECONDS),
        }
        if order.accept:
            headers["X-Amzn-SageMaker-Accept"] = order.accept
        if body is None:
            headers["X-Amzn-SageMaker-InputLocation"] = self._store.uri(order.input)
        path = f"/endpoints/{self._endpoint}/async-invocations"
        reply = self._sagemaker.runtime(path, headers, body or b"", deadline=deadline)
        if reply.status != 202:
            raise self._sagemaker.invocation_fault(self._endpoint, reply, deadline)
        output = self._store.key(reply.headers.get("X-Amzn-SageMaker-OutputLocation", ""))
        failure = self._store.key(reply.headers.get("X-Amzn-SageMaker-FailureLocation", ""))
        return Places(output or self.places(order).output, failure)

    def progress(self, _order: Order, _deadline: Deadline) -> Progress | None:
        return None

    def cancel(self, _order: Order, _deadline: Deadline) -> None:
        """A request that waits cannot be taken back."""


_TRANSFORM_PROGRESS: Mapping[object, Progress] = {
    "InProgress": "in-progress",
    "Completed": "completed",
    "Failed": "failed",
    "Stopping": "cancelled",
    "Stopped": "cancelled",
}
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html"""

_LINES = {
    "text/csv",
    "application/jsonlines",
    "application/jsonl",
    "application/x-jsonlines",
    "application/x-ndjson",
}


class Transform:
    """The port `Runner`: a transform job for each order, whose name keeps it from being made twice.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """

    def __init__(
        self, sagemaker: SageMaker, batch: Batch, store: Store, *, name_prefix: str, key_id: str | None
    ) -> None:
        self._sagemaker = sagemaker
        self._batch = batch
        self._store = store
        self._name_prefix = name_prefix
        self._key_id = key_id

    def places(self, order: Order) -> Places:
        return Places(order.folder + "output/", None)

    def submit(self, order: Order, _body: bytes | None, deadline: Deadline) -> Places:
        media_type = order.content_type.partition(";")[0].strip().lower()
        lines = media_type in _LINES
        source: dict[str, object] = {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": self._store.uri(order.input)}},
            "ContentType": order.content_type,
            "SplitType": "Line" if lines else "None",
        }
        output = {
            "S3OutputPath": self._store.uri(order.folder + "output"),
            "AssembleWith": "Line" if lines else "None",
        }
        resources: dict[str, object] = {
            "InstanceType": self._batch.instance_type,
            "InstanceCount": self._batch.instance_count,
        }
        if order.accept:
            output["Accept"] = order.accept
        if self._key_id:
            output["KmsKeyId"] = self._key_id
            if self._batch.encrypt_volume:
                resources["VolumeKmsKeyId"] = self._key_id
        reply, answer = self._sagemaker.control(
            "CreateTransformJob",
            {
                "TransformJobName": self._name(order),
                "ModelName": self._batch.model,
                "BatchStrategy": "MultiRecord" if lines else "SingleRecord",
                "TransformInput": source,
                "TransformOutput": output,
                "TransformResources": resources,
            },
            deadline=deadline,
        )
        code = _code(reply, answer)
        if reply.status == 200 or code == "ResourceInUse":
            return self.places(order)
        if code == "ResourceLimitExceeded":
            raise Throttled(_reason(reply, answer))
        if code == "ValidationException" and "Could not find model" in _message(answer):
            raise NotInService("missing", _reason(reply, answer))
        raise _fault(reply, answer)

    def progress(self, order: Order, deadline: Deadline) -> Progress | None:
        reply, answer = self._sagemaker.control(
            "DescribeTransformJob", {"TransformJobName": self._name(order)}, deadline=deadline
        )
        if reply.status != 200:
            if _code(reply, answer) in ("ResourceNotFound", "ValidationException"):
                return None
            raise _fault(reply, answer)
        return _TRANSFORM_PROGRESS.get(answer.get("TransformJobStatus"), "in-progress")

    def cancel(self, order: Order, deadline: Deadline) -> None:
        reply, answer = self._sagemaker.control(
            "StopTransformJob", {"TransformJobName": self._name(order)}, deadline=deadline
        )
        # One that has ended cannot be stopped, and one that was never made need not be.
        if reply.status != 200 and _code(reply, answer) not in ("ResourceNotFound", "ValidationException"):
            raise _fault(reply, answer)

    def _name(self, order: Order) -> str:
        return f"{self._name_prefix}{order.id}"


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
