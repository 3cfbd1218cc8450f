"""A network without a way to the internet, and who may reach what in it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2

from clary.environment.model import Environment
from clary_constructs import NetworkGroups, PrivateNetwork
from stacks.network import NetworkStack

ENV = cdk.Environment(account="111122223333", region="eu-west-1")
SMALLEST = {"name": "dev", "account": "111122223333", "region": "eu-west-1", "teams": {"research": {}}}


def network(*zones: str, **kwargs: Any) -> assertions.Template:
    stack = cdk.Stack(env=ENV)
    PrivateNetwork(stack, "Network", availability_zones=zones, **kwargs)
    return assertions.Template.from_stack(stack)


def network_stack(**changes: Any) -> assertions.Template:
    environment = Environment.model_validate(SMALLEST | changes)
    return assertions.Template.from_stack(
        NetworkStack(cdk.App(), "Network", environment=environment, env=ENV)
    )


@pytest.fixture(scope="module")
def made() -> assertions.Template:
    return network_stack()


def properties(template: assertions.Template, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in template.find_resources(kind).values()]


def test_has_no_way_to_the_internet(made: assertions.Template) -> None:
    made.resource_count_is("AWS::EC2::InternetGateway", 0)
    made.resource_count_is("AWS::EC2::NatGateway", 0)
    made.resource_count_is("AWS::EC2::Route", 0)


def test_lets_only_this_account_use_an_endpoint_on_this_account(made: assertions.Template) -> None:
    account = "111122223333"
    for endpoint in properties(made, "AWS::EC2::VPCEndpoint"):
        open_to_others = [
            statement["Sid"]
            for statement in endpoint["PolicyDocument"]["Statement"]
            if statement.get("Condition")
            != {"StringEquals": {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}}
        ]
        service = str(endpoint["ServiceName"])
        known = {"ecr": ["ImagesOfOthers"], "s3": ["ImageLayers"]}
        assert open_to_others == next((its for part, its in known.items() if f".{part}" in service), [])


def test_reads_the_layers_of_images_from_ecrs_own_bucket(made: assertions.Template) -> None:
    (gateway,) = (e for e in properties(made, "AWS::EC2::VPCEndpoint") if e["VpcEndpointType"] == "Gateway")
    layers = gateway["PolicyDocument"]["Statement"][-1]
    assert layers["Action"] == "s3:GetObject"
    assert "prod-eu-west-1-starport-layer-bucket/*" in str(layers["Resource"])


def test_has_a_way_to_mlflow_where_there_is_one(made: assertions.Template) -> None:
    def ways(template: assertions.Template) -> list[str]:
        names = [str(each["ServiceName"]) for each in properties(template, "AWS::EC2::VPCEndpoint")]
        return [name for name in names if name.endswith(".experiments")]

    assert ways(made) == []
    assert ways(network_stack(studio={"mlflow": True})) == ["aws.sagemaker.eu-west-1.experiments"]


def test_sessions_of_glue_reach_each_other_and_aws_and_nothing_else() -> None:
    made = network_stack(
        teams={"research": {"members": {"ada": "data-scientist"}}},
        personas={"data-scientist": {"rights": {"add": ["use-glue-sessions"]}}},
    )
    (connection,) = properties(made, "AWS::Glue::Connection")
    needs = connection["ConnectionInput"]["PhysicalConnectionRequirements"]
    (group,) = needs["SecurityGroupIdList"]

    def rules(way: str) -> list[tuple[Any, ...]]:
        found = properties(made, f"AWS::EC2::SecurityGroup{way}")
        other = "DestinationPrefixListId" if way == "Egress" else "CidrIp"
        peer = "DestinationSecurityGroupId" if way == "Egress" else "SourceSecurityGroupId"
        return [
            (str(each.get(peer, each.get(other))), each["FromPort"], each["ToPort"])
            for each in found
            if each["GroupId"] == group
        ]

    endpoints = [peer for peer, *_ in rules("Egress") if "Endpoints" in peer]
    assert sorted(rules("Egress")) == sorted(
        [(str(group), 0, 65535), (endpoints[0], 443, 443), ("pl-6da54004", 443, 443)]
    )
    assert rules("Ingress") == [(str(group), 0, 65535)]
    assert connection["ConnectionInput"]["Name"] == "clary-dev"
    assert "NetworkVpcPrivateSubnet1" in str(needs["SubnetId"])


def test_lets_nobody_out_to_everywhere(made: assertions.Template) -> None:
    # EC2 lets a group that says nothing out to everywhere
    inline = [group["SecurityGroupEgress"] for group in properties(made, "AWS::EC2::SecurityGroup")]
    rules = [rule for group in inline for rule in group] + properties(made, "AWS::EC2::SecurityGroupEgress")
    assert all(inline)
    assert {rule["CidrIp"] for rule in rules if "CidrIp" in rule} == {"127.0.0.1/32"}


def test_opens_home_directories_and_nothing_else_between_users(made: assertions.Template) -> None:
    opened = {
        rule["FromPort"]
        for rule in properties(made, "AWS::EC2::SecurityGroupIngress")
        if rule["GroupId"] == rule["SourceSecurityGroupId"]
    }
    assert opened == {2049}


def test_keeps_the_vpc_and_what_a_domain_lives_in_by_default(made: assertions.Template) -> None:
    for kind in ("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::Logs::LogGroup", "AWS::KMS::Key"):
        made.all_resources(kind, {"DeletionPolicy": "Retain"})
    made.has_resource(
        "AWS::EC2::SecurityGroup",
        {"DeletionPolicy": "Retain", "Properties": {"GroupDescription": "Studio, jobs and endpoints"}},
    )


def test_deletes_the_vpc_when_the_file_says_so_twice() -> None:
    template = network_stack(data={"on_destroy": "delete", "delete_confirmed_for": "dev"})
    assert not [
        name for name, it in template.to_json()["Resources"].items() if it.get("DeletionPolicy") == "Retain"
    ]


def test_keeps_flow_logs_encrypted_for_a_year(made: assertions.Template) -> None:
    made.resource_count_is("AWS::EC2::FlowLog", 1)
    made.has_resource_properties(
        "AWS::Logs::LogGroup",
        {"RetentionInDays": 365, "KmsKeyId": assertions.Match.any_value()},
    )


def test_moves_no_subnet_when_a_zone_is_added() -> None:
    def ranges(template: assertions.Template) -> dict[str, str]:
        subnets = template.find_resources("AWS::EC2::Subnet")
        return {name: subnet["Properties"]["CidrBlock"] for name, subnet in subnets.items()}

    two, three = (
        ranges(network("eu-west-1a", "eu-west-1b")),
        ranges(network("eu-west-1a", "eu-west-1b", "eu-west-1c")),
    )
    assert two.items() < three.items()


@pytest.mark.parametrize("count", [0, 9])
def test_refuses_too_few_and_too_many_zones(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} availability zones, give one to eight"):
        network(*(f"eu-west-1{letter}" for letter in "abcdefghi"[:count]))


def test_makes_only_groups_in_a_vpc_that_is_given() -> None:
    template = network_stack(
        network={
            "vpc": {
                "id": "vpc-0a1b2c3d4e5f60718",
                "cidr": "10.80.0.0/20",
                "subnets": ["subnet-0a1b2c3d4e5f60711"],
                "availability_zones": ["eu-west-1a"],
            }
        }
    )
    kinds = {resource["Type"] for resource in template.to_json()["Resources"].values()}
    assert kinds == {
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
    }
    template.has_output("SubnetIds", {"Value": "subnet-0a1b2c3d4e5f60711"})


def test_says_which_regions_it_knows_when_given_another() -> None:
    with pytest.raises(ValueError, match=r"region 'xx-east-1' is not supported: .* only of .*eu-west-1"):
        network_stack(region="xx-east-1")


def test_reaches_endpoints_of_others_by_their_range() -> None:
    stack = cdk.Stack(env=ENV)
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["eu-west-1a"])
    NetworkGroups(
        stack, "Groups", vpc=vpc, endpoints=ec2.Peer.ipv4("10.80.0.0/20"), s3_prefix_list="pl-6da54004"
    )
    template = assertions.Template.from_stack(stack)
    reached = {
        rule["CidrIp"]
        for group in properties(template, "AWS::EC2::SecurityGroup")
        for rule in group["SecurityGroupEgress"]
        if "CidrIp" in rule
    }
    assert "10.80.0.0/20" in reached


def test_keeps_the_ids_of_what_a_domain_lives_in(made: assertions.Template) -> None:
    kept = {name for name, it in made.to_json()["Resources"].items() if it.get("DeletionPolicy") == "Retain"}
    assert kept == {
        "GroupsWorkloadA36A982B",
        "NetworkFlowLogEncryptionKeyB30D57DD",
        "NetworkFlowLogGroup4C5A8144",
        "NetworkVpc7FB7348F",
        "NetworkVpcPrivateSubnet1Subnet6DD86AE6",
        "NetworkVpcPrivateSubnet2Subnet1BDBE877",
    }
