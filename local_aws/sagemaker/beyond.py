"""Operations that are about no single family: tags, policies, relations, what nothing here makes any of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import listing, resources, search, studio_page, tags
from local_aws.sagemaker.behaviours import (
    edge_deployment_plan,
    inference_component,
    inference_experiment,
    monitoring_schedule,
    training_plan,
)
from local_aws.sagemaker.behaviours.endpoint import update_weights_and_capacities
from local_aws.sagemaker.behaviours.image import versions
from local_aws.sagemaker.behaviours.model_package import group
from local_aws.sagemaker.behaviours.reference import require, require_ready
from local_aws.sagemaker.families import families
from local_aws.sagemaker.feature_store import metadata
from local_aws.store import STORE, Record

Request = Mapping[str, Any]
Operation = Callable[[Request], dict[str, Any]]

_PAGE = 10


# --- model packages --------------------------------------------------------------------------------


def _put_policy(request: Request) -> dict[str, Any]:
    found = group(request["ModelPackageGroupName"])
    found["_policy"] = request["ResourcePolicy"]
    return {"ModelPackageGroupArn": found["ModelPackageGroupArn"]}


def _get_policy(request: Request) -> dict[str, Any]:
    return {"ResourcePolicy": _with_policy(request)["_policy"]}


def _delete_policy(request: Request) -> dict[str, Any]:
    del _with_policy(request)["_policy"]
    return {}


def _with_policy(request: Request) -> Record:
    found = group(request["ModelPackageGroupName"])
    if "_policy" not in found:
        raise invalid(f"Cannot find resource policy for: {found['ModelPackageGroupArn']}")
    return found


def _batch_describe(request: Request) -> dict[str, Any]:
    found, errors = {}, {}
    for arn in request["ModelPackageArnList"]:
        record = resources.by_arn(families()["ModelPackage"], arn)
        if record is None:
            errors[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": f"{arn} does not exist."}
        else:
            found[arn] = record
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


# --- images ----------------------------------------------------------------------------------------


def _list_aliases(request: Request) -> dict[str, Any]:
    image = require("Image", (request["ImageName"],))
    wanted = request.get("Version")
    found = [
        alias
        for version in versions(image["ImageName"])
        if wanted in (None, version["Version"])
        for alias in version["Aliases"]
    ]
    return _paged("SageMakerImageVersionAliases", found, request)


# --- experiments and lineage -----------------------------------------------------------------------


def _associate_component(request: Request) -> dict[str, Any]:
    component, trial = _component_and_trial(request)
    _add(trial, "_components", component["TrialComponentName"])
    _add(component, "_trials", trial["TrialName"])
    _add(component, "_experiments", trial["ExperimentName"])
    return {"TrialComponentArn": component["TrialComponentArn"], "TrialArn": trial["TrialArn"]}


def _disassociate_component(request: Request) -> dict[str, Any]:
    component, trial = _component_and_trial(request)
    if trial["TrialName"] not in component.get("_trials", ()):
        raise ServiceError("ResourceNotFound", "The trial component is not associated with the trial.")
    trial["_components"] = [one for one in trial["_components"] if one != component["TrialComponentName"]]
    component["_trials"] = [one for one in component["_trials"] if one != trial["TrialName"]]
    component["_experiments"] = [require("Trial", (name,))["ExperimentName"] for name in component["_trials"]]
    return {"TrialComponentArn": component["TrialComponentArn"], "TrialArn": trial["TrialArn"]}


def _component_and_trial(request: Request) -> tuple[Record, Record]:
    component = require("TrialComponent", (request["TrialComponentName"],))
    return component, require("Trial", (request["TrialName"],))


def _add(record: Record, member: str, name: str) -> None:
    record[member] = [*(one for one in record.get(member, ()) if one != name), name]


_ASSOCIATIONS = "Association"


def _add_association(request: Request) -> dict[str, Any]:
    source, destination = request["SourceArn"], request["DestinationArn"]
    for arn in (source, destination):
        if not any(resources.by_arn(family, arn) for family in families().values()):
            raise ServiceError("ResourceNotFound", f"Could not find {arn}.")
    record = {**request, "CreationTime": time.time()}
    if not STORE.add(_ASSOCIATIONS, (source, destination), record):
        raise invalid(f"An association from {source} to {destination} already exists.")
    return {"SourceArn": source, "DestinationArn": destination}


def _delete_association(request: Request) -> dict[str, Any]:
    source, destination = request["SourceArn"], request["DestinationArn"]
    if STORE.remove(_ASSOCIATIONS, (source, destination)) is None:
        raise ServiceError("ResourceNotFound", f"There is no association from {source} to {destination}.")
    return {"SourceArn": source, "DestinationArn": destination}


def _list_associations(request: Request) -> dict[str, Any]:
    wanted = {
        name: request[name] for name in ("SourceArn", "DestinationArn", "AssociationType") if name in request
    }
    found = [
        record
        for _, record in STORE.all(_ASSOCIATIONS)
        if all(record.get(name) == value for name, value in wanted.items())
    ]
    return _paged("AssociationSummaries", found, request)


# --- Studio's front door ---------------------------------------------------------------------------


def _presigned_domain_url(request: Request) -> dict[str, Any]:
    domain = require_ready("Domain", (request["DomainId"],))
    profile = require_ready("UserProfile", (request["DomainId"], request["UserProfileName"]))
    if "SpaceName" in request:
        require_ready("Space", (request["DomainId"], request["SpaceName"]))
    what = f"Studio of the domain {domain['DomainName']} for {profile['UserProfileName']}"
    return {"AuthorizedUrl": studio_page.url(what, request.get("ExpiresInSeconds", 300))}


def _presigned_notebook_url(request: Request) -> dict[str, Any]:
    notebook = require("NotebookInstance", (request["NotebookInstanceName"],), validation=True)
    status = notebook["NotebookInstanceStatus"]
    if status != "InService":
        raise invalid(
            f"Status ({status}) not in ([InService]). Unable to create a presigned URL for Notebook Instance"
            f" ({notebook['NotebookInstanceArn']})."
        )
    what = f"the notebook instance {notebook['NotebookInstanceName']}"
    return {"AuthorizedUrl": studio_page.url(what, request.get("SessionExpirationDurationInSeconds", 1800))}


def _presigned_mlflow_url(request: Request) -> dict[str, Any]:
    server = require("MlflowTrackingServer", (request["TrackingServerName"],))
    what = f"the MLflow tracking server {server['TrackingServerName']}"
    return {"AuthorizedUrl": studio_page.url(what, request.get("ExpiresInSeconds", 300))}


# --- what there is none of -------------------------------------------------------------------------


def _none_of(member: str, parent: str, name: str) -> Operation:
    """Lists what nothing here makes: none, of a resource that must be there."""

    def answer(request: Request) -> dict[str, Any]:
        if name in request:
            require(parent, (request[name].rpartition("/")[2],))
        return {member: []}

    return answer


def _portfolio(status: str | None) -> Operation:
    """Whether SageMaker's own portfolio of project templates may be used: kept, and told."""
    key = ("enabled",)

    def answer(request: Request) -> dict[str, Any]:  # noqa: ARG001 - there is nothing to ask
        if status == "Enabled":
            STORE.add("ServicecatalogPortfolio", key, {})
        elif status == "Disabled":
            STORE.remove("ServicecatalogPortfolio", key)
        else:
            enabled = STORE.get("ServicecatalogPortfolio", key) is not None
            return {"Status": "Enabled" if enabled else "Disabled"}
        return {}

    return answer


def _paged(member: str, found: list[Any], request: Request) -> dict[str, Any]:
    return listing.page(member, found, int(request.get("MaxResults", _PAGE)), request.get("NextToken"))


OPERATIONS: Mapping[str, Operation] = {
    "UpdateEndpointWeightsAndCapacities": update_weights_and_capacities,
    "AddAssociation": _add_association,
    "AddTags": tags.add,
    "AssociateTrialComponent": _associate_component,
    "BatchDescribeModelPackage": _batch_describe,
    "CreateEdgeDeploymentStage": edge_deployment_plan.create_stage,
    "CreatePresignedDomainUrl": _presigned_domain_url,
    "CreatePresignedMlflowTrackingServerUrl": _presigned_mlflow_url,
    "CreatePresignedNotebookInstanceUrl": _presigned_notebook_url,
    "DeleteAssociation": _delete_association,
    "DeleteEdgeDeploymentStage": edge_deployment_plan.delete_stage,
    "DeleteModelPackageGroupPolicy": _delete_policy,
    "DeleteTags": tags.delete,
    "DescribeFeatureMetadata": metadata.describe,
    "DisableSagemakerServicecatalogPortfolio": _portfolio("Disabled"),
    "DisassociateTrialComponent": _disassociate_component,
    "EnableSagemakerServicecatalogPortfolio": _portfolio("Enabled"),
    "GetModelPackageGroupPolicy": _get_policy,
    "GetSagemakerServicecatalogPortfolioStatus": _portfolio(None),
    "ListAliases": _list_aliases,
    "ListAssociations": _list_associations,
    "ListCandidatesForAutoMLJob": _none_of("Candidates", "AutoMLJob", "AutoMLJobName"),
    "ListLabelingJobsForWorkteam": _none_of("LabelingJobSummaryList", "Workteam", "WorkteamArn"),
    "ListMonitoringExecutions": monitoring_schedule.list_executions,
    "ListPipelineExecutions": _none_of("PipelineExecutionSummaries", "Pipeline", "PipelineName"),
    "ListTags": tags.list_,
    "ListTrainingJobsForHyperParameterTuningJob": _none_of(
        "TrainingJobSummaries", "HyperParameterTuningJob", "HyperParameterTuningJobName"
    ),
    "PutModelPackageGroupPolicy": _put_policy,
    "Search": search.search,
    "SearchTrainingPlanOfferings": training_plan.search,
    "StopInferenceExperiment": inference_experiment.stop,
    "UpdateFeatureMetadata": metadata.update,
    "UpdateInferenceComponentRuntimeConfig": inference_component.update_copies,
}
