"""Training jobs: a container that reads channels and leaves a model.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import containers, hooks
from local_aws.sagemaker import clients, folders, roles, storage
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.errors import invalid, not_supported
from local_aws.sagemaker.image_folder import folder_of
from local_aws.sagemaker.logs import LogStream
from local_aws.store import Record

_HOST = "algo-1"
_GROUP = "/aws/sagemaker/TrainingJobs"
_GRACE_SECONDS = 120
"""Between SIGTERM and SIGKILL, when a job is stopped (StopTrainingJob)."""
_DEFAULT_SECONDS = 24 * 60 * 60
_LONGEST_REASON = 1024

_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
_NOT_EMULATED = (
    "CheckpointConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "ExperimentConfig",
    "ModelPackageConfig",
    "ProfilerRuleConfigurations",
    "RetryStrategy",
    "ServerlessJobConfig",
    "TensorBoardOutputConfig",
)


class _Failed(Exception):
    """The job's FailureReason."""


@dataclass
class _Run:
    """A job under way."""

    stopping: threading.Event = field(default_factory=threading.Event)
    container: containers.Container | None = None
    thread: threading.Thread | None = None


_RUNS: dict[tuple[str, str, str], _Run] = {}


class TrainingJob(Behaviour):
    def check(self, request: Request) -> None:
        for member in _NOT_EMULATED:
            if request.get(member):
                raise not_supported(f"a training job with {member}")
        if request.get("AlgorithmSpecification", {}).get("MetricDefinitions"):
            raise not_supported("a training job with MetricDefinitions")
        if request.get("OutputDataConfig", {}).get("CompressionType", "GZIP") != "GZIP":
            raise not_supported("a training job's output without compression")
        if "TrainingImage" not in request.get("AlgorithmSpecification", {}):
            raise not_supported("a training job without AlgorithmSpecification.TrainingImage")
        if request["AlgorithmSpecification"]["TrainingInputMode"] != "File":
            raise not_supported(f"the input mode {request['AlgorithmSpecification']['TrainingInputMode']}")
        if request.get("ResourceConfig", {}).get("InstanceCount", 1) != 1:
            raise not_supported("training on several instances")
        names = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
        if len(names) != len(set(names)):
            raise invalid("Channel names must be unique within a training job.")
        for channel in request.get("InputDataConfig", []):
            _check_channel(channel)
        roles.check(request["RoleArn"])
        folder_of(request["AlgorithmSpecification"]["TrainingImage"])

    def prepare(self, record: Record) -> None:
        record.update(
            TrainingJobStatus="InProgress",
            SecondaryStatus="Starting",
            SecondaryStatusTransitions=[],
            # DescribeTrainingJob must have it; it says where the model will be.
            ModelArtifacts={"S3ModelArtifacts": _artifact(record)},
        )
        _enter(record, "Starting")

    def created(self, record: Record) -> None:
        name = record["TrainingJobName"]
        run = _RUNS[_key(name)] = _Run()
        run.thread = hooks.in_background(_run, record, run, name=f"train-{name}")

    def resume(self, record: Record) -> None:
        """A job that was running begins anew, as it does on an instance that replaces a broken one."""
        if record["TrainingJobStatus"] == "InProgress":
            self.created(record)
        elif record["TrainingJobStatus"] == "Stopping":
            record.update(TrainingJobStatus="Stopped", TrainingEndTime=time.time())
            _enter(record, "Stopped")

    def check_deletion(self, record: Record) -> None:
        if record["TrainingJobStatus"] in ("InProgress", "Stopping"):
            raise invalid(f"The training job {record['TrainingJobName']} is running: stop it first.")

    def stop(self, record: Record) -> None:
        name = record["TrainingJobName"]
        if record["TrainingJobStatus"] != "InProgress":
            status = record["TrainingJobStatus"]
            raise invalid(f"The request was rejected because the training job is in status {status}.")
        record["TrainingJobStatus"] = "Stopping"
        _enter(record, "Stopping")
        run = _RUNS[_key(name)]
        run.stopping.set()
        if run.container is not None:
            run.container.terminate()

    def settle(self, record: Record) -> str | None:
        run = _RUNS.get(_key(record["TrainingJobName"]))
        if run is not None and run.thread is not None:
            run.thread.join()
        return record.get("FailureReason")


def _check_channel(channel: Mapping[str, Any]) -> None:
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise not_supported("a channel that is not in S3")
    if source["S3DataType"] != "S3Prefix":
        raise not_supported(f"a channel of the type {source['S3DataType']}")
    if channel.get("InputMode", "File") != "File":
        raise not_supported(f"the input mode {channel['InputMode']}")
    for member in ("CompressionType", "RecordWrapperType"):
        if channel.get(member, "None") != "None":
            raise not_supported(f"a channel with {member} {channel[member]}")


def _run(record: Record, run: _Run) -> None:
    name = record["TrainingJobName"]
    log = LogStream(_GROUP, f"{name}/{_HOST}-{int(time.time())}")
    home = containers.ContainerHome(folders.containers())
    began = record["TrainingStartTime"] = time.time()
    status, secondary, reason = "Failed", "Failed", None
    try:
        secondary = _train(record, run, home, log)
        status = "Completed" if secondary == "Completed" else "Stopped"
    except (_Failed, storage.StorageError, containers.CannotStart) as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - every reason is the job's, in its FailureReason
        reason = f"InternalServerError: {error}"
    home.remove()
    log.finish()
    ended = time.time()
    if reason is not None:
        record["FailureReason"] = reason[:_LONGEST_REASON]
    _enter(record, secondary, reason)
    record.update(
        TrainingEndTime=ended,
        TrainingTimeInSeconds=int(ended - began),
        BillableTimeInSeconds=max(1, int(ended - began)),
        LastModifiedTime=ended,
        TrainingJobStatus=status,
    )
    _RUNS.pop(_key(name), None)


def _train(record: Record, run: _Run, home: containers.ContainerHome, log: LogStream) -> str:
    """Runs the job; returns the secondary status that it ends with. Raises its failure."""
    session = clients.as_role(record["RoleArn"])
    _enter(record, "Downloading")
    _fill(record, session.s3, home.ml)
    if run.stopping.is_set():
        return "Stopped"
    _enter(record, "Training")
    code, ended_by_time = _run_program(record, run, home, log, session)
    if code and not run.stopping.is_set() and not ended_by_time:
        raise _Failed(_failure(home.ml, code, log))
    if not run.stopping.is_set():
        _enter(record, "Uploading")
    # A job that is stopped or runs out of time keeps what it has left in /opt/ml/model.
    _upload(record, session.s3, home)
    return "Stopped" if run.stopping.is_set() else "MaxRuntimeExceeded" if ended_by_time else "Completed"


def _run_program(
    record: Record, run: _Run, home: containers.ContainerHome, log: LogStream, session: clients.RoleSession
) -> tuple[int, bool]:
    """The exit code, and whether the time was up."""
    specification = record["AlgorithmSpecification"]
    image = folder_of(specification["TrainingImage"])
    arguments = [
        *specification.get("ContainerEntrypoint", [str(image / "train")]),
        *specification.get("ContainerArguments", ["train"]),
    ]
    isolated = record.get("EnableNetworkIsolation", False)
    environment = session.environment(isolated=isolated) | {
        "TRAINING_JOB_NAME": record["TrainingJobName"],
        "TRAINING_JOB_ARN": record["TrainingJobArn"],
        **record.get("Environment", {}),
    }
    container = containers.start(containers.Program(arguments, image, environment, isolated), home)
    run.container = container
    log.follow(container.output)
    if run.stopping.is_set():
        container.terminate()
    seconds = record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_SECONDS)
    try:
        return container.wait(seconds), False
    except subprocess.TimeoutExpired:
        return container.stop(_GRACE_SECONDS), not run.stopping.is_set()
    finally:
        container.kill()
        log.finish()


def _fill(record: Record, s3: Any, ml: Path) -> None:
    for folder in ("input/config", "input/data", "model", "output/data"):
        (ml / folder).mkdir(parents=True)
    channels = record.get("InputDataConfig", [])
    for channel in channels:
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        storage.download_prefix(s3, uri, ml / "input/data" / channel["ChannelName"])
    kind = record["ResourceConfig"].get("InstanceType")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": [_HOST]}
    _write(ml, "hyperparameters", record.get("HyperParameters", {}))
    _write(ml, "inputdataconfig", {channel["ChannelName"]: _described(channel) for channel in channels})
    _write(
        ml,
        "resourceconfig",
        {
            "current_host": _HOST,
            "current_instance_type": kind,
            "current_group_name": group["instance_group_name"],
            "hosts": [_HOST],
            "instance_groups": [group],
            "network_interface_name": "lo",
        },
    )


def _described(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    found = {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
    }
    if "ContentType" in channel:
        found["ContentType"] = channel["ContentType"]
    return found


def _write(ml: Path, name: str, content: Mapping[str, Any]) -> None:
    (ml / "input/config" / f"{name}.json").write_text(json.dumps(content, indent=2))


def _upload(record: Record, s3: Any, home: containers.ContainerHome) -> None:
    uri = record["ModelArtifacts"]["S3ModelArtifacts"]
    key_id = record["OutputDataConfig"].get("KmsKeyId")
    for source, target in (("model", uri), ("output/data", f"{uri.rpartition('/')[0]}/output.tar.gz")):
        folder = home.ml / source
        if any(folder.iterdir()):
            archive = home.path / target.rpartition("/")[2]
            storage.pack(folder, archive)
            storage.upload(s3, archive, target, key_id)


def _failure(ml: Path, code: int, log: LogStream) -> str:
    """What the program wrote for it, or the last that it said."""
    file = ml / "output/failure"
    said = file.read_text(errors="replace") if file.is_file() else log.tail()
    return f"AlgorithmError: {said[: _LONGEST_REASON - 100]}, exit code: {code}"


def _artifact(record: Record) -> str:
    path = record["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return f"{path}/{record['TrainingJobName']}/output/model.tar.gz"


def _enter(record: Record, secondary: str, message: str | None = None) -> None:
    """Moves the job to its next secondary status, and keeps when it left the one before."""
    now = time.time()
    transitions: list[dict[str, Any]] = [dict(one) for one in record["SecondaryStatusTransitions"]]
    if transitions:
        transitions[-1]["EndTime"] = now
    entered = {"Status": secondary, "StartTime": now, "StatusMessage": message or _MESSAGES[secondary]}
    record.update(
        SecondaryStatusTransitions=[*transitions, entered], SecondaryStatus=secondary, LastModifiedTime=now
    )


def _key(name: str) -> tuple[str, str, str]:
    return hooks.account_id(), hooks.region(), name
