"""The function in front of the models: what it knows, and what it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from clary_constructs import InferenceFunction, ServedModel, python_code
from inference_gateway import catalogue

MODELS = {
    "housing": ServedModel("clary-dev-housing", ("text/csv",), "1,2"),
    "churn": ServedModel("clary-dev-churn", ("application/json", "text/csv")),
}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for name in ("inference_gateway", "runtime_common", "neighbour"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f'"""{name}"""\n')
    return tmp_path


def template(packages: Path, models: dict[str, ServedModel] = MODELS) -> assertions.Template:
    stack = cdk.Stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    InferenceFunction(
        stack,
        "Inference",
        models=models,
        code=python_code(packages, ["inference_gateway", "runtime_common"]),
        encryption_key=kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/a-key"),
        vpc=ec2.Vpc.from_vpc_attributes(
            stack,
            "Vpc",
            vpc_id="vpc-12345678",
            availability_zones=["eu-west-1a"],
            isolated_subnet_ids=["subnet-12345678"],
            isolated_subnet_route_table_ids=["rtb-12345678"],
        ),
        subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        security_groups=[ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-12345678")],
    )
    return assertions.Template.from_stack(stack)


def properties(made: assertions.Template, kind: str) -> dict[str, Any]:
    (resource,) = made.find_resources(kind).values()
    found: dict[str, Any] = resource["Properties"]
    return found


def test_tells_the_function_of_its_models_in_the_functions_own_words(packages: Path) -> None:
    variables = properties(template(packages), "AWS::Lambda::Function")["Environment"]["Variables"]

    read = catalogue.parse(variables["MODELS"])

    assert {name: model.endpoint for name, model in read.items()} == {
        "housing": "clary-dev-housing",
        "churn": "clary-dev-churn",
    }
    assert read["housing"].example == "1,2"
    assert tuple(read["churn"].content_types) == ("application/json", "text/csv")


def test_may_call_the_models_endpoints_and_no_others(packages: Path) -> None:
    policy = properties(template(packages), "AWS::IAM::ManagedPolicy")

    (call,) = (
        one for one in policy["PolicyDocument"]["Statement"] if "sagemaker:InvokeEndpoint" in one["Action"]
    )
    assert [str(arn).rpartition("endpoint/")[2].rstrip("']}") for arn in call["Resource"]] == [
        "clary-dev-housing",
        "clary-dev-churn",
    ]


def test_everything_it_may_stands_in_one_policy(packages: Path) -> None:
    made = template(packages)

    assert made.find_resources("AWS::IAM::Policy") == {}
    assert "ManagedPolicyArns" not in properties(made, "AWS::IAM::Role")


def test_refuses_more_models_than_a_functions_environment_holds(packages: Path) -> None:
    many = {
        f"model-{number}": ServedModel(f"clary-dev-model-{number}", ("text/csv",)) for number in range(60)
    }

    with pytest.raises(ValueError, match=r"its 60 models takes [\d]+ bytes, Lambda takes 4096"):
        template(packages, many)


def code_hash(packages: Path) -> str:
    key: str = properties(template(packages), "AWS::Lambda::Function")["Code"]["S3Key"]
    return key


def test_the_code_is_its_packages_files_and_nothing_that_lies_beside_them(packages: Path) -> None:
    before = code_hash(packages)

    (packages / "neighbour" / "__init__.py").write_text("changed = True\n")
    (packages / "runtime_common" / "__pycache__").mkdir()
    (packages / "runtime_common" / "__pycache__" / "left.cpython-313.pyc").write_bytes(b"bytecode")

    assert code_hash(packages) == before


def test_a_changed_file_of_a_package_changes_the_code(packages: Path) -> None:
    before = code_hash(packages)

    (packages / "runtime_common" / "deeper").mkdir()
    (packages / "runtime_common" / "deeper" / "module.py").write_text("changed = True\n")

    assert code_hash(packages) != before


def test_refuses_code_without_its_packages(packages: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no package 'gone' in"):
        python_code(packages, ["inference_gateway", "gone"])
