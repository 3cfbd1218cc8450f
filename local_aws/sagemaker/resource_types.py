"""Which resource types are SageMaker's, registered without loading what they do."""

from __future__ import annotations

from functools import partial

from local_aws.cloudformation.registry import Late, ResourceBehaviour, register
from local_aws.cloudformation.schema import type_names

_PREFIX = "AWS::SageMaker::"
_NO_FAMILIES = {"Device", "ExperimentTrialComponent"}
"""Types that are no resource of the API's that one creates and describes: handled by their schema."""


def install() -> None:
    for name in type_names():
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in _NO_FAMILIES:
            register(name, Late(partial(_resource, name)))


def _resource(name: str) -> ResourceBehaviour:
    from local_aws.sagemaker.cloudformation import SageMakerResource

    return SageMakerResource(name)
