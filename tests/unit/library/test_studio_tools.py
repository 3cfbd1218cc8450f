"""What people find in Studio, as SageMaker is told."""

from __future__ import annotations

import boto3
import pytest

from clary_constructs import CanvasTools, IdleShutdown, StudioTools
from clary_constructs._studio_instance_type import STUDIO_INSTANCE_TYPES
from clary_constructs._studio_tools import APPLICATIONS, FEATURES


def test_hides_all_that_is_not_shown() -> None:
    tools = StudioTools(
        applications=["canvas", "jupyter-lab"],
        features=["data-wrangler", "emr-clusters"],
        instance_types=["ml.t3.medium", "ml.m5.large"],
    )

    portal = tools.user_settings()["StudioWebPortalSettings"]

    assert portal["HiddenAppTypes"] == ["CodeEditor", "JupyterServer", "RStudioServerPro", "TensorBoard"]
    assert not {"DataWrangler", "EmrClusters"} & set(portal["HiddenMlTools"])
    assert len(portal["HiddenMlTools"]) == len(FEATURES) - 2
    assert set(STUDIO_INSTANCE_TYPES) - set(portal["HiddenInstanceTypes"]) == {"ml.t3.medium", "ml.m5.large"}


def test_shows_neither_other_companys_tools_nor_jumpstart_unless_asked() -> None:
    hidden = StudioTools().user_settings()["StudioWebPortalSettings"]["HiddenMlTools"]

    assert hidden == ["Comet", "DeepchecksLLMEvaluation", "Fiddler", "JumpStart", "LakeraGuard"]


def test_idle_times_are_those_of_both_editors() -> None:
    settings = StudioTools(idle=IdleShutdown(90, 60, 240)).user_settings()

    for editor in ("JupyterLabAppSettings", "CodeEditorAppSettings"):
        assert settings[editor]["AppLifecycleManagement"]["IdleSettings"] == {
            "LifecycleManagement": "ENABLED",
            "IdleTimeoutInMinutes": 90,
            "MinIdleTimeoutInMinutes": 60,
            "MaxIdleTimeoutInMinutes": 240,
        }


def test_canvas_is_told_where_its_files_lie_and_what_it_may_not() -> None:
    canvas = CanvasTools("s3://data/research/canvas", encryption_key_arn="arn:key", deploy_models=True)

    told = StudioTools(applications=["canvas"], canvas=canvas).user_settings()["CanvasAppSettings"]

    assert told == {
        "DirectDeploySettings": {"Status": "ENABLED"},
        "ModelRegisterSettings": {"Status": "DISABLED"},
        "KendraSettings": {"Status": "DISABLED"},
        "WorkspaceSettings": {"S3ArtifactPath": "s3://data/research/canvas", "S3KmsKeyId": "arn:key"},
    }


def test_a_canvas_that_is_not_shown_may_do_nothing() -> None:
    canvas = CanvasTools("s3://data/research/canvas", deploy_models=True)

    told = StudioTools(canvas=canvas).user_settings()["CanvasAppSettings"]

    assert {one["Status"] for one in told.values()} == {"DISABLED"}


def test_rstudio_is_given_and_taken_where_the_domain_has_it() -> None:
    def access(*applications: str) -> object:
        told = StudioTools(applications=applications, r_studio_in_domain=True).user_settings()
        return told["RStudioServerProAppSettings"]["AccessStatus"]

    assert (access("r-studio"), access("jupyter-lab")) == ("ENABLED", "DISABLED")
    assert "RStudioServerProAppSettings" not in StudioTools().user_settings()


def test_says_the_same_things_whatever_is_chosen() -> None:
    """SageMaker keeps what an update does not mention: another choice has to mention it again."""
    some = StudioTools(instance_types=["ml.t3.medium"], features=[]).user_settings()
    all_ = StudioTools().user_settings()

    assert {key: set(value) for key, value in some.items()} == {
        key: set(value) for key, value in all_.items()
    }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"applications": ["emacs"]}, "Studio has no application 'emacs', choose among: canvas, code-editor"),
        ({"features": ["glue"]}, "Studio has no feature 'glue'"),
        ({"instance_type": "ml.x1.huge"}, "Studio has no instance type 'ml.x1.huge'"),
        ({"instance_types": ["ml.m5.large"]}, "the default 'ml.t3.medium' is not among the instance types"),
        ({"applications": ["r-studio"]}, "'r-studio' is shown but the domain has no RStudio"),
    ],
)
def test_refuses_what_studio_has_not(wrong: dict[str, list[str]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        StudioTools(**wrong)  # type: ignore[arg-type]  # that is what is tried


def test_knows_what_the_api_knows() -> None:
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    model = client.meta.service_model
    client.close()

    assert set(STUDIO_INSTANCE_TYPES) == set(model.shape_for("AppInstanceType").enum) - {
        "system",
        "ml.geospatial.interactive",
    }
    assert set(FEATURES.values()) <= set(model.shape_for("MlTools").enum)
    assert set(APPLICATIONS.values()) <= set(model.shape_for("AppType").enum)
