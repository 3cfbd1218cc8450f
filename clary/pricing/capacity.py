"""What an environment file says of instances: those behind its endpoints, and those of people's spaces."""

from __future__ import annotations

from collections.abc import Iterator

from clary.environment import membership
from clary.environment.hosting import Endpoint, Shadow, Variant
from clary.environment.model import Environment
from clary.environment.serving import Model
from clary.pricing import table
from clary.pricing.estimate import Line, Unknowable


def of_models(environment: Environment) -> Iterator[Line | Unknowable]:
    for name, model in environment.models.items():
        yield from _of_endpoint(name, model, environment.region)
        for kind, monitor in (
            {} if model.endpoint.monitors is None else model.endpoint.monitors.given
        ).items():
            price = table.instance(environment.region, "processing", monitor.instance_type)
            runs = table.HOURS_A_MONTH / monitor.hours
            hours = runs * monitor.max_runtime_minutes / 60
            yield Unknowable(
                f"{name}: the monitor of its {kind}",
                f"{runs:.0f} jobs a month on {monitor.instance_type}, as long as each takes"
                f"{_at_most(price, hours)}",
            )
    for name, container in environment.containers.items():
        training = container.artifact.training
        if training is not None:
            price = table.instance(environment.region, "training", training.instance_type)
            hours = training.max_runtime_minutes / 60
            yield Unknowable(
                f"{name}: the training of a deployment",
                f"one job on {training.instance_type} whenever its input has changed{_at_most(price, hours)}",
            )


def _of_endpoint(name: str, model: Model, region: str) -> Iterator[Line | Unknowable]:
    endpoint = model.endpoint
    if endpoint.mode == "batch":
        yield Unknowable(f"{name}: transforms", f"jobs on {endpoint.instance_type}, as long as each takes")
    elif endpoint.mode == "serverless":
        yield from _serverless(name, endpoint)
    elif endpoint.shared_with is None:
        yield from _instances(name, endpoint, region)


def _serverless(name: str, endpoint: Endpoint) -> Iterator[Line | Unknowable]:
    kept_warm = 0 if endpoint.serverless is None else endpoint.serverless.provisioned_concurrency or 0
    if kept_warm:
        what, unit = f"{name}: provisioned concurrency", "request at once"
        yield Line(what, "always", kept_warm, unit, None)
    yield Unknowable(f"{name}: requests", "serverless inference is paid for by what requests take")


def _instances(name: str, endpoint: Endpoint, region: str) -> Iterator[Line | Unknowable]:
    # copies of a component move within instances, which go only when all of them may
    scaling = endpoint.scaling
    least = endpoint.instance_count
    if scaling is not None:
        least = min(1, scaling.least) if endpoint.component is not None else scaling.least
        yield Unknowable(
            f"{name}: more capacity", f"the load decides, from {scaling.least} to {scaling.most}"
        )
    others: list[tuple[str, Variant | Shadow]] = list(endpoint.variants.items())
    if endpoint.shadow is not None:
        others.append(("shadow", endpoint.shadow))
    wanted = [(name, endpoint.instance_type, least)] + [
        (f"{name}.{key}", each.instance_type or endpoint.instance_type, each.instance_count or least)
        for key, each in others
    ]
    for what, instance_type, count in wanted:
        price = table.instance(region, "hosting", instance_type)
        yield Line(f"{what}: {instance_type}", "always", count, "instance", price)


def of_people(environment: Environment, hours_per_person: int) -> Iterator[Line | Unknowable]:
    """Spaces: their disks stay, what they run on is there while somebody works."""
    region, disks = environment.region, 0
    hours: dict[str, int] = {}
    for _, _, _, member in membership.members(environment):
        for number, (_, space) in enumerate(member.private_spaces()):
            disks += space.storage_gib
            # somebody works in one space at a time
            if number == 0 and not member.left:
                hours[space.instance_type] = hours.get(space.instance_type, 0) + hours_per_person
    for team in environment.teams.values():
        if team.shared_space is not None:
            disks += team.shared_space.storage_gib
            runs_on = team.shared_space.instance_type
            hours[runs_on] = hours.get(runs_on, 0) + hours_per_person
    if disks:
        yield Line("disks of spaces", "always", disks, "GiB", table.thing(region, "space-gib"))
    for instance_type, open_for in sorted(hours.items()):
        price = table.instance(region, "studio", instance_type)
        yield Line(f"spaces: {instance_type}", "working", open_for, "hour", price)
    if hours:
        yield Unknowable("larger spaces", "people choose what their spaces run on, and may have several open")
        yield Unknowable("jobs that people start", "training, processing, tuning, transforms, pipelines")


def _at_most(price: table.Price | None, hours: float) -> str:
    return "" if price is None else f", at most ${price.usd * hours:,.2f}"
