"""What public applications are made of deploys as it is, changes nothing a second time, and goes again."""

from __future__ import annotations

import json
import urllib.request

import aws_cdk as cdk
import pytest
from botocore.exceptions import ClientError

from integration.templates.containers import Containers
from integration.templates.data_lake import DataLake
from integration.templates.event_pipeline import EventPipeline
from integration.templates.identity_api import IdentityApi
from integration.templates.mlops import Mlops
from integration.templates.serverless_web import ServerlessWeb
from integration.templates.three_tier import ThreeTier
from support.cdk_command import Cdk
from support.deployed import LocalAws, Stack

STACKS = (Containers, DataLake, EventPipeline, IdentityApi, Mlops, ServerlessWeb, ThreeTier)


@pytest.fixture(scope="module")
def command(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    folder = tmp_path_factory.mktemp("templates")
    app = cdk.App(outdir=str(folder / "assembly"))
    for stack in STACKS:
        stack(app)
    app.synth()
    found = Cdk(folder, local_aws, app=str(folder / "assembly"))
    bootstrapped = found.run("bootstrap", "aws://000000000000/us-east-1")
    assert bootstrapped.returncode == 0, bootstrapped.stdout
    return found


@pytest.fixture
def deployed(command: Cdk, local_aws: LocalAws) -> Cdk:
    """All stacks, deployed once, unless a test has destroyed them."""
    try:
        local_aws.client("cloudformation").describe_stacks(StackName="serverless-web")
    except ClientError:
        made = command.deploy("--all", "--concurrency", "4")
        assert made.returncode == 0, made.stdout
        assert "Not emulated on the local AWS" in made.stdout
    return command


def test_a_function_answers_through_its_api_and_keeps_what_it_is_given(
    deployed: Cdk, local_aws: LocalAws
) -> None:
    api, stage = deployed.outputs["serverless-web"]["Url"].split("/")[2].split(".")[0], "v1"
    url = f"{local_aws.url}/_aws/execute-api/{api}/{stage}/items"
    request = urllib.request.Request(url, data=json.dumps({"text": "hello"}).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201

    with urllib.request.urlopen(url) as answer:
        assert [item["text"] for item in json.load(answer)] == ["hello"]


def test_a_site_is_unpacked_with_what_only_the_deployment_knows(deployed: Cdk, local_aws: LocalAws) -> None:
    outputs = deployed.outputs["serverless-web"]
    body = local_aws.client("s3").get_object(Bucket=outputs["Bucket"], Key="config.json")["Body"]

    assert json.load(body) == {"api": outputs["Url"]}


def test_a_bucket_tells_its_function(deployed: Cdk, local_aws: LocalAws) -> None:
    bucket = deployed.outputs["event-pipeline"]["InboxName"]
    found = local_aws.client("s3").get_bucket_notification_configuration(Bucket=bucket)

    told = found["LambdaFunctionConfigurations"][0]
    assert told["Events"] == ["s3:ObjectCreated:*"]
    assert {rule["Value"] for rule in told["Filter"]["Key"]["FilterRules"]} == {"in/", ".csv"}


def test_a_networks_default_group_is_closed(deployed: Cdk, local_aws: LocalAws) -> None:
    network = local_aws.client("cloudformation").describe_stack_resources(StackName="mlops")["StackResources"]
    vpc = next(item["PhysicalResourceId"] for item in network if item["ResourceType"] == "AWS::EC2::VPC")
    groups = local_aws.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]

    assert [(group["IpPermissions"], group["IpPermissionsEgress"]) for group in groups] == [([], [])]


def test_the_same_again_changes_nothing(deployed: Cdk) -> None:
    again = deployed.deploy("--all", "--concurrency", "4")

    assert again.returncode == 0, again.stdout
    assert again.stdout.count("(no changes)") == len(STACKS)


def test_everything_goes_again_but_what_a_domain_leaves_behind(deployed: Cdk, local_aws: LocalAws) -> None:
    """The domain's home file system holds its network, as on AWS."""
    destroyed = deployed.run("destroy", "--all", "--force", "--concurrency", "4")

    cloudformation = local_aws.client("cloudformation")
    assert destroyed.stdout.count(": destroyed") == len(STACKS) - 1, destroyed.stdout
    assert "has dependencies and cannot be deleted" in destroyed.stdout
    # The subnets first, and then the network, which could not even be tried while they were there.
    for kind in ("AWS::EC2::Subnet", "AWS::EC2::VPC"):
        left = cloudformation.describe_stack_resources(StackName="mlops")["StackResources"]
        held = [item for item in left if item["ResourceStatus"] == "DELETE_FAILED"]
        assert {item["ResourceType"] for item in held} == {kind}
        cloudformation.delete_stack(
            StackName="mlops", RetainResources=[item["LogicalResourceId"] for item in held]
        )
        ended = _ended(local_aws, "mlops")
    assert ended == "gone"


def _ended(local_aws: LocalAws, name: str) -> str:
    """The status in which a deletion has ended."""
    try:
        return Stack(local_aws, name).status
    except ClientError as error:
        return "gone" if "does not exist" in str(error) else str(error)
