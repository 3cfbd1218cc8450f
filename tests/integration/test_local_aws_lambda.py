"""Functions, over boto3: how calls fail, what is limited, who is told."""

from __future__ import annotations

import io
import json
import re
import sys
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.rest_api import RestApi, make_function, make_role
from support.waiting import eventually

CODE = """
import datetime, os, time

kept = bytearray()

class OwnError(Exception):
    pass

def handler(event, context):
    do = event.get("do")
    if do == "raise":
        raise OwnError("it broke")
    if do == "exit":
        raise SystemExit(3)
    if do == "odd":
        return {"when": datetime.date.today()}
    if do == "much":
        return "x" * (6 * 1024 * 1024 + 200)
    if do == "sleep":
        time.sleep(event["seconds"])
    if do == "grow":
        kept.extend(b"x" * event["megabytes"] * 1024 * 1024)
        time.sleep(5)
    return {"process": os.getpid(), "who": os.environ.get("WHO"), "id": context.aws_request_id}
"""


@dataclass
class Function:
    local_aws: LocalAws
    arn: str

    @property
    def client(self) -> Any:
        return self.local_aws.client("lambda")

    def invoke(self, **event: Any) -> tuple[str | None, Any]:
        """The kind of the error, if there is one, and the payload."""
        answer = self.client.invoke(FunctionName=self.arn, Payload=json.dumps(event).encode())
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def delete(self) -> None:
        self.client.delete_function(FunctionName=self.arn)


def made(local_aws: LocalAws, **settings: Any) -> Function:
    return Function(local_aws, make_function(local_aws, CODE, **settings))


@pytest.fixture(scope="module")
def function(local_aws: LocalAws) -> Iterator[Function]:
    one = made(local_aws)
    yield one
    one.delete()


class TestFailures:
    def test_an_exception_is_told_by_its_name(self, function: Function) -> None:
        error, payload = function.invoke(do="raise")

        assert error == "Unhandled"
        assert (payload["errorType"], payload["errorMessage"]) == ("OwnError", "it broke")
        assert re.fullmatch(r"[0-9a-f-]{36}", payload["requestId"])
        assert "in handler" in payload["stackTrace"][0]

    def test_the_process_survives_an_exception(self, function: Function) -> None:
        _, before = function.invoke()
        function.invoke(do="raise")
        _, after = function.invoke()

        assert before["process"] == after["process"]

    def test_an_answer_that_is_no_json_cannot_be_marshalled(self, function: Function) -> None:
        _, payload = function.invoke(do="odd")

        assert payload["errorType"] == "Runtime.MarshalError"
        assert payload["errorMessage"].startswith("Unable to marshal response: Object of type date")

    def test_an_answer_may_have_six_megabytes(self, function: Function) -> None:
        _, payload = function.invoke(do="much")

        assert payload["errorType"] == "Function.ResponseSizeTooLarge"
        assert "6291556 bytes" in payload["errorMessage"]

    def test_whoever_leaves_is_told_how(self, function: Function) -> None:
        _, payload = function.invoke(do="exit")

        assert payload["errorType"] == "Runtime.ExitError"
        assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")

    def test_a_call_ends_when_its_time_is_over(self, local_aws: LocalAws) -> None:
        slow = made(local_aws, Timeout=1)

        _, payload = slow.invoke(do="sleep", seconds=5)

        assert payload["errorType"] == "Sandbox.Timedout"
        assert re.fullmatch(
            r"RequestId: \S+ Error: Task timed out after 1.00 seconds", payload["errorMessage"]
        )
        slow.delete()

    def test_a_call_ends_when_it_takes_too_much_memory(self, local_aws: LocalAws) -> None:
        small = made(local_aws, MemorySize=128)

        _, payload = small.invoke(do="grow", megabytes=200)

        assert payload["errorType"] == "Runtime.ExitError"
        assert re.fullmatch(
            r"RequestId: \S+ Error: Runtime exited with error: signal: killed", payload["errorMessage"]
        )
        error, _ = small.invoke()
        assert error is None
        small.delete()

    @pytest.mark.parametrize(
        ("code", "kind", "message"),
        [
            ("import nothing_of_that_name", "Runtime.ImportModuleError", "Unable to import module 'index'"),
            ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index'"),
            ("other = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'index'"),
        ],
    )
    def test_code_that_cannot_be_loaded_says_why(
        self, local_aws: LocalAws, code: str, kind: str, message: str
    ) -> None:
        broken = Function(local_aws, make_function(local_aws, code))

        _, payload = broken.invoke()

        assert payload["errorType"] == kind
        assert payload["errorMessage"].startswith(message)
        broken.delete()


class TestLimits:
    def test_a_request_may_have_six_megabytes(self, function: Function) -> None:
        with pytest.raises(ClientError, match="RequestTooLargeException") as refused:
            function.invoke(text="x" * (6 * 1024 * 1024))

        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413

    def test_an_event_may_have_one(self, function: Function) -> None:
        payload = json.dumps("x" * (1024 * 1024)).encode()

        with pytest.raises(ClientError, match=r"RequestTooLargeException.*Event"):
            function.client.invoke(FunctionName=function.arn, InvocationType="Event", Payload=payload)

    def test_more_calls_than_are_reserved_are_too_many(self, local_aws: LocalAws) -> None:
        one = made(local_aws)
        one.invoke()
        one.client.put_function_concurrency(FunctionName=one.arn, ReservedConcurrentExecutions=1)

        def attempt(_: int) -> str:
            try:
                one.invoke(do="sleep", seconds=1)
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return "done"

        with ThreadPoolExecutor(3) as pool:
            outcomes = list(pool.map(attempt, range(3)))

        assert sorted(outcomes) == ["TooManyRequestsException", "TooManyRequestsException", "done"]
        one.delete()

    def test_behind_an_api_a_throttled_function_is_an_error_of_the_server(self, local_aws: LocalAws) -> None:
        none = made(local_aws)
        none.client.put_function_concurrency(FunctionName=none.arn, ReservedConcurrentExecutions=0)
        api = RestApi.make(local_aws)
        api.function("/", none.arn)
        api.deploy()

        answer = api.ask()

        assert (answer.status, answer.json) == (500, {"message": "Internal server error"})
        api.delete()
        none.delete()


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            (
                {"Environment": {"Variables": {"AWS_REGION": "x"}}},
                "Reserved keys used in this request: AWS_REGION",
            ),
            ({"Environment": {"Variables": {"BIG": "x" * 5000}}}, "exceeded the 4KB limit"),
            ({"Runtime": "python3.7"}, "The runtime parameter of python3.7 is no longer supported"),
        ],
    )
    def test_a_function_that_cannot_be_is_refused(
        self, local_aws: LocalAws, settings: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ClientError, match="InvalidParameterValueException") as refused:
            made(local_aws, **settings)

        assert words in refused.value.response["Error"]["Message"]

    def test_a_template_is_refused_the_same(self, local_aws: LocalAws, stacks: Stacks) -> None:
        function = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": CODE},
                "Handler": "index.handler",
                "Runtime": "nodejs14.x",
                "Role": make_role(local_aws),
            },
        }

        with pytest.raises(DeploymentFailed, match=r"nodejs14.x is no longer supported.*Service: Lambda"):
            stacks.deploy({"Function": function})


class TestVersions:
    def test_an_alias_goes_on_with_the_version_it_names(self, local_aws: LocalAws) -> None:
        one = made(local_aws, Environment={"Variables": {"WHO": "first"}})
        version = one.client.publish_version(FunctionName=one.arn)["Version"]
        one.client.create_alias(FunctionName=one.arn, Name="live", FunctionVersion=version)
        one.client.update_function_configuration(
            FunctionName=one.arn, Environment={"Variables": {"WHO": "second"}}
        )

        _, live = Function(local_aws, f"{one.arn}:live").invoke()
        _, latest = one.invoke()

        assert (live["who"], latest["who"]) == ("first", "second")
        one.delete()

    def test_a_layer_is_on_the_path(self, local_aws: LocalAws) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("python/from_layer.py", "WORD = 'layered'")
        layer = local_aws.client("lambda").publish_layer_version(
            LayerName=f"layer-{uuid.uuid4().hex[:8]}", Content={"ZipFile": packed.getvalue()}
        )
        code = "from from_layer import WORD\ndef handler(event, context):\n    return WORD\n"

        using = Function(local_aws, make_function(local_aws, code, Layers=[layer["LayerVersionArn"]]))

        assert using.invoke() == (None, "layered")
        using.delete()


class TestTelling:
    def test_a_runtime_that_is_not_the_one_here_is_told_in_the_log(self, local_aws: LocalAws) -> None:
        here = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for runtime, told in (("python3.13" if here != "python3.13" else "python3.12", True), (here, False)):
            one = made(local_aws, Runtime=runtime)
            one.invoke()
            name = one.arn.rsplit(":", 1)[-1]
            events = local_aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            notices = [event["message"] for event in events if "[local AWS]" in event["message"]]
            assert bool(notices) is told
            one.delete()

    def test_all_calls_of_an_environment_are_in_the_stream_that_it_knows(self, local_aws: LocalAws) -> None:
        code = "def handler(event, context):\n    return context.log_group_name, context.log_stream_name\n"
        one = Function(local_aws, make_function(local_aws, code))
        logs = local_aws.client("logs")

        (_, (group, known)), again = one.invoke(), one.invoke()

        (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=known, startFromHead=True)["events"]
        assert again == (None, [group, known])
        assert stream["logStreamName"] == known
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", known)
        assert [each["message"].split()[0] for each in events if "[local AWS]" not in each["message"]] == [
            "START",
            "END",
            "REPORT",
        ] * 2
        one.delete()

    def test_an_event_that_fails_ends_where_failures_go(self, local_aws: LocalAws) -> None:
        queue = local_aws.client("sqs").create_queue(QueueName=f"failed-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        queue_arn = local_aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        one = made(local_aws)
        one.client.put_function_event_invoke_config(
            FunctionName=one.arn,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": queue_arn}},
        )

        one.client.invoke(FunctionName=one.arn, InvocationType="Event", Payload=b'{"do": "raise"}')

        received = eventually(lambda: local_aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
        record = json.loads(received[0]["Body"])
        assert record["requestContext"]["condition"] == "RetriesExhausted"
        assert record["responsePayload"]["errorType"] == "OwnError"
        one.delete()
        local_aws.client("sqs").delete_queue(QueueUrl=queue)

    def test_a_url_answers_for_its_function(self, local_aws: LocalAws) -> None:
        code = (
            "import json\n"
            "def handler(event, context):\n"
            "    return {'statusCode': 201, 'body': json.dumps(event['rawPath'])}\n"
        )
        one = Function(local_aws, make_function(local_aws, code))
        url = one.client.create_function_url_config(FunctionName=one.arn, AuthType="NONE")["FunctionUrl"]
        identifier = re.match(r"https?://([^.]+)\.", url)
        assert identifier is not None

        where = f"{local_aws.url}/_aws/lambda-url/{identifier[1]}/a/path"
        with urllib.request.urlopen(where) as answer:
            assert (answer.status, json.load(answer)) == (201, "/a/path")
        one.delete()
