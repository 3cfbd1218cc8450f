"""Stacks of any resource type: created, updated, replaced, refused, rolled back and deleted as on AWS."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cdk_command import Cdk
from support.deployed import DeploymentFailed, LocalAws, Stacks


def catalog(**properties: Any) -> dict[str, Any]:
    """A type that ministack does not know; `Name` is create-only, `Type` an enumeration."""
    return {"Type": "AWS::Athena::DataCatalog", "Properties": {"Name": "data", "Type": "GLUE", **properties}}


def archive(bus: str, **properties: Any) -> dict[str, Any]:
    """Its `SourceArn` is create-only, its name optional."""
    source = {"SourceArn": f"arn:aws:events:us-east-1:000000000000:event-bus/{bus}"}
    return {"Type": "AWS::Events::Archive", "Properties": {**source, **properties}}


def bucket(value: str) -> dict[str, Any]:
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {"Tags": [{"Key": "version", "Value": value}]},
    }


def version_of(local_aws: LocalAws, name: str) -> str:
    tags = local_aws.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    return str(next(tag["Value"] for tag in tags if tag["Key"] == "version"))


class TestSchema:
    def test_answers_ref_and_attributes_as_the_schema_says(self, stacks: Stacks) -> None:
        association = {
            "Type": "AWS::Config::AggregationAuthorization",
            "Properties": {"AuthorizedAccountId": "111111111111", "AuthorizedAwsRegion": "eu-west-1"},
        }
        key = {"Type": "AWS::ApiGateway::ClientCertificate", "Properties": {"Description": "tls"}}
        stack = stacks.deploy(
            {"Pair": association, "Single": key},
            outputs={"Pair": {"Ref": "Pair"}, "Id": {"Fn::GetAtt": ["Single", "ClientCertificateId"]}},
        )

        assert stack.outputs["Pair"] == "111111111111|eu-west-1"
        assert stack.outputs["Id"] == stack.physical_id("Single")

    def test_coerces_what_templates_write_as_text(self, stacks: Stacks) -> None:
        budget = {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": "5", "Unit": "USD"}}
        stack = stacks.deploy({"Budget": {"Type": "AWS::Budgets::Budget", "Properties": {"Budget": budget}}})

        assert stack.status == "CREATE_COMPLETE"

    @pytest.mark.parametrize(
        ("properties", "message"),
        [
            ({"Type": "GLOO"}, "#/Type: GLOO is not a valid enum value. Supported values: [LAMBDA, GLUE"),
            ({"Nonsense": 1}, "#: extraneous key [Nonsense] is not permitted"),
            ({"Name": ""}, "#/Name: expected minLength: 1, actual: 0"),
            ({"Parameters": "text"}, "#/Parameters: expected type: JSONObject, found: String"),
        ],
    )
    def test_refuses_properties_that_break_it_in_the_words_of_aws(
        self, stacks: Stacks, properties: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DeploymentFailed) as refusal:
            stacks.deploy({"Catalog": catalog(**properties)})

        assert "ROLLBACK_COMPLETE" in str(refusal.value)
        assert "Properties validation failed for resource Catalog with message:" in str(refusal.value)
        assert message in str(refusal.value)

    def test_is_kept_by_the_types_that_ministack_knows_too(self, stacks: Stacks) -> None:
        resources = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Versioned": True}}}

        with pytest.raises(DeploymentFailed, match=r"extraneous key \[Versioned\] is not permitted"):
            stacks.deploy(resources)

    def test_says_which_type_does_not_exist(self, stacks: Stacks) -> None:
        with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Athena::Nothing\]"):
            stacks.deploy({"Nothing": {"Type": "AWS::Athena::Nothing"}})


class TestUpdate:
    def test_that_fails_leaves_everything_as_it_was(self, stacks: Stacks, local_aws: LocalAws) -> None:
        stack = stacks.deploy({"Bucket": bucket("one"), "Catalog": catalog()}, name="undone")

        with pytest.raises(DeploymentFailed, match="UPDATE_ROLLBACK_COMPLETE"):
            stacks.deploy(
                {"Bucket": bucket("two"), "Catalog": {**catalog(Type="GLOO"), "DependsOn": "Bucket"}},
                name="undone",
            )

        assert version_of(local_aws, stack.physical_id("Bucket")) == "one"

    def test_that_cannot_be_done_in_place_replaces_the_resource(self, stacks: Stacks) -> None:
        stack = stacks.deploy({"Catalog": catalog()}, name="replaced")

        stacks.deploy({"Catalog": catalog(Name="other")}, name="replaced")

        assert stack.physical_id("Catalog") == "other"
        # The one that was replaced is gone: its name is free.
        assert stacks.deploy({"Again": catalog()}).physical_id("Again") == "data"

    def test_that_replaces_a_resource_under_its_own_name_is_refused(self, stacks: Stacks) -> None:
        stacks.deploy({"Archive": archive("a", ArchiveName="kept")}, name="named")

        with pytest.raises(DeploymentFailed, match=r"custom-named resource requires replacing\. Rename kept"):
            stacks.deploy({"Archive": archive("b", ArchiveName="kept")}, name="named")

    def test_with_nothing_new_is_told_so(self, stacks: Stacks) -> None:
        stacks.deploy({"Catalog": catalog()}, name="same")

        with pytest.raises(ClientError, match="No updates are to be performed"):
            stacks.deploy({"Catalog": catalog()}, name="same")


def test_an_answer_about_a_busy_stack_waits_until_it_is_done(local_aws: LocalAws) -> None:
    cloudformation = local_aws.client("cloudformation")
    template = {"Resources": {f"Bucket{number}": bucket("one") for number in range(10)}}

    cloudformation.create_stack(StackName="busy", TemplateBody=json.dumps(template))
    created = cloudformation.describe_stacks(StackName="busy")["Stacks"][0]["StackStatus"]
    cloudformation.delete_stack(StackName="busy")

    assert created == "CREATE_COMPLETE"


def test_a_name_that_is_taken_is_refused(stacks: Stacks) -> None:
    stacks.deploy({"Catalog": catalog()})

    with pytest.raises(DeploymentFailed, match="with identifier 'data' already exists"):
        stacks.deploy({"Catalog": catalog()})


def test_a_generated_name_says_whose_it_is_and_fits_the_type(stacks: Stacks) -> None:
    name = stacks.deploy({"Archive": archive("a")}, name="tells").physical_id("Archive")

    assert name.startswith("tells-Archive-")
    assert len(name) <= 48


def test_accounts_do_not_see_each_other(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy({"Catalog": catalog()})

    with pytest.raises(ClientError, match="does not exist"):
        local_aws.client("cloudformation", account="111111111111").describe_stacks(StackName=stack.name)


APP = """
import aws_cdk as cdk
from aws_cdk import aws_kms as kms, aws_s3 as s3

app = cdk.App()
kind = app.node.try_get_context("kind") or "GLUE"
stack = cdk.Stack(app, "cycle", env=cdk.Environment(account="000000000000", region="us-east-1"))
key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
bucket = s3.Bucket(
    stack, "Bucket", encryption_key=key, enforce_ssl=True, removal_policy=cdk.RemovalPolicy.DESTROY
)
cdk.Tags.of(bucket).add("kind", kind)
catalog = cdk.CfnResource(
    stack, "Catalog", type="AWS::Athena::DataCatalog", properties={"Name": f"cycle-{kind}", "Type": kind}
)
catalog.add_dependency(bucket.node.default_child)
cdk.CfnOutput(stack, "BucketName", value=bucket.bucket_name)
cdk.CfnOutput(stack, "CatalogName", value=catalog.ref)
app.synth()
"""


def test_the_cdk_command_line_deploys_updates_rolls_back_and_destroys(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    cdk = Cdk(tmp_path, local_aws, app=f"{sys.executable} app.py")

    bootstrapped = cdk.run("bootstrap", "aws://000000000000/us-east-1")
    assert bootstrapped.returncode == 0, bootstrapped.stdout
    created = cdk.deploy("-c", "kind=GLUE")
    assert created.returncode == 0, created.stdout
    assert cdk.outputs["cycle"]["CatalogName"] == "cycle-GLUE"

    unchanged = cdk.deploy("-c", "kind=GLUE")
    assert "cycle (no changes)" in unchanged.stdout

    replaced = cdk.deploy("-c", "kind=HIVE")
    assert replaced.returncode == 0, replaced.stdout
    assert cdk.outputs["cycle"]["CatalogName"] == "cycle-HIVE"

    refused = cdk.deploy("-c", "kind=GLOO")
    assert refused.returncode == 1
    assert "GLOO is not a valid enum value" in refused.stdout
    tags = local_aws.client("s3").get_bucket_tagging(Bucket=cdk.outputs["cycle"]["BucketName"])["TagSet"]
    assert {"Key": "kind", "Value": "HIVE"} in tags

    destroyed = cdk.run("destroy", "--force", "-c", "kind=HIVE")
    assert destroyed.returncode == 0, destroyed.stdout
    with pytest.raises(ClientError, match="does not exist"):
        local_aws.client("cloudformation").describe_stacks(StackName="cycle")
