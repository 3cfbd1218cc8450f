"""Whom a schedule calls: any operation of a service (`aws-sdk:service:operation`), as its role, or what
rules of EventBridge send events to.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import datetime
import json
import logging
import re
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError

from local_aws import hooks
from local_aws.sagemaker import clients

logger = logging.getLogger("local_aws.scheduler")

_UNIVERSAL = re.compile(
    r"arn:aws[a-z-]*:scheduler:::aws-sdk:(?P<service>[a-z0-9-]+):(?P<operation>[A-Za-z]\w*)"
)
_CALLED = {
    "applicationautoscaling": "application-autoscaling",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerruntime": "sagemaker-runtime",
    "sfn": "stepfunctions",
}
"""What AWS's SDK for Java calls services, and botocore does otherwise."""
_ONLY_READS = ("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "batchGet")
"""Operations that cannot be targets (the page above)."""
_ATTRIBUTE = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")


class InvalidTarget(ValueError):
    """Why a schedule cannot call it."""


def check(arn: str, target: Mapping[str, Any]) -> None:
    """Raises `InvalidTarget`."""
    if ":aws-sdk:" in arn:
        _operation(arn)
    elif ":event-bus/" in arn and "EventBridgeParameters" not in target:
        raise InvalidTarget("an event bus needs EventBridgeParameters")


def invoke(schedule: Mapping[str, Any], due: float) -> None:
    """Calls a schedule's target once; what fails goes to its dead-letter queue. AWS tries again for a day."""
    target = dict(schedule["Target"])
    execution = str(uuid.uuid4())
    moment = datetime.datetime.fromtimestamp(due, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attributes = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": moment,
        "execution-id": execution,
        "attempt-number": "1",
    }
    if "Input" in target:
        target["Input"] = _ATTRIBUTE.sub(lambda found: attributes[found[1]], target["Input"])
    try:
        _call(schedule, target, moment, execution)
    except (BotoCoreError, ClientError, InvalidTarget, ValueError) as error:
        logger.warning("the target of the schedule %s failed: %s", schedule["Name"], error)
        _bury(schedule, target, attributes, error)


def _call(schedule: Mapping[str, Any], target: Mapping[str, Any], moment: str, execution: str) -> None:
    arn = target["Arn"]
    if ":aws-sdk:" in arn:
        service, operation = _operation(arn)
        request = json.loads(target.get("Input") or "{}")
        getattr(_as(target["RoleArn"], service), xform_name(operation))(**request)
    elif ":event-bus/" in arn:
        told = target["EventBridgeParameters"]
        entry = {
            "EventBusName": arn,
            "Source": told["Source"],
            "DetailType": told["DetailType"],
            "Detail": target.get("Input") or "{}",
        }
        _as(target["RoleArn"], "events").put_events(Entries=[entry])
    elif ":sagemaker:" in arn:
        raise InvalidTarget("pipelines of SageMaker are not executed on the local AWS")
    else:
        event = {
            "EventId": execution,
            "Source": "aws.scheduler",
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "Time": int(datetime.datetime.fromisoformat(moment).timestamp()),
            "Resources": [schedule["Arn"]],
            "Account": hooks.request.account_id(),
            "Region": hooks.request.region(),
        }
        hooks.schedules.invoke_event_target(target, event, schedule)


def _bury(
    schedule: Mapping[str, Any],
    target: Mapping[str, Any],
    attributes: Mapping[str, str],
    error: Exception,
) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue is None:
        return
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    told = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": str(error),
        "EXECUTION_ID": attributes["execution-id"],
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": attributes["scheduled-time"],
        "SCHEDULE_ARN": schedule["Arn"],
        "TARGET_ARN": target["Arn"],
    }
    sqs = _as(target["RoleArn"], "sqs")
    try:
        url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
        sqs.send_message(
            QueueUrl=url,
            MessageBody=target.get("Input") or "{}",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in told.items()
            },
        )
    except (BotoCoreError, ClientError):
        logger.exception("nothing goes to the dead-letter queue %s", queue)


def _as(role: str, service: str) -> Any:
    return clients.as_role(role).client(service)


@cache
def _operation(arn: str) -> tuple[str, str]:
    """The service and the operation of a universal target, in botocore's words. Raises `InvalidTarget`."""
    found = _UNIVERSAL.fullmatch(arn)
    if found is None:
        raise InvalidTarget(f"{arn} is not arn:aws:scheduler:::aws-sdk:service:operation")
    service = _CALLED.get(found["service"], found["service"])
    operation = found["operation"][0].upper() + found["operation"][1:]
    try:
        known = botocore.session.get_session().get_service_model(service).operation_names
    except UnknownServiceError as error:
        raise InvalidTarget(f"there is no service {found['service']}") from error
    if operation not in known:
        raise InvalidTarget(f"{found['service']} has no operation {found['operation']}")
    if found["operation"].startswith(_ONLY_READS):
        raise InvalidTarget(f"{found['operation']} only reads")
    return service, operation
