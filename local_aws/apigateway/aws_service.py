"""Integrations with services of AWS: `arn:aws:apigateway:<region>:<service>:action/<Action>`, or `path/…`.

https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html#apigw-PutIntegration-request-uri
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from functools import cache

from local_aws import hooks
from local_aws.apigateway.exchange import GatewayError, Response

_URI = re.compile(
    r"arn:aws[\w-]*:apigateway:(?P<region>[\w-]+):(?P<service>[\w.-]+):(?P<kind>action|path)/(?P<rest>.*)"
)
_MODELS = {"states": "stepfunctions", "monitoring": "cloudwatch", "email": "ses"}
"""Services whose models botocore keeps under another name than that of their host."""


async def call(
    uri: str, method: str, headers: dict[str, str], query: Mapping[str, str], body: str
) -> Response:
    found = _URI.fullmatch(uri)
    if not found:
        raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error", detail=f"Invalid ARN: {uri}")
    service = found["service"].split(".")[-1]
    parameters = {name: [value] for name, value in query.items()}
    path = "/"
    if found["kind"] == "path":
        path += found["rest"]
    else:
        action, _, more = found["rest"].partition("&")
        headers, parameters, body = _as_request(service, action, more, headers, parameters, body)
    try:
        handler = hooks.server.service(service)
    except KeyError:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", "Internal server error", detail=f"there is no service {service} here"
        ) from None
    with hooks.request.scope(hooks.request.account_id(), found["region"]):
        status, answered, content = await handler(method, path, headers, body.encode(), parameters)
    return status, answered, content if isinstance(content, bytes) else str(content).encode()


def _as_request(
    service: str, action: str, more: str, headers: dict[str, str], parameters: dict[str, list[str]], body: str
) -> tuple[dict[str, str], dict[str, list[str]], str]:
    """The action as the service's protocol has it: a target in a header, or a parameter."""
    protocol, target, version = _model(service)
    if protocol == "json":
        return (
            {**headers, "content-type": "application/x-amz-json-1.0", "x-amz-target": f"{target}.{action}"},
            parameters,
            body,
        )
    if protocol == "query":
        given = dict(urllib.parse.parse_qsl(body)) if "urlencoded" in headers.get("content-type", "") else {}
        given |= dict(urllib.parse.parse_qsl(more)) | {
            name: values[-1] for name, values in parameters.items()
        }
        encoded = urllib.parse.urlencode({"Action": action, "Version": version, **given})
        return {**headers, "content-type": "application/x-www-form-urlencoded"}, {}, encoded
    raise GatewayError(
        "API_CONFIGURATION_ERROR",
        "Internal server error",
        detail=f"{service} takes paths, not the action {action}",
    )


@cache
def _model(service: str) -> tuple[str, str, str]:
    """Protocol, prefix of targets and version of a service's API."""
    import botocore.session  # only those who need it wait for it
    from botocore.exceptions import UnknownServiceError

    try:
        metadata = botocore.session.get_session().get_service_model(_MODELS.get(service, service)).metadata
    except UnknownServiceError:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", "Internal server error", detail=f"there is no service {service}"
        ) from None
    protocols = metadata.get("protocols") or [metadata["protocol"]]
    protocol = next((each for each in ("json", "query") if each in protocols), metadata["protocol"])
    return protocol, metadata.get("targetPrefix", ""), metadata["apiVersion"]
