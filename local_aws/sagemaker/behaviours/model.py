"""Models: their image and their artifact must be there when they are made, as AWS wants it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.sagemaker import clients, roles, storage
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.errors import invalid, not_supported
from local_aws.sagemaker.image_folder import folder_of


class Model(Behaviour):
    def check(self, request: Request) -> None:
        if "PrimaryContainer" in request and "Containers" in request:
            raise invalid("You can not specify both PrimaryContainer and Containers.")
        container = container_of(request)
        roles.check(_role(request))
        folder_of(_image(container))
        uri = artifact_of(container)
        if uri is not None and not storage.exists(clients.of_account("s3"), uri):
            raise invalid(f"Could not find model data at {uri}.")


def container_of(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one container of a model. Raises `ServiceError` for what is not emulated."""
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
    if not containers:
        raise invalid("No container definitions were given: give PrimaryContainer.")
    if len(containers) > 1:
        raise not_supported("a model of several containers")
    container: Mapping[str, Any] = containers[0]
    for member in (
        "ModelPackageName",
        "InferenceSpecificationName",
        "MultiModelConfig",
        "AdditionalModelDataSources",
    ):
        if member in container:
            raise not_supported(f"a container with {member}")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise not_supported(f"a container in the mode {container['Mode']}")
    return container


def artifact_of(container: Mapping[str, Any]) -> str | None:
    """The URI of the container's model data, if it has any."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    return str(source["S3Uri"]) if source else container.get("ModelDataUrl")


def fill(model: Mapping[str, Any], client: Any, folder: Path) -> None:
    """Puts the model's data where the container finds it."""
    container = container_of(model)
    uri = artifact_of(container)
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if uri is None:
        return
    if source.get("CompressionType") == "None":
        storage.download_prefix(client, uri, folder)
    else:
        storage.download_archive(client, uri, folder)


def image_of(model: Mapping[str, Any]) -> Path:
    return folder_of(_image(container_of(model)))


def _image(container: Mapping[str, Any]) -> str:
    if "Image" not in container:
        raise invalid("No Image was given: give the URI of an image in this account's ECR.")
    return str(container["Image"])


def _role(request: Request) -> str:
    if "ExecutionRoleArn" not in request:
        raise invalid("No ExecutionRoleArn was given: a model reads its image and its data as that role.")
    return str(request["ExecutionRoleArn"])
