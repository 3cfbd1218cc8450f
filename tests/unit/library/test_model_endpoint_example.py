"""examples/model-endpoint: a model behind an endpoint, out of the construct library alone."""

from __future__ import annotations

import importlib.util
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions

from support.synthesis import ROOT

EXAMPLE = ROOT / "examples" / "model-endpoint" / "app.py"
ENV = cdk.Environment(account="111122223333", region="eu-west-1")


def template(image_tag: str) -> dict[str, Any]:
    found = importlib.util.spec_from_file_location("model_endpoint_example", EXAMPLE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    stack = cdk.Stack(env=ENV)
    module.model_endpoint(stack, image_tag=image_tag)
    made: dict[str, Any] = assertions.Template.from_stack(stack).to_json()["Resources"]
    return made


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = (one["Properties"] for one in resources.values() if one["Type"] == kind)
    return dict(found)


def test_an_update_is_watched_by_the_endpoints_own_alarms_and_keeps_its_instances() -> None:
    endpoint = of_type(template("one"), "AWS::SageMaker::Endpoint")

    routing = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["CanarySize"] == {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert len(endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 2
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DesiredWeight"},
        {"VariantPropertyType": "DataCaptureConfig"},
    ]


def test_another_image_is_another_model_behind_the_same_endpoint() -> None:
    before, after = template("one"), template("two")

    changed = {name for name in before if before[name] != after[name]}

    assert {before[name]["Type"] for name in changed} == {
        "AWS::SageMaker::Model",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Endpoint",
    }
    names = [of_type(one, "AWS::SageMaker::Endpoint")["EndpointName"] for one in (before, after)]
    assert names == ["prices", "prices"]
