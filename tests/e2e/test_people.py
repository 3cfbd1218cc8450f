"""People who come, leave and come back, in an environment whose data is retained."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.checkout import Checkout
from support.deployed import client_of
from support.processes import free_port, left_of, processes_of

_FILE = """\
name: local
account: "000000000000"
region: us-east-1
repositories: [notebooks]
studio:
  images:
    common: {repository: notebooks, tag: v1}
    maps: {repository: notebooks, tag: v2, for_everybody: false}
teams:
  research:
    shared_space: {}
    members:
      ada: {persona: data-scientist, spaces: {editor: {application: code-editor}}}
      emmy: data-scientist
      grace: {persona: mlops-engineer, space: null}
  platform:
    role: person
    own_stacks: 2
    members:
      linus: mlops-engineer
      margaret: mlops-engineer
"""
_NESTED = "AWS::CloudFormation::Stack"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root, state = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("state")
    found = Checkout.made(root, state, free_port())
    found.file.write_text(_FILE)
    assert found("local", "start", "--port", str(found.port)).returncode == 0
    _deploy(found)
    yield found
    assert found("down").returncode == 0
    client_of.cache_clear()
    assert left_of(processes_of(state)) == []


def _deploy(checkout: Checkout) -> None:
    done = checkout("deploy", "local")
    assert done.returncode == 0, done.stdout + done.stderr


def _profile(checkout: Checkout, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = checkout.client("sagemaker").describe_user_profile(
        DomainId=checkout.domain_id, UserProfileName=name
    )
    return found


def _role(checkout: Checkout, name: str) -> str:
    return str(_profile(checkout, name)["UserSettings"]["ExecutionRole"]).rsplit("/", 1)[-1]


def _spaces(checkout: Checkout) -> set[str]:
    listed = checkout.client("sagemaker").list_spaces(DomainIdEquals=checkout.domain_id)["Spaces"]
    return {space["SpaceName"] for space in listed}


def _events(checkout: Checkout) -> dict[str, int]:
    """How many events of resources each nested stack of people has, by its name."""
    cloudformation = checkout.client("cloudformation")
    found = {}
    for parent in ("studio", "people-platform-1", "people-platform-2"):
        listed = cloudformation.list_stack_resources(StackName=f"clary-local-{parent}")
        for each in listed["StackResourceSummaries"]:
            if each["ResourceType"] == _NESTED:
                stack = each["PhysicalResourceId"]
                events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
                found[stack] = sum(each["PhysicalResourceId"] != stack for each in events)
    return found


def _open(checkout: Checkout, space: str) -> None:
    checkout.client("sagemaker").create_app(
        DomainId=checkout.domain_id, SpaceName=space, AppType="JupyterLab", AppName="default"
    )


def _apps(checkout: Checkout) -> set[str]:
    listed = checkout.client("sagemaker").list_apps(DomainIdEquals=checkout.domain_id)["Apps"]
    return {app["SpaceName"] for app in listed if app["Status"] != "Deleted"}


def test_everybody_finds_what_the_file_says(checkout: Checkout) -> None:
    assert _spaces(checkout) == {
        "research-ada",
        "research-ada--editor",
        "research-emmy",
        "research--shared",
        "platform-linus",
        "platform-margaret",
    }
    editor = checkout.client("sagemaker").describe_space(
        DomainId=checkout.domain_id, SpaceName="research-ada--editor"
    )
    assert editor["SpaceSettings"]["AppType"] == "CodeEditor"
    settings = _profile(checkout, "platform-linus")["UserSettings"]
    assert (
        settings["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"]["IdleTimeoutInMinutes"]
        == 60
    )


def test_a_role_of_ones_own_takes_ones_own_name_only(checkout: Checkout) -> None:
    assert _role(checkout, "platform-linus") == "clary-local-platform-linus"

    iam = checkout.client("iam")
    role = iam.get_role(RoleName="clary-local-platform-linus")["Role"]
    _, identity = role["AssumeRolePolicyDocument"]["Statement"]
    attached = iam.list_attached_role_policies(RoleName="clary-local-platform-linus")["AttachedPolicies"]
    assert identity["Condition"]["StringEquals"]["sts:SourceIdentity"] == "platform-linus"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert len(attached) >= 2


def test_one_person_who_joins_is_an_event_in_one_nested_stack_only(checkout: Checkout) -> None:
    before = _events(checkout)
    assert checkout("users", "add", "local", "katherine", "--team", "research").returncode == 0

    _deploy(checkout)

    after = _events(checkout)
    assert len([stack for stack in after if after[stack] != before.get(stack, 0)]) == 1
    assert "research-katherine" in _spaces(checkout)


def test_who_leaves_loses_rights_and_keeps_work_and_only_who_has_left_in_the_file_comes_back(
    checkout: Checkout,
) -> None:
    uid = _profile(checkout, "research-ada")["HomeEfsFileSystemUid"]
    spaces = _spaces(checkout)
    for space in ("research-ada", "research-emmy", "research-katherine"):
        _open(checkout, space)

    left = checkout("users", "remove", "local", "ada")
    checkout("users", "remove", "local", "emmy", "--forget")
    told = checkout("diff", "local")
    _deploy(checkout)
    roles = [_role(checkout, f"research-{name}") for name in ("ada", "emmy")]
    apps, there = _apps(checkout), _spaces(checkout)
    checkout("users", "add", "local", "ada", "--team", "research")
    checkout("users", "add", "local", "emmy", "--team", "research")
    told_of_return, refused = checkout("diff", "local"), checkout("deploy", "local")
    sagemaker, domain = checkout.client("sagemaker"), {"DomainId": checkout.domain_id}
    sagemaker.delete_space(**domain, SpaceName="research-emmy")
    sagemaker.delete_user_profile(**domain, UserProfileName="research-emmy")
    _deploy(checkout)

    assert "left: true" in left.stdout
    assert "research-ada has left: the profile stays with its disk, without rights" in told.stdout
    assert "research-emmy leaves the file: the profile and the private space are kept" in told.stdout
    assert all("DefaultRole" in role for role in roles)
    assert apps == {"research-katherine"}
    assert there == spaces
    assert "research-ada is back as data-scientist" in told_of_return.stdout
    assert refused.returncode == 1
    assert "Studio has a user profile 'research-emmy' already" in refused.stderr
    assert _role(checkout, "research-ada") == "clary-local-research-data-scientist"
    assert _profile(checkout, "research-ada")["HomeEfsFileSystemUid"] == uid
    assert _role(checkout, "research-emmy") == "clary-local-research-data-scientist"


def _started(checkout: Checkout, name: str) -> tuple[str, list[str]]:
    """The script that runs in somebody's JupyterLab when it starts, and the images that they choose from."""
    sagemaker = checkout.client("sagemaker")
    lab = _profile(checkout, name)["UserSettings"]["JupyterLabAppSettings"]
    config = sagemaker.describe_studio_lifecycle_config(
        StudioLifecycleConfigName=lab["BuiltInLifecycleConfigArn"].rpartition("/")[2]
    )
    script = base64.b64decode(config["StudioLifecycleConfigContent"]).decode()
    return script, [image["ImageName"] for image in lab["CustomImages"]]


def test_a_persona_has_a_startup_and_images_of_its_own_as_long_as_the_file_says(checkout: Checkout) -> None:
    uid = _profile(checkout, "research-grace")["HomeEfsFileSystemUid"]
    domain = checkout.domain_id
    before = [_started(checkout, name) for name in ("research-grace", "research-ada")]
    more = "personas: {mlops-engineer: {tools: {startup: {packages: [polars]}, images: [maps]}}}\n"

    with checkout.edited(lambda text: text + more):
        told = checkout("diff", "local", "--json")
        _deploy(checkout)
        drifted = checkout("drift", "local", "--json")
        scripts, images = zip(
            *(_started(checkout, name) for name in ("research-grace", "platform-linus", "research-ada")),
            strict=True,
        )
    _deploy(checkout)

    assert json.loads(told.stdout)["refusals"] == []
    assert json.loads(drifted.stdout) == []
    assert ["polars" in script for script in scripts] == [True, True, False]
    common, maps = "clary-local-common", "clary-local-maps"
    assert images == ([common, maps], [common, maps], [common])
    assert [_started(checkout, name) for name in ("research-grace", "research-ada")] == before
    assert _profile(checkout, "research-grace")["HomeEfsFileSystemUid"] == uid
    assert checkout.domain_id == domain


def test_another_persona_is_another_role_in_place(checkout: Checkout) -> None:
    uid = _profile(checkout, "research-grace")["HomeEfsFileSystemUid"]
    with checkout.edited(
        lambda text: text.replace("grace: {persona: mlops-engineer", "grace: {persona: data-analyst")
    ):
        told = checkout("diff", "local")

    assert (
        "research-grace is a data-analyst from now on: the profile gets another role, in place" in told.stdout
    )
    assert _profile(checkout, "research-grace")["HomeEfsFileSystemUid"] == uid


def test_a_renamed_team_and_moved_people_are_refused(checkout: Checkout) -> None:
    with checkout.edited(lambda text: text.replace("  research:", "  science:")):
        renamed = checkout("diff", "local", "--json")
    with checkout.edited(lambda text: text.replace("own_stacks: 2", "own_stacks: 3")):
        moved = checkout("diff", "local", "--json")

    assert (renamed.returncode, moved.returncode) == (3, 3)
    (refusal,) = json.loads(renamed.stdout)["refusals"]
    assert refusal.startswith("the team 'research' would be called 'science'")
    assert "'own_stacks' cannot change" in json.loads(moved.stdout)["refusals"][0]


def test_nothing_has_drifted(checkout: Checkout) -> None:
    found = checkout("drift", "local", "--json")

    assert (found.returncode, json.loads(found.stdout)) == (0, [])


def test_the_last_of_a_stack_leaves_with_it(checkout: Checkout) -> None:
    lines = "  platform:\n    role: person\n    own_stacks: 2\n"
    with checkout.edited(lambda text: text[: text.index(lines)]):
        told = checkout("diff", "local")
        _deploy(checkout)

    assert "the stack clary-local-people-platform-1 is deleted" in told.stdout
    with pytest.raises(ClientError, match="does not exist"):
        checkout.client("cloudformation").describe_stacks(StackName="clary-local-people-platform-1")
    assert "DefaultRole" in _role(checkout, "platform-linus")
