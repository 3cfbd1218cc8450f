"""A service's refusal, as CloudFormation tells it."""

from __future__ import annotations

import uuid

from local_aws.cloudformation.registry import ResourceFailed


def refused_by(
    service: str, message: str, *, status: int = 400, handler_code: str = "InvalidRequest"
) -> ResourceFailed:
    """https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html"""
    request = uuid.uuid4()
    return ResourceFailed(
        f'Resource handler returned message: "{message} (Service: {service}, Status Code: {status}, '
        f'Request ID: {request})" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {handler_code})'
    )
