"""EMR: clusters and security configurations, which ministack's CloudFormation does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Created, Properties, register

_AS_IT_IS = (
    "Applications",
    "AutoScalingRole",
    "AutoTerminationPolicy",
    "BootstrapActions",
    "CustomAmiId",
    "EbsRootVolumeSize",
    "JobFlowRole",
    "LogEncryptionKmsKeyId",
    "LogUri",
    "Name",
    "OSReleaseLabel",
    "ReleaseLabel",
    "ScaleDownBehavior",
    "SecurityConfiguration",
    "ServiceRole",
    "StepConcurrencyLevel",
    "Tags",
    "VisibleToAllUsers",
)
_GROUPS = {"MasterInstanceGroup": "MASTER", "CoreInstanceGroup": "CORE"}
_FLEETS = {"MasterInstanceFleet": "MASTER", "CoreInstanceFleet": "CORE"}
_NETWORK = (
    "AdditionalMasterSecurityGroups",
    "AdditionalSlaveSecurityGroups",
    "Ec2KeyName",
    "Ec2SubnetId",
    "Ec2SubnetIds",
    "EmrManagedMasterSecurityGroup",
    "EmrManagedSlaveSecurityGroup",
    "Placement",
    "ServiceAccessSecurityGroup",
    "TerminationProtected",
    "UnhealthyNodeReplacement",
)


class Cluster:
    """How many machines a group has, the idle time, tags and protection change in place.

    Of the rest, the schema says what replaces a cluster; of what is within `Instances` it does not:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-emr-cluster-instancegroupconfig.html
    """

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return _made(client("emr").run_job_flow(**_request(properties))["JobFlowId"])

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        if _fixed(old) != _fixed(new):
            hooks.resources.replace_physical_name()
            return self.create("", new, stack_name)
        emr = client("emr")
        _resize(emr, physical_id, new)
        if new.get("AutoTerminationPolicy") != old.get("AutoTerminationPolicy"):
            if "AutoTerminationPolicy" in new:
                emr.put_auto_termination_policy(
                    ClusterId=physical_id, AutoTerminationPolicy=new["AutoTerminationPolicy"]
                )
            else:
                emr.remove_auto_termination_policy(ClusterId=physical_id)
        protected = [bool(each["Instances"].get("TerminationProtected", False)) for each in (old, new)]
        if protected[0] != protected[1]:
            emr.set_termination_protection(JobFlowIds=[physical_id], TerminationProtected=protected[1])
        if new.get("StepConcurrencyLevel") != old.get("StepConcurrencyLevel"):
            emr.modify_cluster(ClusterId=physical_id, StepConcurrencyLevel=new.get("StepConcurrencyLevel", 1))
        _retag(emr, physical_id, old, new)
        return _made(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        client("emr").terminate_job_flows(JobFlowIds=[physical_id])


class SecurityConfiguration:
    """Its name and what it says are create-only: another one says something else."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        name = properties.get("Name") or hooks.resources.physical_name(stack_name, logical_id, 128)
        said = properties["SecurityConfiguration"]
        text = said if isinstance(said, str) else json.dumps(said)
        client("emr").create_security_configuration(Name=name, SecurityConfiguration=text)
        return Created(name, {"Name": name})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return Created(physical_id, {"Name": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        emr = client("emr")
        try:
            emr.delete_security_configuration(Name=physical_id)
        except emr.exceptions.InvalidRequestException:
            return


def _made(cluster_id: str) -> Created:
    found = client("emr").describe_cluster(ClusterId=cluster_id)["Cluster"]
    return Created(cluster_id, {"Id": cluster_id, "MasterPublicDNS": found["MasterPublicDnsName"]})


def _request(properties: Properties) -> dict[str, Any]:
    """As the API has it, where groups and fleets are lists and configurations have `Properties`."""
    said = properties["Instances"]
    instances: dict[str, Any] = {name: said[name] for name in _NETWORK if name in said}
    instances["KeepJobFlowAliveWhenNoSteps"] = said.get("KeepJobFlowAliveWhenNoSteps", True)
    groups = [
        *({**said[key], "InstanceRole": role} for key, role in _GROUPS.items() if key in said),
        *({**each, "InstanceRole": "TASK"} for each in said.get("TaskInstanceGroups", ())),
    ]
    fleets = [
        *({**said[key], "InstanceFleetType": role} for key, role in _FLEETS.items() if key in said),
        *({**each, "InstanceFleetType": "TASK"} for each in said.get("TaskInstanceFleets", ())),
    ]
    instances |= {"InstanceGroups": groups} if groups else {}
    instances |= {"InstanceFleets": fleets} if fleets else {}
    request = {name: properties[name] for name in _AS_IT_IS if name in properties}
    if "Configurations" in properties:
        request["Configurations"] = [_configuration(each) for each in properties["Configurations"]]
    if "Steps" in properties:
        request["Steps"] = [_step(each) for each in properties["Steps"]]
    return {**request, "Instances": instances}


def _configuration(said: Properties) -> dict[str, Any]:
    nested = [_configuration(each) for each in said.get("Configurations", ())]
    return {
        "Classification": said.get("Classification", ""),
        "Properties": dict(said.get("ConfigurationProperties", {})),
        **({"Configurations": nested} if nested else {}),
    }


def _step(said: Properties) -> dict[str, Any]:
    jar = {**said["HadoopJarStep"]}
    jar["Properties"] = jar.pop("StepProperties", [])
    return {**said, "HadoopJarStep": jar}


def _fixed(properties: Properties) -> Any:
    """What of the machines cannot be changed: all but how many there are, and their protection."""
    said = {key: value for key, value in properties["Instances"].items() if key != "TerminationProtected"}
    without = ("AutoScalingPolicy", "InstanceCount")
    for key in _GROUPS:
        if key in said:
            said[key] = {name: value for name, value in said[key].items() if name not in without}
    said["TaskInstanceGroups"] = [
        {name: value for name, value in each.items() if name not in without}
        for each in said.get("TaskInstanceGroups", ())
    ]
    return said


def _resize(emr: Any, cluster_id: str, new: Properties) -> None:
    counts = dict(_counts(new["Instances"]))
    there = emr.list_instance_groups(ClusterId=cluster_id)["InstanceGroups"]
    changed = [
        {"InstanceGroupId": each["Id"], "InstanceCount": counts[each["InstanceGroupType"]]}
        for each in there
        if counts.get(each["InstanceGroupType"], each["RequestedInstanceCount"])
        != each["RequestedInstanceCount"]
    ]
    if changed:
        emr.modify_instance_groups(ClusterId=cluster_id, InstanceGroups=changed)


def _counts(instances: Properties) -> Iterator[tuple[str, int]]:
    for key, role in _GROUPS.items():
        if key in instances:
            yield role, instances[key]["InstanceCount"]


def _retag(emr: Any, cluster_id: str, old: Properties, new: Properties) -> None:
    before, after = _tags(old), _tags(new)
    if gone := [key for key in before if key not in after]:
        emr.remove_tags(ResourceId=cluster_id, TagKeys=gone)
    if after != before:
        tags = [{"Key": key, "Value": value} for key, value in after.items()]
        emr.add_tags(ResourceId=cluster_id, Tags=tags)


def _tags(properties: Properties) -> Mapping[str, str]:
    return {each["Key"]: each.get("Value", "") for each in properties.get("Tags", ())}


register("AWS::EMR::Cluster", Cluster())
register("AWS::EMR::SecurityConfiguration", SecurityConfiguration())
