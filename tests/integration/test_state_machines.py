"""State machines that use SageMaker: a job is waited for, its failure is caught, any operation is called.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import eventually

SDK = "arn:aws:states:::aws-sdk:sagemaker"


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = Workshop(local_aws, "200000000075", tmp_path_factory.mktemp("workshop"))
    made.sagemaker.create_model(
        ModelName="triple",
        ExecutionRoleArn=made.role,
        PrimaryContainer={"Image": made.image, "ModelDataUrl": made.artifact(3)},
    )
    made.client("s3").put_object(Bucket=made.bucket, Key="in/a.csv", Body=b"2")
    made.client("s3").put_object(Bucket=made.bucket, Key="bad/a.csv", Body=b"nonsense")
    return made


def run(workshop: Workshop, name: str, states: dict[str, Any]) -> dict[str, Any]:
    """What has become of an execution of a machine that begins with the first state."""
    client = workshop.client("stepfunctions")
    machine = client.create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
        roleArn=workshop.role,
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]

    def described() -> dict[str, Any]:
        found: dict[str, Any] = client.describe_execution(executionArn=execution)
        return found

    eventually(lambda: described()["status"] != "RUNNING")
    return described()


def transform(workshop: Workshop, name: str, key: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{workshop.bucket}/{key}/"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
        "Parameters": {
            "TransformJobName": name,
            "ModelName": "triple",
            "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
            "TransformOutput": {"S3OutputPath": f"s3://{workshop.bucket}/out/{name}"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        },
        "End": True,
    }


def test_waits_for_a_job_and_hands_its_description_on(workshop: Workshop) -> None:
    found = run(workshop, "good", {"Transform": transform(workshop, "good", "in")})

    told = json.loads(found["output"])
    assert (found["status"], told["TransformJobStatus"]) == ("SUCCEEDED", "Completed")
    assert isinstance(told["CreationTime"], int)
    assert workshop.read("out/good/a.csv.out") == b"6.0"


def test_a_job_that_fails_is_caught(workshop: Workshop) -> None:
    task = transform(workshop, "bad", "bad")
    task["Catch"] = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}]

    found = run(workshop, "bad", {"Transform": task, "Caught": {"Type": "Pass", "End": True}})

    assert found["status"] == "SUCCEEDED"
    assert json.loads(json.loads(found["output"])["Cause"])["TransformJobStatus"] == "Failed"


def test_calls_any_operation_and_catches_its_errors_by_name(workshop: Workshop) -> None:
    group = {"ModelPackageGroupName": "made-by-a-machine"}
    create = {
        "Type": "Task",
        "Resource": f"{SDK}:createModelPackageGroup",
        "Parameters": group,
        "Next": "Ask",
    }
    ask = {
        "Type": "Task",
        "Resource": f"{SDK}:describeEndpoint",
        "Parameters": {"EndpointName": "nobody"},
        "Catch": [{"ErrorEquals": ["SageMaker.SageMakerException"], "Next": "Missing"}],
        "End": True,
    }

    found = run(workshop, "any", {"Create": create, "Ask": ask, "Missing": {"Type": "Pass", "End": True}})

    assert found["status"] == "SUCCEEDED"
    assert "Could not find endpoint" in json.loads(found["output"])["Cause"]
    described = workshop.sagemaker.describe_model_package_group(**group)
    assert described["ModelPackageGroupStatus"] == "Completed"
