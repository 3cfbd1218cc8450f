"""A persona for a team that has a Studio already: roles for its people and its jobs, and nothing else."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs import JobRole, PermissionsBoundary, Persona, TeamWorkspace

ROLE_PATH = "/research/"
CAPABILITIES = ("read-data", "run-spaces", "run-jobs", "use-private-data", "track-experiments")
ENCRYPTED = {
    "Sid": "EncryptedVolumes",
    "Effect": "Deny",
    "Action": ["sagemaker:CreateTrainingJob", "sagemaker:CreateProcessingJob"],
    "Resource": "*",
    "Condition": {"Null": {"sagemaker:VolumeKmsKey": "true"}},
}


def persona(stack: cdk.Stack, *, vpc_id: str, subnet_id: str, bucket: str, key_arn: str) -> Persona:
    """Reviewers of the team research, on a network, data and a key that are there."""
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Network",
        vpc_id=vpc_id,
        availability_zones=[f"{stack.region}a"],
        isolated_subnet_ids=[subnet_id],
    )
    for subnet in vpc.isolated_subnets:
        cdk.Annotations.of(subnet).acknowledge_warning(
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "routes of a given VPC are its owner's"
        )
    data = s3.Bucket.from_bucket_name(stack, "Data", bucket)
    workspace = TeamWorkspace(
        name="research",
        data_bucket=data,
        models_bucket=data,
        encryption_key=kms.Key.from_key_arn(stack, "Key", key_arn),
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        security_group=ec2.SecurityGroup(stack, "Jobs", vpc=vpc, allow_all_outbound=False),
    )
    athena = stack.format_arn(service="athena", resource="workgroup", resource_name="research")
    boundary = PermissionsBoundary(
        stack,
        "Boundary",
        role_path=ROLE_PATH,
        guardrails=[ENCRYPTED],
        also=[(["athena:GetQueryResults"], [athena])],
    ).policy
    jobs = JobRole(stack, "JobRole", workspace=workspace, permissions_boundary=boundary, path=ROLE_PATH)
    reviewer = Persona(
        stack,
        "Reviewer",
        workspace=workspace,
        capabilities=CAPABILITIES,
        job_role=jobs.role,
        permissions_boundary=boundary,
        path=ROLE_PATH,
    )
    reviewer.allow(["athena:GetQueryResults"], [athena], because="what others' queries found")
    cdk.CfnOutput(stack, "ReviewerRoleArn", value=reviewer.role.role_arn)
    cdk.CfnOutput(stack, "JobRoleArn", value=jobs.role.role_arn)
    return reviewer


def main() -> None:
    app = cdk.App()
    given = app.node.try_get_context
    place = cdk.Environment(account=given("account"), region=given("region"))
    persona(
        cdk.Stack(app, "Reviewers", env=place),
        vpc_id=given("vpc-id"),
        subnet_id=given("subnet-id"),
        bucket=given("bucket"),
        key_arn=given("key-arn"),
    )
    app.synth()


if __name__ == "__main__":
    main()
