"""Custom resources: CDK's own are done natively with their roles' rights, others run and fail at once."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_aws import process
from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.processes import left_of
from support.resource_world import TRUST, resource

ROLE = resource("IAM::Role", AssumeRolePolicyDocument=TRUST)


def function(code: str = "exports.handler = async () => {}", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Runtime": "nodejs22.x",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            **properties,
        },
    }


def custom(kind: str, **properties: Any) -> dict[str, Any]:
    token = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}
    return {"Type": f"Custom::{kind}", "Properties": {**token, **properties}}


_ANSWER = """\
import json, urllib.request
def handler(event, context):
    said = {name: event[name] for name in ('StackId', 'RequestId', 'LogicalResourceId')}
    failed = FAILING and event['RequestType'] == 'Delete'
    said |= {'Status': 'FAILED' if failed else 'SUCCESS', 'Reason': 'not yet', 'PhysicalResourceId': 'mine'}
    request = urllib.request.Request(
        event['ResponseURL'], json.dumps(said).encode(), {'content-type': ''}, method='PUT'
    )
    urllib.request.urlopen(request)
"""


BASE = {"Role": ROLE, "Function": function()}


class TestSdkCall:
    def test_is_made_once_for_each_of_create_update_and_delete(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        def wanted(value: str) -> dict[str, Any]:
            put = {
                "service": "SSM",
                "action": "putParameter",
                "parameters": {"Name": "/called", "Value": value, "Type": "String", "Overwrite": True},
                "physicalResourceId": {"id": "called"},
            }
            gone = {
                "service": "@aws-sdk/client-ssm",
                "action": "DeleteParameterCommand",
                "parameters": {"Name": "/called"},
            }
            return custom("AWS", Create=json.dumps(put), Update=json.dumps(put), Delete=json.dumps(gone))

        ssm = local_aws.client("ssm")
        stacks.deploy({**BASE, "Call": wanted("one")}, name="calls")
        assert ssm.get_parameter(Name="/called")["Parameter"]["Value"] == "one"

        stacks.deploy({**BASE, "Call": wanted("two")}, name="calls")
        assert ssm.get_parameter(Name="/called")["Parameter"]["Value"] == "two"

        stacks.deploy(BASE, name="calls")
        assert ssm.get_parameters(Names=["/called"])["InvalidParameters"] == ["/called"]

    def test_answers_with_what_the_call_answers(self, stacks: Stacks, local_aws: LocalAws) -> None:
        local_aws.client("ssm").put_parameter(Name="/asked", Value="answer", Type="String", Overwrite=True)
        get = {
            "service": "SSM",
            "action": "getParameter",
            "parameters": {"Name": "/asked"},
            "physicalResourceId": {"responsePath": "Parameter.Name"},
        }
        stack = stacks.deploy(
            {**BASE, "Call": custom("AWS", Create=json.dumps(get))},
            outputs={"Value": {"Fn::GetAtt": ["Call", "Parameter.Value"]}},
        )

        assert stack.outputs["Value"] == "answer"
        assert stack.physical_id("Call") == "/asked"

    def test_that_fails_fails_the_resource_unless_it_was_told_to_pass_over(self, stacks: Stacks) -> None:
        get = {
            "service": "SSM",
            "action": "getParameter",
            "parameters": {"Name": "/nowhere"},
            "physicalResourceId": {"id": "it"},
        }
        with pytest.raises(DeploymentFailed, match="ParameterNotFound"):
            stacks.deploy({**BASE, "Call": custom("AWS", Create=json.dumps(get))})

        passed = json.dumps({**get, "ignoreErrorCodesMatching": "ParameterNotFound"})
        assert stacks.deploy({**BASE, "Call": custom("AWS", Create=passed)}).status == "CREATE_COMPLETE"


class TestBucket:
    def test_is_emptied_when_it_goes_if_it_says_so(self, stacks: Stacks, local_aws: LocalAws) -> None:
        tag = {"Tags": [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}]}
        versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
        stack = stacks.deploy(
            {
                **BASE,
                "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {**tag, **versioned}},
                "Empty": custom("S3AutoDeleteObjects", BucketName={"Ref": "Bucket"}),
            },
            name="emptied",
        )
        s3, bucket = local_aws.client("s3"), stack.physical_id("Bucket")
        for body in (b"one", b"two"):
            s3.put_object(Bucket=bucket, Key="a", Body=body)
        s3.delete_object(Bucket=bucket, Key="a")

        stacks.deploy(BASE, name="emptied")

        assert bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}

    def test_gets_what_an_asset_holds_and_loses_what_it_no_longer_does(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        s3 = local_aws.client("s3")
        s3.create_bucket(Bucket="custom-assets")
        for name, files in (
            ("one.zip", {"a.html": "<p>@@</p>", "b.txt": "b"}),
            ("two.zip", {"a.html": "new"}),
        ):
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w") as packed:
                for file, content in files.items():
                    packed.writestr(file, content)
            s3.put_object(Bucket="custom-assets", Key=name, Body=archive.getvalue())

        def deployment(asset: str) -> dict[str, Any]:
            pages = custom(
                "CDKBucketDeployment",
                SourceBucketNames=["custom-assets"],
                SourceObjectKeys=[asset],
                SourceMarkers=[{"@@": {"Ref": "AWS::StackName"}}],
                DestinationBucketName={"Ref": "Bucket"},
                DestinationBucketKeyPrefix="site",
                RetainOnDelete=False,
                SystemMetadata={"cache-control": "no-cache"},
            )
            return {**BASE, "Bucket": {"Type": "AWS::S3::Bucket"}, "Pages": pages}

        stack = stacks.deploy(deployment("one.zip"), name="pages")
        bucket = stack.physical_id("Bucket")
        page = s3.get_object(Bucket=bucket, Key="site/a.html")
        assert (page["Body"].read(), page["ContentType"]) == (b"<p>pages</p>", "text/html")
        assert page["CacheControl"] == "no-cache"

        stacks.deploy(deployment("two.zip"), name="pages")
        assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["site/a.html"]

        stacks.deploy({**BASE, "Bucket": {"Type": "AWS::S3::Bucket"}}, name="pages")
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


class TestFramework:
    def test_asks_until_it_is_complete(self, stacks: Stacks) -> None:
        begun = "def handler(event, context): return {'PhysicalResourceId': 'made', 'Data': {'Asked': 'yes'}}"
        done = (
            "import os\n"
            "def handler(event, context):\n"
            "    first = not os.path.exists('/tmp/' + event['RequestId'])\n"
            "    open('/tmp/' + event['RequestId'], 'w').close()\n"
            "    return {'IsComplete': not first, **({} if first else {'Data': {'Done': 'yes'}})}\n"
        )
        python = {"Runtime": "python3.13"}
        framework = function(
            Handler="framework.onEvent",
            Environment={
                "Variables": {
                    "USER_ON_EVENT_FUNCTION_ARN": {"Fn::GetAtt": ["Begun", "Arn"]},
                    "USER_IS_COMPLETE_FUNCTION_ARN": {"Fn::GetAtt": ["Done", "Arn"]},
                }
            },
        )
        stack = stacks.deploy(
            {
                "Role": ROLE,
                "Begun": function(begun, **python),
                "Done": function(done, **python),
                "Function": framework,
                "Mine": custom("Mine", Number=1),
            },
            outputs={name: {"Fn::GetAtt": ["Mine", name]} for name in ("Asked", "Done")},
        )

        assert stack.physical_id("Mine") == "made"
        assert stack.outputs == {"Asked": "yes", "Done": "yes"}


class TestFunction:
    def test_that_fails_without_an_answer_fails_the_resource_at_once(self, stacks: Stacks) -> None:
        broken = function("def handler(event, context): raise ValueError('no idea')", Runtime="python3.13")

        with pytest.raises(
            DeploymentFailed, match=r"did not receive a response from your custom resource.*no idea"
        ):
            stacks.deploy({"Role": ROLE, "Function": broken, "Mine": custom("Mine")})

    def test_that_could_not_delete_keeps_what_it_needs_to_be_asked_again(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        failing = function("FAILING = True\n" + _ANSWER, Runtime="python3.13")
        stack = stacks.deploy(
            {
                "Role": ROLE,
                "Function": failing,
                "Mine": custom("Mine"),
                "Apart": {"Type": "AWS::SNS::Topic"},
            }
        )
        cloudformation, function_name = local_aws.client("cloudformation"), stack.physical_id("Function")

        cloudformation.delete_stack(StackName=stack.name)
        assert stack.status == "DELETE_FAILED"
        left = cloudformation.describe_stack_resources(StackName=stack.name)["StackResources"]
        (described,) = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
        assert {each["LogicalResourceId"]: each["ResourceStatus"] for each in left} == {
            "Role": "CREATE_COMPLETE",
            "Function": "CREATE_COMPLETE",
            "Mine": "DELETE_FAILED",
        }
        assert described["StackStatusReason"].strip().endswith("failed to delete: [Mine].")

        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("index.py", "FAILING = False\n" + _ANSWER)
        local_aws.client("lambda").update_function_code(
            FunctionName=function_name, ZipFile=archive.getvalue()
        )
        arn = str(described["StackId"])
        cloudformation.delete_stack(StackName=arn)
        assert replace(stack, name=arn).status == "DELETE_COMPLETE"

    def test_is_asked_to_delete_once_though_its_stack_is_deleted_again_meanwhile(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        slow = function(
            "import time\nFAILING = False\n"
            + _ANSWER.replace("    request =", "    time.sleep(1)\n    request ="),
            Runtime="python3.13",
        )
        stack = stacks.deploy({"Role": ROLE, "Function": slow, "Mine": custom("Mine")})
        cloudformation = local_aws.client("cloudformation")
        arn = str(cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"])

        for _ in range(3):
            cloudformation.delete_stack(StackName=arn)

        assert replace(stack, name=arn).status == "DELETE_COMPLETE"
        events = cloudformation.describe_stack_events(StackName=arn)["StackEvents"]
        begun = [
            each["LogicalResourceId"] for each in events if each["ResourceStatus"] == "DELETE_IN_PROGRESS"
        ]
        assert sorted(begun) == sorted({*begun})

    def test_that_misses_the_sdk_for_javascript_says_what_would_do(self, stacks: Stacks) -> None:
        needy = function("require('@aws-sdk/client-nothing'); exports.handler = async () => {}")

        with pytest.raises(DeploymentFailed, match="NODE_PATH"):
            stacks.deploy({"Role": ROLE, "Function": needy, "Mine": custom("Mine")})

    def test_that_never_answers_does_not_keep_the_server(self, tmp_path: Path) -> None:
        running = process.start(tmp_path, port=0)
        stacks = Stacks(LocalAws(running.url, tmp_path, running.pid), "silent")
        silent = function("def handler(event, context): return 1", Runtime="python3.13")
        body = json.dumps({"Resources": {"Role": ROLE, "Function": silent, "Mine": custom("Mine")}})
        cloudformation = stacks.local_aws.client("cloudformation")
        cloudformation.create_stack(
            StackName="silent", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        asked: list[str] = []
        while "Mine" not in asked:
            events = cloudformation.describe_stack_events(StackName="silent")["StackEvents"]
            asked = [event["LogicalResourceId"] for event in events]

        server = psutil.Process(running.pid)
        server.terminate()

        assert left_of([server]) == []
