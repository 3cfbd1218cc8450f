"""A model behind an endpoint: names from content, and a role that can do little."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import cdk_nag
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs import Instances, ModelContainer, ModelEndpoint, ModelVariant
from clary_constructs._endpoint_capacity import has_local_storage

ENV = cdk.Environment(account="111122223333", region="eu-west-1")


def stack_with_endpoint(**changes: Any) -> tuple[cdk.Stack, ModelEndpoint]:
    stack = cdk.Stack(env=ENV)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-12345678",
        availability_zones=["eu-west-1a"],
        isolated_subnet_ids=["subnet-12345678"],
        isolated_subnet_route_table_ids=["rtb-12345678"],
    )
    container: dict[str, Any] = {
        "repository": ecr.Repository.from_repository_name(stack, "Images", "housing"),
        "image_tag": "one",
        "artifact_bucket": s3.Bucket.from_bucket_name(stack, "Models", "models"),
        "artifact_key": "research/housing/model.tar.gz",
    }
    for name in ("image_tag", "artifact_key", "environment"):
        if name in changes:
            container[name] = changes.pop(name)
    capacity = {name: changes.pop(name) for name in ("type", "count") if name in changes}
    given: dict[str, Any] = {
        "endpoint_name": "clary-dev-housing",
        "variants": {"main": ModelVariant([ModelContainer(**container)], Instances(**capacity))},
        "encryption_key": kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/a-key"),
        "vpc": vpc,
        "subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        "security_groups": [ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-12345678")],
    }
    return stack, ModelEndpoint(stack, "Housing", **(given | changes))


def properties(kind: str, **changes: Any) -> dict[str, Any]:
    stack, _ = stack_with_endpoint(**changes)
    (resource,) = assertions.Template.from_stack(stack).find_resources(kind).values()
    found: dict[str, Any] = resource["Properties"]
    return found


def names(**changes: Any) -> tuple[str, str, str]:
    """Of the model, the endpoint configuration and the endpoint."""
    _, endpoint = stack_with_endpoint(**changes)
    return endpoint.model_name, endpoint.configuration_name, endpoint.endpoint_name


def test_the_same_input_has_the_same_names() -> None:
    assert names() == names()


@pytest.mark.parametrize(
    "change",
    [
        {"image_tag": "two"},
        {"artifact_key": "research/housing/other.tar.gz"},
        {"environment": {"WORKERS": "2"}},
        {"network_isolation": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_model_has_a_new_name_and_so_has_its_configuration(change: dict[str, Any]) -> None:
    model, configuration, endpoint = names()

    new_model, new_configuration, new_endpoint = names(**change)

    assert (new_model == model, new_configuration == configuration) == (False, False)
    assert new_endpoint == endpoint


@pytest.mark.parametrize(
    "change",
    [{"count": 2}, {"type": "ml.m5.xlarge"}],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_instance_leaves_the_model_alone(change: dict[str, Any]) -> None:
    model, configuration, _ = names()

    new_model, new_configuration, _ = names(**change)

    assert (new_model == model, new_configuration == configuration) == (True, False)


def test_long_names_stay_within_what_sagemaker_takes_and_apart() -> None:
    model, configuration, endpoint = names(endpoint_name="a" * 63)

    assert (len(model), len(configuration), len(endpoint)) == (63, 63, 63)
    assert model != names(endpoint_name="a" * 63, image_tag="two")[0]


def test_is_isolated_from_the_network_by_default() -> None:
    assert properties("AWS::SageMaker::Model")["EnableNetworkIsolation"] is True


def test_the_model_waits_for_its_roles_policy() -> None:
    stack, _ = stack_with_endpoint()
    template = assertions.Template.from_stack(stack)
    (policy,) = template.find_resources("AWS::IAM::ManagedPolicy")

    (model,) = template.find_resources("AWS::SageMaker::Model").values()

    assert policy in model["DependsOn"]


def test_the_role_reads_one_object_and_one_repository() -> None:
    statements = properties("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]

    (read,) = (one for one in statements if one["Action"] == "s3:GetObject")
    (pull,) = (one for one in statements if "ecr:BatchGetImage" in one["Action"])
    assert "models/research/housing/model.tar.gz" in str(read["Resource"])
    assert "*" not in str(read["Resource"]) + str(pull["Resource"])
    assert "repository/housing" in str(pull["Resource"])


def test_only_sagemaker_working_for_this_account_takes_the_role() -> None:
    (trust,) = properties("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


@pytest.mark.parametrize("instance_type", ["ml.m5.large", "ml.c7i.xlarge", "ml.inf2.xlarge", "ml.p3.2xlarge"])
def test_encrypts_the_volumes_of_instances_without_disks(instance_type: str) -> None:
    assert properties("AWS::SageMaker::EndpointConfig", type=instance_type)["KmsKeyId"].endswith("key/a-key")


@pytest.mark.parametrize(
    "instance_type",
    ["ml.m5d.large", "ml.g4dn.xlarge", "ml.p4d.24xlarge", "ml.c6gd.xlarge", "ml.g5.xlarge", "ml.p5.48xlarge"],
)
def test_asks_for_no_key_where_the_instance_encrypts_its_own_disks(instance_type: str) -> None:
    assert has_local_storage(instance_type)
    assert "KmsKeyId" not in properties("AWS::SageMaker::EndpointConfig", type=instance_type)


def test_acknowledges_the_missing_key_of_instances_with_disks() -> None:
    stack, _ = stack_with_endpoint(type="ml.g5.xlarge")

    reports = [
        pack(stack).validate_scope(stack)
        for pack in (cdk_nag.HIPAASecurityChecks, cdk_nag.NIST80053R5Checks, cdk_nag.PCIDSS321Checks)
    ]

    assert [violation.rule_name for report in reports for violation in report.violations] == []


def test_grants_this_endpoint_and_no_other() -> None:
    stack, endpoint = stack_with_endpoint()
    caller = iam.User(stack, "Caller")

    endpoint.grant_invoke(caller)

    (policy,) = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sagemaker:InvokeEndpoint"
    assert "endpoint/clary-dev-housing" in str(statement["Resource"])
    assert "*" not in str(statement["Resource"])


def test_refuses_a_name_that_sagemaker_does_not_take() -> None:
    with pytest.raises(ValueError, match="has 64 characters, SageMaker takes 63"):
        stack_with_endpoint(endpoint_name="a" * 64)


def test_refuses_an_endpoint_without_instances() -> None:
    with pytest.raises(ValueError, match="0 instances cannot serve, give at least 1"):
        Instances(count=0)


def test_a_variant_that_becomes_what_another_was_does_not_meet_its_name() -> None:
    def model_names(first: str, second: str) -> dict[str, str]:
        stack = cdk.Stack(env=ENV)
        images = ecr.Repository.from_repository_name(stack, "Repository", "housing")
        variants = {
            name: ModelVariant([ModelContainer(images, tag)])
            for name, tag in (("main", first), ("challenger", second))
        }
        _, endpoint = stack_with_endpoint(variants=variants)
        return endpoint.model_names

    before, after = model_names("one", "two"), model_names("two", "two")

    assert after["challenger"] == before["challenger"]
    assert after["main"] not in before.values()
