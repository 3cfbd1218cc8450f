"""What the environment file says of unused compute, as the construct library and the function take it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from clary.environment import membership
from clary.environment.model import Environment
from clary.environment.people import profile_name
from clary.environment.sweeper import SWEEPER_PREFIX
from clary.environment.sweeper import Sweeper as SweeperInFile
from clary_constructs import StudioDomain, Sweeper, python_code
from constructs import Construct
from stacks.data import DataStack

_FUNCTIONS = Path(__file__).parent.parent / "lambda"


def add_sweeper(
    scope: Construct,
    said: SweeperInFile,
    *,
    environment: Environment,
    data: DataStack,
    domain: StudioDomain,
    topic: sns.ITopic,
) -> None:
    settings = sweeper_settings(environment, said)
    Sweeper(
        scope,
        "Sweeper",
        code=python_code(
            _FUNCTIONS,
            ["compute_common", "sweeper"],
            {"sweeper.json": json.dumps(settings, indent=2, sort_keys=True) + "\n"},
        ),
        environment_name=environment.name,
        teams=list(environment.teams),
        domain=domain,
        bucket=data.data_bucket,
        prefix=SWEEPER_PREFIX,
        topic=topic,
        encryption_key=data.key,
        period=cdk.Duration.hours(said.every_hours),
        stops=list(said.limits) if said.mode == "act" else [],
        stops_declared=said.declared_endpoints,
    )


def sweeper_settings(environment: Environment, said: SweeperInFile) -> dict[str, Any]:
    """What is deployed beside the function."""
    return {
        **place(environment),
        "sweeper": {
            "acts": said.mode == "act",
            "grace_hours": said.grace_hours,
            "longest_exemption_days": said.longest_exemption_days,
            "sweeps_declared": said.declared_endpoints,
            "limits": said.limits,
        },
    }


def place(environment: Environment) -> dict[str, Any]:
    """By which names things are the environment's, and whose."""
    return {
        "environment": environment.name,
        "teams": list(environment.teams),
        "people": {profile_name(team, name): team for _, team, name, _ in membership.members(environment)},
        "endpoints": {
            environment.endpoint_name(name): model.team for name, model in environment.models.items()
        },
    }
