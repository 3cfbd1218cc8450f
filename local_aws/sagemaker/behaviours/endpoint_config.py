"""Endpoint configurations: what they ask for must be there, and what cannot be kept is refused."""

from __future__ import annotations

from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.errors import invalid, not_supported
from local_aws.store import STORE, Record

_NOT_EMULATED = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")
_NOT_EMULATED_OF_VARIANTS = ("ServerlessConfig", "ManagedInstanceScaling", "CapacityReservationConfig")


class EndpointConfig(Behaviour):
    def check(self, request: Request) -> None:
        for member in _NOT_EMULATED:
            if member in request:
                raise not_supported(f"an endpoint configuration with {member}")
        if request.get("DataCaptureConfig", {}).get("EnableCapture"):
            raise not_supported("data capture")
        names = [variant["VariantName"] for variant in request["ProductionVariants"]]
        if len(names) != len(set(names)):
            raise invalid("Production variant names must be unique within an endpoint configuration.")
        for variant in request["ProductionVariants"]:
            for member in _NOT_EMULATED_OF_VARIANTS:
                if member in variant:
                    raise not_supported(f"a production variant with {member}")
            if "ModelName" not in variant or "InitialInstanceCount" not in variant:
                raise not_supported("a production variant without ModelName and InitialInstanceCount")
            require("Model", (variant["ModelName"],), validation=True)

    def check_deletion(self, record: Record) -> None:
        """One in use may go; not while an endpoint is on its way to it."""
        name = record["EndpointConfigName"]
        for _, endpoint in STORE.all("Endpoint"):
            on_its_way = endpoint["EndpointStatus"] in ("Creating", "Updating")
            if on_its_way and name in (endpoint["EndpointConfigName"], endpoint.get("_wanted")):
                raise invalid(
                    f'Cannot delete the endpoint configuration "{record["EndpointConfigArn"]}": the endpoint'
                    f' "{endpoint["EndpointName"]}" is being created or updated with it.'
                )
