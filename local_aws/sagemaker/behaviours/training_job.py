"""Training jobs: what CreateTrainingJob takes and refuses, and the states of a job."""

from __future__ import annotations

import time

from local_aws import containers, settings
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import callers, jobs, roles, storage, training, training_input, training_metrics
from local_aws.sagemaker.behaviour import Request
from local_aws.sagemaker.image_folder import folder_of
from local_aws.sagemaker.jobs import Run
from local_aws.store import Record

_NOT_EMULATED = (
    "DebugRuleConfigurations",
    "ExperimentConfig",
    "MlflowConfig",
    "ModelPackageConfig",
    "ProfilerRuleConfigurations",
    "ServerlessJobConfig",
)
_SWITCHES = {
    "InfraCheckConfig": "EnableInfraCheck",
    "RemoteDebugConfig": "EnableRemoteDebug",
    "SessionChainingConfig": "EnableSessionTagChaining",
}
_RESOURCES = (
    "InstancePlacementConfig",
    "InstancePreferences",
    "KeepAlivePeriodInSeconds",
    "TrainingPlanArn",
)
_SPOT_PRICE = 0.3
"""Of the price on demand: AWS tells its varying discount in seconds that are not billed."""


class TrainingJob(jobs.Job):
    family = "TrainingJob"
    words = "training job"

    def check(self, request: Request) -> None:
        _check_emulated(request)
        _check_resources(request)
        _check_stopping(request)
        specification = request["AlgorithmSpecification"]
        training_metrics.check(specification.get("MetricDefinitions", ()))
        training_input.check_local_paths(request)
        training_input.check(request)
        roles.check(request["RoleArn"], callers.source_identity())
        folder_of(specification["TrainingImage"])
        training_input.check_presence(request)

    def prepare(self, record: Record) -> None:
        record.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": jobs.DEFAULT_SECONDS})
        record["StoppingCondition"].setdefault("MaxRuntimeInSeconds", jobs.DEFAULT_SECONDS)
        for member in (
            "EnableInterContainerTrafficEncryption",
            "EnableManagedSpotTraining",
            "EnableNetworkIsolation",
        ):
            record.setdefault(member, False)
        record.update(
            TrainingJobStatus="InProgress",
            SecondaryStatus="Starting",
            SecondaryStatusTransitions=[],
            # DescribeTrainingJob must have it; it says where the model will be.
            ModelArtifacts={"S3ModelArtifacts": training.artifact(record)},
        )
        training.enter(record, "Starting")

    def check_update(self, record: Record, request: Request) -> None:  # noqa: ARG002 - none can be
        raise not_supported(f"UpdateTrainingJob of {' and '.join(sorted(request)) or 'nothing'}")

    def stopping(self, record: Record) -> None:
        super().stopping(record)
        training.enter(record, "Stopping")

    def perform(self, record: Record, run: Run) -> None:
        began = record["TrainingStartTime"] = time.time()
        attempts = record.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0) + 1
        secondary, reason, course = "Failed", None, None
        for attempt in range(attempts):
            try:
                injected = settings.current().failure(self.family, record["TrainingJobName"])
                if injected is not None:
                    raise jobs.JobFailed(injected)
                course = training.Training(record, run)
                secondary, reason = course.go(), None
                break
            except (jobs.JobFailed, storage.StorageError, containers.CannotStart) as error:
                reason = str(error)
                break
            except ServiceError as error:
                reason = f"ClientError: {error.message}"
                break
            except Exception as error:  # noqa: BLE001 - every reason is the job's, in its FailureReason
                reason = f"InternalServerError: {error}"
                if attempt + 1 < attempts:  # only these are tried again, on AWS too
                    training.enter(record, "Restarting")
        spent = jobs.elapsed(began)
        billed = max(1, round(spent * _SPOT_PRICE)) if record["EnableManagedSpotTraining"] else spent
        record.update(TrainingTimeInSeconds=spent, BillableTimeInSeconds=billed)
        if course is not None and course.metrics.final:
            record["FinalMetricDataList"] = course.metrics.final
        if secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
            self.stopping(record)
        status = secondary if secondary in ("Completed", "Failed") else "Stopped"
        self.finish(record, status, reason, secondary)

    def finish(
        self, record: Record, status: str, reason: str | None = None, secondary: str | None = None
    ) -> None:
        if reason is not None:
            record["FailureReason"] = reason[: jobs.LONGEST_REASON]
        training.enter(record, secondary or status, reason)
        record.update(TrainingEndTime=time.time(), TrainingJobStatus=status)


def _check_emulated(request: Request) -> None:
    for member in _NOT_EMULATED:
        if request.get(member):
            raise not_supported(f"a training job with {member}")
    for member, switch in _SWITCHES.items():
        if request.get(member, {}).get(switch):
            raise not_supported(f"a training job with {switch}")
    if "ProfilerConfig" in request and not request["ProfilerConfig"].get("DisableProfiler"):
        raise not_supported("a training job with ProfilerConfig, other than DisableProfiler")
    specification = request.get("AlgorithmSpecification", {})
    if "AlgorithmName" in specification and "TrainingImage" in specification:
        raise invalid("You can not specify both AlgorithmName and TrainingImage.")
    if "TrainingImage" not in specification:
        raise not_supported("a training job without AlgorithmSpecification.TrainingImage")
    if "TrainingImageConfig" in specification:
        raise not_supported("a training job with TrainingImageConfig")
    if specification["TrainingInputMode"] == "Pipe":
        raise not_supported("the input mode Pipe")


def _check_resources(request: Request) -> None:
    resources = request.get("ResourceConfig")
    if resources is None:
        raise invalid("ResourceConfig must be given for a training job with AlgorithmSpecification.")
    for member in _RESOURCES:
        if resources.get(member):
            raise not_supported(f"a training job with ResourceConfig.{member}")
    single = {"InstanceType", "InstanceCount"} & set(resources)
    if resources.get("InstanceGroups"):
        if single:
            raise invalid("You can not specify both InstanceGroups and InstanceType or InstanceCount.")
    elif len(single) < 2:
        raise invalid("ResourceConfig needs both InstanceType and InstanceCount, or InstanceGroups.")
    jobs.check_count(training_input.count(resources))
    jobs.check_isolation(request.get("EnableNetworkIsolation", False))


def _check_stopping(request: Request) -> None:
    """In SageMaker's own words."""
    stopping = request.get("StoppingCondition", {})
    wait = stopping.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to"
                " true"
            )
    elif wait is None or wait < stopping.get("MaxRuntimeInSeconds", jobs.DEFAULT_SECONDS):
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to"
            " MaxRuntimeInSeconds"
        )
