"""Step Functions' tasks with SageMaker: jobs that are waited for, and any operation.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from local_aws import hooks

_SAGEMAKER = "arn:aws:states:::sagemaker:"
_SYNC = ".sync"
_JOBS = {
    "createProcessingJob": "ProcessingJob",
    "createTrainingJob": "TrainingJob",
    "createTransformJob": "TransformJob",
}
"""Those that can be waited for; labeling and tuning jobs fail on the local AWS."""
_OPERATIONS = {
    *_JOBS,
    "createEndpoint",
    "createEndpointConfig",
    "createHyperParameterTuningJob",
    "createLabelingJob",
    "createModel",
    "updateEndpoint",
}
_LOOK_SECONDS = 0.2

_CODES = {
    "ConflictException": "ConflictException",
    "ResourceInUse": "ResourceInUseException",
    "ResourceLimitExceeded": "ResourceLimitExceededException",
    "ResourceNotFound": "ResourceNotFoundException",
    "ValidationException": "SageMakerException",
}
"""What AWS's SDK for Java calls errors: those that the service does not declare, after the service."""

_LOCK = threading.Lock()
_prepared = threading.Event()


def install() -> None:
    """Lets state machines use SageMaker, once there may be some."""
    usual = hooks.server.service("states")

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if not _prepared.is_set():
            await hooks.request.on_own_thread(prepare)
        return await usual(method, path, headers, body, query)

    hooks.server.add_service("states", handle)


def prepare() -> None:
    with _LOCK:
        if not _prepared.is_set():
            services = {
                "applicationautoscaling": (
                    "application-autoscaling",
                    "AnyScaleFrontendService",
                    "ApplicationAutoScaling",
                ),
                "sagemaker": ("sagemaker", "SageMaker", "SageMaker"),
            }
            hooks.schedules.add_state_tasks(services, {"sagemaker": _CODES}, {_SAGEMAKER: _run})
            _prepared.set()


def _run(resource: str, parameters: Any) -> Any:
    """An optimised integration: calls the operation, and waits for the job where that is asked for."""
    from botocore import xform_name
    from botocore.exceptions import BotoCoreError, ClientError

    from local_aws.sagemaker import clients

    name = resource.removeprefix(_SAGEMAKER)
    operation = name.removesuffix(_SYNC)
    if operation not in _OPERATIONS or (name.endswith(_SYNC) and operation not in _JOBS):
        raise hooks.schedules.task_failure("States.Runtime", f"The resource {resource} is not supported")
    client = clients.of_account("sagemaker")
    try:
        answer = getattr(client, xform_name(operation[0].upper() + operation[1:]))(**(parameters or {}))
    except ClientError as error:
        told = error.response["Error"]
        code = {"ValidationException": "AmazonSageMakerException"}.get(told["Code"]) or _CODES.get(
            told["Code"], told["Code"]
        )
        raise hooks.schedules.task_failure(f"SageMaker.{code}", told["Message"]) from error
    except BotoCoreError as error:
        raise hooks.schedules.task_failure("States.Runtime", str(error)) from error
    if name.endswith(_SYNC):
        answer = _awaited(client, _JOBS[operation], parameters)
    return _plain({key: value for key, value in answer.items() if key != "ResponseMetadata"})


def _awaited(client: Any, family: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    describe = {
        "ProcessingJob": client.describe_processing_job,
        "TrainingJob": client.describe_training_job,
        "TransformJob": client.describe_transform_job,
    }[family]
    while True:
        found: dict[str, Any] = describe(**{f"{family}Name": parameters[f"{family}Name"]})
        status = found[f"{family}Status"]
        if status == "Completed":
            return found
        if status in ("Failed", "Stopped"):
            found.pop("ResponseMetadata", None)
            raise hooks.schedules.task_failure("States.TaskFailed", json.dumps(_plain(found)))
        time.sleep(_LOOK_SECONDS)


def _plain(value: Any) -> Any:
    """As JSON has it: times are milliseconds."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return round(value.timestamp() * 1000) if isinstance(value, datetime.datetime) else value
