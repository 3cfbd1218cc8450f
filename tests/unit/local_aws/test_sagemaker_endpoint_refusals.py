"""Which models, endpoint configurations and updates of endpoints are refused, decided without a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import deployment
from local_aws.sagemaker.behaviours import behaviour
from local_aws.sagemaker.behaviours.endpoint import update_weights_and_capacities
from local_aws.sagemaker.behaviours.model import Model
from local_aws.store import STORE, Record

MACHINES = {"InitialInstanceCount": 4, "InstanceType": "ml.m5.large"}
VARIANT = {"VariantName": "main", "ModelName": "m", **MACHINES}
SERVERLESS = {
    "VariantName": "main",
    "ModelName": "m",
    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
}
ASYNC = {"OutputConfig": {"S3OutputPath": "s3://b/out"}}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://b/c",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    STORE.clear()
    STORE.add("Model", ("m",), {"ModelName": "m", "PrimaryContainer": {"Image": "i"}})
    STORE.add("Model", ("many",), {"PrimaryContainer": {"Image": "i", "Mode": "MultiModel"}})
    STORE.add("Model", ("pipeline",), {"Containers": [{"Image": "i"}, {"Image": "i"}]})
    STORE.add("Model", ("isolated",), {"PrimaryContainer": {"Image": "i"}, "EnableNetworkIsolation": True})
    STORE.add("Model", ("inside",), {"PrimaryContainer": {"Image": "i"}, "VpcConfig": {}})
    yield
    STORE.clear()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ExplainerConfig": {}}, "with ExplainerConfig, on AWS only"),
        ({"ProductionVariants": [VARIANT, VARIANT]}, "names must be unique"),
        (
            {"ProductionVariants": [VARIANT | {"ModelName": "none"}]},
            'Could not find model "arn:aws:sagemaker:',
        ),
        ({"ProductionVariants": [VARIANT | {"InitialVariantWeight": 0.0}]}, "greater than 0"),
        (
            {"ProductionVariants": [VARIANT | {"ManagedInstanceScaling": {}}]},
            "ManagedInstanceScaling, on AWS",
        ),
        (
            {"ProductionVariants": [{"VariantName": "main", "ModelName": "m"}]},
            "must have InitialInstanceCount and InstanceType",
        ),
        ({"ProductionVariants": [SERVERLESS | MACHINES]}, "either ServerlessConfig or InitialInstanceCount"),
        (
            {
                "ProductionVariants": [
                    VARIANT | {"InstanceType": "ml.m5.large"},
                    SERVERLESS | {"VariantName": "b"},
                ]
            },
            "Serverless endpoints do not support several production variants",
        ),
        (
            {"ShadowProductionVariants": [VARIANT | {"VariantName": "a"}, VARIANT | {"VariantName": "b"}]},
            "one production variant and one shadow variant",
        ),
        ({"ShadowProductionVariants": [VARIANT]}, "names must be unique"),
    ],
)
def test_refuses_an_endpoint_configuration(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        behaviour("EndpointConfig").check({"ProductionVariants": [VARIANT], **more})


@pytest.mark.parametrize(
    ("config", "more", "said"),
    [
        ({"MemorySizeInMB": 1500}, {}, "MemorySizeInMB must be one of 1024, 2048"),
        ({"ProvisionedConcurrency": 6}, {}, "less than or equal to MaxConcurrency"),
        ({}, {"DataCaptureConfig": CAPTURE}, "do not support DataCaptureConfig"),
        ({}, {"AsyncInferenceConfig": ASYNC}, "do not support AsyncInferenceConfig"),
    ],
)
def test_refuses_what_serverless_cannot_do(config: dict[str, Any], more: dict[str, Any], said: str) -> None:
    wanted = SERVERLESS | {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **config}}

    with pytest.raises(ServiceError, match=said):
        behaviour("EndpointConfig").check({"ProductionVariants": [wanted], **more})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("many", "multi-model containers"),
        ("pipeline", "models of several containers"),
        ("isolated", "network isolation"),
        ("inside", "VpcConfig"),
    ],
)
def test_refuses_models_that_serverless_cannot_serve(model: str, said: str) -> None:
    with pytest.raises(ServiceError, match=f"Serverless endpoints do not support {said}"):
        behaviour("EndpointConfig").check({"ProductionVariants": [SERVERLESS | {"ModelName": model}]})


@pytest.mark.parametrize("model", ["many", "pipeline"])
def test_refuses_models_that_cannot_be_asked_asynchronously(model: str) -> None:
    with pytest.raises(ServiceError, match="not supported when specifying an AsyncInferenceConfig"):
        behaviour("EndpointConfig").check(
            {"ProductionVariants": [VARIANT | {"ModelName": model}], "AsyncInferenceConfig": ASYNC}
        )


@pytest.mark.parametrize(
    "request_",
    [
        {"ProductionVariants": [VARIANT], "DataCaptureConfig": CAPTURE, "AsyncInferenceConfig": ASYNC},
        {"ProductionVariants": [SERVERLESS], "DataCaptureConfig": {**CAPTURE, "EnableCapture": False}},
        {"ProductionVariants": [VARIANT], "ShadowProductionVariants": [VARIANT | {"VariantName": "shadow"}]},
    ],
)
def test_takes_what_aws_takes(request_: dict[str, Any]) -> None:
    behaviour("EndpointConfig").check(request_)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({}, "No container definitions were given"),
        ({"PrimaryContainer": {}, "Containers": [{}]}, "both PrimaryContainer and Containers"),
        ({"PrimaryContainer": {"ModelPackageName": "p"}}, "ModelPackage .*/p does not exist"),
        ({"PrimaryContainer": {"ModelPackageName": "p", "Image": "i"}}, "both ModelPackageName and Image"),
        (
            {"PrimaryContainer": {"ModelPackageName": "p", "InferenceSpecificationName": "s"}},
            "with InferenceSpecificationName, on AWS only",
        ),
        ({"Containers": [{"ContainerHostname": "a"}, {}]}, "you must specify it for all"),
        ({"Containers": [{"ContainerHostname": "a"}, {"ContainerHostname": "a"}]}, "must be unique"),
        (
            {"PrimaryContainer": {}, "InferenceExecutionConfig": {"Mode": "Direct"}},
            "only be given for a model of several",
        ),
        ({"PrimaryContainer": {"Environment": {"A": "x" * 40_000}}}, "not be larger than 32768 bytes"),
        ({"PrimaryContainer": {}}, "No ExecutionRoleArn was given"),
    ],
)
def test_refuses_models(model: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        Model().check(model)


# --- endpoints -------------------------------------------------------------------------------------


def endpoint(status: str, **more: Any) -> Record:
    record = {
        "EndpointName": "e",
        "EndpointArn": "arn",
        "EndpointConfigName": "old",
        "_wanted": "new",
        "EndpointStatus": status,
        "ProductionVariants": [{"VariantName": "main", "CurrentInstanceCount": 1}],
        **more,
    }
    STORE.add("Endpoint", ("e",), record)
    return record


@pytest.mark.parametrize("name", ["old", "new"])
def test_keeps_the_configurations_of_an_endpoint_that_is_being_updated(name: str) -> None:
    endpoint("Updating")

    with pytest.raises(ServiceError, match="is being created or updated with it"):
        behaviour("EndpointConfig").check_deletion({"EndpointConfigName": name, "EndpointConfigArn": "arn"})


def test_lets_the_configuration_of_a_steady_endpoint_go() -> None:
    endpoint("InService")

    behaviour("EndpointConfig").check_deletion({"EndpointConfigName": "old", "EndpointConfigArn": "arn"})


@pytest.mark.parametrize("status", ["Creating", "Updating", "RollingBack", "Deleting"])
def test_leaves_an_endpoint_alone_that_is_in_progress(status: str) -> None:
    with pytest.raises(ServiceError, match='Cannot update in-progress endpoint "arn"'):
        behaviour("Endpoint").check_deletion(endpoint(status))


def test_only_deletes_an_endpoint_that_has_failed() -> None:
    record = endpoint("Failed")

    with pytest.raises(ServiceError, match='Cannot update failed endpoint "arn"'):
        behaviour("Endpoint").check_update(record, {"EndpointConfigName": "new"})
    behaviour("Endpoint").check_deletion(record)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([{"VariantName": "other", "DesiredWeight": 1.0}], "Variant other was not found in endpoint"),
        ([{"VariantName": "main"}, {"VariantName": "main"}], "must be unique"),
        ([{"VariantName": "main", "DesiredInstanceCount": 0}], "must be at least 1"),
        ([{"VariantName": "main", "ServerlessUpdateConfig": {}}], "it is not serverless"),
    ],
)
def test_refuses_weights_and_capacities(asked: list[dict[str, Any]], said: str) -> None:
    endpoint("InService")

    with pytest.raises(ServiceError, match=said):
        update_weights_and_capacities({"EndpointName": "e", "DesiredWeightsAndCapacities": asked})


def routing(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 300, **more},
            "MaximumExecutionTimeoutInSeconds": 600,
        }
    }


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def machines(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


ROLLING = {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 0}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (routing("CANARY"), "CanarySize must be given"),
        (routing("LINEAR"), "LinearStepSize must be given"),
        (routing("ALL_AT_ONCE", CanarySize=percent(10)), "CanarySize must not be given"),
        (routing("CANARY", CanarySize=percent(51)), "between 1% and 50%"),
        (routing("LINEAR", LinearStepSize=percent(9)), "between 10% and 50%"),
        ({"RollingUpdatePolicy": {**ROLLING, "MaximumBatchSize": percent(4)}}, "between 5% and 50%"),
        ({**routing("ALL_AT_ONCE"), "RollingUpdatePolicy": ROLLING}, "not both"),
        (
            routing("ALL_AT_ONCE", WaitIntervalInSeconds=600),
            r"MaximumExecutionTimeoutInSeconds \(600\) must be larger than the total waiting time",
        ),
    ],
)
def test_refuses_deployments_that_contradict_themselves(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        deployment.check(config)


@pytest.mark.parametrize(
    ("config", "variants", "said"),
    [
        (
            routing("CANARY", CanarySize=percent(50)),
            [VARIANT | {"VariantName": "x"}],
            "the same variant names",
        ),
        (routing("CANARY", CanarySize=machines(3)), [VARIANT], "instance count, which is 4: 3 was given"),
        ({"RollingUpdatePolicy": ROLLING}, [SERVERLESS], "do not support serverless endpoints"),
        (
            {"RollingUpdatePolicy": ROLLING},
            [VARIANT, VARIANT | {"VariantName": "x"}],
            "do not support endpoints with several",
        ),
    ],
)
def test_refuses_deployments_that_do_not_fit(
    config: dict[str, Any], variants: list[dict[str, Any]], said: str
) -> None:
    old = [VARIANT] if said.startswith("the same") else variants

    with pytest.raises(ServiceError, match=said):
        deployment.check_for(config, old, variants)


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        ({}, [1.0]),
        (routing("CANARY", CanarySize=percent(30)), [0.3, 1.0]),
        (routing("CANARY", CanarySize=machines(1)), [0.25, 1.0]),
        (routing("LINEAR", LinearStepSize=percent(30)), [0.3, 0.6, 0.9, 1.0]),
        (routing("LINEAR", LinearStepSize=percent(10)), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ({"RollingUpdatePolicy": ROLLING}, [0.5, 1.0]),
    ],
)
def test_takes_the_steps_that_a_deployment_asks_for(config: dict[str, Any], steps: list[float]) -> None:
    assert list(deployment.plan_of(config, instances=4).steps) == steps
