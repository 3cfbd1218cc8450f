"""What it takes to write experiments down: with MLflow, with SageMaker Experiments, and in lineage."""

from __future__ import annotations

from collections.abc import Iterator

from clary_constructs._right import NO_RESOURCE, Position, Right
from clary_constructs._workspace import TEAM_TAG, TeamWorkspace

CALL_MLFLOW = ["sagemaker:CallMlflowAppApi"]
OPEN_MLFLOW = ["sagemaker:CreatePresignedMlflowAppUrl", "sagemaker:DescribeMlflowApp"]
WRITE_EXPERIMENTS = [
    "sagemaker:AssociateTrialComponent",
    "sagemaker:BatchPutMetrics",
    "sagemaker:CreateExperiment",
    "sagemaker:CreateTrial",
    "sagemaker:CreateTrialComponent",
    "sagemaker:DeleteExperiment",
    "sagemaker:DeleteTrial",
    "sagemaker:DeleteTrialComponent",
    "sagemaker:DisassociateTrialComponent",
    "sagemaker:UpdateExperiment",
    "sagemaker:UpdateTrial",
    "sagemaker:UpdateTrialComponent",
]
READ_EXPERIMENTS = [
    "sagemaker:BatchGetMetrics",
    "sagemaker:DescribeExperiment",
    "sagemaker:DescribeTrial",
    "sagemaker:DescribeTrialComponent",
]
WRITE_LINEAGE = ["sagemaker:AddAssociation", "sagemaker:CreateArtifact"]
READ_LINEAGE = ["sagemaker:DescribeAction", "sagemaker:DescribeArtifact", "sagemaker:DescribeContext"]
LIST_EXPERIMENTS = [
    "sagemaker:GetSearchSuggestions",
    "sagemaker:ListArtifacts",
    "sagemaker:ListAssociations",
    "sagemaker:ListContexts",
    "sagemaker:ListExperiments",
    "sagemaker:ListMlflowApps",
    "sagemaker:ListTrialComponents",
    "sagemaker:ListTrials",
    "sagemaker:QueryLineage",
    "sagemaker:Search",
]

ON_EXPERIMENTS = [
    *CALL_MLFLOW,
    *OPEN_MLFLOW,
    *WRITE_EXPERIMENTS,
    *READ_EXPERIMENTS,
    *WRITE_LINEAGE,
    *READ_LINEAGE,
]
ON_NO_EXPERIMENT = LIST_EXPERIMENTS

_KINDS = ("experiment", "experiment-trial", "experiment-trial-component")
_MADE_UP = "SageMaker makes up the ids of MLflow Apps: the team's carries its name as a tag"


def track_experiments(position: Position) -> Iterator[Right]:
    """The team's MLflow App, in which one action stands for all of MLflow's API, and its experiments.

    https://docs.aws.amazon.com/sagemaker/latest/dg/mlflow-app-setup-prerequisites-iam.html
    """
    workspace = position.workspace
    yield Right("Experiments", [*CALL_MLFLOW, *OPEN_MLFLOW], _apps(position), _tagged(workspace), _MADE_UP)
    why = f"the experiments of the team {workspace.name}, told by what their names begin with"
    experiments = position.ours(*_KINDS)
    yield Right("Experiments", [*WRITE_EXPERIMENTS, *READ_EXPERIMENTS], experiments, wildcard_because=why)
    artifacts = position.sagemaker("artifact", "*")
    yield Right(
        "Experiments",
        WRITE_LINEAGE,
        [artifacts, *position.ours("experiment-trial-component")],
        wildcard_because="artifacts are named by a hash of where they lie, and have no prefix",
    )
    yield Right(
        "Experiments",
        READ_LINEAGE,
        [artifacts, position.sagemaker("action", "*"), position.sagemaker("context", "*")],
        wildcard_because="lineage is followed from what is ours to what it was made of: names, no data",
    )
    yield Right("Experiments", LIST_EXPERIMENTS, ["*"], wildcard_because=NO_RESOURCE)


def log_to_mlflow(position: Position) -> Iterator[Right]:
    """What a job needs of it."""
    yield Right("Experiments", CALL_MLFLOW, _apps(position), _tagged(position.workspace), _MADE_UP)


def _apps(position: Position) -> list[str]:
    return [position.sagemaker("mlflow-app", "*")]


def _tagged(workspace: TeamWorkspace) -> dict[str, dict[str, object]]:
    return {"StringEquals": {f"aws:ResourceTag/{TEAM_TAG}": workspace.name}}
