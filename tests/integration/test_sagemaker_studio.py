"""Studio as SageMaker keeps it: what a domain makes, what is in the way, what apps do, where URLs lead."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from studio_remover.adapters import Clients, layers
from studio_remover.rules import remove
from support.deployed import LocalAws
from support.settings import Settings

ACCOUNT = "000000000710"


class Studio:
    """The only domain of an account, with a user and a shared space."""

    def __init__(self, local_aws: LocalAws) -> None:
        self.settings = Settings(local_aws, ACCOUNT)
        self._local_aws = local_aws
        ec2 = self.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.6.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        self.sagemaker = self.client("sagemaker")
        answer = self.sagemaker.create_domain(
            DomainName="workshop",
            AuthMode="IAM",
            DefaultUserSettings={"ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/worker"},
            VpcId=self.vpc,
            SubnetIds=self.subnets,
            AppNetworkAccessType="VpcOnly",
            Tags=[{"Key": "team", "Value": "research"}],
        )
        self.arn = answer["DomainArn"]
        self.id = self.arn.rpartition("/")[2]
        self.sagemaker.create_user_profile(DomainId=self.id, UserProfileName="Ada")
        self.sagemaker.create_space(DomainId=self.id, SpaceName="lab")

    def client(self, service: str) -> Any:
        return self._local_aws.client(service, ACCOUNT)

    def create_app(self, **owner: str) -> str:
        kind = "JupyterLab" if "SpaceName" in owner else "KernelGateway"
        made = self.sagemaker.create_app(DomainId=self.id, AppType=kind, AppName="default", **owner)
        return str(made["AppArn"])

    def app(self, **owner: str) -> dict[str, Any]:
        kind = "JupyterLab" if "SpaceName" in owner else "KernelGateway"
        found: dict[str, Any] = self.sagemaker.describe_app(
            DomainId=self.id, AppType=kind, AppName="default", **owner
        )
        return found

    def delete_app(self, **owner: str) -> None:
        kind = "JupyterLab" if "SpaceName" in owner else "KernelGateway"
        self.sagemaker.delete_app(DomainId=self.id, AppType=kind, AppName="default", **owner)

    def remove(self) -> None:
        """All of it, the network included."""
        clients = Clients(self.client("sagemaker"), self.client("efs"), self.client("ec2"))
        found = layers(clients, domain_id=self.id, domain_arn=self.arn, vpc_id=self.vpc)
        remove(found, time_is_up=lambda: False, pause=lambda: None)
        for subnet in self.subnets:
            self.client("ec2").delete_subnet(SubnetId=subnet)
        self.client("ec2").delete_vpc(VpcId=self.vpc)

    def empty(self) -> None:
        self.sagemaker.delete_space(DomainId=self.id, SpaceName="lab")
        self.sagemaker.delete_user_profile(DomainId=self.id, UserProfileName="Ada")


@pytest.fixture
def studio(local_aws: LocalAws) -> Iterator[Studio]:
    made = Studio(local_aws)
    yield made
    made.settings.reset()
    made.remove()


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_domain_has_a_home_with_a_mount_target_in_each_subnet(studio: Studio) -> None:
    home = studio.sagemaker.describe_domain(DomainId=studio.id)["HomeEfsFileSystemId"]

    targets = studio.client("efs").describe_mount_targets(FileSystemId=home)["MountTargets"]

    assert {target["SubnetId"] for target in targets} == set(studio.subnets)


def test_a_domain_has_two_groups_for_nfs_that_refer_to_each_other(studio: Studio) -> None:
    ec2 = studio.client("ec2")

    inbound, outbound = (
        ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": [f"security-group-for-{way}-nfs-{studio.id}"]}]
        )["SecurityGroups"][0]
        for way in ("inbound", "outbound")
    )

    assert inbound["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == outbound["GroupId"]
    assert outbound["IpPermissionsEgress"][0]["UserIdGroupPairs"][0]["GroupId"] == inbound["GroupId"]
    assert inbound["IpPermissions"][0]["FromPort"] == outbound["IpPermissionsEgress"][0]["FromPort"] == 2049


def test_a_deleted_domain_leaves_its_home_behind(studio: Studio) -> None:
    studio.empty()

    studio.sagemaker.delete_domain(DomainId=studio.id)

    (home,) = studio.client("efs").describe_file_systems()["FileSystems"]
    assert home["NumberOfMountTargets"] == 2
    assert {"Key": "ManagedByAmazonSageMakerResource", "Value": studio.arn} in home["Tags"]


def test_a_deleted_domain_takes_its_home_along_when_it_is_asked_to(studio: Studio) -> None:
    studio.empty()

    studio.sagemaker.delete_domain(DomainId=studio.id, RetentionPolicy={"HomeEfsFileSystem": "Delete"})

    assert studio.client("efs").describe_file_systems()["FileSystems"] == []
    groups = studio.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [studio.vpc]}]
    )
    assert [group["GroupName"] for group in groups["SecurityGroups"]] == ["default"]


def test_refuses_a_domain_in_a_subnet_of_another_vpc(studio: Studio) -> None:
    code, message = refusal(
        studio.sagemaker.create_domain,
        DomainName="elsewhere",
        AuthMode="IAM",
        DefaultUserSettings={},
        VpcId="vpc-00000000",
        SubnetIds=studio.subnets[:1],
    )

    assert (code, message) == (
        "ValidationException",
        f"Subnet {studio.subnets[0]} does not belong to VPC vpc-00000000.",
    )


def test_keeps_a_domain_with_somebody_in_it(studio: Studio) -> None:
    assert refusal(studio.sagemaker.delete_domain, DomainId=studio.id) == (
        "ResourceInUse",
        f"Unable to delete Domain [{studio.arn}] because UserProfile(s) are associated with it.",
    )


def test_keeps_a_profile_with_an_app_and_names_it_in_small_letters(studio: Studio) -> None:
    studio.create_app(UserProfileName="Ada")

    assert refusal(studio.sagemaker.delete_user_profile, DomainId=studio.id, UserProfileName="Ada") == (
        "ResourceInUse",
        f"Unable to delete UserProfile [{studio.arn.replace('domain/', 'user-profile/')}/ada] because App(s)"
        " are associated with it.",
    )


def test_keeps_a_profile_that_owns_a_space(studio: Studio) -> None:
    studio.sagemaker.create_space(
        DomainId=studio.id,
        SpaceName="own",
        OwnershipSettings={"OwnerUserProfileName": "Ada"},
        SpaceSharingSettings={"SharingType": "Private"},
    )

    code, message = refusal(studio.sagemaker.delete_user_profile, DomainId=studio.id, UserProfileName="Ada")

    assert code == "ResourceInUse"
    assert "Space(s) are associated with it" in message


def test_keeps_a_space_with_an_app_until_that_is_deleted(studio: Studio) -> None:
    studio.create_app(SpaceName="lab")

    assert refusal(studio.sagemaker.delete_space, DomainId=studio.id, SpaceName="lab")[0] == "ResourceInUse"

    assert studio.app(SpaceName="lab")["Status"] == "InService"
    studio.delete_app(SpaceName="lab")
    assert studio.app(SpaceName="lab")["Status"] == "Deleted"
    studio.sagemaker.delete_space(DomainId=studio.id, SpaceName="lab")


def test_an_app_in_a_space_is_not_found_by_a_profile(studio: Studio) -> None:
    studio.create_app(SpaceName="lab")
    studio.create_app(UserProfileName="Ada")

    of_ada = studio.sagemaker.list_apps(DomainIdEquals=studio.id, UserProfileNameEquals="Ada")["Apps"]
    of_all = studio.sagemaker.list_apps(DomainIdEquals=studio.id)["Apps"]

    assert [app["AppType"] for app in of_ada] == ["KernelGateway"]
    assert [app.get("SpaceName") for app in of_all] == ["lab", None]


def test_an_app_takes_time_to_start_and_to_stop(studio: Studio) -> None:
    studio.settings.put(state_seconds_of={"App": 0.2})
    studio.create_app(SpaceName="lab")
    assert refusal(studio.delete_app, SpaceName="lab")[0] == "ResourceInUse"

    seen = []
    while studio.app(SpaceName="lab")["Status"] != "InService":
        seen.append("Pending")
    studio.delete_app(SpaceName="lab")
    while studio.app(SpaceName="lab")["Status"] != "Deleted":
        seen.append("Deleting")

    assert list(dict.fromkeys(seen)) == ["Pending", "Deleting"]


def test_an_app_can_be_created_again_once_it_is_deleted(studio: Studio) -> None:
    studio.create_app(SpaceName="lab")
    assert refusal(studio.create_app, SpaceName="lab")[0] == "ResourceInUse"
    studio.delete_app(SpaceName="lab")
    studio.app(SpaceName="lab")

    studio.create_app(SpaceName="lab")

    assert studio.app(SpaceName="lab")["Status"] == "InService"


def test_a_running_app_holds_on_to_its_subnet(studio: Studio) -> None:
    studio.create_app(SpaceName="lab")

    found = studio.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["*ENI managed by SageMaker*"]}]
    )["NetworkInterfaces"]

    assert [interface["VpcId"] for interface in found] == [studio.vpc]


def test_an_app_carries_the_tags_of_its_domain(studio: Studio) -> None:
    arn = studio.create_app(SpaceName="lab")

    assert {"Key": "team", "Value": "research"} in studio.sagemaker.list_tags(ResourceArn=arn)["Tags"]


def test_an_app_belongs_to_a_profile_or_to_a_space(studio: Studio) -> None:
    app = {"DomainId": studio.id, "AppType": "JupyterLab", "AppName": "default"}

    both = refusal(studio.sagemaker.create_app, **app, UserProfileName="Ada", SpaceName="lab")
    profile = refusal(studio.sagemaker.create_app, **app, UserProfileName="Ada")

    assert (both[0], profile[0]) == ("ValidationException", "ValidationException")
    assert "only be created in a space" in profile[1]


def test_a_lifecycle_configuration_stays_while_it_is_in_use(studio: Studio) -> None:
    made = studio.sagemaker.create_studio_lifecycle_config(
        StudioLifecycleConfigName="hello",
        StudioLifecycleConfigContent="ZWNobw==",
        StudioLifecycleConfigAppType="JupyterLab",
    )["StudioLifecycleConfigArn"]
    settings = {"JupyterLabAppSettings": {"LifecycleConfigArns": [made]}}
    studio.sagemaker.update_user_profile(DomainId=studio.id, UserProfileName="Ada", UserSettings=settings)

    delete = studio.sagemaker.delete_studio_lifecycle_config
    assert refusal(delete, StudioLifecycleConfigName="hello")[0] == "ResourceInUse"

    # What an update leaves out stays as it is: to take it away, it has to be said.
    nothing = {"JupyterLabAppSettings": {"LifecycleConfigArns": []}}
    studio.sagemaker.update_user_profile(DomainId=studio.id, UserProfileName="Ada", UserSettings=nothing)
    delete(StudioLifecycleConfigName="hello")


def test_a_presigned_url_leads_once_to_a_page_that_says_what_is_not_here(studio: Studio) -> None:
    url = studio.sagemaker.create_presigned_domain_url(DomainId=studio.id, UserProfileName="Ada")

    with urllib.request.urlopen(url["AuthorizedUrl"], timeout=10) as answer:
        page = answer.read().decode()

    assert "Studio of the domain workshop for Ada would open now" in page
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(url["AuthorizedUrl"], timeout=10)
    with raised.value as again:
        assert again.status == 403


def test_updated_settings_leave_what_they_do_not_mention(studio: Studio) -> None:
    def update(**settings: Any) -> dict[str, Any]:
        studio.sagemaker.update_user_profile(DomainId=studio.id, UserProfileName="Ada", UserSettings=settings)
        found = studio.sagemaker.describe_user_profile(DomainId=studio.id, UserProfileName="Ada")
        return dict(found["UserSettings"])

    update(JupyterLabAppSettings={"CodeRepositories": [], "LifecycleConfigArns": []})
    update(JupyterLabAppSettings={"CodeRepositories": [{"RepositoryUrl": "https://git.example.org/x"}]})
    settings = update(StudioWebPortalSettings={"HiddenMlTools": ["Models"]})

    assert settings == {
        "JupyterLabAppSettings": {
            "CodeRepositories": [{"RepositoryUrl": "https://git.example.org/x"}],
            "LifecycleConfigArns": [],
        },
        "StudioWebPortalSettings": {"HiddenMlTools": ["Models"]},
    }
    assert update(JupyterLabAppSettings={"CodeRepositories": []})["JupyterLabAppSettings"] == {
        "CodeRepositories": [],
        "LifecycleConfigArns": [],
    }
