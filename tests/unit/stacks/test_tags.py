"""Costs find whom they belong to: what can carry tags carries the environment's, and a team's the team's."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.environment import model
from clary_constructs import TEAM_TAG
from local_aws.cloudformation.schema import UnknownTypeError
from local_aws.cloudformation.schema import resource_type as known_type
from support.synthesis import nested

WITHOUT = {
    "AWS::SageMaker::DataQualityJobDefinition",
    "AWS::SageMaker::ModelBiasJobDefinition",
    "AWS::SageMaker::ModelExplainabilityJobDefinition",
    "AWS::SageMaker::ModelQualityJobDefinition",
    "AWS::SageMaker::StudioLifecycleConfig",
}
"""Named for their content, and their tags cannot change in place. None of them costs anything itself."""
OF_A_TEAM = {
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::InferenceComponent",
    "AWS::SageMaker::MlflowApp",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::Space",
    "AWS::SageMaker::UserProfile",
}
"""What a team's people and models run as: these are billed by the hour, or name what is."""

Synthesised = Callable[[str], Mapping[str, Path]]


def resources(synthesised: Synthesised, environment: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The logical id, the type and the tags of everything whose type has tags, by AWS's own schemas."""
    templates = synthesised(environment)
    for path in (*templates.values(), *nested(templates)):
        for logical_id, resource in json.loads(path.read_text())["Resources"].items():
            key = tag_property(resource["Type"])
            if key is not None:
                yield logical_id, resource["Type"], plain(resource.get("Properties", {}).get(key))


def tag_property(resource_type: str) -> str | None:
    try:
        schema = known_type(resource_type).schema
    except UnknownTypeError:
        return None  # a custom resource has none
    tagging = schema.get("tagging", {})
    if not tagging.get("taggable", "Tags" in schema["properties"]):
        return None
    return str(tagging.get("tagProperty", "/properties/Tags").rpartition("/")[2])


def plain(tags: Any) -> Mapping[str, Any]:
    return tags if isinstance(tags, dict) else {each["Key"]: each["Value"] for each in tags or []}


@pytest.mark.parametrize("environment", ["dev", "showcase"])
def test_everything_says_which_environment_it_is_of(synthesised: Synthesised, environment: str) -> None:
    untold = [
        f"{logical_id} ({resource_type})"
        for logical_id, resource_type, tags in resources(synthesised, environment)
        if resource_type not in WITHOUT and tags.get(model.ENVIRONMENT_TAG) != environment
    ]

    assert untold == []


@pytest.mark.parametrize("environment", ["dev", "showcase"])
def test_what_teams_pay_for_says_whose_it_is(synthesised: Synthesised, environment: str) -> None:
    untold = [
        f"{logical_id} ({resource_type})"
        for logical_id, resource_type, tags in resources(synthesised, environment)
        if resource_type in OF_A_TEAM and tags.get(TEAM_TAG) not in ("research", "platform")
    ]

    assert untold == []


def test_looks_at_what_teams_pay_for(synthesised: Synthesised) -> None:
    found = {
        each for environment in ("dev", "showcase") for _, each, _ in resources(synthesised, environment)
    }

    assert OF_A_TEAM - found == set()


def test_the_library_and_the_file_mean_the_same_tag() -> None:
    assert model.TEAM_TAG == TEAM_TAG
