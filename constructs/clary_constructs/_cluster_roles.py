"""What clusters of a team are made as, and what their machines run as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._capability import USE_KEY, team_files
from clary_constructs._policy import AccessPolicy
from clary_constructs._right import PASS_ROLE, Right
from clary_constructs._workspace import TEAM_TAG, TeamWorkspace
from constructs import Construct

_MACHINES = ["ec2:CreateFleet", "ec2:RunInstances"]
_LAUNCH_TEMPLATES = ["ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion"]
_MADE = ("instance", "launch-template", "network-interface", "volume")
_LOOK = [
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumeStatus",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
]
_ENCRYPT_DISKS = [
    "kms:Decrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]


class ClusterRoles(Construct):
    """Two roles for a team's clusters: the one by which EMR makes machines, and the machines' own.

    EMR makes them in the team's subnets and in `security_groups` (their ids) only, and changes and removes
    those that carry the team's tag, which is on all that a cluster with the tag consists of
    (https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-tags.html). Of AWS's own policy, it has
    what clusters of groups of machines take, and nothing for what they are not: scaled by policies, placed
    in placement groups, or in security groups of EMR's making
    (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEMRServicePolicy_v2.html).

    The machines read and write the team's part of the buckets. Private data they do not see: a cluster is
    one of the team's. `permissions_boundary` is theirs; of the other role, the policy is all there is.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        security_groups: Sequence[str],
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.machines: iam.IRole = iam.Role(
            self,
            "MachinesRole",
            description=f"Machines of clusters of the team {workspace.name}",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            permissions_boundary=permissions_boundary,
            path=path,
        )
        profile = iam.InstanceProfile(self, "Profile", role=self.machines, path=path)
        self.profile_arn = profile.instance_profile_arn
        # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-role.html
        source = stack.format_arn(service="elasticmapreduce", resource="*")
        self.service: iam.IRole = iam.Role(
            self,
            "ServiceRole",
            description=f"EMR, for clusters of the team {workspace.name}",
            assumed_by=iam.ServicePrincipal(
                "elasticmapreduce.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": source},
                },
            ),
            path=path,
        )
        machines = AccessPolicy(
            self,
            "Machines",
            description=f"What machines of clusters of the team {workspace.name} may do",
            roles=[self.machines],
        )
        machines.allow_each(team_files(workspace))
        machines.allow(USE_KEY, [workspace.encryption_key.key_arn])
        service = AccessPolicy(
            self,
            "Service",
            description=f"What EMR may do for clusters of the team {workspace.name}",
            roles=[self.service],
        )
        service.allow_each(_service_rights(stack, workspace, security_groups))
        service.allow(
            PASS_ROLE,
            [self.machines.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        )


def _service_rights(
    stack: cdk.Stack, workspace: TeamWorkspace, security_groups: Sequence[str]
) -> Iterator[Right]:
    def ec2(kind: str, name: str = "*") -> str:
        return stack.format_arn(service="ec2", resource=kind, resource_name=name)

    asked = {"StringEquals": {f"aws:RequestTag/{TEAM_TAG}": workspace.name}}
    ours = {"StringEquals": {f"aws:ResourceTag/{TEAM_TAG}": workspace.name}}
    groups = [ec2("security-group", each) for each in security_groups]
    made = [ec2(kind) for kind in _MADE]
    unnamed = "EC2 makes up the ids of what it makes; the team's tag tells whose it is"
    yield Right(
        "Jobs",
        ["ec2:CreateNetworkInterface", *_MACHINES, *_LAUNCH_TEMPLATES],
        [*(ec2("subnet", each) for each in workspace.subnet_ids), *groups],
    )
    yield Right(
        "Jobs",
        ["ec2:CreateLaunchTemplate", "ec2:CreateNetworkInterface", *_MACHINES],
        made,
        asked,
        unnamed,
    )
    yield Right(
        "Jobs",
        [*_MACHINES, "ec2:CreateLaunchTemplateVersion"],
        [ec2("launch-template")],
        ours,
        unnamed,
    )
    yield Right(
        "Jobs",
        [*_MACHINES, *_LAUNCH_TEMPLATES],
        [
            ec2("fleet"),
            ec2("network-interface"),
            stack.format_arn(service="ec2", account="", resource="image", resource_name="*"),
        ],
        wildcard_because="EMR chooses the image, and EC2 makes up the ids of fleets and interfaces",
    )
    yield Right(
        "Jobs",
        [
            "ec2:DeleteLaunchTemplate",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteTags",
            "ec2:ModifyInstanceAttribute",
            "ec2:TerminateInstances",
        ],
        made,
        ours,
        unnamed,
    )
    makes = ["CreateFleet", "CreateLaunchTemplate", "CreateNetworkInterface", "RunInstances"]
    yield Right("Jobs", ["ec2:CreateTags"], made, {"StringEquals": {"ec2:CreateAction": makes}}, unnamed)
    yield Right(
        "Jobs",
        [
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
        ],
        groups,
    )
    yield Right("Jobs", _LOOK, ["*"], wildcard_because="EC2's describe operations take no resource")
    key, via = workspace.encryption_key.key_arn, {"kms:ViaService": f"ec2.{stack.region}.amazonaws.com"}
    yield Right("Data", ["kms:DescribeKey"], [key])
    yield Right("Data", _ENCRYPT_DISKS, [key], {"StringEquals": via})
    yield Right(
        "Data",
        ["kms:CreateGrant"],
        [key],
        {"StringEquals": via, "Bool": {"kms:GrantIsForAWSResource": "true"}},
    )
