"""Endpoints from templates, updated with care; and what is left of them after a reset."""

from __future__ import annotations

import dataclasses
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws import process
from support.deployed import LocalAws, Stacks
from support.serving import Hall

ACCOUNT = "200000000027"


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, ACCOUNT, tmp_path_factory.mktemp("hall")) as made:
        yield made


@pytest.fixture
def stacks(local_aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Stacks]:
    made = Stacks(
        dataclasses.replace(local_aws, account=ACCOUNT), prefix=request.node.name.replace("_", "-")[:60]
    )
    yield made
    made.delete_all()


def resources(hall: Hall, endpoint: str, factor: float, **deployment: Any) -> dict[str, Any]:
    """A model whose name changes with its factor, its configuration, and their endpoint."""
    name = f"{endpoint}-{factor:g}"
    return {
        f"Model{factor:g}": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ModelName": name,
                "ExecutionRoleArn": hall.role,
                "PrimaryContainer": hall.container(factor),
            },
        },
        f"Config{factor:g}": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "EndpointConfigName": name,
                "ProductionVariants": [
                    hall.variant("unused", instances=2)
                    | {"ModelName": {"Fn::GetAtt": [f"Model{factor:g}", "ModelName"]}}
                ],
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": endpoint,
                "EndpointConfigName": {"Fn::GetAtt": [f"Config{factor:g}", "EndpointConfigName"]},
                "DeploymentConfig": {
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {"WaitIntervalInSeconds": 0, **deployment}
                    }
                },
            },
        },
    }


def test_updates_an_endpoint_of_a_stack_with_a_canary(hall: Hall, stacks: Stacks) -> None:
    stack = stacks.deploy(resources(hall, "stacked", 2, Type="ALL_AT_ONCE"))
    canary = {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50}}
    before = hall.ask("stacked", "1")

    stacks.deploy(resources(hall, "stacked", 3, **canary), name=stack.name)

    described = hall.sagemaker.describe_endpoint(EndpointName="stacked")
    routing = described["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (before, hall.ask("stacked", "1")) == ("2.0", "3.0")
    assert routing["Type"] == "CANARY"


def test_takes_another_deployment_configuration_alone(hall: Hall, stacks: Stacks) -> None:
    stack = stacks.deploy(resources(hall, "restacked", 2, Type="ALL_AT_ONCE"))
    linear = {"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50}}

    stacks.deploy(resources(hall, "restacked", 2, **linear), name=stack.name)

    assert hall.ask("restacked", "1") == "2.0"


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_is_empty_after_a_reset_and_serves_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    running = process.start(state, port=0)
    try:
        made = Hall(LocalAws(running.url, state, running.pid), "200000000026", folder(tmp_path / "first"))
        made.serve("before", made.variant(made.model("before", made.container())))

        reset = urllib.request.Request(f"{running.url}/_ministack/reset", method="POST")
        with urllib.request.urlopen(reset, timeout=60) as response:
            assert response.status == 200

        assert made.sagemaker.list_endpoints()["Endpoints"] == []
        assert not list((state / "tmp" / "sagemaker").iterdir())
        again = Hall(LocalAws(running.url, state, running.pid), "200000000026", folder(tmp_path / "second"))
        again.serve("after", again.variant(again.model("after", again.container(2))))
        assert again.ask("after", "21") == "42.0"
    finally:
        process.stop(state)
