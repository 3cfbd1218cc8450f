"""The function that removes a Studio domain, beside a running local AWS that keeps what SageMaker keeps."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime_common.continuation import TimeIsUp
from studio_remover.adapters import Clients, layers
from studio_remover.rules import remove
from support.deployed import LocalAws
from support.settings import Settings


class Studio:
    """A domain in a network of its own, with people at work in it."""

    def __init__(self, local_aws: LocalAws, account: str) -> None:
        self.client = lambda service: local_aws.client(service, account)
        ec2, sagemaker = self.client("ec2"), self.client("sagemaker")
        self.vpc = ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.5.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        answer = sagemaker.create_domain(
            DomainName="workshop",
            AuthMode="IAM",
            DefaultUserSettings={"ExecutionRole": f"arn:aws:iam::{account}:role/worker"},
            VpcId=self.vpc,
            SubnetIds=self.subnets,
            AppNetworkAccessType="VpcOnly",
        )
        self.arn = answer["DomainArn"]
        self.domain = {"DomainId": answer["DomainArn"].rpartition("/")[2]}
        for name in ("ada", "grace"):
            sagemaker.create_user_profile(**self.domain, UserProfileName=name)
        sagemaker.create_space(
            **self.domain,
            SpaceName="ada-lab",
            OwnershipSettings={"OwnerUserProfileName": "ada"},
            SpaceSharingSettings={"SharingType": "Private"},
        )
        sagemaker.create_app(**self.domain, SpaceName="ada-lab", AppType="JupyterLab", AppName="default")
        sagemaker.create_app(**self.domain, UserProfileName="grace", AppType="KernelGateway", AppName="k")

    def remove(self, *, rounds: int = 100) -> None:
        clients = Clients(self.client("sagemaker"), self.client("efs"), self.client("ec2"))
        found = layers(clients, domain_id=self.domain["DomainId"], domain_arn=self.arn, vpc_id=self.vpc)
        left = iter(range(rounds))
        remove(found, time_is_up=lambda: next(left, None) is None, pause=lambda: None)

    def delete_network(self) -> None:
        for subnet in self.subnets:
            self.client("ec2").delete_subnet(SubnetId=subnet)
        self.client("ec2").delete_vpc(VpcId=self.vpc)


@pytest.fixture
def studio(local_aws: LocalAws, account: str) -> Studio:
    return Studio(local_aws, account)


@pytest.fixture
def account(request: pytest.FixtureRequest) -> str:
    """One for each test: what a test leaves is nobody else's."""
    return f"{zlib.crc32(request.node.name.encode()):012d}"


@pytest.fixture
def settings(local_aws: LocalAws, account: str) -> Iterator[Settings]:
    changed = Settings(local_aws, account)
    yield changed
    changed.reset()


def test_a_network_with_a_home_in_it_cannot_go(studio: Studio) -> None:
    with pytest.raises(ClientError, match="DependencyViolation"):
        studio.delete_network()


def test_removes_the_domain_and_all_that_would_keep_its_network(studio: Studio) -> None:
    studio.remove()

    assert studio.client("sagemaker").list_domains()["Domains"] == []
    assert studio.client("efs").describe_file_systems()["FileSystems"] == []
    studio.delete_network()


def test_goes_on_where_its_time_was_up(studio: Studio, settings: Settings) -> None:
    settings.put(state_seconds_of={"App": 0.5})
    with pytest.raises(
        TimeIsUp, match="apps still being deleted: ada-lab/JupyterLab/default, grace/KernelGateway/k"
    ):
        studio.remove(rounds=0)
    settings.reset()

    studio.remove(rounds=100_000)

    studio.delete_network()


def test_removes_what_a_deleted_domain_has_left_behind(studio: Studio) -> None:
    sagemaker: Any = studio.client("sagemaker")
    apps = sagemaker.list_apps()["Apps"]
    for app in apps:
        named = {
            name: app[name] for name in ("UserProfileName", "SpaceName", "AppType", "AppName") if name in app
        }
        sagemaker.delete_app(**studio.domain, **named)
    sagemaker.list_apps()
    sagemaker.delete_space(**studio.domain, SpaceName="ada-lab")
    for name in ("ada", "grace"):
        sagemaker.delete_user_profile(**studio.domain, UserProfileName=name)
    sagemaker.delete_domain(**studio.domain)
    assert len(studio.client("efs").describe_file_systems()["FileSystems"]) == 1

    studio.remove()

    assert studio.client("efs").describe_file_systems()["FileSystems"] == []
    studio.delete_network()
