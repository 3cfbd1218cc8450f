"""Schedules call as their role, where IAM is enforced: what it may not, they may not."""

from __future__ import annotations

import json
from typing import Any

from support.identity import ACCOUNT, REGION, EnforcingAws, statement, trusting
from support.waiting import eventually

TRUST = trusting({"Service": "scheduler.amazonaws.com"})
GROUP = "arn:aws:scheduler:::aws-sdk:sagemaker:createModelPackageGroup"


def schedule(enforcing: EnforcingAws, name: str, role: str, dead: str) -> None:
    enforcing.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": GROUP,
            "RoleArn": role,
            "Input": json.dumps({"ModelPackageGroupName": name}),
            "DeadLetterConfig": {"Arn": dead},
        },
    )


def groups(enforcing: EnforcingAws) -> list[str]:
    found = enforcing.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    return [one["ModelPackageGroupName"] for one in found]


def test_a_schedule_may_do_what_its_role_may(enforcing: EnforcingAws) -> None:
    sqs = enforcing.client("sqs")
    url = sqs.create_queue(QueueName="not-done")["QueueUrl"]
    dead = f"arn:aws:sqs:{REGION}:{ACCOUNT}:not-done"
    to_bury = statement(["sqs:SendMessage", "sqs:GetQueueUrl"], dead)
    able = enforcing.role(statement("sagemaker:CreateModelPackageGroup"), trust=TRUST)
    unable = enforcing.role(to_bury, trust=TRUST)
    messages: list[dict[str, Any]] = []

    schedule(enforcing, "by-the-able", able, dead)
    schedule(enforcing, "by-the-unable", unable, dead)

    def both() -> bool:
        answer = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        messages.extend(answer.get("Messages", []))
        return bool(messages) and "by-the-able" in groups(enforcing)

    eventually(both)
    assert "by-the-unable" not in groups(enforcing)
    told = messages[0]["MessageAttributes"]
    assert told["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    assert "sagemaker:CreateModelPackageGroup" in told["ERROR_MESSAGE"]["StringValue"]
