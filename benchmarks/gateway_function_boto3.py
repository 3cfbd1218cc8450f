"""The function as it is usually written, for `gateway_function.py`: no check, no fault handled."""

from __future__ import annotations

import base64
from typing import Any

import boto3

_RUNTIME = boto3.client("sagemaker-runtime")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in event["headers"].items()}
    answer = _RUNTIME.invoke_endpoint(
        EndpointName="clary-bench-housing",
        ContentType=headers["content-type"],
        Body=base64.b64decode(event["body"]),
    )
    return {
        "statusCode": 200,
        "headers": {"Content-Type": answer["ContentType"]},
        "body": base64.b64encode(answer["Body"].read()).decode(),
        "isBase64Encoded": True,
    }
