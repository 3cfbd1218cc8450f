"""Endpoints: what answers, and costs whether or not anybody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from compute_common.calls import pages, seeing, tags_of, unless_gone
from compute_common.thing import CannotSee, Kind, Place, Thing, Unseen

_RUNNING = ("InService", "OutOfService", "UpdateRollbackFailed")


class Endpoints:
    """Deleted, an endpoint leaves its configuration and its models: `create-endpoint` brings it back.

    What has no instances now (serverless, or scaled to none) costs nothing while nobody asks.
    """

    kind: Kind = "endpoint"

    def __init__(self, sagemaker: Any, place: Place) -> None:
        self._sagemaker = sagemaker
        self._place = place

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        for endpoint in pages(self._sagemaker, "list_endpoints", "Endpoints"):
            name = endpoint["EndpointName"]
            if endpoint["EndpointStatus"] not in _RUNNING or endpoint["CreationTime"] >= before:
                continue
            try:
                tags = tags_of(self._sagemaker, endpoint["EndpointArn"])
                thing = self._thing(endpoint, tags) if self._place.has(name, tags) else None
            except CannotSee as unseen:
                if self._place.has(name, {}):
                    yield Unseen(self.kind, name, str(unseen))
                continue
            if thing is not None and thing.instances:
                yield thing

    def stop(self, thing: Thing) -> None:
        with unless_gone():
            self._sagemaker.delete_endpoint(**thing.handle)

    def variants(self, thing: Thing) -> Sequence[str]:
        with seeing("describe_endpoint"):
            found = self._sagemaker.describe_endpoint(**thing.handle)
        every = [*found.get("ProductionVariants", ()), *found.get("ShadowProductionVariants", ())]
        return [variant["VariantName"] for variant in every]

    def components(self, name: str) -> Sequence[str]:
        found = pages(
            self._sagemaker, "list_inference_components", "InferenceComponents", EndpointNameEquals=name
        )
        return [each["InferenceComponentName"] for each in found]

    def _thing(self, endpoint: Mapping[str, Any], tags: Mapping[str, str]) -> Thing:
        name, handle = endpoint["EndpointName"], {"EndpointName": endpoint["EndpointName"]}
        with seeing("describe_endpoint"):
            found = self._sagemaker.describe_endpoint(**handle)
            types = self._types(found["EndpointConfigName"])
        every = [*found.get("ProductionVariants", ()), *found.get("ShadowProductionVariants", ())]
        instances: dict[str, int] = {}
        for variant in every:
            count, of_type = variant.get("CurrentInstanceCount", 0), types.get(variant["VariantName"])
            if count and of_type is not None:
                instances[of_type] = instances.get(of_type, 0) + count
        person = self._place.person(tags)
        return Thing(
            self.kind,
            name,
            endpoint["CreationTime"],
            arn=endpoint["EndpointArn"],
            instances=instances,
            team=self._place.team(name, tags, person),
            person=person,
            declared=name in self._place.endpoints,
            protected="it has inference components, which would go with it" if self.components(name) else "",
            tags=tags,
            handle=handle,
            comes_back_by=f"aws sagemaker create-endpoint --endpoint-name {name}"
            f" --endpoint-config-name {found['EndpointConfigName']}",
        )

    def _types(self, configuration: str) -> Mapping[str, str]:
        found = self._sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
        every = [*found.get("ProductionVariants", ()), *found.get("ShadowProductionVariants", ())]
        return {each["VariantName"]: each["InstanceType"] for each in every if "InstanceType" in each}
