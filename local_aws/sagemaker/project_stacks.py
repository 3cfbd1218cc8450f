"""Projects whose template is in S3: CloudFormation makes the stack, for whoever asked and with a role given.

Their rights decide whether a stack is made, changed or removed, and whether the role is passed; the role's
decide what is in it. The names of the stacks begin with `SP-`:
https://github.com/aws-samples/sagemaker-custom-project-templates/blob/main/s3_templates/mlops-github-actions/iam/cfn-stack-sm-projects.json
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CfnCreateTemplateProvider.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.cloudformation.client import client, client_as
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import callers
from local_aws.sagemaker.behaviour import Request
from local_aws.sagemaker.project_parts import own_parameters, tags_of
from local_aws.store import Record

PROVIDERS = "TemplateProviders"
TO_UPDATE = "TemplateProvidersToUpdate"
_DETAILS = "TemplateProviderDetails"
_DETAIL = "CfnTemplateProviderDetail"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_NOTHING_TO_DO = "No updates are to be performed."
_REFUSED = ("AccessDenied", "AccessDeniedException")


def create(record: Record) -> None:
    said = _provider(record[PROVIDERS])
    name = f"SP-{hooks.request.account_id()}-{record['ProjectId']}"
    role = {"RoleARN": said["RoleARN"]} if "RoleARN" in said else {}
    answer = _asked(
        "create_stack",
        StackName=name,
        TemplateURL=said["TemplateURL"],
        Parameters=_parameters(record, said),
        Capabilities=_CAPABILITIES,
        Tags=tags_of(record),
        **role,
    )
    detail = {"Name": name, "Id": answer["StackId"], "StatusMessage": "CREATE_IN_PROGRESS"}
    record[_DETAILS] = [{_DETAIL: {**said, "StackDetail": detail}}]


def update(record: Record, request: Request) -> bool:
    """Whether something is under way. A parameter that is not given stays as it was."""
    if TO_UPDATE not in request:
        return False
    wanted, there = _provider(request[TO_UPDATE]), record[_DETAILS][0][_DETAIL]
    if wanted["TemplateName"] != there["TemplateName"]:
        raise invalid(f"Project {record['ProjectName']} has no template {wanted['TemplateName']}.")
    parameters = {one["Key"]: one for one in (*there.get("Parameters", ()), *wanted.get("Parameters", ()))}
    changed = {**there, **wanted, "Parameters": list(parameters.values())}
    try:
        _asked(
            "update_stack",
            StackName=there["StackDetail"]["Name"],
            TemplateURL=changed["TemplateURL"],
            Parameters=_parameters(record, changed),
            Capabilities=_CAPABILITIES,
        )
    except ServiceError as error:
        if error.message != _NOTHING_TO_DO:
            raise
    record[_DETAILS] = [{_DETAIL: changed}]
    return True


def delete(record: Record) -> bool:
    """Whether something is under way: it always is, also where somebody else has deleted the stack."""
    _asked("delete_stack", StackName=record[_DETAILS][0][_DETAIL]["StackDetail"]["Name"])
    return True


def failure(record: Record) -> str | None:
    """Why what was under way failed; nothing where it has not. None while it goes on."""
    stack = record[_DETAILS][0][_DETAIL]["StackDetail"]
    deleting = record["ProjectStatus"].startswith("Delete")
    try:
        found = client("cloudformation").describe_stacks(StackName=stack["Id"])["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
        return "" if deleting else f"the stack {stack['Name']} is gone"
    status = str(found["StackStatus"])
    if status.endswith("_IN_PROGRESS"):
        return None
    if status == "DELETE_COMPLETE":
        return "" if deleting else f"the stack {stack['Name']} is gone"
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") and not deleting:
        return ""
    return f"{status}: {_reason(stack['Id'])}"


def tell(record: Record, failure_: str) -> None:
    """Writes down how it ended."""
    detail = record[_DETAILS][0][_DETAIL]
    message = failure_ or f"{record['ProjectStatus'].removesuffix('InProgress').upper()}_COMPLETE"
    told = {**detail, "StackDetail": {**detail["StackDetail"], "StatusMessage": message[:4096]}}
    record[_DETAILS] = [{_DETAIL: told}]


def _provider(providers: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = providers[0].get("CfnTemplateProvider") if providers else None
    if found is None:
        raise invalid("A template provider must have a CfnTemplateProvider.")
    return found


def _parameters(record: Mapping[str, Any], said: Mapping[str, Any]) -> list[dict[str, str]]:
    given = [*said.get("Parameters", ()), *own_parameters(record)]
    return [{"ParameterKey": one["Key"], "ParameterValue": one.get("Value", "")} for one in given]


def _asked(operation: str, **members: Any) -> Any:
    """What CloudFormation refuses, SageMaker refuses in its words."""
    try:
        return getattr(client_as("cloudformation", callers.acting().credentials), operation)(**members)
    except ClientError as error:
        said = error.response["Error"]
        if said["Code"] in _REFUSED:
            raise ServiceError("AccessDeniedException", said["Message"]) from error
        raise invalid(said["Message"]) from error


def _reason(stack_id: str) -> str:
    """Of the resource that failed first, of the latest operation."""
    failed = ""
    events = client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
    for event in events:  # the latest one comes first
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            failed = reason or failed
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and reason == "User Initiated":
            break
    return failed or "the stack failed"
