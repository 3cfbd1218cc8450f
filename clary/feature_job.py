"""Files into a feature group by a processing job: the program that runs here, in a role of the team's."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary import training
from clary.content import digest
from clary.environment.features import FeatureGroup
from clary.errors import ClaryError
from clary.features import PROGRAM, group_of
from clary.outputs import stack_outputs
from clary.progress import Progress, Tell
from clary.target import Target
from clary.wording import pascal
from clary.workspace import ROOT

_FOLDER = PROGRAM.parent
_ENTRYPOINT = ["python3", PROGRAM.name]
"""What is run of the image's folder on the local AWS, which reads no Dockerfile."""
_RECORDS = "/opt/ml/processing/records"
_KINDS = (".csv", ".parquet")
_MOST_INPUTS = 10
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html"""


@dataclass(frozen=True)
class Records:
    """What a job reads: addresses of S3, or files of this machine, by the keys that they are put under.

    Files lie in a folder that is called as what they are: the same ones are put there once.
    """

    digest: str
    folder: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    addresses: Sequence[str] = ()

    @classmethod
    def of(cls, given: Sequence[str], *, prefix: str) -> Records:
        """Keys begin with `prefix`. Raises :class:`ClaryError`."""
        addresses = [each for each in given if each.startswith("s3://")]
        if addresses:
            if len(addresses) != len(given):
                raise ClaryError(
                    "addresses of S3 and files of this machine in one job, give one or the other"
                )
            if len(addresses) > _MOST_INPUTS:
                raise ClaryError(f"{len(addresses)} addresses, a job takes {_MOST_INPUTS}: give folders")
            return cls(_hash(addresses), addresses=addresses)
        # what comes later in the order of names counts where a record is there twice, as it does here
        named = {
            f"{number:04}/{name}": file
            for number, each in enumerate(given)
            for name, file in _files(Path(each))
        }
        contents = [(name, hashlib.sha256(file.read_bytes()).hexdigest()) for name, file in named.items()]
        total = _hash(contents)
        folder = f"{prefix}/{total[:16]}"
        return cls(total, folder, {f"{folder}/{name}": file for name, file in named.items()})

    def inputs(self, bucket: str) -> list[tuple[str, str]]:
        """Prefixes of S3, and the folder that each of them is in the job."""
        if self.files:
            return [(f"s3://{bucket}/{self.folder}/", _RECORDS)]
        return [(each, f"{_RECORDS}/{number:04}") for number, each in enumerate(self.addresses)]


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        found = [(path.name, path)]
    elif path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.suffix in _KINDS)
        found = [(each.relative_to(path).as_posix(), each) for each in inside]
    else:
        raise ClaryError(f"there is no file '{path}'")
    if not found:
        raise ClaryError(f"there is no CSV or Parquet file in '{path}'")
    yield from found


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def ingest(target: Target, name: str, given: Sequence[str], only: str | None, progress: Progress) -> str:
    """Starts a job unless one is at these very records, waits for its end, and returns what it says.

    What a job has not done, the next one does: the program goes on where it was stopped.
    """
    group = group_of(target, name)
    if group.job is None:
        raise ClaryError(
            f"the feature group '{name}' names no repository for its jobs: give"
            f" 'features.{name}.job: {{repository: …}}', or leave out '--job'"
        )
    bucket = stack_outputs(target, "data").get("DataBucketName")
    if bucket is None:
        raise ClaryError(f"the environment {target.environment.name} is not there: deploy it first")
    records = Records.of(given, prefix=f"{group.team}/ingest")
    job, status = next_job(target.client("sagemaker"), _prefix(target, name, group, records, only))
    if status not in ("InProgress", "Stopping"):
        image = _image(target, group, progress)
        if records.files:
            with progress.step("putting the files where the job reads them") as tell:
                _upload(target, bucket, records, tell)
        target.client("sagemaker").create_processing_job(
            **request(target, name, group, records, only, job=job, image=image)
        )
    with progress.step(f"processing job {job}", telling=True) as tell:
        said = _ended(target, job, tell)
    for key in records.files:
        target.client("s3").delete_object(Bucket=bucket, Key=key)
    return said


def _prefix(target: Target, name: str, group: FeatureGroup, records: Records, only: str | None) -> str:
    """What the names of all jobs begin with that do this; the team's, whose jobs are known by it."""
    task = _hash([target.environment.feature_group_name(name), records.digest, only])
    return f"{group.team}--ingest-{task[:12]}-"


def next_job(sagemaker: Any, prefix: str) -> tuple[str, str | None]:
    """The job that is at it, and how it is; or else the next one's name: SageMaker takes none twice."""
    pages = sagemaker.get_paginator("list_processing_jobs").paginate(NameContains=prefix)
    found = {
        int(match[1]): str(each["ProcessingJobStatus"])
        for page in pages
        for each in page["ProcessingJobSummaries"]
        if (match := re.fullmatch(f"{re.escape(prefix)}([0-9]+)", each["ProcessingJobName"]))
    }
    last = max(found, default=0)
    if found.get(last) in ("InProgress", "Stopping"):
        return f"{prefix}{last}", found[last]
    return f"{prefix}{last + 1}", None


def _image(target: Target, group: FeatureGroup, progress: Progress) -> str:
    assert group.job is not None
    repository, tag = group.job.repository, digest(_FOLDER)[:16]
    uri = f"{stack_outputs(target, 'data')[f'RepositoryUri{pascal(repository)}']}:{tag}"
    if not training.has_image(target, repository, tag):
        with progress.step(f"putting the image {repository}:{tag} in its repository"):
            training.push_image(target, str(_FOLDER.relative_to(ROOT)), uri, entrypoint=_ENTRYPOINT)
    return uri


def _upload(target: Target, bucket: str, records: Records, tell: Tell) -> None:
    """What is there is there as a whole: an earlier job may have left it."""
    s3 = target.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{records.folder}/")
    there = {each["Key"] for page in pages for each in page.get("Contents", ())}
    for number, (key, file) in enumerate(records.files.items(), 1):
        if key not in there:
            s3.upload_file(str(file), bucket, key)
        tell(f"{number:,} of {len(records.files):,}")


def request(
    target: Target,
    name: str,
    group: FeatureGroup,
    records: Records,
    only: str | None,
    *,
    job: str,
    image: str,
) -> dict[str, Any]:
    """What CreateProcessingJob is asked for."""
    environment, said = target.environment, group.job
    assert said is not None
    data, network = stack_outputs(target, "data"), stack_outputs(target, "network")
    chosen = [] if only is None else ["--only", only]
    return {
        "ProcessingJobName": job,
        "RoleArn": stack_outputs(target, "access")[f"JobRoleArn{pascal(group.team)}"],
        "AppSpecification": {
            "ImageUri": image,
            "ContainerArguments": [environment.feature_group_name(name), _RECORDS, *chosen],
        },
        "ProcessingInputs": [
            {
                "InputName": f"records-{number}",
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": folder,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                },
            }
            for number, (uri, folder) in enumerate(records.inputs(data["DataBucketName"]))
        ],
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": said.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": said.volume_gib,
                "VolumeKmsKeyId": data["KeyArn"],
            }
        },
        "NetworkConfig": {
            # it writes to the stores, through the network's endpoints
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": True,
            "VpcConfig": {
                "Subnets": network["SubnetIds"].split(","),
                "SecurityGroupIds": [network["WorkloadSecurityGroupId"]],
            },
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": said.max_runtime_minutes * 60},
        "Tags": [{"Key": key, "Value": value} for key, value in environment.cost_tags(group.team).items()],
    }


def _ended(target: Target, job: str, tell: Tell) -> str:
    sagemaker = target.client("sagemaker")
    while True:
        found = sagemaker.describe_processing_job(ProcessingJobName=job)
        status = str(found["ProcessingJobStatus"])
        if status not in ("InProgress", "Stopping"):
            break
        tell(status)
        time.sleep(0.1 if target.local else 5.0)
    said = str(found.get("ExitMessage") or found.get("FailureReason") or "no reason given")
    if status != "Completed":
        raise ClaryError(
            f"the job {job} is {status}: {said}\n"
            "its log is in the log group /aws/sagemaker/ProcessingJobs; the next one does what is left to do"
        )
    return said
