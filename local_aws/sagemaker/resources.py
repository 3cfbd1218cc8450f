"""The resources in the store as they are now: the one way to look at them."""

from __future__ import annotations

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.sagemaker import states
from local_aws.sagemaker.families import Family, families
from local_aws.store import STORE, Key, Record


def get(name: str, key: Key) -> Record | None:
    family = families()[name]
    record = STORE.get(family.kept_as, key)
    return states.look(family, key, record) if record is not None else None


def every(name: str) -> list[Record]:
    """All resources of a family, oldest first."""
    family = families()[name]
    looked = (states.look(family, key, record) for key, record in STORE.all(family.kept_as))
    return [record for record in looked if record is not None]


def by_arn(family: Family, arn: str) -> Record | None:
    return next((one for one in every(family.name) if one[family.arn_member] == arn), None)


def missing(family: Family, key: Key) -> ServiceError:
    """What a service says of a resource that is not there."""
    arn = family.arn(key, hooks.request.account_id(), hooks.request.region())
    declared = family.declares("Describe", "ResourceNotFound") and family.name not in _NOT_AS_DECLARED
    code = "ResourceNotFound" if declared else "ValidationException"
    words = _WORDS.get(family.name, 'Could not find {words} "{arn}".')
    return ServiceError(code, words.format(words=family.words, family=family.name, arn=arn, name=key[-1]))


_NOT_AS_DECLARED = {"ProcessingJob", "TrainingJob", "TransformJob"}
"""What SageMaker answers for jobs, whatever its model says: https://github.com/aws/aws-sdk/issues/165"""

_STUDIO = "{family} [{arn}] does not exist."
_DETAILS = "(Details: RecordNotFound)"
_WORDS = {
    "App": _STUDIO,
    "AppImageConfig": _STUDIO,
    "CodeRepository": 'Cannot find CodeRepository: "{arn}"',
    "DeviceFleet": "No devicefleet with name: {name} exists",
    "Domain": _STUDIO,
    "Image": "No Image with the name {name} exists.",
    "ImageVersion": "ImageVersion [{arn}] does not exist.",
    "ModelPackage": "ModelPackage {arn} does not exist.",
    "ModelPackageGroup": "ModelPackageGroup {arn} does not exist.",
    "NotebookInstance": "RecordNotFound",
    "NotebookInstanceLifecycleConfig": (
        f"Unable to describe Notebook Instance Lifecycle Config '{{arn}}'. {_DETAILS}"
    ),
    "ProcessingJob": "Could not find requested job with name: {name}",
    "Project": "Project {name} does not exist.",
    "Space": _STUDIO,
    "StudioLifecycleConfig": _STUDIO,
    "TrainingJob": "Requested resource not found.",
    "TransformJob": "Could not find requested job with name: {name}",
    "UserProfile": _STUDIO,
    "Workforce": "No workforce found with name {name}.",
    "Workteam": "The work team {arn} does not exist.",
}
"""Where it is not `Could not find …`: the words that other programs look for, as public code has them
(terraform-provider-aws, internal/service/sagemaker; issue threads)."""
