"""Clusters that people launch: who reaches them, what they are encrypted with, and what they may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.environment.model import Environment
from stacks.environment_app import add_stacks, new_app
from support.synthesis import ROOT, resources

ACCOUNT = "111122223333"
CLIENTS = "{{resolve:ssm:/clary/dev/network/research-cluster-clients}}"
MEMBERS = {
    "ada": "data-scientist",
    "grace": "mlops-engineer",
    "linus": {"persona": "data-scientist", "left": True},
}
ENVIRONMENT: Mapping[str, Any] = {
    "name": "dev",
    "account": ACCOUNT,
    "region": "eu-west-1",
    "teams": {"research": {"members": MEMBERS}, "platform": {"members": {"emmy": "data-scientist"}}},
    "personas": {"data-scientist": {"rights": {"add": ["connect-to-emr"]}}},
}
PRINCIPALS = [f"arn:aws:iam::{ACCOUNT}:role/newcomers"]

Templates = Mapping[str, Any]


def templates(folder: Path, **products: Mapping[str, Any]) -> Templates:
    portfolio = {"principals": PRINCIPALS, "products": {"data_scientist": {}, **products}}
    said = {**ENVIRONMENT, "catalog": {"portfolios": {"research": portfolio}}}
    app = new_app(ROOT, folder)
    add_stacks(app, Environment.model_validate(said), ROOT)
    app.synth()
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    cluster = {"instance_types": ["m5.xlarge", "r5.xlarge"], "most_core_nodes": 8, "idle_minutes": 30}
    return templates(tmp_path_factory.mktemp("offered"), emr_cluster=cluster)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return templates(tmp_path_factory.mktemp("without"))


def of_kind(all_templates: Templates, name: str, kind: str) -> list[Mapping[str, Any]]:
    return [each["Properties"] for each in resources(all_templates[name], f"AWS::{kind}").values()]


def launched(all_templates: Templates, product: str = "EmrCluster") -> Mapping[str, Any]:
    (found,) = (
        template
        for name, template in all_templates.items()
        if name.endswith(".product.template.json") and product in name
    )
    return dict(found)


def policy(all_templates: Templates, description: str) -> list[dict[str, Any]]:
    (found,) = (
        each["PolicyDocument"]["Statement"]
        for each in of_kind(all_templates, "Catalog.template.json", "IAM::ManagedPolicy")
        if each["Description"] == description
    )
    return list(found)


def apps_groups(all_templates: Templates) -> dict[str, str]:
    """The security group, beside the usual ones, that somebody's apps are in, as their stack is given it."""
    given = {
        name: value
        for stack in of_kind(all_templates, "Studio.template.json", "CloudFormation::Stack")
        for name, value in stack["Parameters"].items()
    }
    return {
        each["Properties"]["UserProfileName"]: given[group["Ref"]]
        for name, template in all_templates.items()
        if name.endswith(".nested.template.json")
        for each in resources(template, "AWS::SageMaker::UserProfile").values()
        for group in each["Properties"]["UserSettings"]["SecurityGroups"][2:]
    }


def test_livy_lets_in_the_apps_of_those_who_connect_and_nobody_else(offered: Templates) -> None:
    rules = of_kind(offered, "Network.template.json", "EC2::SecurityGroupIngress")

    to_livy = [rule for rule in rules if rule["FromPort"] == 8998]
    assert ["Clients" in str(rule["SourceSecurityGroupId"]) for rule in to_livy] == [True]
    to_machines = [
        rule
        for rule in rules
        if any(name in str(rule["GroupId"]) for name in ("ClustersPrimary", "ClustersCore"))
        and rule not in to_livy
    ]
    sources = {
        str(rule["SourceSecurityGroupId"]["Fn::GetAtt"][0])[: len("ResearchClustersCore")]
        for rule in to_machines
    }
    assert sources == {"ResearchClustersPrim", "ResearchClustersCore", "ResearchClustersServ"}


def test_only_people_of_the_team_with_the_capability_are_in_the_clients_group(offered: Templates) -> None:
    assert apps_groups(offered) == {"research-ada": CLIENTS}
    (newcomer,) = resources(launched(offered, "DataScientist"), "AWS::SageMaker::UserProfile").values()
    *_, group = newcomer["Properties"]["UserSettings"]["SecurityGroups"]
    shared = {
        each["Name"]: each["Value"] for each in of_kind(offered, "Catalog.template.json", "SSM::Parameter")
    }
    assert shared[group.removeprefix("{{resolve:ssm:").removesuffix("}}")] == CLIENTS


def test_machines_reach_each_other_aws_and_nothing_else(offered: Templates) -> None:
    network = offered["Network.template.json"]
    machines = ("ResearchClustersPrimary", "ResearchClustersCore")

    groups = resources(network, "AWS::EC2::SecurityGroup")
    own = [
        rule
        for name, each in groups.items()
        if name.startswith(machines)
        for rule in each["Properties"]["SecurityGroupEgress"]
    ]
    reached = {
        str(rule.get("DestinationPrefixListId") or rule["DestinationSecurityGroupId"]["Fn::GetAtt"][0])[:20]
        for rule in of_kind(offered, "Network.template.json", "EC2::SecurityGroupEgress")
        if rule["GroupId"]["Fn::GetAtt"][0].startswith(machines)
    }
    assert [rule["CidrIp"] for rule in own] == ["127.0.0.1/32", "127.0.0.1/32"]
    clusters = {"ResearchClustersPrim", "ResearchClustersCore", "ResearchClustersServ"}
    assert reached == {*clusters, "pl-6da54004", "NetworkEndpointsGrou"}


def test_emr_finds_the_rules_that_it_would_add(offered: Templates) -> None:
    rules = {
        (
            rule["GroupId"]["Fn::GetAtt"][0].removeprefix("ResearchClusters")[:4],
            rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].removeprefix("ResearchClusters")[:4],
            rule["IpProtocol"],
            rule["FromPort"],
            rule["ToPort"],
        )
        for rule in of_kind(offered, "Network.template.json", "EC2::SecurityGroupIngress")
        if "ResearchClusters" in str(rule["GroupId"])
    }

    kinds = [("icmp", -1, -1), ("tcp", 0, 65535), ("udp", 0, 65535)]
    machines = ("Prim", "Core")
    wanted = {(one, other, *kind) for one in machines for other in machines for kind in kinds}
    wanted |= {(one, "Serv", "tcp", 8443, 8443) for one in machines}
    wanted |= {("Serv", one, "tcp", 9443, 9443) for one in machines}
    assert rules == wanted | {("Prim", "Clie", "tcp", 8998, 8998)}


def test_a_network_without_clusters_has_nothing_for_them(offered: Templates, without: Templates) -> None:
    def ways(all_templates: Templates) -> list[str]:
        found = of_kind(all_templates, "Network.template.json", "EC2::VPCEndpoint")
        return [str(each["ServiceName"]) for each in found if "elasticmapreduce" in str(each["ServiceName"])]

    assert (len(ways(offered)), ways(without)) == (1, [])
    for kind in ("EMR::SecurityConfiguration", "IAM::InstanceProfile"):
        assert of_kind(without, "Catalog.template.json", kind) == []
    assert not [name for name in without["Network.template.json"]["Resources"] if "Cluster" in name]
    assert apps_groups(without) == {}


def test_the_way_to_s3_leads_to_emrs_own_buckets(offered: Templates) -> None:
    (s3,) = (
        each["PolicyDocument"]["Statement"]
        for each in of_kind(offered, "Network.template.json", "EC2::VPCEndpoint")
        if each["VpcEndpointType"] == "Gateway"
    )

    said = {each["Sid"]: (each["Action"], str(each["Resource"])) for each in s3}
    actions, buckets = said["PackagesOfClusters"]
    assert actions == "s3:GetObject"
    assert "al2023-repos-eu-west-1-de612dc2/*" in buckets
    assert "repo.eu-west-1.emr.amazonaws.com/*" in buckets
    actions, buckets = said["HistoriesOfClusters"]
    assert "s3:ListBucket" not in actions
    assert "aws157-logs-prod-eu-west-1/*" in buckets
    assert "prod.eu-west-1.appinfo.src/*" in buckets


def test_offering_clusters_no_more_withdraws_no_export(offered: Templates, without: Templates) -> None:
    def exports(all_templates: Templates) -> set[str]:
        return {
            json.dumps(output["Export"])
            for name, template in all_templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    assert exports(offered) <= exports(without)


def test_a_cluster_ends_by_itself_and_by_its_launch(offered: Templates) -> None:
    (cluster,) = resources(launched(offered), "AWS::EMR::Cluster").values()

    said = cluster["Properties"]
    assert said["AutoTerminationPolicy"] == {"IdleTimeout": 1800}
    assert said["Configurations"][0]["ConfigurationProperties"] == {"livy.server.session.timeout": "30m"}
    assert said["Instances"]["TerminationProtected"] is False
    assert "DeletionPolicy" not in cluster


def test_nobody_logs_in_and_logs_are_the_teams_and_encrypted(offered: Templates) -> None:
    (cluster,) = resources(launched(offered), "AWS::EMR::Cluster").values()

    said = cluster["Properties"]
    assert "Ec2KeyName" not in said["Instances"]
    assert said["Instances"]["Ec2SubnetId"] == "{{resolve:ssm:/clary/dev/catalog/subnet-id}}"
    assert said["LogUri"] == "s3://{{resolve:ssm:/clary/dev/catalog/data-bucket}}/research/clusters/logs/"
    assert said["LogEncryptionKmsKeyId"] == "{{resolve:ssm:/clary/dev/catalog/key-arn}}"
    assert said["SecurityConfiguration"] == "{{resolve:ssm:/clary/dev/catalog/research-cluster-security}}"


def test_a_cluster_is_told_by_its_tags(offered: Templates) -> None:
    (cluster,) = resources(launched(offered), "AWS::EMR::Cluster").values()

    tags = {tag["Key"]: tag["Value"] for tag in cluster["Properties"]["Tags"]}
    assert (tags["clary:environment"], tags["clary:team"]) == ("dev", "research")
    assert tags["Name"] == {"Ref": "Name"}


def test_sizes_are_bounded_by_the_file(offered: Templates) -> None:
    found = launched(offered)

    fields = found["Parameters"]
    assert (fields["CoreNodes"]["MinValue"], fields["CoreNodes"]["MaxValue"]) == (1, 8)
    assert fields["InstanceType"]["AllowedValues"] == ["m5.xlarge", "r5.xlarge"]
    (cluster,) = resources(found, "AWS::EMR::Cluster").values()
    groups = cluster["Properties"]["Instances"]
    assert groups["MasterInstanceGroup"]["InstanceCount"] == 1
    assert groups["CoreInstanceGroup"]["InstanceCount"] == {"Ref": "CoreNodes"}


def test_studio_lists_the_product(offered: Templates) -> None:
    tags = {
        each["Name"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in of_kind(offered, "Catalog.template.json", "ServiceCatalog::CloudFormationProduct")
    }

    visible = "sagemaker:studio-visibility:emr"
    assert tags["clary-dev-research-emr-cluster"][visible] == "true"
    assert visible not in tags["clary-dev-research-data-scientist"]
    assert {"SageMakerProjectName", "SageMakerProjectId"} <= launched(offered)["Parameters"].keys()


def test_those_who_connect_may_launch_from_studio_where_there_are_clusters(
    offered: Templates, without: Templates
) -> None:
    def launching(all_templates: Templates) -> set[str]:
        policies = resources(all_templates["Access.template.json"], "AWS::IAM::ManagedPolicy")
        return {
            str(role)
            for each in policies.values()
            if "servicecatalog:ProvisionProduct" in json.dumps(each["Properties"]["PolicyDocument"])
            for role in each["Properties"].get("Roles", [])
        }

    assert ["ResearchDataScientist" in role for role in launching(offered)] == [True]
    assert launching(without) == set()
    for one, lets_through in ((offered, True), (without, False)):
        (boundary,) = (
            each
            for each in of_kind(one, "Access.template.json", "IAM::ManagedPolicy")
            if each["Description"] == "The most that a role of this environment may do"
        )
        assert ("servicecatalog:ProvisionProduct" in json.dumps(boundary)) is lets_through


def test_disks_and_what_goes_to_s3_are_encrypted_and_credentials_stay_on_a_machine(
    offered: Templates,
) -> None:
    (said,) = of_kind(offered, "Catalog.template.json", "EMR::SecurityConfiguration")

    found = said["SecurityConfiguration"]
    at_rest = found["EncryptionConfiguration"]["AtRestEncryptionConfiguration"]
    key = at_rest["S3EncryptionConfiguration"]["AwsKmsKey"]
    assert "Fn::ImportValue" in key
    assert at_rest["S3EncryptionConfiguration"]["EncryptionMode"] == "SSE-KMS"
    assert at_rest["LocalDiskEncryptionConfiguration"] == {
        "EncryptionKeyProviderType": "AwsKms",
        "AwsKmsKey": key,
        "EnableEbsEncryption": True,
    }
    assert found["InstanceMetadataServiceConfiguration"] == {
        "MinimumInstanceMetadataServiceVersion": 2,
        "HttpPutResponseHopLimit": 1,
    }


def test_machines_have_the_teams_files_and_nobodys_private_ones(offered: Templates) -> None:
    statements = policy(offered, "What machines of clusters of the team research may do")

    text = json.dumps(statements)
    assert "/research/*" in text
    assert "--private" not in text
    services = {
        action.partition(":")[0]
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert services == {"kms", "s3"}
    (role,) = (
        each
        for each in of_kind(offered, "Catalog.template.json", "IAM::Role")
        if each.get("Description") == "Machines of clusters of the team research"
    )
    assert "Boundary" in json.dumps(role["PermissionsBoundary"])


def test_emr_makes_machines_in_the_teams_groups_with_the_teams_tag(offered: Templates) -> None:
    statements = policy(offered, "What EMR may do for clusters of the team research")

    team = {"aws:RequestTag/clary:team": "research"}
    runs = [each for each in statements if "ec2:RunInstances" in each["Action"]]
    untagged = [each for each in runs if "Condition" not in each]
    tagged = [each for each in runs if each.get("Condition") == {"StringEquals": team}]
    places = json.dumps([each["Resource"] for each in untagged])
    assert ":instance/" not in places
    assert ":volume/" not in places
    assert "security-group/*" not in places
    assert "subnet/*" not in places
    assert len(tagged) == 1
    ends = [each for each in statements if "ec2:TerminateInstances" in each["Action"]]
    assert [each["Condition"] for each in ends] == [
        {"StringEquals": {"aws:ResourceTag/clary:team": "research"}}
    ]


def test_emrs_role_is_for_emr_in_this_account(offered: Templates) -> None:
    (role,) = (
        each
        for each in of_kind(offered, "Catalog.template.json", "IAM::Role")
        if each.get("Description") == "EMR, for clusters of the team research"
    )

    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "elasticmapreduce.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
