"""What people find in Studio, by the words of SageMaker's API."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary_constructs._studio_image import StudioImage
from clary_constructs._studio_instance_type import STUDIO_INSTANCE_TYPES
from clary_constructs._studio_startup import SpaceApplication, StartupScript

APPLICATIONS: Mapping[str, str] = {
    "canvas": "Canvas",
    "code-editor": "CodeEditor",
    "jupyter-lab": "JupyterLab",
    "r-studio": "RStudioServerPro",
    "studio-classic": "JupyterServer",
    "tensorboard": "TensorBoard",
}
"""Those that can be hidden: with `KernelGateway` and `RSessionGateway` among them a deployment fails
(https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2129)."""
FEATURES: Mapping[str, str] = {
    "auto-ml": "AutoMl",
    "comet": "Comet",
    "data-wrangler": "DataWrangler",
    "deepchecks": "DeepchecksLLMEvaluation",
    "emr-clusters": "EmrClusters",
    "endpoints": "Endpoints",
    "experiments": "Experiments",
    "feature-store": "FeatureStore",
    "fiddler": "Fiddler",
    "hyperpod-clusters": "HyperPodClusters",
    "inference-optimization": "InferenceOptimization",
    "inference-recommender": "InferenceRecommender",
    "jump-start": "JumpStart",
    "lakera-guard": "LakeraGuard",
    "model-evaluation": "ModelEvaluation",
    "models": "Models",
    "performance-evaluation": "PerformanceEvaluation",
    "pipelines": "Pipelines",
    "projects": "Projects",
    "training": "Training",
}
_PARTNERS = frozenset({"comet", "deepchecks", "fiddler", "lakera-guard"})
"""Other companies' applications, each with a price of its own."""
_FROM_BUCKETS_OF_AWS = frozenset({"jump-start"})
"""What works with models from buckets of AWS's own: neither a `PermissionsBoundary` nor `PrivateEndpoints`
let anybody reach them
(https://docs.aws.amazon.com/sagemaker/latest/dg/studio-jumpstart.html)."""


@dataclass(frozen=True)
class IdleShutdown:
    """When an application that nobody uses is stopped, and what people may choose instead.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_IdleSettings.html
    """

    after_minutes: int = 60
    least_minutes: int = 60
    most_minutes: int = 60

    def __post_init__(self) -> None:
        if not 60 <= self.least_minutes <= self.after_minutes <= self.most_minutes <= 525_600:
            raise ValueError(
                f"least {self.least_minutes}, after {self.after_minutes} and most {self.most_minutes} minutes"
                " have to be in this order, from 60 to 525600"
            )


AN_HOUR = IdleShutdown()


@dataclass(frozen=True)
class CanvasTools:
    """What Canvas does: `artifacts` is where its files lie, as `s3://bucket/prefix`."""

    artifacts: str
    encryption_key_arn: str | None = None
    deploy_models: bool = False
    register_models: bool = False
    query_documents: bool = False


@dataclass(frozen=True)
class StudioTools:
    """What somebody finds in Studio: by default JupyterLab, Code Editor and all of SageMaker but JumpStart.

    Each rendering says all there is to say, with an empty list where nothing is meant: SageMaker keeps
    what an update leaves out (https://github.com/hashicorp/terraform-provider-aws/issues/43127).
    """

    applications: Collection[str] = ("jupyter-lab", "code-editor")
    features: Collection[str] = tuple(FEATURES.keys() - _PARTNERS - _FROM_BUCKETS_OF_AWS)
    instance_type: str = "ml.t3.medium"
    instance_types: Collection[str] | None = None
    """What can be chosen; None is all."""
    idle: IdleShutdown | None = AN_HOUR
    canvas: CanvasTools | None = None
    r_studio_in_domain: bool = False
    startup: StartupScript | None = None
    """What happens when a space starts, in place of what the domain has for everybody."""
    images: Sequence[StudioImage] = ()
    """What there is to choose from, besides what the domain has for everybody."""

    def __post_init__(self) -> None:
        for kind, given, known in (
            ("application", self.applications, APPLICATIONS),
            ("feature", self.features, FEATURES),
            ("instance type", self.instance_types or (), STUDIO_INSTANCE_TYPES),
            ("instance type", [self.instance_type], STUDIO_INSTANCE_TYPES),
        ):
            for name in given:
                if name not in known:
                    raise ValueError(
                        f"Studio has no {kind} '{name}', choose among: {', '.join(sorted(known))}"
                    )
        if self.instance_types is not None and self.instance_type not in self.instance_types:
            raise ValueError(f"the default '{self.instance_type}' is not among the instance types")
        if "r-studio" in self.applications and not self.r_studio_in_domain:
            raise ValueError("'r-studio' is shown but the domain has no RStudio")

    @property
    def hidden_applications(self) -> list[str]:
        return sorted(name for key, name in APPLICATIONS.items() if key not in self.applications)

    @property
    def hidden_features(self) -> list[str]:
        return sorted(name for key, name in FEATURES.items() if key not in self.features)

    @property
    def hidden_instance_types(self) -> list[str]:
        if self.instance_types is None:
            return []
        return [name for name in STUDIO_INSTANCE_TYPES if name not in self.instance_types]

    def user_settings(
        self,
        *,
        startup: Mapping[SpaceApplication, str] | None = None,
        images: Sequence[StudioImage] | None = None,
    ) -> dict[str, Any]:
        """As UpdateUserProfile takes them, without what a profile is created with.

        `startup` are ARNs of lifecycle configurations, and `images` all that there are, the domain's, too:
        what a profile says "takes precedence over" the domain's settings
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UserSettings.html). Where they are
        not given, the domain's are what somebody has who never had others.
        """
        settings: dict[str, Any] = {
            "StudioWebPortalSettings": {
                "HiddenAppTypes": self.hidden_applications,
                "HiddenMlTools": self.hidden_features,
                "HiddenInstanceTypes": self.hidden_instance_types,
            },
            "JupyterLabAppSettings": self._application("JupyterLab", startup, images),
            "CodeEditorAppSettings": self._application("CodeEditor", startup, images),
            "CanvasAppSettings": self._canvas(),
        }
        if self.r_studio_in_domain:
            access = "ENABLED" if "r-studio" in self.applications else "DISABLED"
            settings["RStudioServerProAppSettings"] = {"AccessStatus": access, "UserGroup": "R_STUDIO_USER"}
        return settings

    def _application(
        self,
        application: SpaceApplication,
        startup: Mapping[SpaceApplication, str] | None,
        images: Sequence[StudioImage] | None,
    ) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "DefaultResourceSpec": {"InstanceType": self.instance_type},
            "AppLifecycleManagement": {"IdleSettings": idle_settings(self.idle)},
        }
        if startup is not None:
            settings["BuiltInLifecycleConfigArn"] = startup[application]
        if images is not None:
            # without its number, a version is the newest: the one that there is
            settings["CustomImages"] = [
                {"AppImageConfigName": image.config_names[application], "ImageName": image.name}
                for image in images
                if application in image.config_names
            ]
        return settings

    def _canvas(self) -> dict[str, Any]:
        canvas = self.canvas if "canvas" in self.applications else None
        settings: dict[str, Any] = {
            "DirectDeploySettings": _status(canvas is not None and canvas.deploy_models),
            "ModelRegisterSettings": _status(canvas is not None and canvas.register_models),
            "KendraSettings": _status(canvas is not None and canvas.query_documents),
        }
        if canvas is not None:
            key = {} if canvas.encryption_key_arn is None else {"S3KmsKeyId": canvas.encryption_key_arn}
            settings["WorkspaceSettings"] = {"S3ArtifactPath": canvas.artifacts, **key}
        return settings


def idle_settings(idle: IdleShutdown | None) -> dict[str, Any]:
    if idle is None:
        return {"LifecycleManagement": "DISABLED"}
    return {
        "LifecycleManagement": "ENABLED",
        "IdleTimeoutInMinutes": idle.after_minutes,
        "MinIdleTimeoutInMinutes": idle.least_minutes,
        "MaxIdleTimeoutInMinutes": idle.most_minutes,
    }


def _status(enabled: bool) -> dict[str, str]:
    return {"Status": "ENABLED" if enabled else "DISABLED"}
