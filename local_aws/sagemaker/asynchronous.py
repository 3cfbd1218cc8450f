"""Asynchronous inference: requests wait in a queue; what comes of them is in S3, and told by SNS.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

import base64
import datetime
import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local_aws import hooks, metrics
from local_aws.sagemaker import storage
from local_aws.sagemaker.hosting import Invocation, NoCapacity, NoVariant
from local_aws.sagemaker.metrics import ENDPOINTS, count, duration
from local_aws.sagemaker.model_server import Answer, NotHealthy

logger = logging.getLogger("local_aws.sagemaker")

LARGEST = 1024**3
"""Bytes of a request's payload."""
_TOLD_BYTES = 128 * 1024
"""A response up to this size is part of its notification, where that is asked for."""
_CONCURRENT = 4
"""Requests that a container gets at once where MaxConcurrentInvocationsPerInstance is not given: then
"SageMaker chooses an optimal value"."""
_RETRY_SECONDS = 0.2


class Refused(Exception):
    """The container has not answered, or not well: what `invoke` raises for a request that failed."""

    def __init__(self, reason: str, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer


@dataclass(frozen=True)
class Settings:
    """An endpoint configuration's AsyncInferenceConfig."""

    output: str | None = None
    failure: str | None = None
    key_id: str | None = None
    success_topic: str | None = None
    error_topic: str | None = None
    told: frozenset[str] = frozenset()
    concurrent: int = _CONCURRENT

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Settings:
        output = configuration["OutputConfig"]
        topics = output.get("NotificationConfig", {})
        client = configuration.get("ClientConfig", {})
        return cls(
            output.get("S3OutputPath"),
            output.get("S3FailurePath"),
            output.get("KmsKeyId"),
            topics.get("SuccessTopic"),
            topics.get("ErrorTopic"),
            frozenset(topics.get("IncludeInferenceResponseIn", ())),
            client.get("MaxConcurrentInvocationsPerInstance", _CONCURRENT),
        )


@dataclass(frozen=True)
class Request:
    """One that waits."""

    inference_id: str
    headers: Mapping[str, str]
    input_location: str | None
    body: bytes | None
    output_location: str | None
    failure_location: str | None
    wait_seconds: float
    invocation_seconds: float
    received: float = field(default_factory=time.time)


@dataclass(frozen=True)
class _Result:
    status: str
    """Completed, Failed or Expired."""
    answer: Answer | None = None
    reason: str | None = None


class Queue:
    """The backlog of an endpoint, worked off as fast as its instances allow."""

    def __init__(
        self,
        endpoint: str,
        settings: Settings,
        *,
        invoke: Callable[[Invocation], Answer],
        instances: Callable[[], int],
        client: Callable[[str], Any],
    ) -> None:
        """`instances`: how many can answer now. `client`: of S3 or SNS, acting as the model's role."""
        self.settings = settings
        self._endpoint = endpoint
        self._invoke = invoke
        self._instances = instances
        self._client = client
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._running = 0
        self._ended = False
        metrics.watch(self.gauge)
        hooks.request.in_background(self._work, name=f"queue-{endpoint}")

    def put(self, request: Request) -> None:
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()

    def stop(self) -> None:
        """What waits is dropped, as with an endpoint that is deleted."""
        metrics.forget(self.gauge)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def locations(self, extension: str | None, filename: str | None) -> tuple[str | None, str | None]:
        """Where the output of a new request will be, and where its failure."""
        name = uuid.uuid4()
        middle = f"{extension.strip('/')}/" if extension else ""
        settings = self.settings
        return (
            f"{settings.output.rstrip('/')}/{middle}{filename or f'{name}.out'}" if settings.output else None,
            f"{settings.failure.rstrip('/')}/{middle}{name}-error.out" if settings.failure else None,
        )

    def gauge(self) -> Iterator[tuple[str, metrics.Values, metrics.Dimensions]]:
        instances = self._instances()
        with self._changed:
            backlog = len(self._waiting) + self._running
        values = {
            "ApproximateBacklogSize": count(backlog),
            "HasBacklogWithoutCapacity": count(backlog > 0 and instances == 0),
        }
        if instances:
            values["ApproximateBacklogSizePerInstance"] = count(backlog / instances)
        yield ENDPOINTS, values, self._dimensions

    @property
    def _dimensions(self) -> metrics.Dimensions:
        return {"EndpointName": self._endpoint}

    def _work(self) -> None:
        while True:
            with self._changed:
                # Instances come and go without telling.
                while not self._ended and not self._next_may_start():
                    self._changed.wait(_RETRY_SECONDS if self._waiting else None)
                if self._ended:
                    return
                request = self._waiting.popleft()
                self._running += 1
            hooks.request.in_background(self._answer, request, name=f"async-{self._endpoint}")

    def _next_may_start(self) -> bool:
        if not self._waiting:
            return False
        expired = time.time() - self._waiting[0].received > self._waiting[0].wait_seconds
        return expired or self._running < self.settings.concurrent * self._instances()

    def _answer(self, request: Request) -> None:
        began = time.time()
        try:
            result = self._result(request)
            if result is None:  # the instance went while the request was on its way
                with self._changed:
                    self._waiting.appendleft(request)
                return
            self._deliver(request, result)
            done = float(result.status == "Completed")
            metrics.record(
                ENDPOINTS,
                {
                    "InvocationsProcessed": count(1),
                    "InvocationFailures": count(1 - done),
                    "TimeInBacklog": (round((began - request.received) * 1e3), "Milliseconds"),
                    "TotalProcessingTime": duration(time.time() - request.received),
                },
                self._dimensions,
            )
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _result(self, request: Request) -> _Result | None:
        """None when nobody was there to ask."""
        if time.time() - request.received > request.wait_seconds:
            return _Result("Expired", reason="The request expired in the queue before it was processed.")
        try:
            body = request.body if request.body is not None else self._fetched(request.input_location or "")
            answer = self._invoke(Invocation(body, request.headers, seconds=request.invocation_seconds))
        except (NoCapacity, NoVariant):
            return None
        except NotHealthy as error:
            return _Result("Failed", reason=str(error))
        except storage.StorageError as error:
            return _Result("Failed", reason=f"ClientError: {error}")
        except Refused as error:
            return _Result("Failed", error.answer, error.reason)
        return _Result("Completed", answer)

    def _fetched(self, uri: str) -> bytes:
        bucket, key = storage.location(uri)
        try:
            found = self._client("s3").get_object(Bucket=bucket, Key=key)
            with found["Body"] as stream:
                if found["ContentLength"] > LARGEST:
                    raise storage.StorageError(f"the payload at {uri} is larger than {LARGEST} bytes")
                return bytes(stream.read())
        except ClientError as error:
            raise storage.StorageError(f"Failed to download the input at {uri}: {error}") from error

    def _deliver(self, request: Request, result: _Result) -> None:
        succeeded = result.status == "Completed"
        location = request.output_location if succeeded else request.failure_location
        if location is not None:
            body = result.answer.body if result.answer else (result.reason or "").encode()
            kind = result.answer.headers.get("content-type") if result.answer else "text/plain"
            try:
                self._put(location, body, kind)
            except ClientError as error:
                result = _Result("Failed", reason=f"ClientError: cannot write {location}: {error}")
                succeeded, location = False, None
        topic = self.settings.success_topic if succeeded else self.settings.error_topic
        if topic is None:
            return
        try:
            message = json.dumps(self._message(request, result, location))
            self._client("sns").publish(TopicArn=topic, Message=message)
        except ClientError:
            logger.exception("cannot tell %s what became of %s", topic, request.inference_id)

    def _put(self, uri: str, body: bytes, content_type: str | None) -> None:
        bucket, key = storage.location(uri)
        more = {"ContentType": content_type} if content_type else {}
        if self.settings.key_id:
            more |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.settings.key_id}
        self._client("s3").put_object(Bucket=bucket, Key=key, Body=body, **more)

    def _message(self, request: Request, result: _Result, location: str | None) -> dict[str, Any]:
        asked = {
            "accept": request.headers.get("accept"),
            "contentType": request.headers.get("content-type"),
            "customAttributes": request.headers.get("x-amzn-sagemaker-custom-attributes"),
            "endpointName": self._endpoint,
            "inputLocation": request.input_location,
        }
        answered: dict[str, Any] = {}
        succeeded = result.status == "Completed"
        if location is not None:
            answered["outputLocation" if succeeded else "failureLocation"] = location
        if result.answer is not None:
            if "content-type" in result.answer.headers:
                answered["contentType"] = result.answer.headers["content-type"]
            topic = "SUCCESS_NOTIFICATION_TOPIC" if succeeded else "ERROR_NOTIFICATION_TOPIC"
            if topic in self.settings.told and len(result.answer.body) <= _TOLD_BYTES:
                answered["responseBody"] = _told(result.answer)
        message: dict[str, Any] = {
            "awsRegion": hooks.request.region(),
            "eventTime": _iso(time.time()),
            "receivedTime": _iso(request.received),
            "invocationStatus": result.status,
            "requestParameters": {name: value for name, value in asked.items() if value is not None},
        }
        if answered:
            message["responseParameters"] = answered
        if result.reason is not None:
            message["failureReason"] = result.reason
        return message | {
            "inferenceId": request.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }


def _told(answer: Answer) -> dict[str, str]:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    encoding = {"text/csv": "CSV", "application/json": "JSON"}.get(kind, "BASE64")
    try:
        content = answer.body.decode() if encoding != "BASE64" else None
    except UnicodeDecodeError:
        content = None
    if content is None:
        encoding, content = "BASE64", base64.b64encode(answer.body).decode()
    return {"content": content, "encoding": encoding}


def _iso(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
