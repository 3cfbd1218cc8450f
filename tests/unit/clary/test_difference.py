"""What edits do, in words, by the synthesised templates of the samples and edits of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from clary.difference import Difference, difference
from clary.environment import loader
from clary.environment.model import Environment
from clary.templates import Template

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment() -> Environment:
    return loader.load(loader.find("local", ROOT))


def _profile(name: str, role: str, policy: str = "Delete") -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::UserProfile",
        "Properties": {
            "DomainId": {"Fn::GetAtt": ["Domain", "DomainId"]},
            "UserProfileName": name,
            "UserSettings": {"ExecutionRole": role},
        },
        "DeletionPolicy": policy,
    }


def _space(name: str, gib: int = 5) -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::Space",
        "Properties": {
            "DomainId": {"Fn::GetAtt": ["Domain", "DomainId"]},
            "SpaceName": name,
            "OwnershipSettings": {"OwnerUserProfileName": name},
            "SpaceSettings": {
                "JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": "ml.t3.medium"}},
                "SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": gib}},
            },
        },
        "DeletionPolicy": "Delete",
    }


def _config(name: str, count: int = 1) -> dict[str, Any]:
    variant = {"InitialInstanceCount": count, "InstanceType": "ml.m5.large"}
    properties = {"EndpointConfigName": name, "ProductionVariants": [variant]}
    return {"Type": "AWS::SageMaker::EndpointConfig", "Properties": properties}


def _model(name: str, image: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::Model",
        "Properties": {"ModelName": name, "PrimaryContainer": {"Image": image}},
    }


def _endpoint(config: str) -> dict[str, Any]:
    properties = {"EndpointName": "clary-local-housing", "EndpointConfigName": config}
    return {"Type": "AWS::SageMaker::Endpoint", "Properties": properties}


@pytest.fixture
def deployed() -> dict[str, Template]:
    """As the local environment is, without what does not matter here."""
    studio = {
        "Domain": {
            "Type": "AWS::SageMaker::Domain",
            "Properties": {"AuthMode": "IAM", "DomainName": "clary-local"},
        },
        "ProfileResearchAda11111111": _profile("research-ada", "data-scientist"),
        "SpaceResearchAda11111111": _space("research-ada"),
    }
    serving = {
        "Model": _model("clary-local-housing-1", "one"),
        "Config": _config("clary-local-housing-1"),
        "Endpoint": _endpoint("clary-local-housing-1"),
    }
    return {"Studio": {"Resources": studio}, "Serving": {"Resources": serving}}


def _edited(templates: dict[str, Template], stack: str, **resources: Any) -> dict[str, Template]:
    new: dict[str, Any] = copy.deepcopy(dict(templates))
    for name, resource in resources.items():
        if resource is None:
            del new[stack]["Resources"][name]
        else:
            new[stack]["Resources"][name] = resource
    return new


def _said(old: dict[str, Template], environment: Environment, stack: str, **resources: Any) -> Difference:
    return difference(old, _edited(old, stack, **resources), environment)


@pytest.mark.parametrize(
    ("stack", "why"),
    [
        ("Serving", ": the file has no models any more"),
        ("Gateway", ": the file has nothing any more that an API could lead to"),
        ("Catalog", ": the file has no portfolios any more"),
        ("People-research-1", ": its team has it no more, and whoever is in it leaves"),
        ("Operations", ""),
    ],
)
def test_says_why_a_stack_goes(
    deployed: dict[str, Template], environment: Environment, stack: str, why: str
) -> None:
    name = environment.stack_name(stack.lower())

    left, gone = {"Studio": deployed["Studio"]}, {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}

    said = difference({**left, stack: gone}, left, environment)

    assert said.sentences == [f"the stack {name} is deleted{why}"]


def test_says_nothing_of_what_is_the_same(deployed: dict[str, Template], environment: Environment) -> None:
    assert difference(deployed, deployed, environment) == Difference([], [], [])


def test_says_who_joins(deployed: dict[str, Template], environment: Environment) -> None:
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "of grace"}}

    found = _said(
        deployed,
        environment,
        "Studio",
        ProfileResearchGrace22222222=_profile("research-grace", "mlops-engineer"),
        SpaceResearchGrace22222222=_space("research-grace"),
        AppsResearchGrace22222222=group,
    )

    assert found.sentences == [
        "grace joins research as mlops-engineer: a profile and a private space are made"
    ]


def test_says_who_leaves_and_that_the_disk_goes(
    deployed: dict[str, Template], environment: Environment
) -> None:
    found = _said(
        deployed,
        environment,
        "Studio",
        ProfileResearchAda11111111=None,
        SpaceResearchAda11111111=None,
    )

    assert found.sentences == [
        "research-ada leaves: the profile and the private space are deleted, with its disk"
    ]
    assert found.refusals == []


def test_says_that_what_is_retained_has_to_be_deleted_by_hand(
    deployed: dict[str, Template], environment: Environment
) -> None:
    retained = _edited(
        deployed,
        "Studio",
        ProfileResearchAda11111111=_profile("research-ada", "data-scientist", "Retain"),
        SpaceResearchAda11111111=None,
    )

    found = _said(retained, environment, "Studio", ProfileResearchAda11111111=None)

    assert found.sentences == [
        "research-ada leaves the file: the profile is kept outside of the stacks and without rights, because"
        " data is retained, and the name is taken; with 'left: true' in the file they could come back"
    ]


def test_says_that_files_do_not_move_to_another_team(
    deployed: dict[str, Template], environment: Environment
) -> None:
    former = _edited(deployed, "Studio", OldGrace=_profile("analysis-grace", "data-scientist"))

    found = _said(
        former,
        environment,
        "Studio",
        OldGrace=None,
        NewGrace=_profile("research-grace", "mlops-engineer"),
    )

    assert found.sentences[:2] == [
        "grace moves from analysis: files do not move with them, copy them first",
        "grace joins research as mlops-engineer: a profile is made",
    ]


def test_says_what_becomes_of_a_space(deployed: dict[str, Template], environment: Environment) -> None:
    found = _said(deployed, environment, "Studio", SpaceResearchAda11111111=_space("research-ada", 9))

    assert found.sentences == ["the space of research-ada gets a disk of 9 GiB (was 5 GiB), in place"]


def test_says_who_changes_persona(deployed: dict[str, Template], environment: Environment) -> None:
    found = _said(
        deployed, environment, "Studio", ProfileResearchAda11111111=_profile("research-ada", "other")
    )

    assert found.sentences == [
        "research-ada is a data-scientist from now on: the profile gets another role, in place"
    ]


def test_says_that_a_new_image_updates_the_endpoint_in_place(
    deployed: dict[str, Template], environment: Environment
) -> None:
    found = _said(
        deployed,
        environment,
        "Serving",
        Model=_model("clary-local-housing-2", "two"),
        Config=_config("clary-local-housing-2"),
        Endpoint=_endpoint("clary-local-housing-2"),
    )

    assert found.sentences == [
        "the model housing gets a new image: a new model and configuration, the endpoint is updated in place"
    ]
    assert found.refusals == []


def test_says_on_how_many_instances_a_model_will_run(
    deployed: dict[str, Template], environment: Environment
) -> None:
    found = _said(
        deployed,
        environment,
        "Serving",
        Config=_config("clary-local-housing-2", 3),
        Endpoint=_endpoint("clary-local-housing-2"),
    )

    assert found.sentences == [
        "the model housing gets 3 of ml.m5.large (was 1 of ml.m5.large): a new configuration,"
        " the endpoint is updated in place"
    ]


def test_refuses_another_domain_once_with_all_that_would_be_lost(
    deployed: dict[str, Template], environment: Environment
) -> None:
    domain = {
        "Type": "AWS::SageMaker::Domain",
        "Properties": {"AuthMode": "SSO", "DomainName": "clary-local"},
    }

    found = _said(deployed, environment, "Studio", Domain=domain)

    (refusal,) = found.refusals
    assert refusal.startswith("the Studio domain 'clary-local' (Studio/Domain) would be replaced: AuthMode")
    assert "so would a user profile and a space" in refusal
    assert "give the environment another name" in refusal


@pytest.mark.parametrize(
    ("type_", "property_"),
    [
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::ECR::Repository", "RepositoryName"),
        ("AWS::EC2::VPC", "CidrBlock"),
        ("AWS::SageMaker::FeatureGroup", "RecordIdentifierFeatureName"),
        ("AWS::SageMaker::UserProfile", "UserProfileName"),
        ("AWS::SageMaker::Space", "SpaceName"),
    ],
)
def test_refuses_to_replace_what_holds_data(
    deployed: dict[str, Template], environment: Environment, type_: str, property_: str
) -> None:
    old = _edited(deployed, "Studio", It={"Type": type_, "Properties": {property_: "one"}})

    found = _said(old, environment, "Studio", It={"Type": type_, "Properties": {property_: "two"}})

    assert [f"{property_} cannot change in place" in refusal for refusal in found.refusals] == [True]


@pytest.mark.parametrize("type_", ["AWS::SageMaker::Domain", "AWS::KMS::Key", "AWS::EC2::VPC"])
def test_refuses_to_remove_what_no_edit_can_mean(
    deployed: dict[str, Template], environment: Environment, type_: str
) -> None:
    old = _edited(deployed, "Serving", It={"Type": type_, "Properties": {}})

    (refusal,) = _said(old, environment, "Serving", It=None).refusals

    assert "would be removed" in refusal


def test_counts_what_has_no_sentence_of_its_own(
    deployed: dict[str, Template], environment: Environment
) -> None:
    queues = {f"Queue{number}": {"Type": "AWS::SQS::Queue", "Properties": {}} for number in range(3)}

    assert _said(deployed, environment, "Serving", **queues).sentences == ["Serving: 3 queues are made"]


def test_says_that_a_stack_is_made_and_one_is_deleted(
    deployed: dict[str, Template], environment: Environment
) -> None:
    before, after = {"Studio": deployed["Studio"]}, {"Serving": deployed["Serving"]}

    found = difference(before, after, environment)

    assert found.sentences == [
        "the stack clary-local-serving is made, with 3 resources",
        "the stack clary-local-studio is deleted",
    ]


def _changed(deployed: dict[str, Template], name: str, role: object) -> dict[str, Template]:
    new = _edited(deployed, "Studio")
    new["Studio"]["Resources"][name]["Properties"]["UserSettings"]["ExecutionRole"] = role
    return new


def test_says_who_has_left_and_who_is_back(deployed: dict[str, Template], environment: Environment) -> None:
    left = _changed(deployed, "ProfileResearchAda11111111", {"Ref": "RestRole"})

    assert difference(deployed, left, environment).sentences == [
        "research-ada has left: the profile stays with its disk, without rights, and what runs is stopped"
    ]
    assert difference(left, deployed, environment).sentences == [
        "research-ada is back as data-scientist: the profile gets its rights again, in place"
    ]


def test_says_nothing_of_who_is_told_of_those_who_come(
    deployed: dict[str, Template], environment: Environment
) -> None:
    def sent(*names: str) -> dict[str, Any]:
        return {"Type": "Custom::StudioSettings", "Properties": {"UserProfileNames": list(names)}}

    before = _edited(deployed, "Studio", Sent=sent("research-ada"))

    found = _said(
        before,
        environment,
        "Studio",
        ProfileResearchGrace22222222=_profile("research-grace", "mlops-engineer"),
        Sent=sent("research-ada", "research-grace"),
    )

    assert found.sentences == ["grace joins research as mlops-engineer: a profile is made"]


def test_refuses_to_rename_a_team(deployed: dict[str, Template], environment: Environment) -> None:
    renamed = environment.model_copy(update={"teams": {"science": environment.teams["research"]}})
    both = _edited(deployed, "Studio", ProfileResearchGrace22222222=_profile("research-grace", "x"))
    new = _edited(
        both,
        "Studio",
        ProfileResearchAda11111111=None,
        SpaceResearchAda11111111=None,
        ProfileResearchGrace22222222=None,
        ProfileScienceAda33333333=_profile("science-ada", "x"),
        ProfileScienceGrace44444444=_profile("science-grace", "x"),
    )

    (refusal,) = difference(both, new, renamed).refusals

    assert refusal.startswith("the team 'research' would be called 'science', which is another team to AWS")
    assert "let people copy their files, then remove 'research'" in refusal


def test_refuses_to_move_people_to_other_stacks(
    deployed: dict[str, Template], environment: Environment
) -> None:
    new = _edited(deployed, "Studio", ProfileResearchAda11111111=None, SpaceResearchAda11111111=None)
    ada = {"ProfileResearchAda11111111": _profile("research-ada", "data-scientist")}
    new["People-research-1"] = {"Resources": ada}

    (refusal,) = difference(deployed, new, environment).refusals

    assert refusal.startswith("the user profile 'research-ada' would move from Studio to People-research-1:")
    assert "'own_stacks' cannot change" in refusal
