"""Work on a custom resource that takes longer than a function may run: the function calls itself.

CloudFormation waits for `ServiceTimeout` seconds, at most an hour, and a function runs for fifteen minutes.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

_GIVES_UP_AT = "ClaryGivesUpAt"
"""What the function adds to the event for itself: the time, in seconds since 1970."""
_SECONDS_TO_ANSWER = 30
_LONGEST_SERVICE_TIMEOUT = 3600
_SECONDS_BEFORE_CLOUDFORMATION = 120


class TimeIsUp(Exception):
    """The function has to end before its work is done; what is done stays done."""


def going_on(event: Mapping[str, Any]) -> bool:
    """Whether the function has called itself with this event."""
    return _GIVES_UP_AT in event


def continuing(
    event: Mapping[str, Any],
    context: Any,
    work: Callable[[Callable[[], bool]], None],
    *,
    client: Callable[[str], Any],
) -> bool:
    """Whether `work` is done; if not, the function has been called again, with the same event, to go on.

    `work` is given what tells that its time is up, and raises TimeIsUp then. It is raised here when
    CloudFormation waits no longer.
    """
    waits = (
        float(event["ResourceProperties"].get("ServiceTimeout", _LONGEST_SERVICE_TIMEOUT))
        - _SECONDS_BEFORE_CLOUDFORMATION
    )
    gives_up_at = float(event.get(_GIVES_UP_AT, time.time() + waits))

    def time_is_up() -> bool:
        in_this_call: float = context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_ANSWER
        return min(gives_up_at - time.time(), in_this_call) <= 0

    try:
        work(time_is_up)
    except TimeIsUp:
        if time.time() >= gives_up_at:
            raise
        again = json.dumps({**event, _GIVES_UP_AT: gives_up_at}).encode()
        client("lambda").invoke(
            FunctionName=context.invoked_function_arn, InvocationType="Event", Payload=again
        )
        return False
    return True
