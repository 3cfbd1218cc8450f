"""SageMaker's condition keys, from its requests' real shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, StructureShape

from local_aws import hooks
from local_aws.identity import sagemaker
from local_aws.identity.sagemaker import condition_keys
from local_aws.sagemaker.families import operation


@pytest.fixture(autouse=True)
def _somewhere() -> Iterator[None]:
    with hooks.request.scope("123456789012", "eu-west-1"):
        yield


def _keys(name: str, request: dict[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("sagemaker:"): value for key, value in condition_keys(name, request).items()}


PATHS = [
    (key, name, path)
    for key, actions in sagemaker._KEYS.items()
    for name, paths in actions.items()
    for path in paths
]


@pytest.mark.parametrize("name", sorted({name for _, name, _ in PATHS}))
def test_every_operation_with_a_key_exists_and_has_its_members(name: str) -> None:
    model = operation(name)
    assert model is not None
    reached = {path: _reaches(model.input_shape, path.split(".")) for _, of, path in PATHS if of == name}
    # The settings of apps differ from kind to kind, and from profiles to spaces.
    missing = [path for path, there in reached.items() if not there and "AppSettings." not in path]
    assert not missing
    for key in {key for key, of, _ in PATHS if of == name}:
        assert any(reached[path] for path in sagemaker._KEYS[key][name]), (key, name)


def _reaches(shape: Any, path: list[str]) -> bool:
    if not path:
        return True
    member = path[0].removesuffix("[]")
    if not isinstance(shape, StructureShape) or member not in shape.members:
        return False
    found = shape.members[member]
    if path[0].endswith("[]"):
        return isinstance(found, ListShape) and _reaches(found.member, path[1:])
    return _reaches(found, path[1:])


def test_a_notebook_has_what_it_does_not_say() -> None:
    assert _keys("CreateNotebookInstance", {"InstanceType": "ml.t3.medium"}) == {
        "DirectInternetAccess": "Enabled",
        "InstanceTypes": ["ml.t3.medium"],
        "RootAccess": "Enabled",
    }
    assert "RootAccess" not in _keys("UpdateNotebookInstance", {})


def test_training_has_its_network_keys_and_limits() -> None:
    request = {
        "ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": "volume-key"},
        "OutputDataConfig": {"KmsKeyId": "output-key"},
        "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableNetworkIsolation": True,
        "HyperParameters": {"InstanceType": "not-an-instance"},
    }

    assert _keys("CreateTrainingJob", request) == {
        "EnableRemoteDebug": "false",
        "InstanceTypes": ["ml.m5.large"],
        "InterContainerTrafficEncryption": "false",
        "MaxRuntimeInSeconds": "3600",
        "NetworkIsolation": "true",
        "OutputKmsKey": "output-key",
        "OutputKmsKeyArn": "output-key",
        "VolumeKmsKey": "volume-key",
        "VolumeKmsKeyArn": "volume-key",
        "VpcSecurityGroupIds": ["sg-1"],
        "VpcSubnets": ["subnet-1", "subnet-2"],
    }


def test_an_endpoint_configuration_lists_all_of_its_variants() -> None:
    variants = [
        {"ModelName": "a", "InstanceType": "ml.m5.large"},
        {"ModelName": "b", "InstanceType": "ml.c5.large"},
    ]

    found = _keys("CreateEndpointConfig", {"ProductionVariants": variants, "KmsKeyId": "key"})

    assert found["InstanceTypes"] == ["ml.m5.large", "ml.c5.large"]
    assert found["ModelArn"] == [
        "arn:aws:sagemaker:eu-west-1:123456789012:model/a",
        "arn:aws:sagemaker:eu-west-1:123456789012:model/b",
    ]
    assert found["VolumeKmsKey"] == "key"


def test_a_domains_apps_count_with_their_images() -> None:
    spec = {"InstanceType": "ml.t3.medium", "SageMakerImageArn": "image", "LifecycleConfigArn": "script"}
    settings = {"JupyterLabAppSettings": {"DefaultResourceSpec": spec}, "SecurityGroups": ["sg-1"]}

    found = _keys("CreateDomain", {"DefaultUserSettings": settings, "SubnetIds": ["subnet-1"]})

    assert found == {
        "AppNetworkAccessType": "PublicInternetOnly",
        "ImageArns": ["image"],
        "InstanceTypes": ["ml.t3.medium"],
        "StudioLifecycleConfigArns": ["script"],
        "VpcSecurityGroupIds": ["sg-1"],
        "VpcSubnets": ["subnet-1"],
    }


def test_roles_are_found_by_their_shape_and_not_by_their_looks() -> None:
    role = "arn:aws:iam::123456789012:role/execution"
    model = operation("CreateTrainingJob")
    assert model is not None

    found = list(
        sagemaker._roles(model.input_shape, {"RoleArn": role, "HyperParameters": {"RoleArn": f"{role}-2"}})
    )

    assert found == [role]
