"""Clusters for Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import aws_cdk as cdk

from clary.environment import cluster
from clary_constructs import (
    TEAM_TAG,
    ClusterPlace,
    ClusterRoles,
    ClusterSecurity,
    FieldRule,
    LaunchRight,
    SharedValue,
    SparkCluster,
)
from stacks.access import workspace_of
from stacks.naming import pascal
from stacks.products import fields
from stacks.products.product import Offer, Product

RELEASE = "emr-7.12.0"
"""Spark 3.5 on Amazon Linux 2023: https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-7120-release.html

From release 8.0 on, a cluster is led through a VPC endpoint: `ClusterGroups` and the endpoints of the network
are those of the releases before it.
"""
_LONGEST = 40
_LOGS = "clusters/logs"
_NONE = "-"
_FROM_STUDIO = "Studio fills it in"
_CLEANUP = "aws-service-role/elasticmapreduce.amazonaws.com/AWSServiceRoleForEMRCleanup"
"""https://docs.aws.amazon.com/emr/latest/ManagementGuide/using-service-linked-roles-cleanup.html"""
_UNNAMED = "EMR makes up the ids of clusters: the team's tag tells whose they are"


class EmrCluster(Product):
    key = "emr_cluster"
    title = "EMR cluster for Studio"
    about = (
        "A cluster with Spark and Livy, in the team's network and encrypted. People of the team who have"
        " connect-to-emr connect to it from JupyterLab. It reads and writes the team's files. It ends when"
        " nothing has been computed for a while, its own disks with it, and is billed until then."
    )
    tags: ClassVar[Mapping[str, str]] = {"sagemaker:studio-visibility:emr": "true"}

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        assert isinstance(offer.settings, cluster.EmrCluster)
        self._said = offer.settings
        workspace = workspace_of(offer.environment, offer.team, offer.network, offer.data)
        self._prefix = workspace.job_prefix
        self._files = workspace.object_prefix
        network = offer.network.clusters[offer.team]
        groups = [self.use(each) for each in (network.primary, network.core, network.service)]
        stem = f"{pascal(offer.team)}Clusters"
        self._roles = ClusterRoles(
            offer.stack,
            f"{stem}Roles",
            workspace=workspace,
            security_groups=[each.reference for each in groups],
            permissions_boundary=offer.access.permissions_boundary,
            path=offer.environment.role_path,
        )
        security = ClusterSecurity(offer.stack, f"{stem}Security", encryption_key=offer.data.key)
        shared = {
            "service": (f"{offer.team}-cluster-service-role", self._roles.service.role_arn),
            "profile": (f"{offer.team}-cluster-profile", self._roles.profile_arn),
            "security": (f"{offer.team}-cluster-security", security.name),
            "subnet": ("subnet-id", workspace.subnet_ids[0]),
            "key": ("key-arn", offer.data.key.key_arn),
            "bucket": ("data-bucket", offer.data.data_bucket.bucket_name),
        }
        self._values: Mapping[str, SharedValue] = {
            **{key: self.share(name, value) for key, (name, value) in shared.items()},
            **dict(zip(("primary", "core", "access"), groups, strict=True)),
        }

    def add_to(self, stack: cdk.Stack) -> None:
        said, values = self._said, self._values
        name = fields.name(
            stack,
            f"What to call it, behind {self._prefix}: small letters, digits, single hyphens",
            longest=_LONGEST,
        )
        instance_type = fields.instance_type(
            stack, "What its machines are, each of them billed for until it ends", said.instance_types
        )
        core_nodes = cdk.CfnParameter(
            stack,
            "CoreNodes",
            type="Number",
            description="How many machines compute, beside the one that leads them",
            min_value=1,
            max_value=said.most_core_nodes,
            default=1,
        )
        _told_by_studio(stack)

        made = SparkCluster(
            stack,
            "Spark",
            cluster_name=cdk.Fn.join("", [self._prefix, name]),
            release=RELEASE,
            instance_type=instance_type,
            core_nodes=core_nodes.value_as_number,
            idle_minutes=said.idle_minutes,
            place=ClusterPlace(
                subnet=values["subnet"].reference,
                primary_group=values["primary"].reference,
                core_group=values["core"].reference,
                service_group=values["access"].reference,
            ),
            service_role=values["service"].reference,
            instance_profile=values["profile"].reference,
            security_configuration=values["security"].reference,
            log_uri=f"s3://{values['bucket'].reference}/{self._files}{_LOGS}/",
            encryption_key=values["key"].reference,
        )
        cdk.Tags.of(made).add("Name", name)
        cdk.CfnOutput(stack, "ClusterId", value=made.cluster_id, description="What EMR knows it by")

    def uses(self) -> Sequence[LaunchRight]:
        return [
            LaunchRight(
                "sees how the team's clusters are",
                ["elasticmapreduce:DescribeCluster", "elasticmapreduce:ListInstanceGroups"],
                [self._clusters],
                self._ours("aws:ResourceTag"),
                _UNNAMED,
            )
        ]

    def rules(self) -> Sequence[FieldRule]:
        return [fields.instance_type_is_allowed(self._said.instance_types)]

    def rights(self) -> Sequence[LaunchRight]:
        return [
            LaunchRight(
                "makes the cluster, as one of the team's",
                ["elasticmapreduce:RunJobFlow"],
                ["*"],
                self._ours("aws:RequestTag"),
                "what makes a cluster knows no resource; the team's tag is the condition",
            ),
            LaunchRight(
                "tags the cluster as it is made, and nobody else's",
                ["elasticmapreduce:AddTags"],
                ["*"],
                {**self._ours("aws:RequestTag"), "Null": {f"aws:ResourceTag/{TEAM_TAG}": "true"}},
                "a cluster that is being made has no id; one that has a team's tag is left alone",
            ),
            LaunchRight(
                "looks after the cluster, changes and ends it",
                [
                    "elasticmapreduce:AddTags",
                    "elasticmapreduce:DescribeCluster",
                    "elasticmapreduce:GetAutoTerminationPolicy",
                    "elasticmapreduce:ListBootstrapActions",
                    "elasticmapreduce:ListInstanceGroups",
                    "elasticmapreduce:ListInstances",
                    "elasticmapreduce:ListSteps",
                    "elasticmapreduce:ModifyInstanceGroups",
                    "elasticmapreduce:PutAutoTerminationPolicy",
                    "elasticmapreduce:RemoveTags",
                    "elasticmapreduce:TerminateJobFlows",
                ],
                [self._clusters],
                self._ours("aws:ResourceTag"),
                _UNNAMED,
            ),
            LaunchRight(
                "lets EMR clean up, where the account has had no cluster yet",
                ["iam:CreateServiceLinkedRole"],
                [
                    self.offer.stack.format_arn(
                        service="iam", region="", resource="role", resource_name=_CLEANUP
                    )
                ],
                {"StringEquals": {"iam:AWSServiceName": "elasticmapreduce.amazonaws.com"}},
            ),
            LaunchRight(
                "gives EMR its role",
                ["iam:PassRole"],
                [self._roles.service.role_arn],
                {"StringEquals": {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}},
            ),
            LaunchRight(
                "gives the machines theirs",
                ["iam:PassRole"],
                [self._roles.machines.role_arn],
                {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
            ),
        ]

    @property
    def _clusters(self) -> str:
        return self.offer.stack.format_arn(service="elasticmapreduce", resource="cluster", resource_name="*")

    def _ours(self, key: str) -> Mapping[str, Mapping[str, object]]:
        return {"StringEquals": {f"{key}/{TEAM_TAG}": self.offer.team}}


def _told_by_studio(stack: cdk.Stack) -> None:
    """The fields without which Studio does not launch a product: it makes a project of SageMaker's of it.
    Whoever launches it elsewhere has none, and is told of none.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html
    """
    name, identifier = (
        cdk.CfnParameter(stack, field, description=_FROM_STUDIO, default=_NONE).value_as_string
        for field in ("SageMakerProjectName", "SageMakerProjectId")
    )
    from_studio = cdk.Fn.condition_not(cdk.Fn.condition_equals(identifier, _NONE))
    cdk.CfnOutput(
        stack,
        "Project",
        value=cdk.Fn.join(" ", [name, identifier]),
        description="SageMaker's project, which Studio has made of it",
        condition=cdk.CfnCondition(stack, "FromStudio", expression=from_studio),
    )
