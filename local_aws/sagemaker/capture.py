"""Data capture: what an endpoint was asked and what it answered, as JSON Lines in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html
"""

from __future__ import annotations

import base64
import datetime
import json
import logging
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.sagemaker import storage
from local_aws.sagemaker.hosting import Invocation
from local_aws.sagemaker.model_server import Answer

logger = logging.getLogger("local_aws.sagemaker")

_SECONDS = 1.0
"""How long records are gathered into one file; "a couple of minutes" on AWS."""
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


class Capture:
    """What one endpoint configuration captures of an endpoint."""

    def __init__(self, endpoint: str, configuration: Mapping[str, Any], s3: Callable[[], Any]) -> None:
        self._endpoint = endpoint
        self._s3 = s3
        self._destination = configuration["DestinationS3Uri"].rstrip("/")
        self._key_id = configuration.get("KmsKeyId")
        self._percentage = configuration["InitialSamplingPercentage"]
        modes = {option["CaptureMode"] for option in configuration["CaptureOptions"]}
        self._input = bool(modes & {"Input", "InputAndOutput"})
        self._output = bool(modes & {"Output", "InputAndOutput"})
        headers = configuration.get("CaptureContentTypeHeader", {})
        self._csv = set(headers.get("CsvContentTypes", ()))
        self._json = set(headers.get("JsonContentTypes", ()))
        self._lock = threading.Lock()
        self._written = threading.Lock()
        self._records: dict[str, list[str]] = {}
        self._ended = threading.Event()
        hooks.request.in_background(self._flush_for_ever, name=f"capture-{endpoint}")

    @property
    def percentage(self) -> int:
        return int(self._percentage)

    def keep(self, variant: str, invocation: Invocation, answer: Answer) -> None:
        """Captures the exchange, or not: by the sampling percentage."""
        if random.random() * 100 >= self._percentage:  # noqa: S311 - a sample, not a secret
            return
        record = json.dumps(self.record(invocation, answer))
        with self._lock:
            self._records.setdefault(variant, []).append(record)

    def record(self, invocation: Invocation, answer: Answer) -> dict[str, Any]:
        data = {}
        if self._input:
            asked = invocation.headers.get("content-type", "")
            data["endpointInput"] = self._part("INPUT", asked, invocation.body)
        if self._output:
            answered = answer.headers.get("content-type", "")
            data["endpointOutput"] = self._part("OUTPUT", answered, answer.body)
        now = datetime.datetime.now(datetime.UTC)
        metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if _ATTRIBUTES in invocation.headers:
            metadata["customAttributes"] = [invocation.headers[_ATTRIBUTES]]
        if _INFERENCE_ID in invocation.headers:
            metadata["inferenceId"] = invocation.headers[_INFERENCE_ID]
        metadata["inferenceTime"] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}

    def stop(self) -> None:
        """Writes what is left."""
        self._ended.set()
        self.flush()

    def flush(self) -> None:
        with self._written:  # whoever returns from here knows that all is there
            with self._lock:
                records, self._records = self._records, {}
            for variant, lines in records.items():
                now = datetime.datetime.now(datetime.UTC)
                folder = f"{self._endpoint}/{variant}/{now:%Y/%m/%d/%H}"
                name = f"{now:%M-%S}-{now.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
                self._put(f"{self._destination}/{folder}/{name}", "\n".join(lines) + "\n")

    def _flush_for_ever(self) -> None:
        while not self._ended.wait(_SECONDS):
            self.flush()

    def _put(self, uri: str, text: str) -> None:
        bucket, key = storage.location(uri)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key_id} if self._key_id else {}
        try:
            self._s3().put_object(
                Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/json", **encryption
            )
        except Exception:
            logger.exception("cannot write what was captured of the endpoint %s", self._endpoint)

    def _part(self, mode: str, content_type: str, body: bytes) -> dict[str, str]:
        encoding, data = self._encoded(content_type, body)
        return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}

    def _encoded(self, content_type: str, body: bytes) -> tuple[str, str]:
        """As text only what the configuration calls CSV or JSON, and base64 the rest
        (CaptureContentTypeHeader in the API reference)."""
        kind = content_type.partition(";")[0].strip()
        for encoding, types in (("CSV", self._csv), ("JSON", self._json)):
            if kind in types or content_type in types:
                try:
                    return encoding, body.decode()
                except UnicodeDecodeError:
                    break
        return "BASE64", base64.b64encode(body).decode()
