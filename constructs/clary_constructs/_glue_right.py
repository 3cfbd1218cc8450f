"""What it takes to work with Spark in AWS Glue's interactive sessions, and what such a session may."""

from __future__ import annotations

from collections.abc import Iterator

from clary_constructs._right import PASS_ROLE, Position, Right

TO_GLUE = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}

START_SESSIONS = ["glue:CreateSession"]
USE_SESSIONS = [
    "glue:CancelStatement",
    "glue:DeleteSession",
    "glue:GetSession",
    "glue:GetStatement",
    "glue:ListStatements",
    "glue:RunStatement",
    "glue:StopSession",
]
LIST_SESSIONS = ["glue:ListSessions"]
READ_CONNECTION = ["glue:GetConnection"]
READ_SECURITY = ["glue:GetSecurityConfiguration"]
ENCRYPT_LOGS = ["logs:AssociateKmsKey"]
MAKE_GLUE_INTERFACES = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
DESCRIBE_GLUE_NETWORK = [
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
]
TAG_INTERFACES = ["ec2:CreateTags", "ec2:DeleteTags"]

ON_SESSIONS = [*START_SESSIONS, *USE_SESSIONS, *READ_CONNECTION, *ENCRYPT_LOGS, *TAG_INTERFACES]
ON_NO_SESSION = [*LIST_SESSIONS, *READ_SECURITY, *DESCRIBE_GLUE_NETWORK]


def use_glue_sessions(position: Position) -> Iterator[Right]:
    """The team's sessions, in the network, under the role that they run as.

    A session's subnets are those of its connections, and a session without any has none: the key that has
    to be there keeps it in the network
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html).
    """
    if position.session_role is None:
        raise ValueError("'use-glue-sessions' takes the role that sessions run as, give 'session_role'")
    workspace = position.workspace
    ours = [
        position.stack.format_arn(
            service="glue", resource="session", resource_name=f"{workspace.job_prefix}*"
        )
    ]
    why = f"the sessions of the team {workspace.name}, told by what their ids begin with"
    in_our_subnets: dict[str, dict[str, object]] = {
        "Null": {"glue:SubnetIds": "false"},
        "ForAllValues:StringEquals": {"glue:SubnetIds": workspace.subnet_ids},
    }
    yield Right("Data", START_SESSIONS, ours, in_our_subnets, why)
    yield Right("Data", USE_SESSIONS, ours, wildcard_because=why)
    yield Right("Data", LIST_SESSIONS, ["*"], wildcard_because="Glue's list of sessions takes no resource")
    yield Right("Data", PASS_ROLE, [position.session_role.role_arn], TO_GLUE)
