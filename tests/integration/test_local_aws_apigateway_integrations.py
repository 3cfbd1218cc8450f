"""What answers a method of a REST API, over HTTP: templates, web servers, services of AWS, deployments."""

from __future__ import annotations

import datetime
import gzip
import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.rest_api import RestApi, make_function, make_role
from support.waiting import eventually

JSON = [("Content-Type", "application/json")]
MODEL = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "count": {"type": "integer", "maximum": 9},
        "kind": {"enum": ["a", "b"]},
    },
}


@pytest.fixture
def api(local_aws: LocalAws) -> Iterator[RestApi]:
    made = RestApi.make(local_aws)
    yield made
    made.delete()


def mocked(api: RestApi, response: str, *, request: str = '{"statusCode": 200}', **settings: Any) -> None:
    api.method(
        "/mock/{name}",
        {"type": "MOCK", "requestTemplates": {"application/json": request}},
        responses={"200": {"responseTemplates": {"application/json": response}}},
        **settings,
    )


class TestMocks:
    def test_a_template_sees_the_request_and_the_context(self, api: RestApi) -> None:
        mocked(
            api,
            """#set($agent = $input.params('user-agent'))
{"name": "$input.params('name')", "page": $input.params().querystring.get('page'),
 "agent": "$util.escapeJavaScript($agent)", "stage": "$context.stage", "colour": "$stageVariables.colour",
 "id": "$context.requestId"}""",
        )
        api.deploy()
        api.patch_stage(variables__colour="blue")

        answer = api.ask("mock/one?page=3", headers=[("User-Agent", 'a "test"')])

        assert answer.json == {
            "name": "one",
            "page": 3,
            "agent": 'a "test"',
            "stage": "v1",
            "colour": "blue",
            "id": answer.request_id,
        }

    def test_the_request_s_template_chooses_the_answer(self, api: RestApi) -> None:
        request = '#if($input.params("name") == "none"){"statusCode": 404}#else{"statusCode": 200}#end'
        api.method(
            "/mock/{name}",
            {"type": "MOCK", "requestTemplates": {"application/json": request}},
            responses={
                "200": {"responseTemplates": {"application/json": "found"}},
                "404": {"selectionPattern": "4\\d\\d", "responseTemplates": {"application/json": "missing"}},
            },
        )
        api.deploy()

        found, missing = api.ask("mock/some"), api.ask("mock/none")

        assert (found.status, found.body) == (200, b"found")
        assert (missing.status, missing.body) == (404, b"missing")

    def test_a_template_may_override_status_and_headers(self, api: RestApi) -> None:
        mocked(
            api,
            "#set($context.responseOverride.status = 418)\n"
            "#set($context.responseOverride.header.x-pot = 'tea')\nteapot",
        )
        api.deploy()

        answer = api.ask("mock/one")

        assert (answer.status, answer.headers["x-pot"], answer.body) == (418, "tea", b"teapot")

    def test_a_preflight_is_answered_with_its_headers(self, api: RestApi) -> None:
        allowed = {"method.response.header.Access-Control-Allow-Origin": "'*'"}
        api.method(
            "/mock/{name}",
            {"type": "MOCK", "requestTemplates": {"application/json": "{ statusCode: 204 }"}},
            method="OPTIONS",
            responses={"204": {"responseParameters": allowed}},
        )
        api.deploy()

        answer = api.ask("mock/one", method="OPTIONS", headers=[("Origin", "https://example.com")])

        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "*")

    @pytest.mark.parametrize("request_", ["{}", "#if(", '{"statusCode": 500}'])
    def test_one_that_is_not_set_up_fails(self, api: RestApi, request_: str) -> None:
        api.method("/mock/{name}", {"type": "MOCK", "requestTemplates": {"application/json": request_}})
        api.deploy()

        answer = api.ask("mock/one")

        assert (answer.status, answer.json) == (500, {"message": "Internal server error"})


class TestValidation:
    @pytest.fixture
    def checked(self, api: RestApi) -> RestApi:
        gateway = api.gateway
        gateway.create_model(
            restApiId=api.id, name="Thing", contentType="application/json", schema=json.dumps(MODEL)
        )
        validator = gateway.create_request_validator(
            restApiId=api.id, name="all", validateRequestBody=True, validateRequestParameters=True
        )["id"]
        gateway.put_gateway_response(
            restApiId=api.id,
            responseType="BAD_REQUEST_BODY",
            responseTemplates={
                "application/json": '{"message": $context.error.messageString, '
                '"why": "$context.error.validationErrorString"}'
            },
        )
        mocked(
            api,
            "fine",
            method="POST",
            requestValidatorId=validator,
            requestModels={"application/json": "Thing"},
            requestParameters={"method.request.querystring.page": True},
        )
        api.deploy()
        return api

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ({"name": "one"}, None),
            ({"name": "one", "count": 9, "kind": "a"}, None),
            ({}, '[object has missing required properties (["name"])]'),
            (
                {"name": "one", "count": "2"},
                '[instance type (string) does not match any allowed primitive type (allowed: ["integer"])]',
            ),
            (
                {"name": "one", "count": 10},
                "[numeric instance is greater than the required maximum (maximum: 9, found: 10)]",
            ),
            ({"name": "o"}, '[string "o" is too short (length: 1, required minimum: 2)]'),
            (
                {"name": "one", "more": 1},
                '[object instance has properties which are not allowed by the schema: ["more"]]',
            ),
            (
                {"name": "one", "kind": "c"},
                '[instance value ("c") not found in enum (possible values: ["a","b"])]',
            ),
        ],
    )
    def test_a_body_is_what_its_model_says(
        self, checked: RestApi, body: dict[str, Any], why: str | None
    ) -> None:
        answer = checked.ask("mock/one?page=1", "POST", json.dumps(body).encode(), JSON)

        if why is None:
            assert (answer.status, answer.body) == (200, b"fine")
        else:
            assert answer.status == 400
            assert '"message":  "Invalid request body"' in answer.body.decode()
            assert why in answer.body.decode()

    def test_what_is_no_json_is_no_body(self, checked: RestApi) -> None:
        answer = checked.ask("mock/one?page=1", "POST", b"{", JSON)

        assert answer.status == 400
        assert answer.headers["x-amzn-errortype"] == "BadRequestException"

    def test_a_type_without_a_model_is_not_checked(self, checked: RestApi) -> None:
        answer = checked.ask("mock/one?page=1", "POST", b"{}", [("Content-Type", "text/plain")])

        assert answer.status == 500  # no template makes a status of it: but it came that far

    def test_a_parameter_has_to_be_there(self, checked: RestApi) -> None:
        answer = checked.ask("mock/one", "POST", b'{"name": "one"}', JSON)

        assert (answer.status, answer.json) == (
            400,
            {"message": "Missing required request parameters: [page]"},
        )

    def test_a_type_that_no_template_takes_may_be_refused(self, api: RestApi) -> None:
        api.method(
            "/",
            {
                "type": "MOCK",
                "requestTemplates": {"application/json": '{"statusCode": 200}'},
                "passthroughBehavior": "NEVER",
            },
            responses={"200": {}},
        )
        api.deploy()

        answer = api.ask("", "POST", b"x", [("Content-Type", "text/plain")])

        assert (answer.status, answer.json) == (415, {"message": "Unsupported Media Type"})


class TestDeployments:
    def test_a_stage_serves_what_was_deployed(self, api: RestApi) -> None:
        mocked(api, "first")
        api.deploy()
        where = {"restApiId": api.id, "resourceId": api.resource("/mock/{name}"), "httpMethod": "ANY"}
        api.gateway.put_integration_response(
            **where, statusCode="200", responseTemplates={"application/json": "second"}
        )

        assert api.ask("mock/one").body == b"first"
        second = api.deploy()
        assert api.ask("mock/one").body == b"second"

        first = next(
            item["id"]
            for item in api.gateway.get_deployments(restApiId=api.id)["items"]
            if item["id"] != second
        )
        api.patch_stage(deploymentId=first)
        assert api.ask("mock/one").body == b"first"

    def test_a_canary_gets_its_share(self, local_aws: LocalAws, stacks: Stacks, api: RestApi) -> None:
        mocked(api, "$stageVariables.colour")
        deployed = api.gateway.create_deployment(restApiId=api.id)["id"]
        stage: dict[str, Any] = {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": api.id,
                "StageName": "v1",
                "DeploymentId": deployed,
                "Variables": {"colour": "blue"},
                "CanarySetting": {
                    "PercentTraffic": 100,
                    "DeploymentId": deployed,
                    "StageVariableOverrides": {"colour": "yellow"},
                },
            },
        }

        stacks.deploy({"Stage": stage}, name="canary")
        assert api.ask("mock/one").body == b"yellow"
        stage["Properties"]["CanarySetting"]["PercentTraffic"] = 0
        stacks.deploy({"Stage": stage}, name="canary")
        assert api.ask("mock/one").body == b"blue"

    def test_an_api_that_serves_nothing_cannot_be_deployed(self, api: RestApi) -> None:
        with pytest.raises(ClientError, match="The REST API doesn't contain any methods"):
            api.deploy()

        api.gateway.put_method(
            restApiId=api.id, resourceId=api.resource("/"), httpMethod="GET", authorizationType="NONE"
        )
        with pytest.raises(ClientError, match="No integration defined for method"):
            api.deploy()

    def test_a_deployment_that_a_stage_serves_stays(self, api: RestApi) -> None:
        mocked(api, "first")
        deployed = api.deploy()

        with pytest.raises(ClientError, match="Active stages pointing to this deployment"):
            api.gateway.delete_deployment(restApiId=api.id, deploymentId=deployed)

    def test_the_literal_path_wins_over_the_parameter_and_that_over_the_greedy_one(
        self, api: RestApi
    ) -> None:
        for path in ("/{proxy+}", "/a/{name}", "/a/b"):
            api.mock(path, path, method="GET")
        api.deploy()

        found = {path: api.ask(path).body.decode() for path in ("a/b", "a/c", "a/b/c", "x")}

        assert found == {"a/b": "/a/b", "a/c": "/a/{name}", "a/b/c": "/{proxy+}", "x": "/{proxy+}"}
        assert api.ask("a/b", "POST").status == 403


class _Backend(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {"path": self.path, "kind": self.headers.get("x-kind"), "method": self.command}
        size = int(self.headers.get("content-length") or 0)
        body = json.dumps({**told, "body": self.rfile.read(size).decode()}).encode()
        self.send_response(404 if "missing" in self.path else 201)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Backend", "here")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server looks for

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def backend() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class TestWebServers:
    def test_a_proxied_request_goes_on_as_it_came(self, api: RestApi, backend: str) -> None:
        api.method(
            "/web/{proxy+}",
            {
                "type": "HTTP_PROXY",
                "integrationHttpMethod": "ANY",
                "uri": f"{backend}/base/{{proxy}}",
                "requestParameters": {"integration.request.path.proxy": "method.request.path.proxy"},
            },
            requestParameters={"method.request.path.proxy": True},
        )
        api.deploy()

        answer = api.ask("web/a/b?c=1", "POST", b"data", [("X-Kind", "test")])

        assert answer.status == 201
        assert answer.headers["x-backend"] == "here"
        assert answer.json == {"path": "/base/a/b?c=1", "kind": "test", "method": "POST", "body": "data"}

    def test_a_mapped_request_has_what_is_mapped(self, api: RestApi, backend: str) -> None:
        api.method(
            "/web/{name}",
            {
                "type": "HTTP",
                "integrationHttpMethod": "POST",
                "uri": f"{backend}/{{name}}",
                "requestParameters": {
                    "integration.request.path.name": "method.request.path.name",
                    "integration.request.header.x-kind": "'mapped'",
                    "integration.request.querystring.q": "method.request.querystring.search",
                },
                "requestTemplates": {"application/json": '{"wrapped": $input.json("$.inner")}'},
            },
            responses={
                "200": {
                    "responseTemplates": {"application/json": '{"was": $input.json("$.body")}'},
                    "responseParameters": {
                        "method.response.header.x-from": "integration.response.header.X-Backend"
                    },
                },
                "404": {"selectionPattern": "404"},
            },
            requestParameters={
                "method.request.path.name": True,
                "method.request.querystring.search": False,
            },
        )
        api.deploy()

        answer = api.ask("web/some?search=x", "POST", b'{"inner": [1, 2]}', JSON)

        assert (answer.status, answer.headers["x-from"]) == (200, "here")
        assert json.loads(answer.json["was"]) == {"wrapped": [1, 2]}
        assert api.ask("web/missing", "POST", b"{}", JSON).status == 404

    def test_a_template_may_override_the_request(self, api: RestApi, backend: str) -> None:
        template = """#set($context.requestOverride.header.x-kind = "overridden")
#set($context.requestOverride.path.name = "else/where")
#set($context.requestOverride.querystring.q = "one two")
{}"""
        api.method(
            "/web/{name}",
            {
                "type": "HTTP",
                "integrationHttpMethod": "POST",
                "uri": f"{backend}/{{name}}",
                "requestTemplates": {"application/json": template},
            },
            responses={"200": {}},
        )
        api.deploy()

        answer = api.ask("web/some", "POST", b"{}", JSON).json

        assert (answer["path"], answer["kind"]) == ("/else/where?q=one+two", "overridden")

    def test_a_server_that_is_not_there_is_the_gateway_s_error(self, api: RestApi) -> None:
        api.method("/", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://127.0.0.1:1/"})
        api.deploy()

        assert api.ask().status == 500


class TestServices:
    def test_a_template_puts_an_item(self, api: RestApi, local_aws: LocalAws) -> None:
        tables, name = local_aws.client("dynamodb"), f"table-{uuid.uuid4().hex[:8]}"
        tables.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        template = (
            f'{{"TableName": "{name}", "Item": {{"id": {{"S": "$input.path(\'$.id\')"}}, '
            '"request": {"S": "$context.requestId"}}}'
        )
        api.method(
            "/items",
            {
                "type": "AWS",
                "integrationHttpMethod": "POST",
                "uri": "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
                "credentials": make_role(local_aws),
                "requestTemplates": {"application/json": template},
            },
            responses={"200": {"responseTemplates": {"application/json": '{"kept": true}'}}},
        )
        api.deploy()

        answer = api.ask("items", "POST", b'{"id": "one"}', JSON)

        assert (answer.status, answer.json) == (200, {"kept": True})
        item = tables.get_item(TableName=name, Key={"id": {"S": "one"}})["Item"]
        assert item["request"]["S"] == answer.request_id
        tables.delete_table(TableName=name)

    def test_a_message_goes_to_a_queue(self, api: RestApi, local_aws: LocalAws) -> None:
        queues, name = local_aws.client("sqs"), f"queue-{uuid.uuid4().hex[:8]}"
        url = queues.create_queue(QueueName=name)["QueueUrl"]
        api.method(
            "/",
            {
                "type": "AWS",
                "integrationHttpMethod": "POST",
                "uri": f"arn:aws:apigateway:us-east-1:sqs:path/{local_aws.account}/{name}",
                "credentials": make_role(local_aws),
                "requestParameters": {
                    "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"
                },
                "requestTemplates": {
                    "application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
                },
            },
            responses={"200": {"responseTemplates": {"application/json": "{}"}}},
        )
        api.deploy()

        assert api.ask("", "POST", b'{"a": "b c"}', JSON).status == 200
        (message,) = queues.receive_message(QueueUrl=url)["Messages"]
        assert message["Body"] == '{"a": "b c"}'
        queues.delete_queue(QueueUrl=url)

    def test_a_service_is_not_called_without_a_role(self, api: RestApi) -> None:
        api.method(
            "/",
            {
                "type": "AWS",
                "integrationHttpMethod": "POST",
                "uri": "arn:aws:apigateway:us-east-1:sns:action/ListTopics",
            },
            responses={"200": {}},
        )
        api.deploy()

        assert api.ask("", "POST").status == 500

    def test_a_function_s_answer_is_mapped(self, api: RestApi, local_aws: LocalAws) -> None:
        code = (
            "def handler(event, context):\n"
            "    if event['number'] < 0:\n"
            "        raise ValueError('[BadRequest] too small')\n"
            "    return {'double': event['number'] * 2}\n"
        )
        function = make_function(local_aws, code)
        api.allow(function)
        api.method(
            "/",
            {
                "type": "AWS",
                "integrationHttpMethod": "POST",
                "uri": api.uri(function),
                "requestTemplates": {"application/json": '{"number": $input.json("$.n")}'},
            },
            responses={
                "200": {"responseTemplates": {"application/json": '{"is": $input.json("$.double")}'}},
                "400": {
                    "selectionPattern": ".*\\[BadRequest\\].*",
                    "responseTemplates": {"application/json": '{"wrong": "$input.path("$.errorMessage")"}'},
                },
            },
        )
        api.deploy()

        good, bad = (api.ask("", "POST", json.dumps({"n": n}).encode(), JSON) for n in (4, -4))

        assert (good.status, good.json) == (200, {"is": 8})
        assert (bad.status, bad.json) == (400, {"wrong": "[BadRequest] too small"})


class TestFunctions:
    CODE = """
import json

def handler(event, context):
    answer = json.loads(event["body"] or "{}")
    return answer.get("answer", {"statusCode": 200, "body": event["body"]})
"""

    @pytest.fixture
    def proxied(self, api: RestApi, local_aws: LocalAws) -> RestApi:
        api.function("/", make_function(local_aws, self.CODE))
        api.deploy()
        return api

    def answered(self, api: RestApi, answer: Any) -> tuple[int, bytes]:
        found = api.ask("", "POST", json.dumps({"answer": answer}).encode(), JSON)
        return found.status, found.body

    def test_nothing_of_an_answer_is_needed(self, proxied: RestApi) -> None:
        assert self.answered(proxied, {}) == (200, b"")
        assert self.answered(proxied, {"statusCode": "201", "body": "made"}) == (201, b"made")

    @pytest.mark.parametrize(
        "answer",
        ["text", [1], {"statusCode": "ok"}, {"body": {"a": 1}}, {"more": 1}, {"headers": {"a": {"b": 1}}}],
    )
    def test_what_is_no_answer_is_a_bad_gateway(self, proxied: RestApi, answer: Any) -> None:
        status, body = self.answered(proxied, answer)

        assert (status, json.loads(body)) == (502, {"message": "Internal server error"})

    def test_headers_that_the_gateway_keeps_get_another_name(self, proxied: RestApi) -> None:
        headers = {"WWW-Authenticate": "Basic", "X-Own": True}
        body = json.dumps({"answer": {"headers": headers}}).encode()

        answer = proxied.ask("", "POST", body, JSON)

        assert answer.headers["x-amzn-remapped-www-authenticate"] == "Basic"
        assert answer.headers["x-own"] == "true"

    def test_a_function_without_a_permission_is_not_called(self, api: RestApi, local_aws: LocalAws) -> None:
        api.function("/", make_function(local_aws, self.CODE), allow=False)
        api.deploy()

        answer = api.ask()

        assert (answer.status, answer.json) == (500, {"message": "Internal server error"})


def test_an_answer_is_compressed_from_its_size_on(local_aws: LocalAws) -> None:
    api = RestApi.make(local_aws, minimumCompressionSize=10)
    api.mock("/long", "x" * 1000)
    api.mock("/short", "x")
    api.deploy()
    accepts = [("Accept-Encoding", "gzip, deflate")]

    long, short, plain = api.ask("long", headers=accepts), api.ask("short", headers=accepts), api.ask("long")

    assert long.headers["content-encoding"] == "gzip"
    assert gzip.decompress(long.body) == plain.body == b"x" * 1000
    assert short.headers["content-encoding"] is None
    api.delete()


class TestPlans:
    @pytest.fixture
    def planned(self, api: RestApi) -> RestApi:
        api.mock("/", "{}", apiKeyRequired=True)
        api.deploy()
        return api

    def key(self, api: RestApi, **plan: Any) -> tuple[str, str, str]:
        """Plan, key, and its value."""
        gateway = api.gateway
        made = gateway.create_usage_plan(
            name=f"plan-{uuid.uuid4().hex[:8]}", apiStages=[{"apiId": api.id, "stage": "v1"}], **plan
        )["id"]
        key = gateway.create_api_key(enabled=True, name=f"key-{uuid.uuid4().hex[:8]}")
        gateway.create_usage_plan_key(usagePlanId=made, keyId=key["id"], keyType="API_KEY")
        return made, key["id"], key["value"]

    def test_a_burst_is_all_that_comes_at_once(self, planned: RestApi) -> None:
        _, _, one = self.key(planned, throttle={"burstLimit": 2, "rateLimit": 0.001})
        _, _, other = self.key(planned)

        answers = [planned.ask(headers=[("x-api-key", one)]) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].json == {"message": "Too Many Requests"}
        assert answers[-1].headers["x-amzn-errortype"] == "TooManyRequestsException"
        assert planned.ask(headers=[("x-api-key", other)]).status == 200

    def test_a_quota_is_all_that_comes_in_its_time(self, planned: RestApi) -> None:
        plan, key, value = self.key(planned, quota={"limit": 2, "period": "DAY"})

        answers = [planned.ask(headers=[("x-api-key", value)]) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].json == {"message": "Limit Exceeded"}
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        used = planned.gateway.get_usage(usagePlanId=plan, startDate=today, endDate=today)
        assert used["items"] == {key: [[2, 0]]}

    @pytest.mark.parametrize(
        ("quota", "words"),
        [
            ({"limit": 1, "period": "DAY", "offset": 1}, "zero in the DAY period"),
            ({"limit": 0, "period": "WEEK"}, "positive number"),
        ],
    )
    def test_a_quota_that_cannot_be_is_refused(
        self, planned: RestApi, quota: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ClientError, match=words):
            self.key(planned, quota=quota)


class TestTelling:
    def test_the_execution_log_follows_a_request(self, api: RestApi, local_aws: LocalAws) -> None:
        api.mock("/", "answered")
        api.deploy()
        role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": make_role(local_aws)}
        api.gateway.update_account(patchOperations=[role])
        patch = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}
        api.gateway.update_stage(restApiId=api.id, stageName="v1", patchOperations=[patch])

        answer = api.ask(headers=[("X-Secret", "hidden")])

        group = f"API-Gateway-Execution-Logs_{api.id}/v1"
        events = local_aws.client("logs").filter_log_events(logGroupName=group)["events"]
        lines = [event["message"] for event in events]
        assert all(line.startswith(f"({answer.request_id})") for line in lines)
        assert f"({answer.request_id}) Method completed with status: 200" in lines
        assert "hidden" not in "".join(lines)

        trace = {"op": "replace", "path": "/*/*/logging/dataTrace", "value": "true"}
        api.gateway.update_stage(restApiId=api.id, stageName="v1", patchOperations=[trace])
        api.ask(headers=[("X-Secret", "hidden")])
        events = local_aws.client("logs").filter_log_events(logGroupName=group)["events"]
        assert "hidden" in "".join(event["message"] for event in events)

    def test_requests_are_counted(self, api: RestApi, local_aws: LocalAws) -> None:
        api.mock("/")
        api.deploy()
        name = api.gateway.get_rest_api(restApiId=api.id)["name"]
        now = time.time()
        for path in ("", "", "nowhere"):
            api.ask(path)

        def sum_of(metric: str) -> float:
            points = local_aws.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/ApiGateway",
                MetricName=metric,
                Dimensions=[{"Name": "ApiName", "Value": name}, {"Name": "Stage", "Value": "v1"}],
                StartTime=now - 60,
                EndTime=now + 60,
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
            return sum(float(point["Sum"]) for point in points)

        assert eventually(lambda: sum_of("Count")) == 3
        assert (sum_of("4XXError"), sum_of("5XXError")) == (1, 0)

    def test_a_stage_may_not_log_without_a_role(self, local_aws: LocalAws, stacks: Stacks) -> None:
        elsewhere = local_aws.client("apigateway", account="111111111111")
        made = elsewhere.create_rest_api(name="api")["id"]
        root = elsewhere.get_resources(restApiId=made)["items"][0]["id"]
        where = {"restApiId": made, "resourceId": root, "httpMethod": "GET"}
        elsewhere.put_method(**where, authorizationType="NONE")
        elsewhere.put_integration(**where, type="MOCK")
        elsewhere.create_deployment(restApiId=made, stageName="v1")
        patch = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}

        with pytest.raises(ClientError, match="CloudWatch Logs role ARN must be set in account settings"):
            elsewhere.update_stage(restApiId=made, stageName="v1", patchOperations=[patch])
        elsewhere.delete_rest_api(restApiId=made)


def test_an_api_is_found_in_whichever_account_it_is(local_aws: LocalAws) -> None:
    elsewhere = LocalAws(local_aws.url, local_aws.state, local_aws.pid, account="222222222222")
    api = RestApi.make(elsewhere)
    api.mock("/", "$context.accountId")
    api.deploy()

    assert api.ask().body == b"222222222222"
    api.delete()


@pytest.mark.parametrize(
    ("integration", "words"),
    [
        ({"TimeoutInMillis": 40}, "TimeoutInMillis|Timeout should be between 50 ms and 29000 ms"),
        ({"Uri": "arn:aws:lambda:us-east-1:000000000000:function:f"}, "must contain path or action"),
        ({"Type": "HTTP", "Uri": "ftp://example.com"}, "Invalid HTTP endpoint specified for URI"),
    ],
)
def test_an_integration_that_cannot_be_fails_the_stack(
    stacks: Stacks, api: RestApi, integration: dict[str, Any], words: str
) -> None:
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"
    method = {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": api.id,
            "ResourceId": api.resource("/"),
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
            "Integration": {
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                "Uri": uri,
                **integration,
            },
        },
    }

    with pytest.raises(DeploymentFailed, match=words):
        stacks.deploy({"Method": method})
