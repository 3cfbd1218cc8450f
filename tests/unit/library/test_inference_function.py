"""The function in front of the models: what it knows, and what it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from clary_constructs import (
    InferenceFunction,
    LaunchedModels,
    LookedUpFeatures,
    ServedBatch,
    ServedModel,
    python_code,
)
from clary_constructs._inference_function import _description
from inference_gateway import catalogue
from inference_gateway.launched import parse

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


LATER = {
    "words": ServedModel("clary-dev-words", ("application/json",), mode="asynchronous"),
    "nightly": ServedModel(
        None, ("text/csv",), mode="batch", batch=ServedBatch("clary-dev-nightly-0123", "ml.m5.large")
    ),
}


def template(
    packages: Path,
    models: dict[str, ServedModel] = MODELS,
    *,
    bucket: bool = True,
    launched: LaunchedModels | None = None,
) -> assertions.Template:
    stack = cdk.Stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    InferenceFunction(
        stack,
        "Inference",
        models=models,
        launched=launched,
        source=packages,
        jobs_bucket=s3.Bucket.from_bucket_name(stack, "Jobs", "jobs-bucket") if bucket else None,
        batch_prefix="clary-dev-",
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


@pytest.mark.parametrize("models", [MODELS, LATER])
def test_tells_the_function_of_its_models_in_the_functions_own_words(
    packages: Path, models: dict[str, ServedModel]
) -> None:
    variables = properties(template(packages, models), "AWS::Lambda::Function")["Environment"]["Variables"]

    read = catalogue.parse(variables["MODELS"], _description(models))

    for name, model in models.items():
        assert read[name].endpoint == model.endpoint_name
        assert (read[name].mode, read[name].example) == (model.mode, model.example)
        assert read[name].content_types == model.content_types
        assert (read[name].batch is None) == (model.batch is None)


def with_features(**changes: Any) -> dict[str, ServedModel]:
    wanted = LookedUpFeatures("risk--dev-patients", "patient", {"visits": "integral", "bmi": "fractional"})
    return {"sick": ServedModel("e", ("text/csv",), features=wanted, **changes), **MODELS}


def test_tells_the_function_which_features_and_in_which_order(packages: Path) -> None:
    variables = properties(template(packages, with_features()), "AWS::Lambda::Function")["Environment"]

    read = catalogue.parse(variables["Variables"]["MODELS"], _description(with_features()))

    wanted = read["sick"].features
    assert wanted is not None
    assert (wanted.group, wanted.member, wanted.column) == ("risk--dev-patients", "patient", 1)
    assert list(wanted.features.items()) == [("visits", "integral"), ("bmi", "fractional")]
    assert read["housing"].features is None


def test_reads_the_groups_that_its_models_need_and_no_others(packages: Path) -> None:
    def reading(models: dict[str, ServedModel]) -> list[Any]:
        policy = properties(template(packages, models), "AWS::IAM::ManagedPolicy")["PolicyDocument"]
        return [each for each in policy["Statement"] if "GetRecord" in json.dumps(each["Action"])]

    (statement,) = reading(with_features())

    assert actions(statement) == ["sagemaker:BatchGetRecord"]
    assert json.dumps(statement["Resource"]).endswith(':feature-group/risk--dev-patients"]]}')
    assert reading(MODELS) == []


def test_refuses_features_for_what_is_answered_later(packages: Path) -> None:
    with pytest.raises(ValueError, match="'sick': features are looked up for what is answered at once"):
        template(packages, with_features(mode="asynchronous"))


def test_looks_for_launched_models_of_some_teams_and_nowhere_else(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: dict[str, str] = {}
    monkeypatch.setattr(
        "clary_constructs._inference_function.python_code",
        lambda _source, _packages, files: written.update(files) or lambda_.Code.from_inline("0"),
    )
    teams = {"research": {"clary:team": "research"}, "risk": {"clary:team": "risk"}}

    def rights(offered: LaunchedModels | None) -> list[tuple[list[str], str]]:
        made = template(packages, {}, launched=offered)
        policy = properties(made, "AWS::IAM::ManagedPolicy")["PolicyDocument"]
        return [
            (actions(each), json.dumps(each["Resource"]))
            for each in policy["Statement"]
            if "sagemaker:" in json.dumps(each["Action"])
        ]

    assert rights(None) == []
    assert "launched.json" not in written
    (about_one, on_endpoints), (about_all, on_everything) = rights(
        LaunchedModels(teams, "clary:content-type")
    )
    assert about_one == ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint", "sagemaker:ListTags"]
    assert on_endpoints.count(":endpoint/research--*") == on_endpoints.count(":endpoint/risk--*") == 1
    assert (about_all, on_everything) == (["sagemaker:ListEndpoints"], '"*"')
    assert parse(written["launched.json"]) == (teams, "clary:content-type")


def test_what_is_long_comes_with_the_code(packages: Path) -> None:
    before = code_hash(packages)
    schema = {"type": "array", "description": "x" * 5000}

    made = template(packages, MODELS | {"housing": ServedModel("e", ("text/csv",), schema=schema)})

    assert properties(made, "AWS::Lambda::Function")["Code"]["S3Key"] != before
    assert "xxx" not in json.dumps(made.to_json())


def test_may_use_the_folders_of_models_that_keep_jobs_and_name_batches_as_its_own(packages: Path) -> None:
    statements = properties(template(packages, LATER), "AWS::IAM::ManagedPolicy")["PolicyDocument"][
        "Statement"
    ]
    of = {action: one for one in statements for action in actions(one)}

    objects = json.dumps(of["s3:PutObject"]["Resource"])
    assert "jobs-bucket/jobs/words/*" in objects
    assert "jobs-bucket/jobs/nightly/*" in objects
    assert of["s3:ListBucket"]["Condition"] == {
        "StringLike": {"s3:prefix": ["jobs/words/*", "jobs/nightly/*"]}
    }
    assert json.dumps(of["sagemaker:CreateTransformJob"]["Resource"]).endswith(
        ':transform-job/clary-dev-*"]]}'
    )
    assert "model/clary-dev-nightly-0123" in json.dumps(of["sagemaker:CreateTransformJob"]["Condition"])
    assert "sagemaker:InvokeEndpointAsync" in of
    assert "sagemaker:InvokeEndpoint" not in of
    assert "iam:PassRole" not in of


def test_a_model_that_answers_at_once_needs_no_bucket_and_no_rights_to_one(packages: Path) -> None:
    made = template(packages, bucket=False)

    statements = properties(made, "AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
    assert not [action for one in statements for action in actions(one) if action.startswith("s3:")]
    assert "JOBS_BUCKET" not in properties(made, "AWS::Lambda::Function")["Environment"]["Variables"]


def test_refuses_jobs_without_a_bucket(packages: Path) -> None:
    with pytest.raises(ValueError, match="need a bucket for them"):
        template(packages, LATER, bucket=False)


def test_refuses_an_endpoint_for_a_batch_and_none_for_the_rest(packages: Path) -> None:
    with pytest.raises(ValueError, match="'x': a model has an endpoint, unless its mode is batch"):
        template(packages, {"x": ServedModel(None, ("text/csv",))})


def actions(statement: dict[str, Any]) -> list[str]:
    named = statement["Action"]
    return [named] if isinstance(named, str) else named


def test_may_call_the_models_endpoints_and_no_others(packages: Path) -> None:
    policy = properties(template(packages), "AWS::IAM::ManagedPolicy")

    (call,) = (
        one for one in policy["PolicyDocument"]["Statement"] if "sagemaker:InvokeEndpoint" in actions(one)
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
        f"model-{number}": ServedModel(f"clary-dev-model-{number}", ("text/csv",)) for number in range(120)
    }

    with pytest.raises(ValueError, match=r"its 120 models takes [\d]+ bytes, Lambda takes 4096"):
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
