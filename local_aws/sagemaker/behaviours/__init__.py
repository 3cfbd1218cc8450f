"""The behaviours of the resource families that do something, and the families that are not emulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.artifact import Artifact
from local_aws.sagemaker.behaviours.domain import Domain
from local_aws.sagemaker.behaviours.endpoint import Endpoint
from local_aws.sagemaker.behaviours.endpoint_config import EndpointConfig
from local_aws.sagemaker.behaviours.model import Model
from local_aws.sagemaker.behaviours.space import Space
from local_aws.sagemaker.behaviours.training_job import TrainingJob
from local_aws.sagemaker.behaviours.user_profile import UserProfile

_BEHAVIOURS: Mapping[str, Behaviour] = {
    "Artifact": Artifact(),
    "Domain": Domain(),
    "Endpoint": Endpoint(),
    "EndpointConfig": EndpointConfig(),
    "Model": Model(),
    "Space": Space(),
    "TrainingJob": TrainingJob(),
    "UserProfile": UserProfile(),
}
_REMEMBERED = Behaviour()

OPERATIONS: Mapping[str, Callable[[Request], dict[str, Any]]] = {}
"""What is none of Create, Describe, List, Update, Delete and Stop: given the valid request, answers."""

_NOT_RUN = "nothing runs such jobs here"
_NOT_SERVED = "nothing here serves it"
_NOT_CHECKED = "nothing here would act on it"

NOT_EMULATED: Mapping[str, str] = {
    "AIBenchmarkJob": _NOT_RUN,
    "AIRecommendationJob": _NOT_RUN,
    "Algorithm": "nothing here validates algorithms",
    "App": "Studio's applications do not run here",
    "AutoMLJob": _NOT_RUN,
    "AutoMLJobV2": _NOT_RUN,
    "Cluster": "there are no clusters here",
    "ClusterSchedulerConfig": "there are no clusters here",
    "CompilationJob": _NOT_RUN,
    "ComputeQuota": "there are no clusters here",
    "EdgeDeploymentPlan": "there are no edge devices here",
    "EdgePackagingJob": _NOT_RUN,
    "HyperParameterTuningJob": _NOT_RUN,
    "ImageVersion": "Studio's images do not run here",
    "InferenceComponent": "endpoints serve models here, not inference components",
    "InferenceExperiment": _NOT_SERVED,
    "InferenceRecommendationsJob": _NOT_RUN,
    "Job": _NOT_RUN,
    "LabelingJob": _NOT_RUN,
    "MlflowApp": _NOT_SERVED,
    "MlflowTrackingServer": _NOT_SERVED,
    "ModelCardExportJob": _NOT_RUN,
    "ModelPackage": "versions of model packages are not counted here",
    "MonitoringSchedule": _NOT_CHECKED,
    "NotebookInstance": _NOT_SERVED,
    "OptimizationJob": _NOT_RUN,
    "PartnerApp": _NOT_SERVED,
    "ProcessingJob": _NOT_RUN,
    "Project": "Service Catalog is not emulated here",
    "TrainingPlan": "there is no capacity to reserve here",
    "TransformJob": _NOT_RUN,
}
"""Families whose resources cannot be created: to keep a record of them would be to pretend. Listing
and describing them is answered: there are none."""


def behaviour(family: str) -> Behaviour:
    return _BEHAVIOURS.get(family, _REMEMBERED)
