"""What SageMaker tells EventBridge, and who is told by its rules.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from support.deployed import LocalAws
from support.serving import Hall
from support.waiting import eventually

REGION = "us-east-1"
_FUNCTION = """
import json
import boto3

def handler(event, context):
    told = json.dumps(event).encode()
    boto3.client("s3").put_object(Bucket="{bucket}", Key="told/function.json", Body=told)
"""


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000029", tmp_path_factory.mktemp("hall")) as made:
        yield made


class Listener:
    """A queue behind a rule."""

    def __init__(self, hall: Hall, name: str, detail_type: str, **detail: Any) -> None:
        self._sqs = hall.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self._heard: list[dict[str, Any]] = []
        pattern: dict[str, Any] = {"source": ["aws.sagemaker"], "detail-type": [f"SageMaker {detail_type}"]}
        if detail:
            pattern["detail"] = detail
        events = hall.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:{REGION}:{hall.account}:{name}"
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def heard(self) -> list[dict[str, Any]]:
        """The events so far, in their order."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._heard.append(json.loads(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._heard

    def details(self, member: str, count: int) -> list[Any]:
        eventually(lambda: len(self.heard()) >= count)
        return [event["detail"][member] for event in self.heard()]


def package(hall: Hall, group: str) -> str:
    """A version of a group that nobody has approved."""
    hall.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    specification = {
        "Containers": [{"Image": hall.image, "ModelDataUrl": hall.put_model(f"{group}.tar.gz", 2)}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    made = hall.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification=specification,
        ModelApprovalStatus="PendingManualApproval",
    )
    return str(made["ModelPackageArn"])


def test_an_approval_is_told_as_aws_tells_it(hall: Hall) -> None:
    listener = Listener(hall, "approved", "Model Package State Change", ModelApprovalStatus=["Approved"])
    everything = Listener(hall, "packages", "Model Package State Change")
    arn = package(hall, "churn")

    eventually(lambda: everything.heard())
    hall.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good"
    )
    eventually(lambda: listener.heard())

    (event,) = listener.heard()
    assert (event["source"], event["resources"]) == ("aws.sagemaker", [arn])
    detail = event["detail"]
    assert detail["ModelPackageGroupName"] == "churn"
    assert detail["ModelPackageVersion"] == 1
    assert detail["ModelPackageArn"] == arn
    assert detail["ModelPackageStatus"] == "Completed"
    assert detail["UpdatedModelPackageFields"] == ["ApprovalDescription", "ModelApprovalStatus"]
    assert detail["InferenceSpecification"]["Containers"][0]["Image"] == hall.image
    assert detail["CreationTime"].endswith("Z")
    assert everything.details("ModelApprovalStatus", 2) == ["PendingManualApproval", "Approved"]


def test_an_endpoint_tells_each_of_its_states(hall: Hall) -> None:
    listener = Listener(hall, "endpoints", "Endpoint State Change", EndpointName=["told"])
    tags = [{"Key": "team", "Value": "research"}]
    configuration = hall.configure("told", hall.variant(hall.model("told", hall.container(2))))

    hall.sagemaker.create_endpoint(EndpointName="told", EndpointConfigName=configuration, Tags=tags)
    hall.settled("told")
    hall.sagemaker.delete_endpoint(EndpointName="told")

    assert listener.details("EndpointStatus", 3) == ["CREATING", "IN_SERVICE", "DELETING"]
    detail = listener.heard()[1]["detail"]
    assert detail["Tags"] == {"team": "research"}
    assert detail["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert isinstance(detail["CreationTime"], int)


def test_jobs_tell_when_they_run_and_how_they_have_ended(hall: Hall) -> None:
    listener = Listener(hall, "trainings", "Training Job State Change")

    hall.workshop.train("good", factor="2")
    hall.workshop.trained("good")
    hall.workshop.train("bad", factor="2", say="no good")

    assert listener.details("TrainingJobStatus", 4) == ["InProgress", "Completed", "InProgress", "Failed"]
    assert "no good" in listener.heard()[-1]["detail"]["FailureReason"]


def test_functions_topics_and_state_machines_are_told(hall: Hall) -> None:
    functions, events = hall.client("lambda"), hall.client("events")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", _FUNCTION.format(bucket=hall.bucket))
    function = functions.create_function(
        FunctionName="told",
        Runtime="python3.13",
        Role=hall.role,
        Handler="main.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
    )["FunctionArn"]
    topic = hall.client("sns").create_topic(Name="told")["TopicArn"]
    sqs = hall.client("sqs")
    queue = sqs.create_queue(QueueName="subscribed")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:{hall.account}:subscribed"
    hall.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    states = hall.client("stepfunctions")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(name="told", definition=json.dumps(definition), roleArn=hall.role)[
        "stateMachineArn"
    ]
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": ["everybody"]}}
    events.put_rule(Name="everybody", EventPattern=json.dumps(pattern))
    targets = [{"Id": str(number), "Arn": arn} for number, arn in enumerate((function, topic, machine))]
    events.put_targets(Rule="everybody", Targets=[{**target, "RoleArn": hall.role} for target in targets])

    arn = package(hall, "everybody")

    told = json.loads(hall.object(f"s3://{hall.bucket}/told/function.json"))
    assert told["detail"]["ModelPackageArn"] == arn
    eventually(lambda: states.list_executions(stateMachineArn=machine)["executions"])
    eventually(lambda: "Messages" in sqs.receive_message(QueueUrl=queue))
