"""Processing jobs: a program between inputs and outputs in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import containers, settings
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import callers, clients, folders, jobs, roles, storage
from local_aws.sagemaker.behaviour import Request
from local_aws.sagemaker.image_folder import image_of
from local_aws.sagemaker.jobs import Cause, Host, Hosts, JobFailed, Run
from local_aws.sagemaker.logs import LogStream
from local_aws.sagemaker.mirror import Mirror
from local_aws.store import Record

_GROUP = "/aws/sagemaker/ProcessingJobs"
_BELOW = "/opt/ml/processing"
_LONGEST_MESSAGE = 1024


class ProcessingJob(jobs.Job):
    family = "ProcessingJob"
    words = "processing job"

    def check(self, request: Request) -> None:
        _check_inputs(request)
        _check_outputs(request)
        cluster = request["ProcessingResources"]["ClusterConfig"]
        if "InstancePreferences" in cluster:
            raise not_supported("a processing job with InstancePreferences")
        if "InstanceType" not in cluster or "InstanceCount" not in cluster:
            raise invalid("ClusterConfig needs both InstanceType and InstanceCount.")
        jobs.check_count(cluster["InstanceCount"])
        jobs.check_isolation(_isolated(request))
        if request.get("ExperimentConfig"):
            raise not_supported("a processing job with ExperimentConfig")
        roles.check(request["RoleArn"], callers.source_identity())
        if not _arguments(request):
            raise invalid(
                f"The image {request['AppSpecification']['ImageUri']} has no entry point: give"
                " AppSpecification.ContainerEntrypoint."
            )

    def prepare(self, record: Record) -> None:
        record.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": jobs.DEFAULT_SECONDS})
        record["ProcessingJobStatus"] = "InProgress"

    def perform(self, record: Record, run: Run) -> None:
        record["ProcessingStartTime"] = time.time()
        status, reason = "Failed", None
        try:
            injected = settings.current().failure(self.family, record["ProcessingJobName"])
            if injected is not None:
                raise JobFailed(injected)
            status = "Completed" if _process(record, run) == "ended" else "Stopped"
        except (JobFailed, storage.StorageError, containers.CannotStart) as error:
            reason = str(error)
        except ServiceError as error:
            reason = f"ClientError: {error.message}"
        except Exception as error:  # noqa: BLE001 - every reason is the job's, in its FailureReason
            reason = f"InternalServerError: {error}"
        self.finish(record, status, reason)

    def finish(self, record: Record, status: str, reason: str | None = None) -> None:
        now = time.time()
        if reason is not None:
            record["FailureReason"] = reason[: jobs.LONGEST_REASON]
        record.update(ProcessingEndTime=now, LastModifiedTime=now, ProcessingJobStatus=status)


def _process(record: Record, run: Run) -> Cause:
    """Runs the job; raises its failure."""
    client = clients.as_role(record["RoleArn"]).s3
    count = record["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
    with jobs.hosts_of(count, folders.containers()) as hosts:
        for number, host in enumerate(hosts.all):
            _fill(record, client, hosts, host, number)
        if run.stopping:
            return "stopped"
        try:
            cause, codes = _run(record, run, client, hosts)
        finally:
            _take_message(record, hosts)
            _publish_metrics(record, hosts)
        if cause == "ended" and any(codes):
            raise JobFailed("AlgorithmError: See job logs for more information")
        if cause == "ended":
            for output in _outputs(record):
                if output["S3UploadMode"] == "EndOfJob":
                    for host in hosts.all:
                        folder = host.inside(output["LocalPath"])
                        storage.upload_folder(client, folder, output["S3Uri"], _key_id(record))
        return cause


def _run(record: Record, run: Run, client: Any, hosts: Hosts) -> tuple[Cause, list[int]]:
    isolated = _isolated(record)
    image = image_of(record["AppSpecification"]["ImageUri"])
    session = clients.as_role(record["RoleArn"])
    began = time.time()
    with ExitStack() as stack:
        for output in _outputs(record):
            if output["S3UploadMode"] == "Continuous":
                for host in hosts.all:
                    folder = host.inside(output["LocalPath"])
                    mirror = Mirror(folder, client, output["S3Uri"], _key_id(record))
                    mirror.start()
                    stack.callback(mirror.finish)
        running = []
        for host in hosts.all:
            environment = {
                **session.environment(isolated=isolated),
                **record.get("Environment", {}),
            }
            container = hosts.start(host, image, _arguments(record), environment, isolated=isolated)
            log = LogStream(_GROUP, f"{record['ProcessingJobName']}/{host.label}-{int(began)}")
            stack.callback(log.finish)
            stack.callback(container.kill)
            log.follow(container.output)
            running.append(container)
        # "SIGINT and SIGKILL signals, which Processing uses to stop processing jobs" (the page above).
        return run.wait(running, record["StoppingCondition"]["MaxRuntimeInSeconds"], by=signal.SIGINT)


def _arguments(request: Mapping[str, Any]) -> list[str]:
    application = request["AppSpecification"]
    image = image_of(application["ImageUri"])
    return image.run(application.get("ContainerEntrypoint"), application.get("ContainerArguments"))


def _isolated(request: Mapping[str, Any]) -> bool:
    return bool(request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False))


def _key_id(record: Record) -> str | None:
    key_id: str | None = record.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    return key_id


def _fill(record: Record, client: Any, hosts: Hosts, host: Host, number: int) -> None:
    for folder in ("config", "output", "processing"):
        (host.ml / folder).mkdir()
    for given in record.get("ProcessingInputs", []):
        source = given["S3Input"]
        if given.get("AppManaged"):
            continue
        found = storage.sources(client, source["S3DataType"], source["S3Uri"])
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            found = found[number :: len(hosts.all)]
        storage.download(client, found, host.inside(source["LocalPath"]))
    for output in _outputs(record):
        host.inside(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
    content = {
        "processingjobconfig": _described(record),
        "resourceconfig": {
            "current_host": host.name,
            "current_instance_type": record["ProcessingResources"]["ClusterConfig"]["InstanceType"],
            "hosts": sorted(hosts.names),
            "network_interface_name": hosts.interface,
        },
    }
    for name, value in content.items():
        (host.ml / "config" / f"{name}.json").write_text(json.dumps(value, indent=2))


def _described(record: Record) -> dict[str, Any]:
    """`processingjobconfig.json`, which has null for what the request has not."""
    application = record["AppSpecification"]
    cluster = record["ProcessingResources"]["ClusterConfig"]
    return {
        "ProcessingJobArn": record["ProcessingJobArn"],
        "ProcessingJobName": record["ProcessingJobName"],
        "AppSpecification": {
            name: application.get(name) for name in ("ImageUri", "ContainerEntrypoint", "ContainerArguments")
        },
        "Environment": record.get("Environment", {}),
        "ProcessingInputs": record.get("ProcessingInputs", []),
        "ProcessingOutputConfig": {
            "Outputs": record.get("ProcessingOutputConfig", {}).get("Outputs", []),
            "KmsKeyId": _key_id(record),
        },
        "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": None, **cluster}},
        "RoleArn": record["RoleArn"],
        "StoppingCondition": record["StoppingCondition"],
    }


def _outputs(record: Record) -> Iterator[Mapping[str, Any]]:
    for output in record.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if not output.get("AppManaged"):
            yield output["S3Output"]


def _take_message(record: Record, hosts: Hosts) -> None:
    """The first kilobyte of what the containers have written for those who describe the job."""
    files = [host.ml / "output/message" for host in hosts.all]
    written = b"".join(file.read_bytes() for file in files if file.is_file())
    if not written:
        return
    try:
        written.decode()
    except UnicodeDecodeError as error:
        raise JobFailed("ClientError: the file /opt/ml/output/message is not UTF-8 encoded") from error
    record["ExitMessage"] = written[:_LONGEST_MESSAGE].decode(errors="ignore")


def _publish_metrics(record: Record, hosts: Hosts) -> None:
    """What a monitoring container has written for CloudWatch, a metric in each line.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html
    """
    namespace = record.get("_metrics_namespace")
    if namespace is None or record["Environment"].get("publish_cloudwatch_metrics") != "Enabled":
        return
    client = clients.as_role(record["RoleArn"]).cloudwatch
    for host in hosts.all:
        for file in sorted((host.ml / "output/metrics/cloudwatch").glob("*.jsonl")):
            for line in file.read_text().splitlines():
                if line.strip():
                    _put_metric(client, namespace, line)


def _put_metric(client: Any, namespace: str, line: str) -> None:
    try:
        client.put_metric_data(Namespace=namespace, MetricData=[json.loads(line)])
    except (ValueError, BotoCoreError, ClientError) as error:
        raise JobFailed(
            f"AlgorithmError: a line of cloudwatch_metrics.jsonl is no metric: {error}"
        ) from error


def _check_inputs(request: Request) -> None:
    inputs = request.get("ProcessingInputs", [])
    _check_names("InputName", inputs)
    for given in inputs:
        name = given["InputName"]
        if "DatasetDefinition" in given:
            raise not_supported("a processing input with DatasetDefinition")
        if "S3Input" not in given:
            raise invalid(f"Processing input {name} needs S3Input or DatasetDefinition.")
        source = given["S3Input"]
        mode = source.get("S3InputMode", "File")
        if not given.get("AppManaged") and mode == "Pipe":
            raise not_supported("a processing input in the mode Pipe")
        if source.get("S3CompressionType", "None") == "Gzip" and mode != "Pipe":
            raise invalid(
                f"Gzip can only be used if Pipe mode is specified as the S3InputMode: input {name}."
            )
        _check_path(name, given, source)


def _check_outputs(request: Request) -> None:
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _check_names("OutputName", outputs)
    for given in outputs:
        name = given["OutputName"]
        if "FeatureStoreOutput" in given:
            raise not_supported("a processing output into a feature store")
        if "S3Output" not in given:
            raise invalid(f"Processing output {name} needs S3Output or FeatureStoreOutput.")
        _check_path(name, given, given["S3Output"])


def _check_path(name: str, given: Mapping[str, Any], place: Mapping[str, Any]) -> None:
    if given.get("AppManaged"):
        return
    path = place.get("LocalPath")
    if path is None:
        raise invalid(f"LocalPath is a required parameter when AppManaged is False (default): {name}.")
    if ".." in Path(path).parts or not f"{path}/".startswith(f"{_BELOW}/"):
        raise invalid(f"LocalPath must begin with {_BELOW}/: that of {name} is '{path}'.")


def _check_names(member: str, given: list[Mapping[str, Any]]) -> None:
    for name, count in Counter(one[member] for one in given).items():
        if count > 1:
            raise invalid(
                f"{member} must be unique within a processing job: '{name}' was given {count} times."
            )
