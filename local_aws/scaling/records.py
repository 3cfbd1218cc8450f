"""What is registered, in the one store: targets, their policies, scheduled actions and activities."""

from __future__ import annotations

from collections.abc import Iterator

from local_aws.scaling.dimensions import INSTANCES, variant_of
from local_aws.store import STORE, Record

TARGET = "ApplicationAutoScaling::ScalableTarget"
"""By namespace, resource and dimension."""
POLICY = "ApplicationAutoScaling::ScalingPolicy"
"""By namespace, resource, dimension and name, as the next one."""
ACTION = "ApplicationAutoScaling::ScheduledAction"
ACTIVITY = "ApplicationAutoScaling::ScalingActivity"
"""By its identifier."""

PLACE = ("ServiceNamespace", "ResourceId", "ScalableDimension")

Place = tuple[str, str, str]


def place_of(members: Record) -> Place:
    namespace, resource, dimension = (str(members[name]) for name in PLACE)
    return namespace, resource, dimension


def target(place: Place) -> Record | None:
    return STORE.get(TARGET, place)


def policies(place: Place) -> list[Record]:
    return [record for key, record in STORE.all(POLICY) if key[:3] == place]


def everywhere() -> Iterator[tuple[str, str, Record]]:
    """Account, region and target, of all that are registered."""
    return ((account, region, found) for account, region, _, found in STORE.everywhere(TARGET))


def scaled_variants(endpoint: str) -> list[str]:
    """The variants of an endpoint whose instances are registered."""
    places = [variant_of(key[1]) for key, _ in STORE.all(TARGET) if key[2] == INSTANCES]
    return [variant for name, variant in places if name == endpoint]
