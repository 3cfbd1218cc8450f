"""examples/inference-api: an API in front of given endpoints, out of the construct library alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "inference-api" / "app.py"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    specification = importlib.util.spec_from_file_location("inference_api_example", EXAMPLE)
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    place = cdk.Environment(account="111122223333", region="eu-west-1")
    stack = cdk.Stack(cdk.App(), "Predictions", env=place)
    example.inference_api(stack, models=example.MODELS)
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


def test_the_function_may_ask_both_endpoints_each_in_its_way(template: dict[str, Any]) -> None:
    allowed = {
        action: json.dumps(statement["Resource"])
        for each in template["Resources"].values()
        if each["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    assert "endpoint/prices" in allowed["sagemaker:InvokeEndpoint"]
    assert "endpoint/letters" in allowed["sagemaker:InvokeEndpointAsync"]
    assert "/jobs/letters/*" in allowed["s3:PutObject"]


def test_every_name_of_the_library_comes_from_its_front_door() -> None:
    source = EXAMPLE.read_text()

    assert "clary_constructs._" not in source
    for elsewhere in ("import clary\n", "from clary.", "from stacks", "from local_aws"):
        assert elsewhere not in source
