"""The behaviours of the resource families that do something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.app import App
from local_aws.sagemaker.behaviours.cluster import Cluster
from local_aws.sagemaker.behaviours.domain import Domain
from local_aws.sagemaker.behaviours.edge_deployment_plan import EdgeDeploymentPlan
from local_aws.sagemaker.behaviours.endpoint import Endpoint
from local_aws.sagemaker.behaviours.endpoint_config import EndpointConfig
from local_aws.sagemaker.behaviours.experiment import Experiment, Trial, TrialComponent
from local_aws.sagemaker.behaviours.feature_group import FeatureGroup
from local_aws.sagemaker.behaviours.image import Image, ImageVersion
from local_aws.sagemaker.behaviours.inference_component import InferenceComponent
from local_aws.sagemaker.behaviours.inference_experiment import InferenceExperiment
from local_aws.sagemaker.behaviours.job_definition import JobDefinition
from local_aws.sagemaker.behaviours.mlflow_tracking_server import MlflowTrackingServer
from local_aws.sagemaker.behaviours.model import Model
from local_aws.sagemaker.behaviours.model_package import ModelPackage, ModelPackageGroup
from local_aws.sagemaker.behaviours.monitoring_schedule import MonitoringSchedule
from local_aws.sagemaker.behaviours.not_run import NotRun
from local_aws.sagemaker.behaviours.notebook_instance import NotebookInstance
from local_aws.sagemaker.behaviours.partner_app import PartnerApp
from local_aws.sagemaker.behaviours.pipeline import Pipeline
from local_aws.sagemaker.behaviours.processing_job import ProcessingJob
from local_aws.sagemaker.behaviours.project import Project
from local_aws.sagemaker.behaviours.space import Space
from local_aws.sagemaker.behaviours.studio_lifecycle_config import StudioLifecycleConfig
from local_aws.sagemaker.behaviours.training_job import TrainingJob
from local_aws.sagemaker.behaviours.training_plan import TrainingPlan
from local_aws.sagemaker.behaviours.transform_job import TransformJob
from local_aws.sagemaker.behaviours.user_profile import UserProfile
from local_aws.sagemaker.behaviours.workforce import Workforce, Workteam

NOT_RUN: Mapping[str, str] = {
    "AIBenchmarkJob": "nothing measures endpoints here",
    "AIRecommendationJob": "nothing measures endpoints here",
    "AutoMLJob": "nothing searches for models here",
    "AutoMLJobV2": "nothing searches for models here",
    "CompilationJob": "there is no compiler here",
    "EdgePackagingJob": "there are no edge devices here",
    "HyperParameterTuningJob": "nothing tunes hyper-parameters here",
    "InferenceRecommendationsJob": "nothing measures endpoints here",
    "Job": "nothing runs such jobs here",
    "LabelingJob": "nobody labels here",
    "ModelCardExportJob": "nothing prints documents here",
    "OptimizationJob": "nothing optimises models here",
}
"""Jobs that are accepted, described and listed, and that fail with this reason."""

_BEHAVIOURS: Mapping[str, Behaviour] = {
    **{family: NotRun(family, why) for family, why in NOT_RUN.items()},
    **{
        f"{kind}JobDefinition": JobDefinition(kind)
        for kind in ("DataQuality", "ModelBias", "ModelExplainability", "ModelQuality")
    },
    "App": App(),
    "Cluster": Cluster(),
    "Domain": Domain(),
    "EdgeDeploymentPlan": EdgeDeploymentPlan(),
    "Endpoint": Endpoint(),
    "EndpointConfig": EndpointConfig(),
    "Experiment": Experiment(),
    "FeatureGroup": FeatureGroup(),
    "Image": Image(),
    "ImageVersion": ImageVersion(),
    "InferenceComponent": InferenceComponent(),
    "InferenceExperiment": InferenceExperiment(),
    "MlflowTrackingServer": MlflowTrackingServer(),
    "Model": Model(),
    "ModelPackage": ModelPackage(),
    "ModelPackageGroup": ModelPackageGroup(),
    "MonitoringSchedule": MonitoringSchedule(),
    "NotebookInstance": NotebookInstance(),
    "PartnerApp": PartnerApp(),
    "Pipeline": Pipeline(),
    "ProcessingJob": ProcessingJob(),
    "Project": Project(),
    "Space": Space(),
    "StudioLifecycleConfig": StudioLifecycleConfig(),
    "TrainingJob": TrainingJob(),
    "TrainingPlan": TrainingPlan(),
    "TransformJob": TransformJob(),
    "Trial": Trial(),
    "TrialComponent": TrialComponent(),
    "UserProfile": UserProfile(),
    "Workforce": Workforce(),
    "Workteam": Workteam(),
}
_REMEMBERED = Behaviour()

OPERATIONS: Mapping[str, Callable[[Request], dict[str, Any]]] = {}
"""What is none of Create, Describe, List, Update, Delete and Stop: given the valid request, answers."""


def behaviour(family: str) -> Behaviour:
    return _BEHAVIOURS.get(family, _REMEMBERED)
