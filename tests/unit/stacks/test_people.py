"""An environment's people in its stacks: ten or ten thousand, and nobody moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.environment.model import Environment
from stacks.environment_app import add_stacks, new_app
from stacks.limits import problems_of_tree
from support.synthesis import ROOT

PEOPLE = {f"person-{number}": "data-scientist" for number in range(30)}

Assembly = Mapping[str, Any]
"""Templates by their files' names, those of nested stacks, too."""
Synthesise = Callable[..., Assembly]


def environment(**changes: Any) -> Environment:
    return Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {"members": PEOPLE}},
        }
        | changes
    )


@pytest.fixture(scope="module")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    def of(**changes: Any) -> Assembly:
        folder = tmp_path_factory.mktemp("assembly")
        app = new_app(ROOT, folder)
        add_stacks(app, environment(**changes), ROOT)
        app.synth()
        return {path.name: json.loads(path.read_text()) for path in folder.glob("*.template.json")}

    return of


@pytest.fixture(scope="module")
def before(synthesise: Synthesise) -> Assembly:
    return synthesise()


def changed(before: Assembly, after: Assembly) -> set[str]:
    """The files that differ, apart from where a nested stack's template is."""

    def content(template: Any) -> Any:
        for resource in template["Resources"].values():
            resource.get("Properties", {}).pop("TemplateURL", None)
        return template

    names = {*before, *after}
    return {
        name
        for name in names
        if name not in before or name not in after or content(before[name]) != content(after[name])
    }


def profiles(assembly: Assembly) -> dict[str, str]:
    """The file that each profile is in."""
    return {
        resource["Properties"]["UserProfileName"]: file
        for file, template in assembly.items()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SageMaker::UserProfile"
    }


@pytest.mark.parametrize(
    "members",
    [PEOPLE | {"ada": "data-scientist"}, {name: PEOPLE[name] for name in PEOPLE if name != "person-3"}],
    ids=["joins", "leaves"],
)
def test_one_person_changes_one_nested_template(
    synthesise: Synthesise, before: Assembly, members: dict[str, str]
) -> None:
    after = synthesise(teams={"research": {"members": members}})

    (file,) = changed(before, after)
    assert ".nested." in file


def test_a_changed_setting_changes_no_nested_template(synthesise: Synthesise, before: Assembly) -> None:
    after = synthesise(personas={"data-scientist": {"tools": {"idle": {"after_minutes": 90}}}})

    assert changed(before, after) == {"Studio.template.json"}


def test_who_has_left_changes_one_nested_template(synthesise: Synthesise, before: Assembly) -> None:
    left = {"person-3": {"persona": "data-scientist", "left": True}}

    (file,) = changed(before, synthesise(teams={"research": {"members": PEOPLE | left}}))

    assert file == profiles(before)["research-person-3"]


def test_imports_nobodys_role(before: Assembly) -> None:
    # a role that Studio imported could not be deleted by Access when its last user leaves
    given = [
        resource["Properties"]["Parameters"]["RoleResearchDataScientist"]
        for resource in before["Studio.template.json"]["Resources"].values()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    ]

    assert {str(role).count("ImportValue") for role in given} == {0}
    assert all("clary-dev-research-data-scientist" in str(role) for role in given)


def test_a_large_team_has_stacks_of_its_own(synthesise: Synthesise) -> None:
    assembly = synthesise(
        teams={
            "research": {"members": PEOPLE, "own_stacks": 3},
            "other": {"members": {"ada": "administrator"}},
        }
    )

    found = profiles(assembly)
    assert found["other-ada"].startswith("StudioPeople")
    assert {f"People-research-{number}.template.json" for number in (1, 2, 3)} < {*assembly}
    assert {file[: len("Peopleresearch1")] for name, file in found.items() if name != "other-ada"} <= {
        f"Peopleresearch{number}" for number in (1, 2, 3)
    }
    assert len(found) == 31


def test_a_stack_without_people_is_a_stack(synthesise: Synthesise) -> None:
    assembly = synthesise(teams={"research": {"own_stacks": 1}})

    types = [each["Type"] for each in assembly["People-research-1.template.json"]["Resources"].values()]
    assert types == ["AWS::CloudFormation::WaitConditionHandle"]


def test_a_role_of_ones_own_goes_with_the_policies(synthesise: Synthesise) -> None:
    assembly = synthesise(teams={"research": {"members": PEOPLE, "role": "person"}})
    fewer = {name: PEOPLE[name] for name in PEOPLE if name != "person-3"}

    differs = changed(assembly, synthesise(teams={"research": {"members": fewer, "role": "person"}}))

    assert sorted(file[:6] for file in differs) == ["Access", "Studio"]
    roles = [
        each["Properties"]["RoleName"]
        for file, template in assembly.items()
        if file.startswith("AccessPersonRoles")
        for each in template["Resources"].values()
    ]
    assert sorted(roles) == sorted(f"clary-dev-research-{name}" for name in PEOPLE)


def test_a_teams_space_belongs_to_nobody_who_could_leave(synthesise: Synthesise) -> None:
    assembly = synthesise(teams={"research": {"shared_space": {"storage_gib": 50}}})

    (space,) = (
        each["Properties"]
        for template in assembly.values()
        for each in template["Resources"].values()
        if each["Type"] == "AWS::SageMaker::Space"
    )
    assert space["SpaceName"] == "research--shared"
    assert space["SpaceSharingSettings"] == {"SharingType": "Shared"}
    assert space["OwnershipSettings"] == {"OwnerUserProfileName": "research--shared"}


def test_lets_the_files_groups_in_once_each(synthesise: Synthesise) -> None:
    group = "94482488-3041-7026-18f3-be45837cd0e4"
    ada = {"ada": {"persona": "data-scientist", "user_name": "ada@example.org"}}
    grace = {"grace": {"persona": "data-scientist", "user_name": "grace@example.org"}}
    assembly = synthesise(
        studio={"authentication": "identity-center"},
        teams={
            "research": {"members": ada, "identity_center_groups": [group]},
            "platform": {"members": grace, "identity_center_groups": [group]},
        },
    )

    groups = [
        each["Properties"]["PrincipalId"]
        for each in assembly["Studio.template.json"]["Resources"].values()
        if each["Type"] == "AWS::SSO::ApplicationAssignment"
    ]
    assert groups == [group]


def test_a_tree_that_cloudformation_refuses_is_told_with_what_would_do(tmp_path: Path) -> None:
    many = {f"person-{number}": "data-scientist" for number in range(500)}
    app = new_app(ROOT, tmp_path)
    add_stacks(app, environment(teams={"research": {"members": many}}), ROOT)
    app.synth()

    (problem,) = problems_of_tree("clary-dev-studio", tmp_path / "Studio.template.json")

    assert "resources with all that is nested in it, CloudFormation takes 2,500 in one operation" in problem
    assert "give 'own_stacks' to a team that has nobody yet" in problem
