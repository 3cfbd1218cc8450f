"""What the environment file says of clusters: Spark, for people who launch one and connect from Studio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from clary.environment.form import Form
from clary.environment.part import FROM_LIST, SOME, Complaint, Part

if TYPE_CHECKING:
    from clary.environment.model import Environment
    from clary.environment.people import Persona, TeamName

ClusterInstanceType = Annotated[
    str,
    Form(
        "an EC2 instance type that EMR takes, xlarge or larger and none that bursts",
        "m5.xlarge",
        r"[a-su-z][a-z0-9-]*\.[0-9]*xlarge",
    ),
]
"""https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-supported-instance-types.html"""
CONNECT = "connect-to-emr"


class EmrCluster(Part):
    """A cluster of EMR's with Spark, for those of the team who have `connect-to-emr`. It ends by itself."""

    instance_types: Annotated[tuple[ClusterInstanceType, ...], FROM_LIST, SOME] = ("m5.xlarge",)
    """What its machines may be, the first by default."""
    most_core_nodes: int = Field(default=4, ge=1, le=100)
    """How many machines may compute, beside the one that they are led by."""
    idle_minutes: int = Field(default=60, ge=15, le=1440)
    """After how many minutes without work it ends, and so does a session that nobody uses."""


def of_team(environment: Environment, team: TeamName) -> EmrCluster | None:
    """What a team's clusters are, if it offers any."""
    portfolio = environment.catalog.portfolios.get(team)
    return None if portfolio is None else portfolio.products.emr_cluster


def teams(environment: Environment) -> tuple[TeamName, ...]:
    """Those that offer clusters."""
    return tuple(team for team in environment.teams if of_team(environment, team) is not None)


def connects(environment: Environment, team: TeamName, persona: Persona) -> bool:
    """Whether somebody of a team connects to clusters that it offers."""
    return of_team(environment, team) is not None and CONNECT in environment.capabilities(persona)


def misfits(environment: Environment) -> Iterator[Complaint]:
    """What does not go together with the rest of the file."""
    for team in teams(environment):
        at = ("catalog", "portfolios", team, "products", "emr_cluster")
        if environment.studio.network == "public":
            message = "is reached from the VPC but 'studio.network' is 'public', change one of the two: apps"
            yield Complaint(at, f"{message} of Studio would not be in the VPC")
        personas = environment.personas_of(team)
        if any(persona not in environment.known_personas for persona in personas):
            continue  # which is complained of elsewhere
        if not any(connects(environment, team, persona) for persona in personas):
            message = f"nobody of the team could connect to one: add '{CONNECT}' to 'rights' of a persona in"
            yield Complaint(at, f"{message} 'personas' that somebody of the team has")
