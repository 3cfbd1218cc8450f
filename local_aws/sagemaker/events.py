"""What SageMaker tells EventBridge: that a job, an endpoint, a model or a package is in another state.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import datetime
import logging
import queue
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.sagemaker import answers
from local_aws.sagemaker.families import families
from local_aws.store import Record

logger = logging.getLogger("local_aws.sagemaker")

_SOURCE = "aws.sagemaker"
_WORDS = {
    "Endpoint": "Endpoint State Change",
    "Model": "Model State Change",
    "ModelPackage": "Model Package State Change",
    "ProcessingJob": "Processing Job State Change",
    "TrainingJob": "Training Job State Change",
    "TransformJob": "Transform Job State Change",
}
_DEPLOYMENT = "Endpoint Deployment State Change"
_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])")

_waiting: queue.SimpleQueue[tuple[str, str, str, str, dict[str, Any]]] = queue.SimpleQueue()
_LOCK = threading.Lock()
_started = threading.Event()


def changed(family: str, record: Record, **more: Any) -> None:
    """Tells of a resource as it is now, with what the event has beyond its description. In the order of the
    calls, and nobody waits for it."""
    if not hooks.schedules.expects_events():
        return
    known = families()[family]
    as_text = family == "ModelPackage"
    detail = _with_times(
        answers.of_record(record, known.described, known), _iso if as_text else _milliseconds
    )
    if family == "ModelPackage" and "ModelPackageVersion" in detail:
        detail.pop("ModelPackageName", None)
    if family == "Endpoint":
        detail["EndpointStatus"] = _CAPITALS.sub("_", detail["EndpointStatus"]).upper()
    if family != "ModelPackage":
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in record.get("Tags", ())}
    _tell(f"SageMaker {_WORDS[family]}", record[known.arn_member], {**detail, **more})
    if family == "Endpoint" and "PendingDeploymentSummary" in record:
        _tell(f"SageMaker {_DEPLOYMENT}", record[known.arn_member], detail)


def _tell(detail_type: str, arn: str, detail: dict[str, Any]) -> None:
    _waiting.put((hooks.request.account_id(), hooks.request.region(), detail_type, arn, detail))
    with _LOCK:
        if not _started.is_set():
            _started.set()
            threading.Thread(target=_deliver, name="sagemaker-events", daemon=True).start()


def _deliver() -> None:
    while True:
        account, region, detail_type, arn, detail = _waiting.get()
        with hooks.request.scope(account, region):
            try:
                hooks.schedules.put_service_event(_SOURCE, detail_type, [arn], detail)
            except Exception:
                logger.exception("nobody is told of %s: %s", arn, detail_type)


def _with_times(value: Any, told: Callable[[float], Any], name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _with_times(one, told, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_times(one, told, name) for one in value]
    return told(value) if name.endswith("Time") and isinstance(value, float) else value


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _milliseconds(moment: float) -> int:
    return round(moment * 1000)
