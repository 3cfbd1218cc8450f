"""A Studio domain for everybody of a list, with nothing of Clary but its construct library."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from clary_constructs import (
    IdleShutdown,
    StudioDomain,
    StudioLeavers,
    StudioSettings,
    StudioSpace,
    StudioTools,
    StudioUser,
    UserGroup,
    UserProfiles,
    part_of,
    python_code,
)

FUNCTIONS = Path(__file__).parents[2] / "lambda"
PEOPLE = Path(__file__).parent / "people.csv"
PARTS = 2
TOOLS = {
    "Scientists": StudioTools(instance_types=["ml.t3.medium", "ml.m5.large"]),
    "Engineers": StudioTools(applications=["code-editor"], idle=IdleShutdown(120, 60, 240)),
}


def users(file: Path) -> Iterator[StudioUser]:
    """Everybody has a JupyterLab space of their own name, and some a second one."""
    with file.open(newline="", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            name = line["name"]
            spaces = [StudioSpace(name)]
            if line["editor"] == "yes":
                spaces.append(StudioSpace(f"{name}--editor", application="CodeEditor"))
            yield StudioUser(name, line["group"], spaces=spaces)


def studio(
    app: cdk.App,
    *,
    people: Path,
    place: cdk.Environment,
    vpc_id: str,
    subnet_id: str,
    security_group_id: str,
    key_arn: str,
    role_arn: str,
) -> None:
    stack = cdk.Stack(app, "Studio", env=place)
    key = kms.Key.from_key_arn(stack, "Key", key_arn)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id=vpc_id,
        availability_zones=[f"{stack.region}a"],
        isolated_subnet_ids=[subnet_id],
        isolated_subnet_route_table_ids=["rtb-unknown"],
    )
    domain = StudioDomain(
        stack,
        "Studio",
        domain_name="everybody",
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "Group", security_group_id),
        encryption_key=key,
    )
    settings = StudioSettings(
        stack,
        "Settings",
        code=python_code(FUNCTIONS, ["runtime_common", "studio_settings"]),
        domain=domain,
        encryption_key=key,
    )
    leavers = StudioLeavers(
        stack,
        "Leavers",
        code=python_code(FUNCTIONS, ["runtime_common", "studio_leavers"]),
        domain=domain,
        encryption_key=key,
    )
    everybody = list(users(people))
    for part in range(PARTS):
        hall = cdk.Stack(app, f"People{part}", env=place)
        role = iam.Role.from_role_arn(hall, "Role", role_arn)
        UserProfiles(
            hall,
            "People",
            domain=domain,
            groups=[UserGroup(name, execution_role=role, tools=tools) for name, tools in TOOLS.items()],
            users=[user for user in everybody if part_of(user.name, PARTS) == part],
            settings=settings,
            leavers=leavers,
        )


def main() -> None:
    app = cdk.App()
    given = app.node.try_get_context
    studio(
        app,
        people=PEOPLE,
        place=cdk.Environment(account=given("account"), region=given("region")),
        vpc_id=given("vpc"),
        subnet_id=given("subnet"),
        security_group_id=given("security-group"),
        key_arn=given("key"),
        role_arn=given("role"),
    )
    app.synth()


if __name__ == "__main__":
    main()
