"""A domain that may go is removed with all that would be in the way, and no other."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs import StudioRemover
from support.studio_domain import studio_domain


@pytest.fixture(scope="module")
def template() -> assertions.Template:
    return _studio(cdk.RemovalPolicy.DESTROY)


def _studio(removal_policy: cdk.RemovalPolicy) -> assertions.Template:
    stack = cdk.Stack()
    domain, vpc, _ = studio_domain(stack, removal_policy)
    StudioRemover(
        stack,
        "Remover",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        domain=domain,
        vpc=vpc,
        encryption_key=kms.Key(stack, "LogsKey"),
    )
    # Also who comes later goes later.
    domain.people.add(cdk.CfnStack(stack, "People", template_url="https://example.org"))
    return assertions.Template.from_stack(stack)


def test_goes_before_everybody_and_before_its_own_rights(template: assertions.Template) -> None:
    (content,) = template.find_resources("Custom::StudioContent").values()

    studio = {*template.find_resources("AWS::SageMaker::Domain"), "People"}
    assert studio < set(content["DependsOn"])
    assert any(name.startswith("RemoverPolicy") for name in content["DependsOn"])


def _statement(template: assertions.Template, action: str) -> dict[str, Any]:
    policies = template.find_resources("AWS::IAM::ManagedPolicy").values()
    (found,) = [
        statement
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if action in statement["Action"]
    ]
    return dict(found)


def test_may_delete_the_home_of_its_domain_only(template: assertions.Template) -> None:
    statement = _statement(template, "elasticfilesystem:DeleteFileSystem")

    (tagged,) = statement["Condition"]["StringEquals"].values()
    assert tagged["Fn::GetAtt"][1] == "DomainArn"


def test_may_delete_groups_of_its_vpc_only(template: assertions.Template) -> None:
    statement = _statement(template, "ec2:DeleteSecurityGroup")

    assert "Vpc" in str(statement["Condition"]["ArnEquals"]["ec2:Vpc"])


def test_is_waited_for_as_long_as_cloudformation_waits_and_goes_on_by_itself(
    template: assertions.Template,
) -> None:
    (content,) = template.find_resources("Custom::StudioContent").values()
    statement = _statement(template, "lambda:InvokeFunction")

    assert content["Properties"]["ServiceTimeout"] == "3600"
    assert statement["Resource"]["Fn::GetAtt"][0].startswith("RemoverFunction")
    assert any(name.startswith("RemoverAgain") for name in content["DependsOn"])


def test_may_only_stop_apps_of_a_domain_that_stays() -> None:
    template = _studio(cdk.RemovalPolicy.RETAIN)
    (content,) = template.find_resources("Custom::StudioContent").values()
    actions = {
        action
        for policy in template.find_resources("AWS::IAM::ManagedPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    assert content["Properties"]["Domain"] == "stays"
    assert {action for action in actions if "Delete" in action} == {"sagemaker:DeleteApp"}
