"""A REST API of a test, made with boto3 and asked over HTTP."""

from __future__ import annotations

import http.client
import io
import json
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from support.deployed import LocalAws
from support.identity import trusting

_TRUST = trusting({"Service": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]})
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        return str(self.headers["x-amzn-requestid"])


def ask(
    local_aws: LocalAws, path: str, method: str = "GET", body: bytes = b"", headers: Headers = ()
) -> Answer:
    """One request as it is written: no header is added but the length."""
    connection = http.client.HTTPConnection(urlsplit(local_aws.url).netloc, timeout=30)
    try:
        given = {name.lower() for name, _ in headers}
        connection.putrequest(method, path, skip_accept_encoding=True, skip_host="host" in given)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def make_role(local_aws: LocalAws) -> str:
    name = f"role-{uuid.uuid4().hex[:8]}"
    role = local_aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)["Role"]
    return str(role["Arn"])


def make_function(local_aws: LocalAws, code: str, **settings: Any) -> str:
    """The ARN of a Python function whose `handler` is in the code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", code)
    made = local_aws.client("lambda").create_function(
        **{
            "FunctionName": f"function-{uuid.uuid4().hex[:8]}",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": make_role(local_aws),
            "Code": {"ZipFile": packed.getvalue()},
            "Timeout": 10,
            **settings,
        }
    )
    return str(made["FunctionArn"])


@dataclass
class RestApi:
    """Its stage is `v1`; `deploy` puts what has been added since into it."""

    local_aws: LocalAws
    id: str = ""
    resources: dict[str, str] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, local_aws: LocalAws, **settings: Any) -> RestApi:
        gateway = local_aws.client("apigateway")
        made = gateway.create_rest_api(name=f"api-{uuid.uuid4().hex[:8]}", **settings)
        api = cls(local_aws, made["id"])
        api.resources["/"] = gateway.get_resources(restApiId=api.id)["items"][0]["id"]
        return api

    @property
    def gateway(self) -> Any:
        return self.local_aws.client("apigateway")

    @property
    def stage_arn(self) -> str:
        return f"arn:aws:apigateway:{self.local_aws.region}::/restapis/{self.id}/stages/v1"

    def resource(self, path: str) -> str:
        if path not in self.resources:
            parent, _, part = path.rpartition("/")
            made = self.gateway.create_resource(
                restApiId=self.id, parentId=self.resource(parent or "/"), pathPart=part
            )
            self.resources[path] = made["id"]
        return self.resources[path]

    def method(
        self,
        path: str,
        integration: Mapping[str, Any],
        *,
        method: str = "ANY",
        responses: Mapping[str, Mapping[str, Any]] | None = None,
        answers: Iterable[str] = (),
        **settings: Any,
    ) -> None:
        """`responses`: integration responses by their status; `answers`: more statuses of the method."""
        where = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": method}
        self.gateway.put_method(**where, **{"authorizationType": "NONE", **settings})
        self.gateway.put_integration(**where, **integration)
        for status in {*(responses or {}), *answers}:
            self.gateway.put_method_response(**where, statusCode=status)
        for status, response in (responses or {}).items():
            self.gateway.put_integration_response(**where, statusCode=status, **response)

    def mock(self, path: str, text: str = "{}", status: str = "200", **settings: Any) -> None:
        """A method that answers a text."""
        self.method(
            path,
            {"type": "MOCK", "requestTemplates": {"application/json": f'{{"statusCode": {status}}}'}},
            responses={status: {"responseTemplates": {"application/json": text}}},
            **settings,
        )

    def function(self, path: str, arn: str, *, allow: bool = True, **settings: Any) -> None:
        """A method that a function answers."""
        if allow:
            self.allow(arn)
        integration = {
            "type": "AWS_PROXY",
            "integrationHttpMethod": "POST",
            "uri": self.uri(arn),
            **settings.pop("integration", {}),
        }
        self.method(path, integration, **settings)

    def uri(self, arn: str) -> str:
        region = self.local_aws.region
        return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"

    def allow(self, arn: str) -> None:
        self.local_aws.client("lambda").add_permission(
            FunctionName=arn,
            StatementId=f"api-{uuid.uuid4().hex[:8]}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{self.local_aws.region}:{self.local_aws.account}:{self.id}/*",
        )

    def deploy(self) -> str:
        return str(self.gateway.create_deployment(restApiId=self.id, stageName="v1")["id"])

    def patch_stage(self, **values: str) -> None:
        """By path, with `__` for its slashes: `patch_stage(variables__colour="blue")`."""
        patches = [
            {"op": "replace", "path": f"/{name.replace('__', '/')}", "value": value}
            for name, value in values.items()
        ]
        self.gateway.update_stage(restApiId=self.id, stageName="v1", patchOperations=patches)

    def ask(self, path: str = "", method: str = "GET", body: bytes = b"", headers: Headers = ()) -> Answer:
        where = f"/restapis/{self.id}/v1/_user_request_/{path}"
        return ask(self.local_aws, where, method, body, list(headers))

    def delete(self) -> None:
        self.gateway.delete_rest_api(restApiId=self.id)
