"""Definitions of monitoring jobs: of an endpoint, or of what batch transform leaves.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateDataQualityJobDefinition.html
"""

from __future__ import annotations

from local_aws.errors import invalid
from local_aws.sagemaker.behaviour import Behaviour, Request


class JobDefinition(Behaviour):
    def __init__(self, kind: str) -> None:
        self._input = f"{kind}JobInput"

    def check(self, request: Request) -> None:
        given = request[self._input]
        if ("EndpointInput" in given) == ("BatchTransformInput" in given):
            raise invalid(f"{self._input} must have exactly one of EndpointInput and BatchTransformInput.")
