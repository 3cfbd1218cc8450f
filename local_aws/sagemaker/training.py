"""How a training job runs: from its data in S3 to its model in S3, once or, on spot instances, several
times.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from local_aws import settings
from local_aws.sagemaker import clients, folders, jobs, storage, training_input
from local_aws.sagemaker.image_folder import image_of
from local_aws.sagemaker.jobs import Cause, Host, Hosts, JobFailed, Run
from local_aws.sagemaker.logs import LogStream
from local_aws.sagemaker.mirror import Mirror
from local_aws.sagemaker.training_metrics import TrainingMetrics
from local_aws.store import Record

_GROUP = "/aws/sagemaker/TrainingJobs"
_WITHOUT_CHECKPOINTS_SECONDS = 1.0
"""When a job that is to be interrupted is, without checkpoints to wait for."""

MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted: its spot instances were taken away",
    "Restarting": "Restarting the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
}


def enter(record: Record, secondary: str, message: str | None = None) -> None:
    """Moves the job to its next secondary status, and keeps when it left the one before."""
    now = time.time()
    transitions: list[dict[str, Any]] = [dict(one) for one in record["SecondaryStatusTransitions"]]
    if transitions:
        transitions[-1]["EndTime"] = now
    entered = {"Status": secondary, "StartTime": now, "StatusMessage": message or MESSAGES[secondary]}
    record.update(
        SecondaryStatusTransitions=[*transitions, entered], SecondaryStatus=secondary, LastModifiedTime=now
    )


def artifact(record: Record) -> str:
    """Where the model goes (OutputDataConfig in the API reference)."""
    path = record["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    name = "model" if _as_files(record) else "model.tar.gz"
    return f"{path}/{record['TrainingJobName']}/output/{name}"


def _as_files(record: Record) -> bool:
    return bool(record["OutputDataConfig"].get("CompressionType", "GZIP") == "NONE")


class Training:
    """One job's course."""

    def __init__(self, record: Record, run: Run) -> None:
        self._record = record
        self._run = run
        self._name = record["TrainingJobName"]
        self._image = image_of(record["AlgorithmSpecification"]["TrainingImage"])
        self.metrics = TrainingMetrics(
            self._name, record["AlgorithmSpecification"].get("MetricDefinitions", ())
        )
        stopping = record["StoppingCondition"]
        self._seconds_left = float(stopping["MaxRuntimeInSeconds"])
        self._waits_until = record["CreationTime"] + stopping.get("MaxWaitTimeInSeconds", float("inf"))
        self._spot = record.get("EnableManagedSpotTraining", False)
        self._interruptions = 0

    def go(self) -> str:
        """The secondary status that the job ends with. Raises `JobFailed` and `StorageError`."""
        while True:
            cause = self._attempt()
            if cause == "stopped":
                return "Stopped"
            if cause == "time":
                return "MaxWaitTimeExceeded" if time.time() >= self._waits_until else "MaxRuntimeExceeded"
            if cause == "ended":
                return "Completed"
            self._interruptions += 1
            enter(self._record, "Interrupted")
            enter(self._record, "Starting")

    def _attempt(self) -> Cause:
        record, run = self._record, self._run
        client = clients.as_role(record["RoleArn"]).s3
        with jobs.hosts_of(training_input.count(record["ResourceConfig"]), folders.containers()) as hosts:
            enter(record, "Downloading")
            cluster = training_input.groups(record["ResourceConfig"], hosts.names)
            for host in hosts.all:
                training_input.fill(record, client, host.ml, host.name, cluster, hosts.interface)
            mirrors = list(self._mirrors(client, hosts))
            for mirror in mirrors:
                mirror.restore()
            if run.stopping:
                return "stopped"
            enter(record, "Training")
            cause, codes, failure = self._train(hosts, mirrors)
            if cause == "interrupted":
                return cause
            if cause != "stopped":
                enter(record, "Uploading")
            self._upload(client, hosts)
            # One that is stopped or runs out of time keeps what it has left in /opt/ml/model.
            if cause == "ended" and any(codes):
                raise JobFailed(failure)
            return cause

    def _train(self, hosts: Hosts, mirrors: list[Mirror]) -> tuple[Cause, list[int], str]:
        """Runs the program on all hosts; why it ended, with which exit codes, and what it said of that."""
        began = time.time()
        logs = [
            LogStream(_GROUP, f"{self._name}/{host.label}-{int(began)}", self.metrics.see)
            for host in hosts.all
        ]
        with ExitStack() as stack:
            for mirror in mirrors:
                mirror.start()
                stack.callback(mirror.finish)
            running = []
            for host, log in zip(hosts.all, logs, strict=True):
                container = self._start(hosts, host)
                stack.callback(log.finish)
                stack.callback(container.kill)
                log.follow(container.output)
                running.append(container)
            cause, codes = self._run.wait(
                running,
                max(0.0, min(self._seconds_left, self._waits_until - time.time())),
                interrupt_after=self._interrupt_after(),
            )
        self._seconds_left -= time.time() - began
        return cause, codes, self._failure(hosts, logs, codes)

    def _start(self, hosts: Hosts, host: Host) -> Any:
        record, specification = self._record, self._record["AlgorithmSpecification"]
        arguments = self._image.contract("train")
        if "ContainerEntrypoint" in specification or "ContainerArguments" in specification:
            given = specification.get("ContainerArguments")
            arguments = [
                *specification.get("ContainerEntrypoint", arguments[:-1]),
                *(
                    arguments[-1:]
                    if given is None and "ContainerEntrypoint" not in specification
                    else given or []
                ),
            ]
        isolated = record.get("EnableNetworkIsolation", False)
        environment = clients.as_role(record["RoleArn"]).environment(isolated=isolated) | {
            "TRAINING_JOB_NAME": self._name,
            "TRAINING_JOB_ARN": record["TrainingJobArn"],
            **record.get("Environment", {}),
        }
        return hosts.start(host, self._image, arguments, environment, isolated=isolated)

    def _mirrors(self, client: Any, hosts: Hosts) -> Iterator[Mirror]:
        record = self._record
        for member, uri, uploaded in (
            ("CheckpointConfig", "{S3Uri}", self._checkpointed),
            ("DebugHookConfig", f"{{S3OutputPath}}/{self._name}/debug-output", lambda: None),
            ("TensorBoardOutputConfig", f"{{S3OutputPath}}/{self._name}/tensorboard-output", lambda: None),
        ):
            if member in record:
                target = uri.format(**{key: str(value).rstrip("/") for key, value in record[member].items()})
                path = training_input.local_path(record, member)
                for host in hosts.all:
                    yield Mirror(host.inside(path), client, target, uploaded=uploaded)

    def _interrupts(self) -> bool:
        wanted = settings.current().interruptions(self._name)
        return bool(self._spot and self._interruptions < wanted)

    def _checkpointed(self) -> None:
        if self._interrupts():
            self._run.interrupt()

    def _interrupt_after(self) -> float | None:
        waits = "CheckpointConfig" in self._record
        return _WITHOUT_CHECKPOINTS_SECONDS if self._interrupts() and not waits else None

    def _upload(self, client: Any, hosts: Hosts) -> None:
        record = self._record
        key_id = record["OutputDataConfig"].get("KmsKeyId")
        model = artifact(record)
        output = f"{model.rpartition('/')[0]}/output.tar.gz"
        for source, target in (("model", model), ("output/data", output)):
            found = [host.ml / source for host in hosts.all if any((host.ml / source).iterdir())]
            if not found:
                continue
            if _as_files(record) and source == "model":
                for folder in found:
                    storage.upload_folder(client, folder, target, key_id)
                continue
            archive = hosts.all[0].home.path / target.rpartition("/")[2]
            storage.pack(found, archive)
            storage.upload(client, archive, target, key_id)

    def _failure(self, hosts: Hosts, logs: list[LogStream], codes: list[int]) -> str:
        """What the program of the first host that failed wrote for it, or the last that it said."""
        for host, log, code in zip(hosts.all, logs, codes, strict=True):
            # Those that were ended because another one failed are not to blame.
            if code and (code != _KILLED or not any(one not in (0, _KILLED) for one in codes)):
                file = host.ml / "output/failure"
                said = file.read_text(errors="replace") if file.is_file() else log.tail()
                return f"AlgorithmError: {said[: jobs.LONGEST_REASON - 100]}, exit code: {code}"
        return ""


_KILLED = 128 + 9
