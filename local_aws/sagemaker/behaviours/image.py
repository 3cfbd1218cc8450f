"""Studio's images and their versions, which are counted.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateImageVersion.html
"""

from __future__ import annotations

from local_aws.errors import ServiceError
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.sagemaker.behaviours.reference import require
from local_aws.store import STORE, Key, Record


class Image(Behaviour):
    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        for name in changes.pop("DeleteProperties", ()):
            record.pop(name, None)
        merge(record, changes)

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - it says no more than the name
        """Its versions go with it: "Deletes a SageMaker image and all versions of the image."

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteImage.html
        """
        for version in versions(record["ImageName"]):
            STORE.remove("ImageVersion", _key(version))
        return True


class ImageVersion(Behaviour):
    def key(self, members: Request) -> Key | None:
        return _key(members) if "Version" in members else None

    def locate(self, request: Request) -> Record | None:
        """By its number, by an alias, or the newest one."""
        known = versions(request["ImageName"])
        if not known:
            return None
        if "Version" in request or "Alias" in request:
            alias = request.get("Alias")
            for version in known:
                if version["Version"] == request.get("Version") or (alias and alias in version["Aliases"]):
                    return version
            asked = alias or request["Version"]
            raise ServiceError(
                "ResourceNotFound", f"ImageVersion {asked} of image {request['ImageName']} does not exist."
            )
        return known[-1]

    def check(self, request: Request) -> None:
        require("Image", (request["ImageName"],))
        for alias in request.get("Aliases", ()):
            _check_alias(request["ImageName"], alias)

    def prepare(self, record: Record) -> None:
        image = require("Image", (record["ImageName"],))
        image["_counted"] = image.get("_counted", 0) + 1
        number = image["_counted"]
        record.update(
            Version=number,
            ImageArn=image["ImageArn"],
            ImageVersionArn=f"{str(image['ImageArn']).replace(':image/', ':image-version/')}/{number}",
            ContainerImage=record["BaseImage"],
        )
        record.setdefault("Aliases", [])

    def update(self, record: Record, request: Request) -> None:
        changes = {name: value for name, value in request.items() if name not in ("Alias", "Version")}
        added, dropped = changes.pop("AliasesToAdd", []), changes.pop("AliasesToDelete", [])
        for alias in added:
            _check_alias(record["ImageName"], alias)
        record["Aliases"] = [alias for alias in record["Aliases"] if alias not in dropped] + added
        merge(record, changes)


def versions(image_name: str) -> list[Record]:
    return [one for one in resources.every("ImageVersion") if one["ImageName"] == image_name]


def _key(members: Request) -> Key:
    return str(members["ImageName"]), str(members["Version"])


def _check_alias(image_name: str, alias: str) -> None:
    for version in versions(image_name):
        if alias in version["Aliases"]:
            raise ServiceError(
                "ResourceInUse",
                f"Alias {alias} is that of version {version['Version']} of the image already.",
            )
