"""`kill -9` at whatever moment: what was answered is there after the next start, and stacks can go on."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from local_aws import process
from local_aws.persistence import FILE
from local_aws.sagemaker import images
from support.deployed import LocalAws
from support.identity import trusting
from support.persistent import PATIENCE_SECONDS, PersistentAws, settled
from support.sagemaker import Workshop
from support.waiting import eventually

_ACCOUNT = "210000000001"
_TRUST = trusting({"Service": "lambda.amazonaws.com"})
_SLOW_ONCE = """#!/usr/bin/env python3
import http.server, os, pathlib, sys, time

mark = pathlib.Path(os.environ["MARK"])
if not mark.exists():
    mark.touch()
    time.sleep(3600)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[PersistentAws]:
    aws = PersistentAws(tmp_path / "state")
    yield aws
    aws.stop()


def test_what_was_answered_is_there_after_a_kill_at_any_moment(kept: PersistentAws) -> None:
    answered: list[Callable[[LocalAws], bool]] = []
    for moment in (2, 13):
        aws = kept.start()
        assert [there for there in answered if not there(aws)] == []
        writers = [
            threading.Thread(target=_write, args=(aws, f"{moment}-{number}", answered)) for number in range(3)
        ]
        enough = len(answered) + moment
        for writer in writers:
            writer.start()
        while len(answered) < enough:
            assert any(writer.is_alive() for writer in writers)
        kept.kill()
        for writer in writers:
            writer.join()

    aws = kept.start()

    assert len(answered) >= 15
    assert [there for there in answered if not there(aws)] == []


def _write(aws: LocalAws, name: str, answered: list[Callable[[LocalAws], bool]]) -> None:
    """Makes things until the server dies, and says how to find each that was answered."""
    s3, dynamodb, sqs, iam, ssm, sagemaker = (
        aws.client(service) for service in ("s3", "dynamodb", "sqs", "iam", "ssm", "sagemaker")
    )
    number = 0
    try:
        s3.create_bucket(Bucket=f"bucket-{name}")
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
        )
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        while True:
            number += 1
            body = f"{number}".encode() * 4000
            etag = s3.put_object(Bucket=f"bucket-{name}", Key="the same", Body=body)["ETag"]
            s3.put_object(Bucket=f"bucket-{name}", Key=f"{number}", Body=body)
            answered.append(_has_object(f"bucket-{name}", f"{number}", body, etag))
            dynamodb.put_item(TableName=name, Item={"id": {"N": str(number)}})
            answered.append(_has_item(name, number))
            message = sqs.send_message(QueueUrl=queue, MessageBody="a")["MessageId"]
            answered.append(_has_message(queue, message))
            role = f"role-{name}-{number}"
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=_TRUST)
            answered.append(_has_role(role))
            ssm.put_parameter(Name=f"/{name}", Value=str(number), Type="String", Overwrite=True)
            answered.append(_has_parameter(f"/{name}", number))
            group = f"group-{name}-{number}"
            sagemaker.create_model_package_group(ModelPackageGroupName=group)
            answered.append(_has_group(group))
    except (BotoCoreError, ClientError):
        return  # it was killed


def _has_object(bucket: str, key: str, body: bytes, etag: str) -> Callable[[LocalAws], bool]:
    def there(aws: LocalAws) -> bool:
        found = aws.client("s3").get_object(Bucket=bucket, Key=key)
        return bool(found["Body"].read() == body and found["ETag"] == etag)

    return there


def _has_item(table: str, number: int) -> Callable[[LocalAws], bool]:
    key = {"id": {"N": str(number)}}
    return lambda aws: "Item" in aws.client("dynamodb").get_item(TableName=table, Key=key)


def _has_message(queue: str, message: str) -> Callable[[LocalAws], bool]:
    def there(aws: LocalAws) -> bool:
        sqs = aws.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"]) > 0 and bool(message)

    return there


def _has_role(name: str) -> Callable[[LocalAws], bool]:
    return lambda aws: bool(aws.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def _has_parameter(name: str, at_least: int) -> Callable[[LocalAws], bool]:
    return lambda aws: int(aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]) >= at_least


def _has_group(name: str) -> Callable[[LocalAws], bool]:
    return lambda aws: bool(aws.client("sagemaker").describe_model_package_group(ModelPackageGroupName=name))


def test_versions_tags_uploads_and_holds_of_objects_are_kept(kept: PersistentAws) -> None:
    s3 = kept.start().client("s3")
    s3.create_bucket(Bucket="kept", ObjectLockEnabledForBucket=True)
    first = s3.put_object(Bucket="kept", Key="a", Body=b"first")["VersionId"]
    s3.put_object(Bucket="kept", Key="a", Body=b"second")
    s3.delete_object(Bucket="kept", Key="a")
    s3.put_object(Bucket="kept", Key="b", Body=b"held", Tagging="team=red")
    s3.put_object_legal_hold(Bucket="kept", Key="b", LegalHold={"Status": "ON"})
    upload = s3.create_multipart_upload(Bucket="kept", Key="c")["UploadId"]
    part = s3.upload_part(Bucket="kept", Key="c", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    kept.kill()

    s3 = kept.start().client("s3")

    assert s3.get_object(Bucket="kept", Key="a", VersionId=first)["Body"].read() == b"first"
    tags = s3.get_object_tagging(Bucket="kept", Key="b")["TagSet"]
    assert tags == [{"Key": "team", "Value": "red"}]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="kept", Key="a")
    assert s3.get_object_legal_hold(Bucket="kept", Key="b")["LegalHold"] == {"Status": "ON"}
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket="kept", Key="c", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket="kept", Key="c")["Body"].read() == b"part"


def test_what_was_deleted_stays_deleted(kept: PersistentAws) -> None:
    s3 = kept.start().client("s3")
    s3.create_bucket(Bucket="gone")
    s3.create_bucket(Bucket="there")
    s3.delete_bucket(Bucket="gone")
    kept.kill()
    kept.start()
    kept.kill()

    buckets = kept.start().client("s3").list_buckets()["Buckets"]

    assert [bucket["Name"] for bucket in buckets] == ["there"]


def test_functions_and_apis_answer_again(kept: PersistentAws) -> None:
    aws = kept.start()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            "index.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hi'}\n"
        )
    role = aws.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=_TRUST)["Role"]["Arn"]
    function = aws.client("lambda").create_function(
        FunctionName="f", Runtime="python3.13", Handler="index.handler", Role=role,
        Code={"ZipFile": archive.getvalue()},
    )  # fmt: skip
    aws.client("lambda").add_permission(
        FunctionName="f",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    gateway = aws.client("apigateway")
    api = gateway.create_rest_api(name="a")
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="NONE")
    uri = (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function['FunctionArn']}/invocations"
    )
    gateway.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api["id"], stageName="stage")
    kept.kill()

    aws = kept.start()

    answer = aws.client("lambda").invoke(FunctionName="f", Payload=b"{}")
    assert json.load(answer["Payload"])["body"] == "hi"
    with urllib3.PoolManager() as pool:
        asked = pool.request("GET", f"{aws.url}/restapis/{api['id']}/stage/_user_request_/")
    assert (asked.status, asked.data) == (200, b"hi")


_WAIT = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "Wait": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "3600"},
    },
}


def _many(count: int) -> dict[str, Any]:
    kinds = [
        {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
        {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "group-{}"}},
        {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "old"}},
        {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "role-{}", "AssumeRolePolicyDocument": json.loads(_TRUST)},
        },
        {"Type": "AWS::Events::EventBus", "Properties": {"Name": "bus-{}"}},
    ]
    made = {}
    for number in range(count):
        kind = json.loads(json.dumps(kinds[number % len(kinds)]).replace("{}", str(number)))
        after = {"DependsOn": f"R{number - 1}"} if number else {}
        made[f"R{number}"] = kind | after
    return made


def _create(aws: LocalAws, name: str, resources: dict[str, Any]) -> None:
    aws.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )


def _update(aws: LocalAws, name: str, resources: dict[str, Any]) -> None:
    aws.client("cloudformation").update_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )


def _await_event(aws: LocalAws, stack: str, logical_id: str, status: str) -> None:
    def happened() -> bool:
        events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return any((e["LogicalResourceId"], e["ResourceStatus"]) == (logical_id, status) for e in events)

    eventually(happened, PATIENCE_SECONDS)


@pytest.mark.parametrize("moment", [0, 7, 19])
def test_a_stack_that_was_being_created_is_rolled_back_and_can_be_created(
    kept: PersistentAws, moment: int
) -> None:
    aws = kept.start()
    resources = _many(20)
    waiting = {**resources, "Wait": {**_WAIT["Wait"], "DependsOn": f"R{moment}"}, "Handle": _WAIT["Handle"]}
    for number in range(moment + 1, 20):
        waiting[f"R{number}"] = waiting[f"R{number}"] | {"DependsOn": ["Wait", f"R{number - 1}"]}
    _create(aws, "many", waiting)
    _await_event(aws, "many", "Wait", "CREATE_IN_PROGRESS")
    kept.kill()

    aws = kept.start()
    cloudformation = aws.client("cloudformation")

    assert settled(cloudformation, "many") == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason")
        for event in cloudformation.describe_stack_events(StackName="many")["StackEvents"]
        if event["ResourceStatus"] == "ROLLBACK_IN_PROGRESS"
    ]
    assert reasons == ["The local AWS ended while the operation was under way"]
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    cloudformation.delete_stack(StackName="many")
    _create(aws, "many", resources)
    assert settled(cloudformation, "many") == "CREATE_COMPLETE"


def test_a_stack_that_was_being_updated_is_rolled_back_and_can_be_updated(kept: PersistentAws) -> None:
    aws = kept.start()
    before = _many(10)
    _create(aws, "many", before)
    assert settled(aws.client("cloudformation"), "many") == "CREATE_COMPLETE"
    after = {**before, "R2": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "new"}}}
    after["New"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "new-one"}}
    del after["R9"]
    after["R6"] = {**after["R6"], "Properties": {"ModelPackageGroupName": "another"}}
    waiting = {**after, "Handle": _WAIT["Handle"]}
    waiting["Wait"] = {**_WAIT["Wait"], "DependsOn": ["New", "R8", "R2"]}
    _update(aws, "many", waiting)
    _await_event(aws, "many", "Wait", "CREATE_IN_PROGRESS")
    kept.kill()

    aws = kept.start()
    cloudformation = aws.client("cloudformation")

    assert settled(cloudformation, "many") == "UPDATE_ROLLBACK_COMPLETE"
    assert _display_names(aws) == ["old", "old"]
    assert "new-one" not in [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    assert _groups(aws) == ["group-1", "group-6"]
    _update(aws, "many", after)
    assert settled(cloudformation, "many") == "UPDATE_COMPLETE"
    assert _display_names(aws) == ["new", "old"]
    assert _groups(aws) == ["another", "group-1"]


def _display_names(aws: LocalAws) -> list[str]:
    sns = aws.client("sns")
    topics = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
    return sorted(
        sns.get_topic_attributes(TopicArn=topic)["Attributes"].get("DisplayName", "") for topic in topics
    )


def _groups(aws: LocalAws) -> list[str]:
    found = aws.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    return sorted(group["ModelPackageGroupName"] for group in found)


def test_a_deletion_goes_on(kept: PersistentAws) -> None:
    aws = kept.start()
    resources = _many(10)
    resources["R0"] = {"Type": "AWS::S3::Bucket"}
    resources["R5"] = {"Type": "AWS::S3::Bucket", "DependsOn": "R4"}
    _create(aws, "many", resources)
    assert settled(aws.client("cloudformation"), "many") == "CREATE_COMPLETE"
    stack = aws.client("cloudformation").describe_stacks(StackName="many")["Stacks"][0]["StackId"]
    aws.client("cloudformation").delete_stack(StackName="many")
    kept.kill()

    aws = kept.start()

    assert settled(aws.client("cloudformation"), stack) == "DELETE_COMPLETE"
    assert aws.client("s3").list_buckets()["Buckets"] == []


def place_component(workshop: Workshop, endpoint: str, name: str, factor: float) -> None:
    variant = {"VariantName": "main", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    workshop.sagemaker.create_endpoint_config(
        EndpointConfigName=endpoint, ExecutionRoleArn=workshop.role, ProductionVariants=[variant]
    )
    workshop.serve(endpoint, endpoint)
    workshop.sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint,
        Specification={
            "Container": {"Image": workshop.image, "ArtifactUrl": workshop.artifact(factor)},
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128},
        },
        RuntimeConfig={"CopyCount": 1},
    )
    component_in_service(workshop, name)


def component_in_service(workshop: Workshop, name: str) -> None:
    describe = workshop.sagemaker.describe_inference_component
    eventually(
        lambda: describe(InferenceComponentName=name)["InferenceComponentStatus"] == "InService",
    )


def test_endpoints_answer_again_and_jobs_begin_anew(kept: PersistentAws, tmp_path: Path) -> None:
    aws = kept.start()
    workshop = Workshop(aws, _ACCOUNT, tmp_path / "image")
    workshop.serve("doubles", workshop.configure("twice", factor=2))
    workshop.train("job", factor="3", forever="yes")
    workshop.begun("job")
    place_component(workshop, "shelf", "triples", factor=3)
    kept.kill()

    again = kept.start()
    workshop.sagemaker = again.client("sagemaker", _ACCOUNT)

    assert workshop.settled("doubles")["EndpointStatus"] == "InService"
    assert workshop.invoke("doubles", "21") == "42.0"
    component_in_service(workshop, "triples")
    assert workshop.invoke("shelf", "7", InferenceComponentName="triples") == "21.0"
    workshop.begun("job")
    workshop.sagemaker.stop_training_job(TrainingJobName="job")
    assert workshop.trained("job")["TrainingJobStatus"] == "Stopped"


def test_a_resource_that_was_just_being_made_goes_with_its_stack(kept: PersistentAws, tmp_path: Path) -> None:
    aws = kept.start()
    workshop = Workshop(aws, _ACCOUNT, tmp_path / "image")
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "serve").write_text(_SLOW_ONCE)
    (slow / "serve").chmod(0o755)
    images.push(workshop.client("ecr"), "tiny", "slow", slow, aws.state / "images")
    mark = tmp_path / "mark"
    image = workshop.image.replace(":one", ":slow")
    container = {"Image": image, "Environment": {"MARK": str(mark)}}
    variant = {**workshop.variant("AllTraffic", "m"), "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}}
    config = {"Fn::GetAtt": ["Config", "EndpointConfigName"]}
    resources = {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": workshop.role, "PrimaryContainer": container},
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [variant]},
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointName": "named", "EndpointConfigName": config},
        },
    }
    body = json.dumps({"Resources": resources})
    workshop.client("cloudformation").create_stack(StackName="serving", TemplateBody=body)
    eventually(mark.exists)
    kept.kill()

    cloudformation = kept.start().client("cloudformation", _ACCOUNT)

    assert settled(cloudformation, "serving") == "ROLLBACK_COMPLETE"
    assert workshop.client("sagemaker").list_endpoints()["Endpoints"] == []
    cloudformation.delete_stack(StackName="serving")
    cloudformation.create_stack(StackName="serving", TemplateBody=body)
    assert settled(cloudformation, "serving") == "CREATE_COMPLETE"


def test_without_persistence_the_next_start_is_clean(kept: PersistentAws) -> None:
    kept.start(persist=False).client("s3").create_bucket(Bucket="forgotten")
    kept.kill()

    aws = kept.start(persist=False)

    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert not (kept.state / FILE).exists()
    assert [path.name for path in (kept.state / "tmp").iterdir() if path.name != "ministack"] == []


def test_stopping_keeps_what_there_is(kept: PersistentAws) -> None:
    kept.start().client("s3").create_bucket(Bucket="kept")
    kept.stop()

    buckets = kept.start().client("s3").list_buckets()["Buckets"]

    assert [bucket["Name"] for bucket in buckets] == ["kept"]


def test_one_that_keeps_nothing_is_not_taken_for_one_that_does(kept: PersistentAws) -> None:
    kept.start(persist=False)

    with pytest.raises(process.LocalAwsFailed, match="a local AWS that keeps nothing is running"):
        kept.start()


def test_what_another_version_has_kept_is_not_taken_up(kept: PersistentAws) -> None:
    kept.start()
    kept.stop()
    with sqlite3.connect(kept.state / FILE) as database:
        database.execute("UPDATE about SET value = '0.1' WHERE name = 'ministack'")
    database.close()

    command = [sys.executable, "-m", "local_aws", "--port", "0", "--state", str(kept.state), "--persist"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 4
    assert "it was kept with ministack 0.1" in done.stderr
    assert process.running(kept.state) is None
    assert "`clary local reset` removes it" in done.stderr


def test_what_cannot_be_taken_up_is_told_with_what_to_do_and_stays_as_it_is(kept: PersistentAws) -> None:
    kept.start().client("s3").create_bucket(Bucket="kept")
    kept.stop()
    _spoil(kept.state, b"torn")

    with pytest.raises(process.LocalAwsFailed) as failure:
        kept.start()

    assert str(failure.value).splitlines()[-1] == (
        f"the state in '{kept.state}' cannot be taken up: UnpicklingError: could not find MARK; `clary"
        " local reset` removes it, a start without --persist leaves it where it is"
    )
    assert "local_aws/persistence.py" in str(failure.value)  # where it happened
    kept.start(persist=False)
    kept.stop()
    _spoil(kept.state, None)
    buckets = kept.start().client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["kept"]


def _spoil(state: Path, value: bytes | None) -> None:
    """Puts an entry into what is kept, or takes it out again."""
    with sqlite3.connect(state / FILE) as database:
        if value is None:
            database.execute("DELETE FROM entry WHERE blobs = 'spoilt'")
        else:
            row = ("ministack.services.s3:_buckets", value, value)
            database.execute("INSERT INTO entry VALUES (?, ?, ?, 'spoilt')", row)
    database.close()
