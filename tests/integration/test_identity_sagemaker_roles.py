"""What a job and an endpoint do, their roles have to be allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.identity import EnforcingAws, document, statement
from support.sagemaker import Workshop

ACCOUNT = "200000000777"


@pytest.fixture(scope="module")
def workshop(enforcing: EnforcingAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(enforcing, ACCOUNT, tmp_path_factory.mktemp("image")) as made:  # type: ignore[arg-type]
        yield made


def _allow(workshop: Workshop, *resources: str) -> None:
    """The role may pull images, and list and read what is named; nothing else."""
    bucket = f"arn:aws:s3:::{workshop.bucket}"
    workshop.client("iam").put_role_policy(
        RoleName=workshop.role.rpartition("/")[2],
        PolicyName="work",
        PolicyDocument=document(
            statement(["ecr:*", "logs:*", "cloudwatch:*"]),
            statement("s3:ListBucket", bucket),
            statement(["s3:GetObject", "s3:PutObject"], [f"{bucket}/{resource}" for resource in resources]),
        ),
    )


def test_a_job_reads_and_writes_what_its_role_may(workshop: Workshop) -> None:
    _allow(workshop, "out/*")
    workshop.train("unread", factor="2")
    unread = workshop.ended("unread")
    _allow(workshop, "data/*")
    workshop.train("unwritten", factor="2")
    unwritten = workshop.ended("unwritten")
    _allow(workshop, "data/*", "out/*")
    workshop.train("allowed", factor="2")

    assert unread["TrainingJobStatus"] == "Failed"
    assert "s3:GetObject" in unread["FailureReason"]
    assert unwritten["TrainingJobStatus"] == "Failed"
    assert "s3:PutObject" in unwritten["FailureReason"]
    assert workshop.ended("allowed")["TrainingJobStatus"] == "Completed"


def test_an_endpoint_reads_its_model_as_its_role(workshop: Workshop) -> None:
    _allow(workshop, "data/*")
    refused = workshop.serve("unread", workshop.configure("unread", 2))
    _allow(workshop, "models/*")
    served = workshop.serve("read", workshop.configure("read", 3))

    assert refused["EndpointStatus"] == "Failed"
    assert served["EndpointStatus"] == "InService"
    assert workshop.invoke("read", "2") == "6.0"


def test_a_profile_makes_only_its_own_spaces(enforcing: EnforcingAws) -> None:
    ec2, sagemaker = enforcing.client("ec2"), enforcing.client("sagemaker")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    studio = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "000000000000", "Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    )
    own = "arn:aws:sagemaker:*:*:user-profile/${sagemaker:DomainId}/${sagemaker:UserProfileName}"
    mine = {"ArnLike": {"sagemaker:OwnerUserProfileArn": own}}
    private = {"StringEquals": {"sagemaker:SpaceSharingType": "Private"}}
    role = enforcing.role(
        statement(["sagemaker:CreateSpace", "sagemaker:DeleteSpace"], Condition={**mine, **private}),
        trust=studio,
    )
    domain = sagemaker.create_domain(
        DomainName="spaces",
        AuthMode="IAM",
        VpcId=vpc,
        SubnetIds=[subnet],
        DefaultUserSettings={"ExecutionRole": enforcing.role(trust=studio)},
    )["DomainArn"].rpartition("/")[2]
    sagemaker.create_user_profile(
        DomainId=domain, UserProfileName="ada", UserSettings={"ExecutionRole": role}
    )
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="bob")
    ada = enforcing.session(role)

    def space(name: str, owner: str, sharing: str = "Private") -> dict[str, Any]:
        return {
            "DomainId": domain,
            "SpaceName": name,
            "OwnershipSettings": {"OwnerUserProfileName": owner},
            "SpaceSharingSettings": {"SharingType": sharing},
            "SpaceSettings": {"AppType": "JupyterLab"},
        }

    sagemaker.create_space(**space("of-bob", "bob"))
    assert ada.may("sagemaker", "create_space", **space("of-ada", "ada"))
    assert not ada.may("sagemaker", "create_space", **space("for-bob", "bob"))
    assert not ada.may("sagemaker", "create_space", **space("shared", "ada", "Shared"))
    assert not ada.may("sagemaker", "delete_space", DomainId=domain, SpaceName="of-bob")
    assert ada.may("sagemaker", "delete_space", DomainId=domain, SpaceName="of-ada")
