"""Transform jobs: what CreateTransformJob takes and refuses, and the states of a job.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import time

from local_aws import containers, settings
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import jobs, records, storage
from local_aws.sagemaker.behaviour import Request
from local_aws.sagemaker.behaviours import model as models
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.jobs import Run
from local_aws.sagemaker.model_server import NotHealthy
from local_aws.sagemaker.transform import Transform
from local_aws.store import Record

_MOST_MEGABYTES = 100
"""Of MaxPayloadInMB, and of it for all concurrent requests (CreateTransformJob in the API reference)."""


class TransformJob(jobs.Job):
    family = "TransformJob"
    words = "transform job"

    def check(self, request: Request) -> None:
        model = require("Model", (request["ModelName"],), validation=True)
        found = models.containers_of(model)
        if len(found) > 1:
            raise not_supported("a transform job of a model of several containers")
        if models.is_multi_model(found[0]):
            raise invalid("A model in the mode MultiModel cannot be used for a transform job.")
        if request.get("ExperimentConfig"):
            raise not_supported("a transform job with ExperimentConfig")
        given = request["TransformInput"]
        if given.get("SplitType", "None") not in ("None", "Line"):
            raise not_supported(f"a transform job with the SplitType {given['SplitType']}")
        kind = given["DataSource"]["S3DataSource"]["S3DataType"]
        if kind not in ("S3Prefix", "ManifestFile"):
            raise invalid(f"The S3DataType {kind} cannot be used for a transform job.")
        if request["TransformResources"].get("TransformAmiVersion"):
            raise not_supported("a transform job with TransformAmiVersion")
        _check_payload(request)
        records.data_processing(request)

    def prepare(self, record: Record) -> None:
        record["TransformJobStatus"] = "InProgress"

    def perform(self, record: Record, run: Run) -> None:
        record["TransformStartTime"] = time.time()
        status, reason = "Failed", None
        try:
            injected = settings.current().failure(self.family, record["TransformJobName"])
            if injected is not None:
                raise jobs.JobFailed(injected)
            status = "Completed" if Transform(record, run).go() else "Stopped"
        except (jobs.JobFailed, storage.StorageError, containers.CannotStart) as error:
            reason = str(error)
        except NotHealthy as error:
            reason = f"AlgorithmError: {error}"
        except ServiceError as error:
            reason = f"ClientError: {error.message}"
        except Exception as error:  # noqa: BLE001 - every reason is the job's, in its FailureReason
            reason = f"InternalServerError: {error}"
        if status == "Failed" and run.stopping:
            status, reason = "Stopped", None  # what was in its way then does not matter
        self.finish(record, status, reason)

    def finish(self, record: Record, status: str, reason: str | None = None) -> None:
        now = time.time()
        if reason is not None:
            record["FailureReason"] = reason[: jobs.LONGEST_REASON]
        record.update(TransformEndTime=now, LastModifiedTime=now, TransformJobStatus=status)


def _check_payload(request: Request) -> None:
    payload = request.get("MaxPayloadInMB")
    if payload is None:
        return
    if payload > _MOST_MEGABYTES:
        raise invalid(f"MaxPayloadInMB cannot be greater than {_MOST_MEGABYTES} MB: it is {payload}.")
    together = payload * (request.get("MaxConcurrentTransforms") or 1)
    if together > _MOST_MEGABYTES:
        raise invalid(
            "The value of (MaxConcurrentTransforms * MaxPayloadInMB) cannot exceed"
            f" {_MOST_MEGABYTES} MB: it is {together}."
        )
