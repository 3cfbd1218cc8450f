"""The model registry: groups, and packages that are versions of a group or stand alone.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

import re

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import events, resources, states
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.families import families
from local_aws.store import Key, Record

_VERSION = re.compile(r"(?P<group>[a-zA-Z0-9-]+)/(?P<number>\d+)")


class ModelPackageGroup(Behaviour):
    def check_deletion(self, record: Record) -> None:
        name = record["ModelPackageGroupName"]
        if any(package.get("ModelPackageGroupName") == name for package in resources.every("ModelPackage")):
            raise ServiceError(
                "ConflictException",
                f"Model Package Group {record['ModelPackageGroupArn']} cannot be deleted because it contains"
                " Model Packages. Delete all Model Packages and retry.",
            )


class ModelPackage(Behaviour):
    def key(self, members: Request) -> Key:
        if "ModelPackageVersion" in members:
            return (str(members["ModelPackageArn"]),)
        # UpdateModelPackage calls a package by its ARN alone.
        return (str(members.get("ModelPackageName") or members["ModelPackageArn"]),)

    def locate(self, request: Request) -> Record | None:
        """A version by `group/3`; by its ARN in whichever letters the group was written."""
        asked = str(request.get("ModelPackageName") or request["ModelPackageArn"])
        short = asked.rpartition(":model-package/")[2].lower()
        if _VERSION.fullmatch(short) is None:
            return None
        found = (
            one
            for one in resources.every("ModelPackage")
            if str(one["ModelPackageArn"]).rpartition(":model-package/")[2] == short
        )
        return next(found, None)

    def check(self, request: Request) -> None:
        if "ModelPackageName" in request and "ModelPackageGroupName" in request:
            raise invalid(
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine"
                " which one to use."
            )
        if "ModelPackageGroupName" in request:
            group(request["ModelPackageGroupName"])
            if request.get("Tags"):
                # "uses the tags associated with the model group. In this case, you cannot supply a tag"
                raise invalid("Tags are not supported for versioned model packages.")
        elif "ModelPackageName" not in request:
            raise invalid("Missing ARN.")

    def prepare(self, record: Record) -> None:
        record["ModelPackageStatusDetails"] = {"ValidationStatuses": [], "ImageScanStatuses": []}
        if "ModelPackageGroupName" not in record:
            return
        parent = group(record["ModelPackageGroupName"])
        parent["_counted"] = parent.get("_counted", 0) + 1
        number = parent["_counted"]
        arn = str(parent["ModelPackageGroupArn"]).replace(":model-package-group/", ":model-package/")
        record.update(
            ModelPackageGroupName=parent["ModelPackageGroupName"],
            ModelPackageVersion=number,
            ModelPackageArn=f"{arn}/{number}",
            # What a version is called is what describes it, too.
            ModelPackageName=f"{arn}/{number}",
        )
        record.setdefault("ModelApprovalStatus", "PendingManualApproval")

    def created(self, record: Record) -> None:
        hooks.request.in_background(_tell_when_completed, record, name="model-package")

    def update(self, record: Record, request: Request) -> None:
        changes = {name: value for name, value in request.items() if name != "ModelPackageArn"}
        changed = [name for name, value in changes.items() if record.get(name) != value]
        added = changes.pop("AdditionalInferenceSpecificationsToAdd", [])
        if added:
            specifications = record.setdefault("AdditionalInferenceSpecifications", [])
            record["AdditionalInferenceSpecifications"] = [*specifications, *added]
        properties = changes.pop("CustomerMetadataProperties", None)
        if properties is not None:
            record["CustomerMetadataProperties"] = {
                **record.get("CustomerMetadataProperties", {}),
                **properties,
            }
        merge(record, changes)
        events.changed("ModelPackage", record, UpdatedModelPackageFields=sorted(changed))


def _tell_when_completed(record: Record) -> None:
    family = families()["ModelPackage"]
    states.settle(family, (record["ModelPackageName"],), record)
    events.changed("ModelPackage", record)


def package(name_or_arn: str) -> Record:
    """A package by its name or its ARN, or a version by `group/3`; a validation error where there is none."""
    found = ModelPackage().locate({"ModelPackageName": name_or_arn})
    return found or require("ModelPackage", (name_or_arn,), validation=True)


def group(name_or_arn: str) -> Record:
    """A group by its name or its ARN; a validation error where there is none."""
    return require("ModelPackageGroup", (name_or_arn.rpartition("/")[2],), validation=True)
