"""Requests against the service model, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws import request_validation as validation
from local_aws.errors import ServiceError
from local_aws.sagemaker.families import operation

VARIANT = {
    "VariantName": "main",
    "ModelName": "model",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.m5.large",
}


def refusal(name: str, request: dict[str, Any]) -> ServiceError:
    model = operation(name)
    assert model is not None
    with pytest.raises(ServiceError) as raised:
        validation.check(model.input_shape, request)
    return raised.value


def configuration(**variant: Any) -> dict[str, Any]:
    return {"EndpointConfigName": "config", "ProductionVariants": [VARIANT | variant]}


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (
            {"EndpointConfigName": "config"},
            "Value null at 'productionVariants' failed to satisfy constraint: Member must not be null",
        ),
        (
            configuration(InstanceType="ml.huge"),
            "Value 'ml.huge' at 'productionVariants.1.member.instanceType' failed to satisfy constraint:"
            " Member must satisfy enum value set: [",
        ),
        (
            configuration(InitialInstanceCount=-1),
            "Value '-1' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy constraint:"
            " Member must have value greater than or equal to 1",
        ),
        (
            configuration(ModelName="not a name"),
            "Value 'not a name' at 'productionVariants.1.member.modelName' failed to satisfy constraint:"
            " Member must satisfy regular expression pattern: ",
        ),
    ],
)
def test_names_the_member_and_the_constraint(request_: dict[str, Any], fault: str) -> None:
    refused = refusal("CreateEndpointConfig", request_)

    assert refused.code == "ValidationException"
    assert refused.message.startswith(f"1 validation error detected: {fault}")


def test_tells_all_faults_at_once() -> None:
    refused = refusal("CreateEndpointConfig", configuration(InstanceType="ml.huge", ModelName="not a name"))

    assert refused.message.startswith("2 validation errors detected: ")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"EndpointName": 7}, "NUMBER_VALUE at 'endpointName' can not be converted to a String"),
        ({"EndpointName": "e", "Colour": "red"}, "unknown member 'colour'"),
    ],
)
def test_cannot_read_what_has_the_wrong_type_or_name(request_: dict[str, Any], message: str) -> None:
    refused = refusal("DescribeEndpoint", request_)

    assert (refused.code, refused.message) == ("SerializationException", message)
