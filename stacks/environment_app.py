"""The stacks of one environment, and how they hang together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from clary.content import contents
from clary.environment.model import Environment
from clary.environment.people import construct_id
from clary.monitor_content import monitor_contents
from stacks.access import AccessStack
from stacks.catalog import CatalogStack
from stacks.data import DataStack
from stacks.features import FeaturesStack
from stacks.gateway import GatewayStack
from stacks.guardrails import GuardrailsStack
from stacks.network import NetworkStack
from stacks.operations import OperationsStack
from stacks.people import PeopleStack, people_of
from stacks.serving import ServingStack
from stacks.studio import StudioStack
from stacks.tagging import tag


def new_app(root: Path, outdir: Path | None = None) -> cdk.App:
    """An app with the context of cdk.json, which only the CDK command line reads by itself."""
    context = json.loads((root / "cdk.json").read_text())["context"]
    return cdk.App(context=context, analytics_reporting=False, outdir=None if outdir is None else str(outdir))


def add_stacks(app: cdk.App, environment: Environment, root: Path) -> None:
    """What can be rebuilt refers to what survives, and never the other way round."""

    def common(unit: str) -> dict[str, Any]:
        return {
            "environment": environment,
            "stack_name": environment.stack_name(unit),
            "env": cdk.Environment(account=environment.account, region=environment.region),
        }

    # CDK compares a VPC's zones with the account's, and would ask AWS for these while synthesising.
    app.node.set_context(
        f"availability-zones:account={environment.account}:region={environment.region}",
        list(environment.availability_zones),
    )
    network = NetworkStack(app, "Network", **common("network"))
    data = DataStack(app, "Data", vpc=network.vpc, **common("data"))
    if environment.has_features:
        FeaturesStack(app, "Features", network=network, data=data, **common("features"))
    access = AccessStack(app, "Access", network=network, data=data, **common("access"))
    people = people_of(environment)
    studio = StudioStack(
        app,
        "Studio",
        users=people["studio"],
        network=network,
        data=data,
        access=access,
        **common("studio"),
    )
    for unit in environment.people_units:
        PeopleStack(
            app,
            construct_id(unit),
            users=people[unit],
            studio=studio.studio,
            data=data,
            access=access,
            **common(unit),
        )
    if environment.catalog.portfolios:
        # products come and go: see _keep_exported
        for value in studio.studio.shared_values:
            studio.export_value(value)
        CatalogStack(
            app,
            "Catalog",
            network=network,
            data=data,
            access=access,
            studio=studio,
            **common("catalog"),
        )
    _keep_exported(network, data, studio)
    if environment.guardrails.organization is not None:
        organization = environment.guardrails.organization
        GuardrailsStack(app, "Guardrails", organization=organization, **common("guardrails"))
    batch_models: Mapping[str, str] = {}
    serving = None
    if environment.models:
        made_of = contents(environment, root)
        serving = ServingStack(
            app,
            "Serving",
            contents=made_of,
            monitors=monitor_contents(environment, root),
            network=network,
            data=data,
            **common("serving"),
        )
        batch_models = serving.batch_models
    if environment.has_api:
        gateway = GatewayStack(
            app,
            "Gateway",
            batch_models=batch_models,
            root=root,
            network=network,
            data=data,
            **common("gateway"),
        )
        if serving is not None:
            gateway.add_stack_dependency(serving, "the endpoints are known by their names")
    if environment.costs.watched:
        OperationsStack(app, "Operations", data=data, studio=studio, **common("operations"))

    tag(app, environment.all_tags)


def add_product(app: cdk.App, which: str) -> None:
    """A product of the catalog as a stack of its own: `research/data_scientist`."""
    catalog = app.node.try_find_child("Catalog")
    offered = catalog.offered if isinstance(catalog, CatalogStack) else {}
    team, _, key = which.partition("/")
    if (team, key) not in offered:
        known = ", ".join("/".join(each) for each in offered) or "none"
        raise ValueError(f"the catalog offers no product '{which}', there are: {known}")
    product = offered[team, key]
    environment = product.offer.environment
    stack = cdk.Stack(
        app,
        "Product",
        stack_name=f"{product.name}-alone",
        env=cdk.Environment(account=environment.account, region=environment.region),
    )
    product.add_to(stack)
    tag(stack, {**environment.all_tags, **product.marks})


def _keep_exported(network: NetworkStack, data: DataStack, studio: StudioStack) -> None:
    """Exports what only models, their quotas, Canvas or experiments need, whether or not there are any.

    CDK withdraws an export when its last reader goes, and updates the exporting stack first: but
    CloudFormation refuses to withdraw what is still imported, and the model could never be removed.
    """
    network.export_value(network.gateway_security_group.security_group_id)
    for subnet in network.own_subnets:
        network.export_value(subnet.route_table.route_table_id)
    studio.export_value(studio.studio.domain.domain_id)
    data.export_value(data.data_bucket.bucket_name)
    data.export_value(data.models_bucket.bucket_name)
    for repository in data.repositories.values():
        data.export_value(repository.repository_arn)
        data.export_value(repository.repository_name)
