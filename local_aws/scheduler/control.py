"""What CreateSchedule and UpdateSchedule refuse: what says no time, and what can not be called.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import json
from typing import Any

from local_aws.scheduler import targets
from local_aws.schedules import InvalidSchedule, parse

Answer = tuple[int, dict[str, str], bytes]


def refusal(body: bytes) -> Answer | None:
    """None for a request that ministack may take."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    why = _fault(request) if isinstance(request, dict) else None
    if why is None:
        return None
    code = "ValidationException"
    told = json.dumps({"__type": code, "Message": why}).encode()
    return 400, {"Content-Type": "application/json", "x-amzn-errortype": code}, told


def _fault(request: dict[str, Any]) -> str | None:
    expression, zone = request.get("ScheduleExpression"), request.get("ScheduleExpressionTimezone")
    if isinstance(expression, str) and expression:
        try:
            parse(expression, zone)
        except InvalidSchedule as error:
            return f"Invalid Schedule Expression {expression}: {error}."
    target = request.get("Target")
    arn = target.get("Arn") if isinstance(target, dict) else None
    if isinstance(target, dict) and isinstance(arn, str):
        try:
            targets.check(arn, target)
        except targets.InvalidTarget as error:
            return f"Provided Arn is not in correct format: {error}."
    return None
