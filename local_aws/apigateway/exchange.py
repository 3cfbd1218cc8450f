"""One request to a REST API, and all that is told of it: to functions, templates, logs and metrics."""

from __future__ import annotations

import base64
import datetime
import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.apigateway.deployments import Deployment

Response = tuple[int, dict[str, Any], bytes]


class GatewayError(Exception):
    """What API Gateway answers by itself, by the API's gateway response of that type.

    `detail` is for the execution log alone. `status` is the answer's where the type has none.
    """

    def __init__(
        self,
        response_type: str,
        message: str | None,
        *,
        detail: str = "",
        validation: str | None = None,
        error_type: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.response_type = response_type
        self.message = message
        self.detail = detail
        self.validation = validation
        self.error_type = error_type
        self.status = status


@dataclass
class Exchange:
    account: str
    region: str
    api_id: str
    stage_name: str
    method: str
    path: str
    headers: dict[str, str]
    """By their names in lower case; of a repeated one, the last value."""
    many_headers: dict[str, list[str]]
    header_names: Mapping[str, str]
    """As they were sent, by the names in lower case."""
    query: dict[str, list[str]]
    body: bytes
    client_address: str
    stage: Mapping[str, Any] = field(default_factory=dict)
    deployment: Deployment | None = None
    canary: bool = False
    resource: Mapping[str, Any] = field(default_factory=dict)
    served: Mapping[str, Any] = field(default_factory=dict)
    """The method, as it was deployed."""
    path_parameters: dict[str, str] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_id: str = field(default_factory=lambda: base64.b64encode(os.urandom(11)).decode())
    started: float = field(default_factory=time.time)
    key: Mapping[str, Any] = field(default_factory=dict)
    caller: Mapping[str, Any] = field(default_factory=dict)
    authorizer: dict[str, Any] | None = None
    """What an authoriser says of the caller, claims and all."""
    error: GatewayError | None = None
    known: dict[str, Any] = field(default_factory=dict)
    """Variables of logs that one step or another of the way knows: `integration.latency`, `waf.status`."""
    level: str = "OFF"
    data_trace: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def integration(self) -> Mapping[str, Any]:
        return self.served.get("methodIntegration") or {}

    @property
    def variables(self) -> dict[str, str]:
        """The stage's variables, a canary's own over the others."""
        own = (self.stage.get("canarySettings") or {}).get("stageVariableOverrides") if self.canary else None
        return {**(self.stage.get("variables") or {}), **(own or {})}

    @property
    def method_arn(self) -> str:
        where = f"{self.api_id}/{self.stage_name}/{self.method}{self.path}"
        return f"arn:aws:execute-api:{self.region}:{self.account}:{where}"

    @property
    def domain(self) -> str:
        return self.headers.get("host", "").split(":")[0]

    @property
    def time(self) -> str:
        started = datetime.datetime.fromtimestamp(self.started, datetime.UTC)
        return started.strftime("%d/%b/%Y:%H:%M:%S +0000")

    def say(self, line: str, *, failed: bool = False) -> None:
        """A line of the execution log."""
        if self.level == "INFO" or (failed and self.level == "ERROR"):
            self.lines.append(f"({self.request_id}) {line}")

    def trace(self, what: str, value: object) -> None:
        """A line with data of the request or the answer, where the stage logs them."""
        if self.data_trace:
            self.say(f"{what}: {value.decode(errors='replace') if isinstance(value, bytes) else value}")

    def identity(self) -> dict[str, Any]:
        """Who calls, as functions are told: every member is there.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
        """
        identity: dict[str, Any] = dict.fromkeys(
            (
                "accessKey",
                "accountId",
                "caller",
                "cognitoAuthenticationProvider",
                "cognitoAuthenticationType",
                "cognitoIdentityId",
                "cognitoIdentityPoolId",
                "principalOrgId",
                "user",
                "userArn",
            )
        )
        identity |= {
            "sourceIp": self.client_address,
            "userAgent": self.headers.get("user-agent"),
            **self.caller,
        }
        if self.key:
            identity |= {"apiKey": self.key.get("value"), "apiKeyId": self.key.get("id")}
        return identity

    def context(self, response: Response | None = None) -> dict[str, Any]:
        """The `$context` variables that have a value, by their dotted names.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
        """
        error = self.error
        values: dict[str, Any] = {
            "accountId": self.account,
            "apiId": self.api_id,
            "deploymentId": self.stage.get("deploymentId"),
            "domainName": self.domain,
            "domainPrefix": self.domain.split(".")[0],
            "extendedRequestId": self.extended_id,
            "httpMethod": self.method,
            "isCanaryRequest": str(self.canary).lower() if self.stage.get("canarySettings") else None,
            "path": f"/{self.stage_name}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": self.time,
            "requestTimeEpoch": round(self.started * 1000),
            "resourceId": self.resource.get("id"),
            "resourcePath": self.resource.get("path"),
            "stage": self.stage_name,
            **{f"identity.{name}": value for name, value in self.identity().items()},
            **self.known,
        }
        for name, value in (self.authorizer or {}).items():
            if name == "claims":
                values |= {f"authorizer.claims.{claim}": text for claim, text in value.items()}
            else:
                values[f"authorizer.{name}"] = value
        if error is not None:
            values |= {
                "error.message": error.message,
                "error.messageString": None if error.message is None else json.dumps(error.message),
                "error.responseType": error.response_type,
                "error.validationErrorString": error.validation,
            }
        if response is not None:
            values |= {
                "status": response[0],
                "responseLength": len(response[2]),
                "responseLatency": round((time.time() - self.started) * 1000),
            }
        return {name: value for name, value in values.items() if value not in (None, "")}

    def forwarded_headers(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        """The request's headers and those that API Gateway adds, single and with all their values, by their
        names as they were sent."""
        added = {
            "X-Amzn-Trace-Id": f"Root=1-{int(self.started):08x}-{self.request_id.replace('-', '')[:24]}",
            "X-Forwarded-For": self.headers.get("x-forwarded-for", self.client_address),
            "X-Forwarded-Port": self.headers.get("x-forwarded-port", "443"),
            "X-Forwarded-Proto": self.headers.get("x-forwarded-proto", "https"),
        }
        new = {name: value for name, value in added.items() if name.lower() not in self.headers}
        single = {self._as_sent(name): value for name, value in self.headers.items()}
        many = {self._as_sent(name): values for name, values in self.many_headers.items()}
        return {**single, **new}, {**many, **{name: [value] for name, value in new.items()}}

    def _as_sent(self, name: str) -> str:
        return self.header_names.get(name, name)
