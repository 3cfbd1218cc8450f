"""EventBridge Scheduler: schedules call at their time what they name, as their role.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, Stacks
from support.sagemaker import Workshop
from support.waiting import eventually

ACCOUNT = "200000000074"
OFF = {"Mode": "OFF"}
CREATE_TRANSFORM = "arn:aws:scheduler:::aws-sdk:sagemaker:createTransformJob"


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, ACCOUNT, tmp_path_factory.mktemp("workshop")) as made:
        yield made


@pytest.fixture
def stacks(local_aws: LocalAws) -> Iterator[Stacks]:
    made = Stacks(dataclasses.replace(local_aws, account=ACCOUNT), prefix="scheduled")
    yield made
    made.delete_all()


def transform(workshop: Workshop, name: str) -> dict[str, Any]:
    """What asks for a job that multiplies; its name has the time in it."""
    workshop.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=workshop.role,
        PrimaryContainer={"Image": workshop.image, "ModelDataUrl": workshop.artifact(3)},
    )
    s3 = workshop.client("s3")
    s3.put_object(Bucket=workshop.bucket, Key=f"{name}/in/a.csv", Body=b"2\n")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{workshop.bucket}/{name}/in/"}
    return {
        "TransformJobName": f"{name}-<aws.scheduler.execution-id>",
        "ModelName": name,
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        "TransformOutput": {"S3OutputPath": f"s3://{workshop.bucket}/{name}/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def queue(workshop: Workshop, name: str) -> tuple[str, str]:
    url = workshop.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def message(workshop: Workshop, url: str) -> dict[str, Any]:
    """The first message that arrives."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        answer = workshop.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return bool(found)

    eventually(look)
    return found[0]


def soon() -> str:
    """In two seconds."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def test_a_batch_transform_runs_on_a_schedule_from_a_template(workshop: Workshop, stacks: Stacks) -> None:
    request = transform(workshop, "nightly")
    schedule = {
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": CREATE_TRANSFORM, "RoleArn": workshop.role, "Input": json.dumps(request)},
    }

    stacks.deploy({"Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule}})

    def jobs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = workshop.sagemaker.list_transform_jobs(NameContains="nightly")[
            "TransformJobSummaries"
        ]
        return found

    eventually(lambda: jobs() and jobs()[0]["TransformJobStatus"] == "Completed")
    assert len(jobs()) == 1
    assert workshop.read("nightly/out/a.csv.out") == b"6.0"


def test_once_means_once_and_then_it_is_gone(workshop: Workshop) -> None:
    url, arn = queue(workshop, "once")
    scheduler = workshop.client("scheduler")
    scheduler.create_schedule(
        Name="once",
        ScheduleExpression=soon(),
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={"Arn": arn, "RoleArn": workshop.role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
    )

    said = json.loads(message(workshop, url)["Body"])

    assert said["at"].endswith("Z")
    eventually(lambda: scheduler.list_schedules(NamePrefix="once")["Schedules"] == [])


def test_what_fails_goes_to_the_dead_letter_queue(workshop: Workshop) -> None:
    url, arn = queue(workshop, "dead")
    workshop.client("scheduler").create_schedule(
        Name="wrong",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:stopTransformJob",
            "RoleArn": workshop.role,
            "Input": '{"TransformJobName": "nobody"}',
            "DeadLetterConfig": {"Arn": arn},
        },
    )

    found = message(workshop, url)

    assert json.loads(found["Body"]) == {"TransformJobName": "nobody"}
    assert found["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "ValidationException"


def test_an_event_bus_gets_an_event(workshop: Workshop) -> None:
    url, arn = queue(workshop, "events")
    events = workshop.client("events")
    events.put_rule(Name="ours", EventPattern=json.dumps({"source": ["ours"]}))
    events.put_targets(Rule="ours", Targets=[{"Id": "queue", "Arn": arn}])

    workshop.client("scheduler").create_schedule(
        Name="bus",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default",
            "RoleArn": workshop.role,
            "Input": '{"colour": "red"}',
            "EventBridgeParameters": {"Source": "ours", "DetailType": "Colour"},
        },
    )

    assert json.loads(message(workshop, url)["Body"])["detail"] == {"colour": "red"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ScheduleExpression": "cron(0 9 * * *)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Europe/Atlantis"}, "no time zone"),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createMagic"}},
            "no operation createMagic",
        ),
    ],
)
def test_refuses_what_can_never_happen(workshop: Workshop, changes: dict[str, Any], said: str) -> None:
    request: dict[str, Any] = {
        "Name": "never",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": CREATE_TRANSFORM},
        **changes,
    }
    request["Target"]["RoleArn"] = workshop.role

    with pytest.raises(ClientError, match=said) as raised:
        workshop.client("scheduler").create_schedule(**request)

    assert raised.value.response["Error"]["Code"] == "ValidationException"
