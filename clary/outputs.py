"""What was made, as a program or a person asks for it: read from the stacks, not remembered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clary.api_access import access, fronts
from clary.content import ModelContent
from clary.environment.people import profile_name
from clary.errors import ClaryError
from clary.launched import launched_models
from clary.target import Target
from clary.wording import pascal

_WAYS = {
    "real-time": "invocations",
    "serverless": "invocations",
    "asynchronous": "jobs",
    "batch": "batches",
}
"""Where a model of each mode is asked."""
_PEOPLE = re.compile(r"people-[a-z0-9-]+-[0-9]+")
"""The units of deployment that hold large teams' people."""
STACKS = ("network", "data", "features", "access", "studio", "catalog", "serving", "gateway", "operations")


def stack_states(target: Target) -> Mapping[str, str | None]:
    """Each unit's stack status, None where there is no stack.

    Also those of people that the file has no more.
    """
    found: dict[str, str] = {}
    for page in target.client("cloudformation").get_paginator("describe_stacks").paginate():
        found |= {stack["StackName"]: stack["StackStatus"] for stack in page["Stacks"]}
    prefix = target.environment.stack_name("")
    people = {name.removeprefix(prefix) for name in found if name.startswith(prefix)}
    units = [*STACKS, *sorted({*target.environment.people_units, *filter(_PEOPLE.fullmatch, people)})]
    return {unit: found.get(target.environment.stack_name(unit)) for unit in units}


def stack_outputs(target: Target, unit: str) -> Mapping[str, str]:
    """The outputs of one stack; empty when it is not there."""
    from botocore.exceptions import ClientError

    name = target.environment.stack_name(unit)
    try:
        (stack,) = target.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def outputs(target: Target) -> dict[str, Any]:
    """The answer of `clary outputs --json`.

    `api` has the `url` and what lets a client in: `authorization` is `api-key`, with the `headers` to
    send, `iam`, for requests signed (SigV4) for the service `execute-api`, or `cognito`, for tokens. `apis`
    has the same for each front that the file's clients ask for, by authorization. A model's `access` is
    that of the first program that may ask it; with `targets` it is many models, of which one has to be named.
    `launched` are those that people have launched, told as those of the file are; `catalog` has, by team, the
    policy for who may launch.
    """
    environment = target.environment
    studio = stack_outputs(target, "studio")
    apis = fronts(target, stack_outputs(target, "gateway"))
    first = next(iter(apis.values()), None)
    return {
        "environment": environment.name,
        "account": environment.account,
        "region": environment.region,
        "aws_endpoint_url": target.endpoint_url,
        "aws_ca_bundle": str(target.ca) if target.ca else None,
        "api": first,
        "apis": apis,
        "studio": {
            "domain_id": studio.get("DomainId"),
            "url": studio.get("DomainUrl"),
            "user_profiles": _profiles(target, studio.get("DomainId")),
        },
        "models": {
            name: {
                "endpoint_name": None if model.endpoint.mode == "batch" else environment.endpoint_name(name),
                "component_name": environment.component_name(name),
                "mode": model.endpoint.mode,
                "targets": model.artifact.folder is not None,
                "url": f"{first['url']}/models/{name}/{_WAYS[model.endpoint.mode]}" if first else None,
                "access": access(target, apis, name, _WAYS[model.endpoint.mode]),
                "content_types": list(model.api.content_types),
                "example": model.api.example,
            }
            for name, model in environment.models.items()
        },
        "launched": {
            name: {
                "endpoint_name": name,
                "component_name": None,
                "mode": "real-time",
                "targets": False,
                "url": f"{first['url']}/models/{name}/{_WAYS['real-time']}" if first else None,
                "access": access(target, apis, name, _WAYS["real-time"]),
                "content_types": [model.content_type],
                "example": None,
            }
            for name, model in launched_models(target).items()
        },
        "catalog": launch_policies(target),
    }


def launch_policies(target: Target) -> dict[str, str]:
    """By team, the policy that lets people launch what it offers: an administrator attaches it to theirs."""
    portfolios = target.environment.catalog.portfolios
    if not portfolios:
        return {}
    told = stack_outputs(target, "catalog")
    names = {team: f"CatalogUserPolicyArn{pascal(team)}" for team in portfolios}
    return {team: told[name] for team, name in names.items() if name in told}


def _profiles(target: Target, domain_id: str | None) -> list[str]:
    """Those of the file's people that there are."""
    if domain_id is None:
        return []
    pages = target.client("sagemaker").get_paginator("list_user_profiles").paginate(DomainIdEquals=domain_id)
    there = {each["UserProfileName"] for page in pages for each in page["UserProfiles"]}
    teams = target.environment.teams.items()
    wanted = [profile_name(team, member) for team, each in teams for member in each.members]
    return [name for name in wanted if name in there]


def endpoint_states(target: Target) -> dict[str, tuple[str, str]]:
    """The status of each model's endpoint, or component, with the reason when it failed.

    `Missing` where there is none; a model that is served in batches has none, and is not in here. One that
    comes from a registry is `NotApproved` until a version of it has been.
    """
    from botocore.exceptions import ClientError

    sagemaker, environment = target.client("sagemaker"), target.environment
    states = {}
    for name, model in environment.models.items():
        if model.endpoint.mode == "batch":
            continue
        component = environment.component_name(name)
        try:
            if component is not None:
                found = sagemaker.describe_inference_component(InferenceComponentName=component)
                states[name] = found["InferenceComponentStatus"], found.get("FailureReason", "")
            else:
                found = sagemaker.describe_endpoint(EndpointName=environment.endpoint_name(name))
                states[name] = found["EndpointStatus"], found.get("FailureReason", "")
        except ClientError as error:
            if "Could not find" not in str(error):
                raise
            states[name] = ("Missing" if model.artifact.package is None else "NotApproved"), ""
    return states


def image_uri(target: Target, name: str, content: ModelContent) -> str:
    """The image of a container, in the environment's own repository."""
    image = target.environment.containers[name].image
    repository = "" if image is None else str(image.repository)
    data = stack_outputs(target, "data")
    try:
        return f"{data[f'RepositoryUri{pascal(repository)}']}:{content.image_tag}"
    except KeyError:
        raise ClaryError(f"the repository '{repository}' is not deployed yet") from None
