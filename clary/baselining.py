"""What a monitor needs before it can be deployed: its image, its configuration and its baseline."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from clary import training
from clary.content import files_in
from clary.environment import monitor_image
from clary.environment.monitoring import Kind, ModelQuality, Monitor, analysis_of, key_of
from clary.errors import ClaryError
from clary.monitor_content import CONSTRAINTS, STATISTICS, MonitorContent, config_of
from clary.outputs import stack_outputs
from clary.progress import Progress, Tell
from clary.target import Target
from clary.wording import pascal
from clary.workspace import ROOT

_ENTRYPOINT = ["python3", "monitor"]
"""What is run of an image's folder, where there is no Dockerfile's ENTRYPOINT to say it."""
_INPUT, _OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"


def is_made(target: Target, name: str, kind: Kind, content: MonitorContent) -> bool:
    """Whether the image, the configuration and the baseline are where the monitor looks for them."""
    if not stack_outputs(target, "access"):
        return False
    image = _monitor(target, name, kind).image
    return (
        (
            image is None
            or image.source is None
            or training.has_image(target, image.repository, content.image_tag)
        )
        and all(_exists(target, key) for key in _keys(content))
        and (content.config_key is None or _exists(target, content.config_key))
    )


def make(target: Target, name: str, kind: Kind, content: MonitorContent, progress: Progress) -> None:
    """Does what has not been done yet of pushing the image, uploading files and making the baseline."""
    monitor, shown = _monitor(target, name, kind), f"{name}, {kind}"
    image = monitor.image
    if image is not None and image.source is not None:
        tag = str(content.image_tag)
        if not training.has_image(target, image.repository, tag):
            with progress.step(f"{shown}: putting the image {image.repository}:{tag} in its repository"):
                uri = _image_uri(target, kind, monitor, content)
                training.push_image(target, image.source, uri, entrypoint=_ENTRYPOINT)
    config = config_of(monitor)
    if content.config_key is not None and config is not None:
        _upload(target, config, content.config_key)
    if monitor.baseline.files is not None:
        for key in _keys(content):
            _upload(target, f"{monitor.baseline.files}/{key.rpartition('/')[2]}", key)
    elif content.baseline_job is not None and not all(_exists(target, key) for key in _keys(content)):
        with progress.step(f"{shown}: baseline {content.baseline_job}") as tell:
            _compute(target, name, kind, content, content.baseline_job, tell)


def _monitor(target: Target, name: str, kind: Kind) -> Monitor:
    monitors = target.environment.models[name].endpoint.monitors
    assert monitors is not None
    return monitors.given[kind]


def _keys(content: MonitorContent) -> list[str]:
    names = [CONSTRAINTS, *([STATISTICS] if content.has_statistics else [])]
    return [f"{content.baseline_prefix}/{name}" for name in names]


def _exists(target: Target, key: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        target.client("s3").head_object(Bucket=stack_outputs(target, "data")["DataBucketName"], Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return False
    return True


def _upload(target: Target, file: str, key: str) -> None:
    if not _exists(target, key):
        bucket = stack_outputs(target, "data")["DataBucketName"]
        target.client("s3").upload_file(str(ROOT / file), bucket, key)


def _image_uri(target: Target, kind: Kind, monitor: Monitor, content: MonitorContent) -> str:
    region = target.environment.region
    if monitor.image is None:
        found = monitor_image.find(analysis_of(kind), region)
        suffix = ".cn" if region.startswith("cn-") else ""
        return f"{found.account}.dkr.ecr.{region}.amazonaws.com{suffix}/{found.repository}:{found.tag}"
    repository = monitor.image.repository
    return f"{stack_outputs(target, 'data')[f'RepositoryUri{pascal(repository)}']}:{content.image_tag}"


def _compute(target: Target, name: str, kind: Kind, content: MonitorContent, job: str, tell: Tell) -> None:
    """Starts the job unless there is one of that name, and waits for its end."""
    monitor = _monitor(target, name, kind)
    found = _job(target, job)
    if not found:
        tell("uploading the data")
        folder = ROOT / str(monitor.baseline.data)
        for path in files_in(folder):
            relative = path.relative_to(folder).as_posix()
            _upload(target, f"{monitor.baseline.data}/{relative}", f"{content.data_prefix}/{relative}")
        target.client("sagemaker").create_processing_job(**_request(target, name, kind, content, job))
    while (found := _job(target, job))["ProcessingJobStatus"] in ("InProgress", "Stopping"):
        time.sleep(0.25 if target.local else 5.0)
    if found["ProcessingJobStatus"] != "Completed":
        reason = found.get("ExitMessage") or found.get("FailureReason") or "no reason given"
        raise ClaryError(
            f"the baseline {job} is {found['ProcessingJobStatus']}: {reason}\n"
            f"its log is in the log group /aws/sagemaker/ProcessingJobs; mend the cause, or raise"
            f" models.{name}.endpoint.monitors.{key_of(kind)}.baseline.attempt to make the same once more"
        )


def _job(target: Target, job: str) -> Mapping[str, Any]:
    from botocore.exceptions import ClientError

    try:
        found: Mapping[str, Any] = target.client("sagemaker").describe_processing_job(ProcessingJobName=job)
    except ClientError as error:
        if "could not find" in str(error).lower() or "not found" in str(error).lower():
            return {}
        raise
    return found


def _request(target: Target, name: str, kind: Kind, content: MonitorContent, job: str) -> dict[str, Any]:
    """As the SageMaker SDK asks for a baseline: the monitor's container, without constraints to hold to."""
    environment, monitor = target.environment, _monitor(target, name, kind)
    team = environment.models[name].team
    data, network = stack_outputs(target, "data"), stack_outputs(target, "network")
    bucket = data["DataBucketName"]
    answers = "START" if monitor.baseline.answers == "first" else "END"
    inputs = [_input("dataset", f"s3://{bucket}/{content.data_prefix}/", f"{_INPUT}/dataset")]
    if content.config_key is not None:
        inputs.append(_input("analysis_config", f"s3://{bucket}/{content.config_key}", f"{_INPUT}/config"))
    return {
        "ProcessingJobName": job,
        "RoleArn": stack_outputs(target, "access")[f"JobRoleArn{pascal(team)}"],
        "AppSpecification": {"ImageUri": _image_uri(target, kind, monitor, content)},
        "Environment": {
            "dataset_format": json.dumps({"csv": {"header": True, "output_columns_position": answers}}),
            "dataset_source": f"{_INPUT}/dataset",
            "output_path": _OUTPUT,
            "publish_cloudwatch_metrics": "Disabled",
            "MONITOR_KIND": kind,
            **_of_quality(monitor),
            **monitor.environment,
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {
            "KmsKeyId": data["KeyArn"],
            "Outputs": [
                {
                    "OutputName": "baseline",
                    "S3Output": {
                        "S3Uri": f"s3://{bucket}/{content.baseline_prefix}",
                        "LocalPath": _OUTPUT,
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": monitor.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": monitor.volume_gib,
                "VolumeKmsKeyId": data["KeyArn"],
            }
        },
        "NetworkConfig": {
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
            "VpcConfig": {
                "Subnets": network["SubnetIds"].split(","),
                "SecurityGroupIds": [network["WorkloadSecurityGroupId"]],
            },
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": monitor.max_runtime_minutes * 60},
        "Tags": [{"Key": key, "Value": value} for key, value in environment.cost_tags(team).items()],
    }


def _of_quality(monitor: Monitor) -> dict[str, str]:
    if not isinstance(monitor, ModelQuality):
        return {}
    return {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": monitor.problem,
        "inference_attribute": str(monitor.prediction_column),
        "ground_truth_attribute": str(monitor.truth_column),
    }


def _input(name: str, uri: str, local: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": local,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }
