"""People of a domain as plain data, in nested stacks that nobody moves between."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs import (
    StartupScript,
    StudioDomain,
    StudioImage,
    StudioLeavers,
    StudioSettings,
    StudioSpace,
    StudioTools,
    StudioUser,
    UserGroup,
    UserProfiles,
    part_of,
)
from clary_constructs._user_template import shard_of, shard_template

ENV = cdk.Environment(account="111122223333", region="eu-west-1")
ADA = StudioUser(
    "research-ada",
    "Scientists",
    spaces=[
        StudioSpace("research-ada", instance_type="ml.t3.large", storage_gib=20),
        StudioSpace("research-ada--editor", application="CodeEditor"),
    ],
)
GRACE = StudioUser("research-grace", "Scientists")


def resources(users: Sequence[StudioUser], *, retain: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = shard_template(users, retain=retain)["Resources"]
    return found


def of_type(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [each for each in found.values() if each["Type"] == name]


def test_gives_everybody_their_spaces_with_disks_of_their_own() -> None:
    lab, editor = of_type(resources([ADA]), "AWS::SageMaker::Space")

    assert lab["Properties"] == {
        "DomainId": {"Ref": "DomainId"},
        "SpaceName": "research-ada",
        "OwnershipSettings": {"OwnerUserProfileName": "research-ada"},
        "SpaceSharingSettings": {"SharingType": "Private"},
        "SpaceSettings": {
            "AppType": "JupyterLab",
            "JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": "ml.t3.large"}},
            "SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 20}},
        },
    }
    assert editor["Properties"]["SpaceName"] == "research-ada--editor"
    assert editor["Properties"]["SpaceSettings"]["AppType"] == "CodeEditor"
    assert "CodeEditorAppSettings" in editor["Properties"]["SpaceSettings"]


def test_lets_a_users_apps_speak_to_each_other_only() -> None:
    found = resources([ADA])
    own = {"Fn::GetAtt": ["AppsResearchAdaA5228AB4", "GroupId"]}
    (profile,) = of_type(found, "AWS::SageMaker::UserProfile")

    for way, other in (("Ingress", "Source"), ("Egress", "Destination")):
        (rule,) = of_type(found, f"AWS::EC2::SecurityGroup{way}")
        assert rule["Properties"]["GroupId"] == rule["Properties"][f"{other}SecurityGroupId"] == own
        assert (rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) == (8192, 65535)
    assert profile["Properties"]["UserSettings"]["SecurityGroups"] == [{"Ref": "SecurityGroupId"}, own]


def test_keeps_everybodys_work_under_ids_that_do_not_change() -> None:
    kept = {name for name, each in resources([ADA]).items() if each.get("DeletionPolicy") == "Retain"}

    # a new id would be a new, empty home
    assert kept == {
        "AppsResearchAdaA5228AB4",
        "ProfileResearchAdaA5228AB4",
        "SpaceResearchAdaA5228AB4",
        "SpaceEditorResearchAdaA5228AB4",
    }


def test_lets_work_go_where_the_domain_does() -> None:
    found = resources([ADA], retain=False)

    assert {each.get("DeletionPolicy") for each in found.values()} == {"Delete", None}
    assert found["Leavers"]["Properties"]["Work"] == "goes"


def test_nobody_moves_whoever_comes() -> None:
    names = [f"team-person{number}" for number in range(40)]

    # these are the places of people who are there: another one would be another, empty home
    assert [shard_of(name) for name in names[:10]] == [6, 0, 4, 4, 1, 0, 7, 3, 3, 4]
    assert [part_of(name, 4) for name in names[:10]] == [1, 2, 1, 2, 1, 1, 2, 0, 2, 0]
    assert {shard_of(name) for name in names} == {*range(8)}


def test_sends_all_who_find_the_same_one_setting_after_their_profiles() -> None:
    other = StudioUser("research-linus", "Engineers")
    found = resources([GRACE, ADA, other])

    sent = found["SentScientists"]
    assert sent["Properties"]["UserProfileNames"] == ["research-ada", "research-grace"]
    assert sent["Properties"]["UserSettings"] == [{"Ref": "PortalScientists"}, {"Ref": "SettingsScientists"}]
    assert len(sent["DependsOn"]) == 2
    assert found["SentEngineers"]["Properties"]["UserProfileNames"] == ["research-linus"]


def test_sees_off_whoever_goes_before_anything_of_theirs_does() -> None:
    found = resources([ADA, GRACE])

    theirs = {name for name, each in found.items() if each["Type"].startswith("AWS::SageMaker::")}
    assert {*found["Leavers"]["DependsOn"]} == theirs
    assert found["Leavers"]["Properties"]["UserProfileNames"] == ["research-ada", "research-grace"]


def test_who_has_left_keeps_their_work_and_no_rights() -> None:
    left = StudioUser("research-ada", "Scientists", spaces=ADA.spaces, left=True)
    before, after = resources([ADA]), resources([left])

    (profile,) = of_type(after, "AWS::SageMaker::UserProfile")
    assert profile["Properties"]["UserSettings"]["ExecutionRole"] == {"Ref": "RestRole"}
    assert after["Leavers"]["Properties"]["Left"] == ["research-ada"]
    assert "SentScientists" not in after
    assert of_type(before, "AWS::SageMaker::Space") == of_type(after, "AWS::SageMaker::Space")


def test_signs_in_with_identity_center_by_user_name() -> None:
    found = resources([StudioUser("ada", "Scientists", single_sign_on_name="ada@example.org")])

    (profile,) = of_type(found, "AWS::SageMaker::UserProfile")
    assert profile["Properties"]["SingleSignOnUserIdentifier"] == "UserName"
    assert profile["Properties"]["SingleSignOnUserValue"] == "ada@example.org"


def test_works_as_a_role_of_ones_own() -> None:
    template = shard_template([StudioUser("ada", "Scientists", own_role="/clary/dev/ada")], retain=True)
    (profile,) = of_type(template["Resources"], "AWS::SageMaker::UserProfile")

    role = profile["Properties"]["UserSettings"]["ExecutionRole"]
    assert role["Fn::Join"][1][-1] == "role/clary/dev/ada"
    assert "RoleScientists" not in template["Parameters"]


def test_asks_for_the_parameters_that_it_uses() -> None:
    template = shard_template([ADA], retain=True)

    used = {word.split('"')[0] for word in json.dumps(template["Resources"]).split('{"Ref": "')[1:]}
    assert used == {*template["Parameters"]}


def test_refuses_two_users_of_one_name() -> None:
    with pytest.raises(ValueError, match=r"two are called 'AppsResearchAda.*, names are one to a user"):
        resources([ADA, ADA])


@pytest.mark.parametrize("name", ["", "-ada", "ada lovelace", "a" * 64])
def test_refuses_a_name_that_sagemaker_does_not_take(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a profile or a space"):
        StudioUser(name, "Scientists")


def _image(stack: cdk.Stack, name: str) -> StudioImage:
    repository = ecr.Repository.from_repository_name(stack, f"{name}Repository", name)
    return StudioImage(stack, name.capitalize(), name=name, repository=repository, tag="v1")


class Studio:
    """A domain, and what it takes to have people in it."""

    def __init__(self, folder: Path, *, startup: StartupScript | None = None, image: str = "") -> None:
        self.app = cdk.App(outdir=str(folder))
        self.stack = cdk.Stack(self.app, "Studio", env=ENV)
        code = lambda_.Code.from_inline("def handler(event, context): ...")
        key = kms.Key.from_key_arn(self.stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/1")
        vpc = ec2.Vpc.from_vpc_attributes(
            self.stack,
            "Vpc",
            vpc_id="vpc-1",
            availability_zones=["eu-west-1a"],
            isolated_subnet_ids=["subnet-1"],
            isolated_subnet_route_table_ids=["rtb-1"],
        )
        self.domain = StudioDomain(
            self.stack,
            "Studio",
            domain_name="clary-dev",
            vpc=vpc,
            subnets=ec2.SubnetSelection(subnets=vpc.isolated_subnets),
            security_group=ec2.SecurityGroup.from_security_group_id(self.stack, "Group", "sg-workload"),
            encryption_key=key,
            startup=startup,
            images=[_image(self.stack, image)] if image else [],
        )
        self._common = {
            "settings": StudioSettings(
                self.stack, "Settings", code=code, domain=self.domain, encryption_key=key
            ),
            "leavers": StudioLeavers(
                self.stack, "Leavers", code=code, domain=self.domain, encryption_key=key
            ),
        }

    def add(self, users: Sequence[StudioUser], tools: StudioTools | None = None) -> None:
        role = iam.Role.from_role_arn(self.stack, "Role", "arn:aws:iam::111122223333:role/scientists")
        UserProfiles(
            self.stack,
            "People",
            domain=self.domain,
            groups=[UserGroup("Scientists", execution_role=role, tools=tools or StudioTools())],
            users=users,
            **self._common,
        )


def test_hands_each_nested_stack_what_it_asks_for(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.add([ADA])
    template = studio.app.synth().get_stack_by_name("Studio").template

    (nested,) = of_type(template["Resources"], "AWS::CloudFormation::Stack")
    file = json.loads((tmp_path / nested["Metadata"]["aws:asset:path"]).read_text())
    given = nested["Properties"]["Parameters"]
    assert {*given} == {*file["Parameters"]}
    assert given["RoleScientists"] == "arn:aws:iam::111122223333:role/scientists"
    assert json.loads(given["PortalScientists"])["StudioWebPortalSettings"]["HiddenInstanceTypes"] == []
    assert any(name.startswith("SettingsPolicy") for name in nested["DependsOn"])
    assert any(name.startswith("LeaversAgain") for name in nested["DependsOn"])


def settings_of(studio: Studio) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the group is sent of JupyterLab, and the startup scripts that are made for people."""
    template = studio.app.synth().get_stack_by_name("Studio").template
    (nested,) = of_type(template["Resources"], "AWS::CloudFormation::Stack")
    said = nested["Properties"]["Parameters"]["SettingsScientists"]
    text = "".join(part if isinstance(part, str) else part["Fn::GetAtt"][0] for part in said["Fn::Join"][1])
    scripts = {
        name: each["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == "Custom::StudioStartup"
    }
    return json.loads(text)["JupyterLabAppSettings"], scripts


def test_starts_spaces_as_the_domain_does_but_by_a_script_that_no_other_needs(tmp_path: Path) -> None:
    studio = Studio(tmp_path, startup=StartupScript(packages=["polars"]))
    studio.add([ADA])
    lab, scripts = settings_of(studio)

    own = scripts[lab["BuiltInLifecycleConfigArn"]]
    assert own["Application"] == "JupyterLab"
    assert own["Name"].startswith("clary-dev-people-jupyter-lab-")
    assert "install --quiet --disable-pip-version-check polars" in base64.b64decode(own["Content"]).decode()
    assert len(scripts) == 2


def test_starts_spaces_of_a_group_in_its_own_way(tmp_path: Path) -> None:
    studio = Studio(tmp_path, startup=StartupScript(packages=["polars"]))
    studio.add([ADA], StudioTools(startup=StartupScript(packages=["duckdb"])))
    lab, scripts = settings_of(studio)

    script = base64.b64decode(scripts[lab["BuiltInLifecycleConfigArn"]]["Content"]).decode()
    assert "duckdb" in script
    assert "polars" not in script


def test_says_all_images_and_not_only_those_of_the_group(tmp_path: Path) -> None:
    studio = Studio(tmp_path, image="maps")
    studio.add([ADA], StudioTools(images=[_image(studio.stack, "weather")]))
    lab, _ = settings_of(studio)

    assert [image["ImageName"] for image in lab["CustomImages"]] == ["maps", "weather"]


def test_refuses_whoever_is_of_no_group(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'ada' is of no group: 'Painters' is not among"):
        Studio(tmp_path).add([StudioUser("ada", "Painters")])


def test_may_pass_the_role_without_rights_and_no_other(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    template = studio.app.synth().get_stack_by_name("Studio").template

    passed = [
        statement["Resource"]
        for policy in of_type(template["Resources"], "AWS::IAM::ManagedPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "iam:PassRole"
    ]
    assert [each["Fn::GetAtt"][0].startswith("StudioDefaultRole") for each in passed] == [True]
