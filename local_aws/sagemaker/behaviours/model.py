"""Models: their images and their artifacts must be there when they are made, as AWS wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_aws.errors import invalid, not_supported
from local_aws.sagemaker import clients, events, roles, storage
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.model_package import package
from local_aws.sagemaker.image_folder import folder_of
from local_aws.store import Record

_TAKEN = ("ContainerHostname", "Image", "ModelDataUrl", "ModelDataSource")
"""What a package's container tells a model's."""
_ENVIRONMENT_BYTES = 32 * 1024
"""Of all keys and values of all containers (ContainerDefinition in the API reference)."""


class Model(Behaviour):
    def created(self, record: Record) -> None:
        events.changed("Model", record)

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - it says no more than the name
        events.changed("Model", record)
        return True

    def check(self, request: Request) -> None:
        containers = containers_of(request)
        _check_names(containers)
        _check_environments(containers)
        if "InferenceExecutionConfig" in request and len(containers) < 2:
            raise invalid("InferenceExecutionConfig can only be given for a model of several containers.")
        roles.check(_role(request))
        for container in containers:
            folder_of(image_of(container))
            _check_data(container)


def containers_of(model: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A model's containers, in their order. Raises `ServiceError` for what is not emulated."""
    if "PrimaryContainer" in model and "Containers" in model:
        raise invalid("You can not specify both PrimaryContainer and Containers.")
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
    if not containers:
        raise invalid("No container definitions were given: give PrimaryContainer or Containers.")
    return [part for container in containers for part in _unpacked(container)]


def _unpacked(container: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a container that is a version of a model package stands for: what the package says, and the
    environment in addition."""
    if "ModelPackageName" not in container:
        return [container]
    for member in ("Image", "ModelDataUrl", "ModelDataSource"):
        if member in container:
            raise invalid(f"You can not specify both ModelPackageName and {member}.")
    if "InferenceSpecificationName" in container:
        raise not_supported("a container with InferenceSpecificationName")
    name = container["ModelPackageName"]
    packed = package(name)
    if packed.get("ModelApprovalStatus", "Approved") != "Approved":
        raise invalid(
            f"The model package {packed['ModelPackageArn']} must be approved before it is deployed: it is"
            f" {packed['ModelApprovalStatus']}."
        )
    specification = packed.get("InferenceSpecification")
    if specification is None:
        raise invalid(f"The model package {packed['ModelPackageArn']} has no InferenceSpecification.")
    own = container.get("Environment", {})
    return [
        {name: value for name, value in one.items() if name in _TAKEN}
        | {"Environment": {**one.get("Environment", {}), **own}}
        for one in specification["Containers"]
    ]


def names_of(containers: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """What logs and errors call them (Inference Pipeline Logs and Metrics, in the developer guide)."""
    if len(containers) == 1:
        return ["primary"]
    return [
        container.get("ContainerHostname", f"container-{number}")
        for number, container in enumerate(containers, 1)
    ]


def image_of(container: Mapping[str, Any]) -> str:
    if "Image" not in container:
        raise invalid("No Image was given: give the URI of an image in this account's ECR.")
    return str(container["Image"])


def is_multi_model(container: Mapping[str, Any]) -> bool:
    return container.get("Mode") == "MultiModel"


def artifact_of(container: Mapping[str, Any]) -> str | None:
    """The URI of the container's model data, if it has any."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    return str(source["S3Uri"]) if source else container.get("ModelDataUrl")


def fill(container: Mapping[str, Any], role: str, ml: Path) -> None:
    """Puts a container's model data where it finds them, read as the model's role."""
    client = clients.as_role(role).s3
    if is_multi_model(container):
        (ml / "models").mkdir()
        return
    folder = ml / "model"
    folder.mkdir()
    uri = artifact_of(container)
    if uri is not None:
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        _fetch(client, uri, folder, packed=source.get("CompressionType") != "None")
    for channel in container.get("AdditionalModelDataSources", []):
        source = channel["S3DataSource"]
        folder = ml / "additional-model-data-sources" / channel["ChannelName"]
        folder.mkdir(parents=True)
        _fetch(client, source["S3Uri"], folder, packed=source["CompressionType"] != "None")


def fetch_model(role: str, uri: str, folder: Path) -> None:
    """One of many models, read as the model's role."""
    _fetch(clients.as_role(role).s3, uri, folder, packed=True)


def _fetch(client: Any, uri: str, folder: Path, *, packed: bool) -> None:
    if packed:
        storage.download_archive(client, uri, folder)
    else:
        storage.download_prefix(client, uri, folder)


def _check_names(containers: Sequence[Mapping[str, Any]]) -> None:
    names = [container["ContainerHostname"] for container in containers if "ContainerHostname" in container]
    if len(containers) > 1 and 0 < len(names) < len(containers):
        raise invalid("If you specify ContainerHostname for one container, you must specify it for all.")
    for name, count in Counter(names).items():
        if count > 1:
            raise invalid(
                f"ContainerHostname must be unique within a model: '{name}' was given {count} times."
            )


def _check_environments(containers: Sequence[Mapping[str, Any]]) -> None:
    used = sum(
        len(name.encode()) + len(value.encode())
        for container in containers
        for name, value in container.get("Environment", {}).items()
    )
    if used > _ENVIRONMENT_BYTES:
        raise invalid(
            f"The keys and values of the containers' environments must not be larger than"
            f" {_ENVIRONMENT_BYTES} bytes in all: they are {used}."
        )


def _check_data(container: Mapping[str, Any]) -> None:
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise invalid("You can not specify both ModelDataUrl and ModelDataSource.")
    uri = artifact_of(container)
    if is_multi_model(container):
        if "ModelDataUrl" not in container:
            raise invalid(
                "ModelDataUrl must be given for a container in the mode MultiModel: the models' prefix."
            )
        return
    if "MultiModelConfig" in container:
        raise invalid("MultiModelConfig can only be given for a container in the mode MultiModel.")
    if uri is not None and not storage.exists(clients.of_account("s3"), uri):
        raise invalid(f"Could not find model data at {uri}.")


def _role(request: Request) -> str:
    if "ExecutionRoleArn" not in request:
        raise invalid("No ExecutionRoleArn was given: a model reads its image and its data as that role.")
    return str(request["ExecutionRoleArn"])
