"""Who comes into Studio as whom, by the policy that the administrator's page gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from support.identity import ACCOUNT, REGION, EnforcingAws, Somebody, document, statement, trusting
from support.outside import ROOT


@pytest.fixture(scope="module")
def domain(enforcing: EnforcingAws) -> str:
    ec2, sagemaker = enforcing.client("ec2"), enforcing.client("sagemaker")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    role = enforcing.role(trust=trusting({"Service": "sagemaker.amazonaws.com"}))
    arn = sagemaker.create_domain(
        DomainName="signing-in",
        AuthMode="IAM",
        VpcId=vpc,
        SubnetIds=[subnet],
        DefaultUserSettings={"ExecutionRole": role},
    )["DomainArn"]
    found = str(arn.rpartition("/")[2])
    for profile in ("research-ada", "research-grace"):
        sagemaker.create_user_profile(DomainId=found, UserProfileName=profile)
    return found


@pytest.fixture(scope="module")
def policy(domain: str) -> Sequence[Mapping[str, Any]]:
    page = (ROOT / "docs/administrator.md").read_text()
    found = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert found is not None
    text = found[1].replace("REGION", REGION).replace("ACCOUNT", ACCOUNT).replace("DOMAIN", domain)
    statements: Sequence[Mapping[str, Any]] = json.loads(text)["Statement"]
    return statements


def _enters(somebody: Somebody, domain: str, profile: str) -> bool:
    return somebody.may("sagemaker", "create_presigned_domain_url", DomainId=domain, UserProfileName=profile)


def test_a_user_comes_in_as_the_profile_of_their_tag_alone(
    enforcing: EnforcingAws, domain: str, policy: Sequence[Mapping[str, Any]]
) -> None:
    ada = enforcing.user(*policy, tags={"studio-profile": "research-ada"})

    address = ada.client("sagemaker").create_presigned_domain_url(
        DomainId=domain, UserProfileName="research-ada"
    )["AuthorizedUrl"]

    assert "token=" in address
    assert not _enters(ada, domain, "research-grace")
    listed = ada.client("sagemaker").list_user_profiles(DomainIdEquals=domain)["UserProfiles"]
    assert {each["UserProfileName"] for each in listed} == {"research-ada", "research-grace"}


def test_people_of_an_identity_provider_share_a_role_and_are_told_apart(
    enforcing: EnforcingAws, domain: str, policy: Sequence[Mapping[str, Any]]
) -> None:
    entering = ["sts:AssumeRole", "sts:TagSession"]
    trust = document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": entering})
    role = enforcing.role(*policy, trust=trust)
    provider = enforcing.user(statement(entering))

    grace = enforcing.session(role, by=provider, Tags=[{"Key": "studio-profile", "Value": "research-grace"}])

    assert _enters(grace, domain, "research-grace")
    assert not _enters(grace, domain, "research-ada")


def test_who_has_no_tag_comes_in_nowhere(
    enforcing: EnforcingAws, domain: str, policy: Sequence[Mapping[str, Any]]
) -> None:
    nobody = enforcing.user(*policy)

    assert not any(_enters(nobody, domain, name) for name in ("research-ada", "research-grace"))
