"""What a model is made of: its image in the repository, its data in the bucket, its training job."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from clary.content import ModelContent, artifact_prefix, files_in
from clary.errors import ClaryError
from clary.outputs import image_uri, stack_outputs
from clary.progress import Progress, Tell
from clary.target import Target
from clary.wording import pascal
from clary.workspace import ROOT


def is_made(target: Target, name: str, content: ModelContent) -> bool:
    """Whether the image is in its repository and the training job, if there is one, is completed."""
    if not stack_outputs(target, "access"):
        return False
    image = target.environment.containers[name].image
    if (
        image is not None
        and image.source is not None
        and not has_image(target, str(image.repository), content.image_tag)
    ):
        return False
    return (
        content.training_job is None
        or _job(target, content.training_job).get("TrainingJobStatus") == "Completed"
    )


def make(target: Target, name: str, content: ModelContent, progress: Progress) -> None:
    """Does what has not been done yet of pushing the image, uploading the data and training."""
    image = target.environment.containers[name].image
    if (
        image is not None
        and image.source is not None
        and not has_image(target, str(image.repository), content.image_tag)
    ):
        with progress.step(
            f"{name}: putting the image {image.repository}:{content.image_tag} in its repository"
        ):
            push_image(target, image.source, image_uri(target, name, content))
    if content.training_job is not None:
        with progress.step(f"{name}: training job {content.training_job}") as tell:
            _train(target, name, content, content.training_job, tell)


def has_image(target: Target, repository: str, tag: str | None) -> bool:
    """Whether the environment's repository has an image of this tag."""
    ecr = target.client("ecr")
    uri = stack_outputs(target, "data").get(f"RepositoryUri{pascal(repository)}")
    if uri is None:
        return False
    try:
        found = ecr.describe_images(repositoryName=uri.partition("/")[2], imageIds=[{"imageTag": tag}])
    except ecr.exceptions.ImageNotFoundException:
        return False
    return bool(found["imageDetails"])


def push_image(target: Target, source: str, uri: str, *, entrypoint: Sequence[str] = ()) -> None:
    """Builds a folder, and puts it in its repository.

    On the local AWS, which reads no Dockerfile, `entrypoint` is what an image runs that is asked for nothing.
    """
    folder = ROOT / source
    registry, _, rest = uri.partition("/")
    repository, _, tag = rest.rpartition(":")
    if target.local:
        from local_aws.sagemaker.images import push

        config = {"Entrypoint": list(entrypoint)} if entrypoint else None
        push(target.client("ecr"), repository, tag, folder, target.state / "images", config)
        return
    docker = shutil.which("docker")
    if docker is None:
        raise ClaryError(
            f"the image {uri} is not in its repository and there is no docker here to build it from"
            f" {source}; where there is one, run\n"
            f"  aws ecr get-login-password --region {target.environment.region}"
            f" | docker login --username AWS --password-stdin {registry}\n"
            f"  docker build --platform linux/amd64 --tag {uri} {source} && docker push {uri}"
        )
    token = target.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    import base64

    password = base64.b64decode(token).decode().partition(":")[2]
    _docker(docker, "login", "--username", "AWS", "--password-stdin", registry, given=password)
    _docker(docker, "build", "--platform", "linux/amd64", "--tag", uri, str(folder))
    _docker(docker, "push", uri)


def _docker(docker: str, *arguments: str, given: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        [docker, *arguments], input=given, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ClaryError(f"docker {arguments[0]} failed: {done.stderr.strip()[-2000:]}")


def _job(target: Target, job: str) -> Mapping[str, Any]:
    from botocore.exceptions import ClientError

    try:
        found: Mapping[str, Any] = target.client("sagemaker").describe_training_job(TrainingJobName=job)
    except ClientError as error:
        if "not found" in str(error).lower() or "could not find" in str(error).lower():
            return {}
        raise
    return found


def _train(target: Target, name: str, content: ModelContent, job: str, tell: Tell) -> None:
    """Starts the job unless there is one of that name, and waits for its end."""
    found = _job(target, job)
    if not found:
        tell("uploading the data")
        _upload(target, name, content)
        target.client("sagemaker").create_training_job(**_request(target, name, content, job))
    pause = 0.25 if target.local else 5.0
    while (found := _job(target, job))["TrainingJobStatus"] in ("InProgress", "Stopping"):
        tell(found.get("SecondaryStatus", ""))
        time.sleep(pause)
    if found["TrainingJobStatus"] != "Completed":
        said = ".".join(map(str, target.environment.containers[name].artifact_path))
        raise ClaryError(
            f"the training job {job} is {found['TrainingJobStatus']}:"
            f" {found.get('FailureReason', 'no reason given')}\n"
            f"its log is in the log group /aws/sagemaker/TrainingJobs; mend the cause, or raise"
            f" {said}.training.attempt to train the same once more"
        )


def _upload(target: Target, name: str, content: ModelContent) -> None:
    training = target.environment.containers[name].artifact.training
    assert training is not None
    s3 = target.client("s3")
    bucket = stack_outputs(target, "data")["DataBucketName"]
    folder = ROOT / training.data
    for path in files_in(folder):
        s3.upload_file(str(path), bucket, f"{content.data_prefix}/{path.relative_to(folder).as_posix()}")


def _request(target: Target, name: str, content: ModelContent, job: str) -> dict[str, Any]:
    environment = target.environment
    container, model = environment.containers[name], name.partition(".")[0]
    training = container.artifact.training
    assert training is not None
    data, network = stack_outputs(target, "data"), stack_outputs(target, "network")
    return {
        "TrainingJobName": job,
        "RoleArn": stack_outputs(target, "access")[f"JobRoleArn{pascal(container.team)}"],
        "AlgorithmSpecification": {
            "TrainingImage": image_uri(target, name, content),
            "TrainingInputMode": "File",
        },
        "HyperParameters": dict(training.hyperparameters),
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{data['DataBucketName']}/{content.data_prefix}/",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{data['ModelsBucketName']}/{artifact_prefix(container.team, model)}",
            "KmsKeyId": data["KeyArn"],
        },
        "ResourceConfig": {
            "InstanceType": training.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": training.volume_gib,
            "VolumeKmsKeyId": data["KeyArn"],
        },
        "VpcConfig": {
            "Subnets": network["SubnetIds"].split(","),
            "SecurityGroupIds": [network["WorkloadSecurityGroupId"]],
        },
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": training.max_runtime_minutes * 60},
        "Tags": [
            {"Key": key, "Value": value} for key, value in environment.cost_tags(container.team).items()
        ],
    }
