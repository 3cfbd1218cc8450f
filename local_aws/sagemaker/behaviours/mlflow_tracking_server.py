"""MLflow tracking servers: described, started and stopped. There is no server behind them here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateMlflowTrackingServer.html
"""

from __future__ import annotations

import uuid

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.sagemaker import states
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.sagemaker.families import families
from local_aws.store import Record

_RUNNING = ("Created", "Updated", "Started")


class MlflowTrackingServer(Behaviour):
    def prepare(self, record: Record) -> None:
        identifier = uuid.uuid4().hex[:20]
        record["TrackingServerUrl"] = (
            f"https://t-{identifier}.{hooks.request.region()}.experiments.sagemaker.aws"
        )
        record.setdefault("TrackingServerSize", "Small")
        record.setdefault("AutomaticModelRegistration", False)

    def stop(self, record: Record) -> None:
        _expect(record, _RUNNING, "stop")
        states.change(families()["MlflowTrackingServer"], record, "Stopping", "Stopped")

    def start(self, record: Record) -> None:
        _expect(record, ("Stopped",), "start")
        states.change(families()["MlflowTrackingServer"], record, "Starting", "Started")


def _expect(record: Record, wanted: tuple[str, ...], deed: str) -> None:
    status = record["TrackingServerStatus"]
    if status not in wanted:
        raise ServiceError(
            "ConflictException",
            f"Unable to {deed} MLflow Tracking Server [{record['TrackingServerArn']}] because it is in status"
            f" {status}.",
        )
