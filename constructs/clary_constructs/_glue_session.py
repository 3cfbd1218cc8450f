"""What AWS Glue's interactive sessions need: a role for each team, a way into the network, encryption."""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from clary_constructs._capability import PUT_METRICS, USE_KEY, WRITE_LOGS, team_files
from clary_constructs._glue_right import (
    DESCRIBE_GLUE_NETWORK,
    ENCRYPT_LOGS,
    MAKE_GLUE_INTERFACES,
    READ_CONNECTION,
    READ_SECURITY,
    TAG_INTERFACES,
)
from clary_constructs._policy import AccessPolicy
from clary_constructs._right import Right, log_group
from clary_constructs._security_group import closed_group
from clary_constructs._workspace import TeamWorkspace
from constructs import Construct

_HTTPS = ec2.Port.tcp(443)


class GlueConnection(Construct):
    """The way of Glue's sessions into a network: name it in a session, and the session runs there.

    The members of a session's cluster reach each other, AWS's services and S3, and nothing else
    (https://docs.aws.amazon.com/glue/latest/dg/start-development-endpoint.html). A connection has one subnet:
    here the first.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        vpc: ec2.IVpc,
        subnet: ec2.ISubnet,
        endpoints: ec2.IConnectable,
        s3_prefix_list: str,
    ) -> None:
        super().__init__(scope, construct_id)
        group = closed_group(self, "Group", vpc=vpc, description="Interactive sessions of Glue")
        group.add_egress_rule(
            ec2.Peer.prefix_list(s3_prefix_list), _HTTPS, "S3, through its gateway endpoint"
        )
        group.connections.allow_to(endpoints, _HTTPS, "AWS services, through their endpoints")
        group.connections.allow_internally(ec2.Port.all_tcp(), "The members of a session's cluster")
        glue.CfnConnection(
            self,
            "Connection",
            catalog_id=cdk.Stack.of(self).account,
            connection_input=glue.CfnConnection.ConnectionInputProperty(
                name=name,
                connection_type="NETWORK",
                physical_connection_requirements=glue.CfnConnection.PhysicalConnectionRequirementsProperty(
                    availability_zone=subnet.availability_zone,
                    subnet_id=subnet.subnet_id,
                    security_group_id_list=[group.security_group_id],
                ),
            ),
        )


class GlueEncryption(Construct):
    """The security configuration that has sessions write with a key: to S3, to their logs, for bookmarks."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, encryption_key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        key, kind = encryption_key.key_arn, glue.CfnSecurityConfiguration
        kind(
            self,
            "Configuration",
            name=name,
            encryption_configuration=kind.EncryptionConfigurationProperty(
                s3_encryptions=[kind.S3EncryptionProperty(s3_encryption_mode="SSE-KMS", kms_key_arn=key)],
                cloud_watch_encryption=kind.CloudWatchEncryptionProperty(
                    cloud_watch_encryption_mode="SSE-KMS", kms_key_arn=key
                ),
                job_bookmarks_encryption=kind.JobBookmarksEncryptionProperty(
                    job_bookmarks_encryption_mode="CSE-KMS", kms_key_arn=key
                ),
            ),
        )


class GlueSessionRole(Construct):
    """What a team's sessions run as: they read and write the team's part of the buckets, in the network.

    Private data they do not see: Glue knows the team, and not who asks. `connection` is the name of the
    one that sessions use. What Glue itself needs is as in
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html, without roles,
    other buckets and what else there is of Glue's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        connection: str,
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
        role_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        # no condition on the account: a role is handed over within its own account, and nowhere else:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        self.role: iam.IRole = iam.Role(
            self,
            "Role",
            description=f"Sessions of Glue of the team {workspace.name}",
            assumed_by=iam.ServicePrincipal("glue.amazonaws.com"),
            permissions_boundary=permissions_boundary,
            path=path,
            role_name=role_name,
        )
        policy = AccessPolicy(
            self,
            "Sessions",
            description=f"What sessions of Glue of the team {workspace.name} may do",
            roles=[self.role],
        )
        policy.allow_each(_rights(cdk.Stack.of(self), workspace, connection))


def _rights(stack: cdk.Stack, workspace: TeamWorkspace, connection: str) -> Iterator[Right]:
    yield from team_files(workspace)
    yield Right("Data", USE_KEY, [workspace.encryption_key.key_arn])
    yield Right(
        "Data",
        READ_CONNECTION,
        [
            stack.format_arn(service="glue", resource="catalog"),
            stack.format_arn(service="glue", resource="connection", resource_name=connection),
        ],
    )
    yield Right("Data", READ_SECURITY, ["*"], wildcard_because="Glue's security configurations have no ARN")
    yield Right(
        "Jobs",
        [*WRITE_LOGS, *ENCRYPT_LOGS],
        [log_group(stack, "/aws-glue/*")],
        wildcard_because="Glue has log groups of its own, named for what runs and how it is encrypted",
    )
    yield Right(
        "Jobs",
        PUT_METRICS,
        ["*"],
        {"StringEquals": {"cloudwatch:namespace": "Glue"}},
        "metrics have no ARN; the namespace is the condition",
    )
    interfaces = stack.format_arn(service="ec2", resource="network-interface", resource_name="*")
    groups = stack.format_arn(service="ec2", resource="security-group", resource_name="*")
    subnets = [
        stack.format_arn(service="ec2", resource="subnet", resource_name=subnet)
        for subnet in workspace.subnet_ids
    ]
    yield Right(
        "Jobs",
        MAKE_GLUE_INTERFACES,
        [interfaces, groups, *subnets],
        wildcard_because="a network interface has no ARN before it is made; its subnet is named",
    )
    yield Right(
        "Jobs",
        TAG_INTERFACES,
        [interfaces],
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}},
        "Glue tags the interfaces that it makes, with a tag of its own",
    )
    yield Right(
        "Jobs", DESCRIBE_GLUE_NETWORK, ["*"], wildcard_because="EC2's describe operations take no resource"
    )
