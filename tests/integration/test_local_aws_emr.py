"""EMR's clusters and security configurations, by API and by CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, Stacks
from support.identity import EnforcingAws, statement
from support.resource_world import resource

SAID = {"EncryptionConfiguration": {"EnableAtRestEncryption": False, "EnableInTransitEncryption": False}}


def group(count: int = 1, instance_type: str = "m5.xlarge") -> dict[str, Any]:
    return {"InstanceCount": count, "InstanceType": instance_type}


def cluster(
    core: int = 2, instance_type: str = "m5.xlarge", idle: int = 3600, team: str = "red"
) -> dict[str, Any]:
    return resource(
        "EMR::Cluster",
        Name="spark",
        ReleaseLabel="emr-7.12.0",
        ServiceRole="service",
        JobFlowRole="machines",
        Applications=[{"Name": "Spark"}],
        Configurations=[{"Classification": "livy-conf", "ConfigurationProperties": {"a": "b"}}],
        SecurityConfiguration={"Ref": "Configuration"},
        AutoTerminationPolicy={"IdleTimeout": idle},
        Instances={
            "MasterInstanceGroup": group(1, instance_type),
            "CoreInstanceGroup": group(core, instance_type),
            "Ec2SubnetId": "subnet-1",
            "ServiceAccessSecurityGroup": "sg-1",
        },
        Tags=[{"Key": "team", "Value": team}],
    )


def template(**cluster_: Any) -> dict[str, Any]:
    configuration = resource("EMR::SecurityConfiguration", SecurityConfiguration=SAID)
    return {"Configuration": configuration, "Cluster": cluster(**cluster_)}


def described(local_aws: LocalAws, cluster_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = local_aws.client("emr").describe_cluster(ClusterId=cluster_id)["Cluster"]
    return found


def counts(local_aws: LocalAws, cluster_id: str) -> dict[str, int]:
    found = local_aws.client("emr").list_instance_groups(ClusterId=cluster_id)["InstanceGroups"]
    return {each["InstanceGroupType"]: each["RequestedInstanceCount"] for each in found}


def test_a_cluster_is_what_its_template_says_and_waits(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy(template())

    found = described(local_aws, stack.physical_id("Cluster"))

    assert found["Status"]["State"] == "WAITING"
    assert found["SecurityConfiguration"] == stack.physical_id("Configuration")
    assert found["Ec2InstanceAttributes"]["ServiceAccessSecurityGroup"] == "sg-1"
    assert found["Configurations"] == [{"Classification": "livy-conf", "Properties": {"a": "b"}}]
    assert {"Key": "team", "Value": "red"} in found["Tags"]
    policy = local_aws.client("emr").get_auto_termination_policy(ClusterId=found["Id"])
    assert policy["AutoTerminationPolicy"] == {"IdleTimeout": 3600}
    assert counts(local_aws, found["Id"]) == {"MASTER": 1, "CORE": 2}


def test_size_idle_time_and_tags_change_in_place(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy(template())
    before = stack.physical_id("Cluster")

    stacks.deploy(template(core=4, idle=600, team="blue"), name=stack.name)

    assert stack.physical_id("Cluster") == before
    assert counts(local_aws, before) == {"MASTER": 1, "CORE": 4}
    policy = local_aws.client("emr").get_auto_termination_policy(ClusterId=before)
    assert policy["AutoTerminationPolicy"] == {"IdleTimeout": 600}
    tags = {tag["Key"]: tag["Value"] for tag in described(local_aws, before)["Tags"]}
    assert tags["team"] == "blue"


def test_another_instance_type_is_another_cluster(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy(template())
    before = stack.physical_id("Cluster")

    stacks.deploy(template(instance_type="m5.2xlarge"), name=stack.name)

    after = stack.physical_id("Cluster")
    assert after != before
    assert described(local_aws, before)["Status"]["State"] == "TERMINATED"
    assert described(local_aws, after)["Status"]["State"] == "WAITING"


def test_a_cluster_ends_with_its_stack_unless_it_is_protected(stacks: Stacks, local_aws: LocalAws) -> None:
    emr, cloudformation = local_aws.client("emr"), local_aws.client("cloudformation")
    stack = stacks.deploy(template())
    made, configuration = stack.physical_id("Cluster"), stack.physical_id("Configuration")
    emr.set_termination_protection(JobFlowIds=[made], TerminationProtected=True)
    cloudformation.delete_stack(StackName=stack.name)
    assert stack.status == "DELETE_FAILED"
    assert "protected from termination" in "".join(stack.failures)

    emr.set_termination_protection(JobFlowIds=[made], TerminationProtected=False)
    cloudformation.delete_stack(StackName=stack.name)
    with pytest.raises(ClientError, match="does not exist"):
        _ = stack.status

    assert described(local_aws, made)["Status"]["State"] == "TERMINATED"
    with pytest.raises(ClientError, match="does not exist"):
        emr.describe_security_configuration(Name=configuration)


def test_what_aws_would_refuse_is_refused(local_aws: LocalAws) -> None:
    emr = local_aws.client("emr")
    with pytest.raises(ClientError, match="'nowhere' does not exist"):
        emr.run_job_flow(Name="x", Instances={}, SecurityConfiguration="nowhere")
    with pytest.raises(ClientError, match="between 60 and 604800"):
        emr.run_job_flow(Name="x", Instances={}, AutoTerminationPolicy={"IdleTimeout": 5})
    with pytest.raises(ClientError, match="not valid JSON"):
        emr.create_security_configuration(Name="x", SecurityConfiguration="{")
    with pytest.raises(ClientError, match="'j-nothing' is not valid"):
        emr.get_auto_termination_policy(ClusterId="j-nothing")


def test_security_configurations_are_listed_and_have_one_name_each(local_aws: LocalAws) -> None:
    emr = local_aws.client("emr")
    made = {"Name": "once", "SecurityConfiguration": json.dumps(SAID)}

    emr.create_security_configuration(**made)

    with pytest.raises(ClientError, match="already exists"):
        emr.create_security_configuration(**made)
    names = [each["Name"] for each in emr.list_security_configurations()["SecurityConfigurations"]]
    assert "once" in names
    assert json.loads(emr.describe_security_configuration(Name="once")["SecurityConfiguration"]) == SAID


def test_making_a_cluster_hands_over_both_of_its_roles(enforcing: EnforcingAws) -> None:
    iam = enforcing.client("iam")
    service, machines = enforcing.role(), enforcing.role()
    name = machines.rpartition("/")[2]
    iam.create_instance_profile(InstanceProfileName=f"{name}-profile")
    iam.add_role_to_instance_profile(InstanceProfileName=f"{name}-profile", RoleName=name)
    make = {"Name": "x", "Instances": {}, "ServiceRole": service, "JobFlowRole": f"{name}-profile"}
    run = statement("elasticmapreduce:RunJobFlow")
    passing = {
        role: statement(
            "iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": f"{whom}.amazonaws.com"}}
        )
        for role, whom in ((service, "elasticmapreduce"), (machines, "ec2"))
    }

    for role, other in ((service, machines), (machines, service)):
        refusal = enforcing.somebody(run, passing[other]).refusal("emr", "run_job_flow", **make)
        assert f"iam:PassRole on resource: {role}" in str(refusal)
    assert enforcing.somebody(run, *passing.values()).may("emr", "run_job_flow", **deepcopy(make))


def test_what_runs_no_cluster_yet_cannot_be_allowed_on_clusters(enforcing: EnforcingAws) -> None:
    """AWS's RunJobFlow knows no resource: a policy that names clusters allows it to nobody."""
    clusters = "arn:aws:elasticmapreduce:*:*:cluster/*"

    who = enforcing.somebody(statement("elasticmapreduce:RunJobFlow", clusters))

    assert not who.may("emr", "run_job_flow", Name="x", Instances={})
