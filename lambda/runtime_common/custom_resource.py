"""CloudFormation's protocol for custom resources: one answer, by HTTPS PUT to a signed address.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import json
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_REASON_CHARACTERS = 1000
"""CloudFormation takes 4,096 bytes in all: the reason must leave room for the rest."""


@dataclass(frozen=True)
class Answer:
    """A changed `physical_id` tells CloudFormation that the resource was replaced."""

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)


def answering(event: Mapping[str, Any], work: Callable[[], Answer | None]) -> None:
    """Does the work and reports it; a failure is reported with its reason, and logged with its trace.

    Work that answers None is not done: who goes on with it reports it, with the same event.
    """
    identity = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    try:
        answer = work()
    except Exception as error:  # noqa: BLE001 - whatever went wrong, CloudFormation must hear of it
        traceback.print_exc()
        # The id must not change here: CloudFormation would delete the old one as if it were replaced.
        physical_id = event.get("PhysicalResourceId") or f"failed-{event['RequestId']}"
        reason = f"{type(error).__name__}: {error}"[:_REASON_CHARACTERS]
        said = {"Status": "FAILED", "Reason": reason, "PhysicalResourceId": physical_id}
    else:
        if answer is None:
            return
        said = {"Status": "SUCCESS", "PhysicalResourceId": answer.physical_id, "Data": dict(answer.data)}
    # The address is signed for a request without a content type: an own one would break the signature.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address, from its own event
        event["ResponseURL"],
        data=json.dumps({**said, **identity}).encode(),
        method="PUT",
        headers={"content-type": ""},
    )
    with urllib.request.urlopen(request, timeout=15):  # noqa: S310 - the same
        pass
