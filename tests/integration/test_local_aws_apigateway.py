"""A REST API in front of a function, over HTTP: what clients see, and what the access log says."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.deployed import LocalAws, Stack, Stacks

CODE = """
import base64, json, time

def handler(event, context):
    what = event["path"].strip("/")
    if what == "fails":
        raise ValueError("secret")
    if what == "slow":
        time.sleep(1)
    if what == "malformed":
        return {"statusCode": 200, "body": {"not": "text"}}
    if what == "nothing":
        return None
    if what == "binary":
        body = base64.b64encode(bytes(range(256))).decode()
        return {
            "statusCode": 200,
            "headers": {"content-type": "application/octet-stream"},
            "multiValueHeaders": {"x-many": ["one", "two"]},
            "body": body,
            "isBase64Encoded": True,
        }
    if what == "prints":
        print("printed line")
    return {"statusCode": 200, "body": json.dumps(event)}
"""
FORMAT = json.dumps(
    {
        name: f"$context.{variable}"
        for name, variable in {
            "requestId": "requestId",
            "status": "status",
            "length": "responseLength",
            "latency": "integrationLatency",
            "resource": "resourcePath",
            "key": "identity.apiKeyId",
            "agent": "identity.userAgent",
            "error": "error.message",
            "type": "error.responseType",
            "path": "path",
        }.items()
    }
)
PROBLEM = '{"type": "about:blank", "title": "slow down", "request": "$context.requestId"}'
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
}


def method(resource: Any, *, timeout: int = 29000, **properties: Any) -> dict[str, Any]:
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": resource,
            "HttpMethod": "ANY",
            "AuthorizationType": "NONE",
            "Integration": {
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                "TimeoutInMillis": timeout,
                "Uri": {"Fn::Sub": uri},
            },
            **properties,
        },
    }


def resource(part: str) -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
            "PathPart": part,
        },
    }


def api() -> dict[str, Any]:
    """`/{what}` is open, `/slow` waits for half a second, `/limited` allows no request, `/keyed` asks for a
    key, `/signed` for a signature, `/checked` for a header."""
    methods = {
        "What": method({"Ref": "WhatResource"}),
        "Slow": method({"Ref": "SlowResource"}, timeout=500),
        "Limited": method({"Ref": "LimitedResource"}),
        "Keyed": method({"Ref": "KeyedResource"}, ApiKeyRequired=True),
        "Signed": method({"Ref": "SignedResource"}, AuthorizationType="AWS_IAM"),
        "Checked": method(
            {"Ref": "CheckedResource"},
            RequestValidatorId={"Ref": "Validator"},
            RequestParameters={"method.request.header.x-needed": True},
        ),
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": CODE},
                "Handler": "index.handler",
                "Runtime": "python3.13",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 25,  # a first start on a busy machine is slow
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "Function"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/*"},
            },
        },
        "LogRole": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Account": {
            "Type": "AWS::ApiGateway::Account",
            "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["LogRole", "Arn"]}},
        },
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": "test", "BinaryMediaTypes": ["*/*"]},
        },
        "Validator": {
            "Type": "AWS::ApiGateway::RequestValidator",
            "Properties": {"RestApiId": {"Ref": "Api"}, "ValidateRequestParameters": True},
        },
        "WhatResource": resource("{what}"),
        "SlowResource": resource("slow"),
        "LimitedResource": resource("limited"),
        "KeyedResource": resource("keyed"),
        "SignedResource": resource("signed"),
        "CheckedResource": resource("checked"),
        **methods,
        "Throttled": {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResponseType": "THROTTLED",
                "StatusCode": "429",
                "ResponseParameters": {
                    "gatewayresponse.header.content-type": "'application/problem+json'",
                    "gatewayresponse.header.Retry-After": "'1'",
                },
                "ResponseTemplates": {"application/json": PROBLEM},
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": [*methods, "Throttled"],
            "Properties": {"RestApiId": {"Ref": "Api"}},
        },
        "Log": {"Type": "AWS::Logs::LogGroup"},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "DependsOn": "Account",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "StageName": "v1",
                "DeploymentId": {"Ref": "Deployment"},
                "AccessLogSetting": {
                    "DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]},
                    "Format": FORMAT,
                },
                "MethodSettings": [
                    {
                        "ResourcePath": "/~1limited",
                        "HttpMethod": "POST",
                        "ThrottlingRateLimit": 0,
                        "ThrottlingBurstLimit": 0,
                    }
                ],
            },
        },
        "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True}},
        "Plan": {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]},
        },
        "PlanKey": {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {
                "KeyId": {"Ref": "Key"},
                "KeyType": "API_KEY",
                "UsagePlanId": {"Ref": "Plan"},
            },
        },
    }


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Front:
    """The deployed API as a client sees it."""

    local_aws: LocalAws
    stack: Stack
    log: str
    key_id: str

    def ask(
        self,
        path: str,
        body: bytes = b"",
        headers: list[tuple[str, str]] | None = None,
        method: str = "POST",
    ) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.local_aws.url).netloc, timeout=30)
        try:
            where = f"/restapis/{self.stack.physical_id('Api')}/v1/_user_request_/{path}"
            connection.putrequest(method, where, skip_accept_encoding=True)
            for name, value in [*(headers or []), ("Content-Length", str(len(body)))]:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def logged(self, request_id: str | None) -> dict[str, str]:
        events = self.local_aws.client("logs").filter_log_events(logGroupName=self.log)["events"]
        lines = [json.loads(event["message"]) for event in events]
        return next(line for line in lines if line["requestId"] == request_id)


@pytest.fixture(scope="module")
def front(local_aws: LocalAws) -> Iterator[Front]:
    stacks = Stacks(local_aws, prefix="front")
    stack = stacks.deploy(api())
    yield Front(local_aws, stack, stack.physical_id("Log"), stack.physical_id("Key"))
    stacks.delete_all()


class TestRequest:
    def test_bodies_come_as_they_were_sent(self, front: Front) -> None:
        data = bytes(range(256))

        typed = front.ask("echo", data, [("Content-Type", "application/octet-stream")]).json
        untyped = front.ask("echo", data).json

        assert base64.b64decode(typed["body"]) == data
        assert base64.b64decode(untyped["body"]) == data
        assert typed["isBase64Encoded"] is True

    def test_a_request_without_a_body_has_none(self, front: Front) -> None:
        event = front.ask("echo", method="GET").json

        assert event["body"] is None
        assert event["isBase64Encoded"] is False

    def test_headers_have_the_names_that_the_client_has_written(self, front: Front) -> None:
        event = front.ask("echo", headers=[("X-ownName", "one"), ("idempotency-Key", "two")]).json

        assert (event["headers"]["X-ownName"], event["headers"]["idempotency-Key"]) == ("one", "two")
        assert event["multiValueHeaders"]["X-ownName"] == ["one"]
        assert not {"x-ownname", "idempotency-key"} & event["headers"].keys()

    def test_repeated_headers_and_parameters_keep_their_values(self, front: Front) -> None:
        event = front.ask("echo?a=1&a=2", headers=[("X-Many", "one, half"), ("X-Many", "two")]).json

        assert event["multiValueHeaders"]["X-Many"] == ["one, half", "two"]
        assert event["headers"]["X-Many"] == "two"
        assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
        assert event["queryStringParameters"] == {"a": "2"}

    def test_the_function_knows_the_request_by_the_id_that_the_client_gets(self, front: Front) -> None:
        answer = front.ask("echo")

        assert answer.json["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]

    def test_more_than_ten_megabytes_are_refused(self, front: Front) -> None:
        answer = front.ask("echo", b"x" * (10 * 1024 * 1024 + 1))

        assert answer.status == 413
        assert answer.json == {"message": "Request Too Long"}

    def test_more_than_a_function_takes_is_refused(self, front: Front) -> None:
        assert front.ask("echo", b"x" * (5 * 1024 * 1024)).status == 413


class TestAnswer:
    def test_a_binary_one_arrives_as_bytes_with_all_its_headers(self, front: Front) -> None:
        answer = front.ask("binary")

        assert answer.body == bytes(range(256))
        assert answer.headers.get_all("x-many") == ["one", "two"]
        assert answer.headers["content-type"] == "application/octet-stream"

    @pytest.mark.parametrize("what", ["fails", "malformed", "nothing"])
    def test_a_broken_one_is_a_502_that_tells_nothing(self, front: Front, what: str) -> None:
        answer = front.ask(what)

        assert answer.status == 502
        assert answer.json == {"message": "Internal server error"}
        assert front.logged(answer.headers["x-amzn-requestid"])["status"] == "502"

    def test_a_late_one_is_not_waited_for(self, front: Front) -> None:
        answer = front.ask("slow")

        assert answer.status == 504
        assert answer.json == {"message": "Endpoint request timed out"}
        assert front.logged(answer.headers["x-amzn-requestid"])["type"] == "INTEGRATION_TIMEOUT"


class TestAccess:
    def test_a_path_that_is_nowhere_misses_its_token(self, front: Front) -> None:
        answer = front.ask("a/b/c")

        assert answer.status == 403
        assert answer.json == {"message": "Missing Authentication Token"}

    @pytest.mark.parametrize("headers", [[], [("x-api-key", "wrong")]])
    def test_a_method_with_a_key_lets_nobody_else_in(
        self, front: Front, headers: list[tuple[str, str]]
    ) -> None:
        answer = front.ask("keyed", headers=headers)

        assert answer.status == 403
        assert answer.json == {"message": "Forbidden"}

    def test_the_function_and_the_log_know_the_key(self, front: Front) -> None:
        gateway = front.local_aws.client("apigateway")
        value = gateway.get_api_key(apiKey=front.key_id, includeValue=True)["value"]

        answer = front.ask("keyed", headers=[("x-api-key", value)])

        assert answer.json["requestContext"]["identity"]["apiKeyId"] == front.key_id
        assert front.logged(answer.headers["x-amzn-requestid"])["key"] == front.key_id

    def test_a_signed_method_wants_a_signature(self, front: Front) -> None:
        answer = front.ask("signed")

        assert answer.status == 403
        assert answer.json == {"message": "Missing Authentication Token"}

    def test_a_request_without_what_its_method_needs_is_refused(self, front: Front) -> None:
        answer = front.ask("checked")

        assert answer.status == 400
        assert answer.json == {"message": "Missing required request parameters: [x-needed]"}
        assert front.ask("checked", headers=[("x-needed", "here")]).status == 200

    def test_too_many_get_the_answer_that_the_api_has_for_them(self, front: Front) -> None:
        answer = front.ask("limited")

        assert answer.status == 429
        assert answer.headers.get_all("content-type") == ["application/problem+json"]
        assert answer.headers["retry-after"] == "1"
        assert answer.json["request"] == answer.headers["x-amzn-requestid"]


def test_every_request_leaves_a_line_in_the_access_log(front: Front) -> None:
    answer = front.ask("echo", headers=[("User-Agent", "a test")])

    line = front.logged(answer.headers["x-amzn-requestid"])

    assert line["status"] == "200"
    assert line["length"] == str(len(answer.body))
    assert line["resource"] == "/{what}"
    assert line["path"] == "/v1/echo"
    assert line["agent"] == "a test"
    assert line["latency"].isdigit()
    assert (line["error"], line["type"], line["key"]) == ("-", "-", "-")


def test_what_a_function_prints_is_in_its_log_when_it_has_answered(front: Front) -> None:
    front.ask("prints")

    group = f"/aws/lambda/{front.stack.physical_id('Function')}"
    events = front.local_aws.client("logs").filter_log_events(logGroupName=group)["events"]

    assert "printed line" in [event["message"].strip() for event in events]
    assert not [event for event in events if "clary" in event["message"]]


def test_what_was_deployed_is_what_the_api_says(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy(api())
    gateway, api_id = local_aws.client("apigateway"), stack.physical_id("Api")

    stage = gateway.get_stage(restApiId=api_id, stageName="v1")
    validators = gateway.get_request_validators(restApiId=api_id)["items"]
    checked = gateway.get_method(
        restApiId=api_id, resourceId=stack.physical_id("CheckedResource"), httpMethod="ANY"
    )

    assert stage["accessLogSettings"]["format"] == FORMAT
    assert stage["methodSettings"]["/limited/POST"]["throttlingBurstLimit"] == 0
    assert [validator["validateRequestParameters"] for validator in validators] == [True]
    assert checked["requestValidatorId"] == validators[0]["id"]
