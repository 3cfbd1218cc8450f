"""The network of the teams' clusters.

Its groups are known to others by parameters of Systems Manager, and not by exports: a team that offers
clusters no more is updated here first, and an export that somebody imports cannot be withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from clary.environment import cluster
from clary.environment.model import Environment
from clary.environment.people import Persona
from clary_constructs import TEAM_TAG, ClusterGroups, SharedValue, SharedValues
from stacks.naming import pascal

_CLIENTS = "clients"


@dataclass(frozen=True)
class ClusterNetwork:
    """The ids of a team's groups."""

    clients: SharedValue
    primary: SharedValue
    core: SharedValue
    service: SharedValue


def add_cluster_networks(
    stack: cdk.Stack,
    environment: Environment,
    *,
    vpc: ec2.IVpc,
    endpoints: ec2.IConnectable,
    s3_prefix_list: str,
    removal_policy: cdk.RemovalPolicy,
) -> Mapping[str, ClusterNetwork]:
    """One for each team that offers clusters, so that nobody reaches another team's."""
    shared = SharedValues(stack, "Shared", path=_path(environment))
    found = {}
    for team in cluster.teams(environment):
        groups = ClusterGroups(
            stack,
            f"{pascal(team)}Clusters",
            vpc=vpc,
            endpoints=endpoints,
            s3_prefix_list=s3_prefix_list,
            removal_policy=removal_policy,
        )
        cdk.Tags.of(groups).add(TEAM_TAG, team)
        found[team] = ClusterNetwork(
            clients=shared.share(_name(team, _CLIENTS), groups.clients.security_group_id),
            primary=shared.share(_name(team, "primary"), groups.primary.security_group_id),
            core=shared.share(_name(team, "core"), groups.core.security_group_id),
            service=shared.share(_name(team, "service"), groups.service.security_group_id),
        )
    return found


def group_of_apps(environment: Environment, team: str, persona: Persona) -> str | None:
    """What apps of a persona of a team are in besides, if they connect to clusters: a dynamic reference."""
    if not cluster.connects(environment, team, persona):
        return None
    return f"{{{{resolve:ssm:{_path(environment)}/{_name(team, _CLIENTS)}}}}}"


def _path(environment: Environment) -> str:
    return f"/clary/{environment.name}/network"


def _name(team: str, group: str) -> str:
    return f"{team}-cluster-{group}"
