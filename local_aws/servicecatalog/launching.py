"""What a launch does: a stack is made, changed or removed, and the record tells how it went.

Everything is done as the launch role, or as whoever asked where the path has no launch role: what
either may not do makes the launch fail.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.cloudformation.client import client, client_as
from local_aws.identity import AccessDenied, enforcement, principals
from local_aws.sagemaker.storage import location
from local_aws.servicecatalog import catalog, launch_roles, templates
from local_aws.servicecatalog.access import Caller
from local_aws.servicecatalog.stack_inputs import system_tags, template_url
from local_aws.store import STORE, Record

logger = logging.getLogger("local_aws.servicecatalog")

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_STACK_ARN = "CloudformationStackARN"
_NOTHING_TO_DO = "No updates are to be performed."
_STEP_SECONDS = 0.05
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")

Client = Any
Parameters = Sequence[Mapping[str, Any]]


class _Failed(Exception):
    """Why a launch failed: the code and the words of its record's error, and what is left."""

    def __init__(self, code: str, reason: str, status: str) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Launch:
    """One operation on a provisioned product; `record` tells how it goes."""

    product: Record
    """The provisioned product."""
    record: Record
    caller: Caller
    role: str | None
    topics: Sequence[str] = ()

    def credentials(self) -> Mapping[str, str]:
        if self.role is None:
            return self.caller.credentials
        try:
            return launch_roles.session(self.role)
        except launch_roles.NotAssumable as error:
            raise _Failed("AccessDenied", str(error), self.status_if_refused) from error

    @property
    def stack(self) -> str:
        """The stack's identifier; its name, until CloudFormation has told the other."""
        return str(self.product.get("PhysicalId") or f"SC-{hooks.request.account_id()}-{self.product['Id']}")

    @property
    def status_if_refused(self) -> str:
        """What a provisioned product is when nothing could be done: one that has a stack still has it."""
        return "TAINTED" if "PhysicalId" in self.product else "ERROR"


@dataclass(frozen=True)
class Wanted:
    """What a stack is to be."""

    template: str
    parameters: Parameters
    tags: Sequence[Mapping[str, str]]
    artifact: Record = field(repr=False)

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "Parameters": [
                {"ParameterKey": one["Key"], "UsePreviousValue": True}
                if one.get("UsePreviousValue")
                else {"ParameterKey": one["Key"], "ParameterValue": one.get("Value", "")}
                for one in self.parameters
            ],
            "Tags": list(self.tags),
            "Capabilities": _CAPABILITIES,
        }


def provision(launch: Launch, wanted: Wanted) -> None:
    """Makes the stack, in the background."""

    def make(cloudformation: Client) -> None:
        _check_parameters(wanted, "ERROR")
        with template_url(wanted.template) as url, system_tags(wanted.tags), _refused("ERROR"):
            answer = cloudformation.create_stack(StackName=launch.stack, TemplateURL=url, **wanted.arguments)
        launch.product["PhysicalId"] = answer["StackId"]
        stack = _settled(cloudformation, launch)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            raise _Failed(stack["StackStatus"], _reason(cloudformation, launch), "ERROR")
        _is_as_wanted(launch, wanted, stack)

    _start(launch, make, artifact=wanted.artifact)


def update(launch: Launch, wanted: Wanted) -> None:
    """Changes the stack, in the background; whatever goes wrong leaves it as it was."""

    def change(cloudformation: Client) -> None:
        status = launch.status_if_refused
        _check_parameters(wanted, status)
        changed = True
        with template_url(wanted.template) as url, system_tags(wanted.tags):
            try:
                cloudformation.update_stack(StackName=launch.stack, TemplateURL=url, **wanted.arguments)
            except ClientError as error:
                if error.response["Error"]["Message"] != _NOTHING_TO_DO:
                    raise _as_failure(error, status) from error
                changed = False
        stack = _settled(cloudformation, launch)
        if changed and stack["StackStatus"] != "UPDATE_COMPLETE":
            left = "TAINTED" if stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" else "ERROR"
            raise _Failed(stack["StackStatus"], _reason(cloudformation, launch), left)
        _is_as_wanted(launch, wanted, stack)

    _start(launch, change, artifact=wanted.artifact)


def terminate(launch: Launch, *, retain: bool, ignore_errors: bool) -> None:
    """Removes the stack, in the background, and the provisioned product with it."""

    def remove(cloudformation: Client) -> None:
        if not retain:
            with _refused("TAINTED"):
                cloudformation.delete_stack(StackName=launch.stack)
            stack = _settled(cloudformation, launch)
            if stack["StackStatus"] != "DELETE_COMPLETE":
                raise _Failed(stack["StackStatus"], _reason(cloudformation, launch), "TAINTED")

    def gone() -> None:
        STORE.remove(catalog.PROVISIONED, (launch.product["Id"],))

    _start(launch, remove, gone, ignore_errors=ignore_errors or retain)


def _start(
    launch: Launch,
    work: Callable[[Client], None],
    done: Callable[[], None] = lambda: None,
    *,
    artifact: Record | None = None,
    ignore_errors: bool = False,
) -> None:
    launch.product["Status"] = "UNDER_CHANGE"
    launch.product.pop("StatusMessage", None)
    name = f"launch-{launch.record['RecordId']}"
    hooks.request.in_background(_run, launch, work, done, artifact, ignore_errors, name=name)


def _run(
    launch: Launch,
    work: Callable[[Client], None],
    done: Callable[[], None],
    artifact: Record | None,
    ignore_errors: bool,
) -> None:
    began = time.time()
    _mark(launch, "IN_PROGRESS")
    try:
        credentials = launch.credentials()
        if artifact is not None:
            _check_template_is_readable(credentials, artifact, launch)
        cloudformation = client_as("cloudformation", credentials)
        try:
            work(cloudformation)
        finally:
            _tell(launch, began)
    except _Failed as error:
        if not ignore_errors:
            _fail(launch, error)
            return
    except ClientError as error:
        if not ignore_errors:
            _fail(launch, _as_failure(error, launch.status_if_refused))
            return
    except Exception:
        logger.exception("the launch %s failed", launch.record["RecordId"])
        _fail(launch, _Failed("InternalFailure", "the local AWS failed, see its log", "ERROR"))
        return
    launch.product["Status"] = "AVAILABLE"
    launch.product["LastSuccessfulProvisioningRecordId"] = launch.record["RecordId"]
    done()
    _mark(launch, "SUCCEEDED")


def _fail(launch: Launch, error: _Failed) -> None:
    launch.record["RecordErrors"] = [{"Code": error.code, "Description": str(error)}]
    launch.product["StatusMessage"] = str(error)
    launch.product["Status"] = error.status
    _mark(launch, "FAILED")


def _mark(launch: Launch, status: str) -> None:
    launch.record["UpdatedTime"] = round(time.time(), 3)
    launch.record["Status"] = status


def _is_as_wanted(launch: Launch, wanted: Wanted, stack: Mapping[str, Any]) -> None:
    launch.product["PhysicalId"] = stack["StackId"]
    launch.product["ProvisioningArtifactId"] = wanted.artifact["Id"]
    launch.product["ProvisioningArtifactName"] = wanted.artifact["Name"]
    launch.product["ProductId"] = launch.record["ProductId"]
    launch.product["ProductName"] = catalog.product(launch.record["ProductId"])["Name"]
    launch.product["PathId"] = launch.record["PathId"]
    launch.product["Tags"] = list(wanted.tags)
    arn = {
        "OutputKey": _STACK_ARN,
        "OutputValue": stack["StackId"],
        "Description": "The ARN of the launched Cloudformation Stack",
    }
    launch.record["Outputs"] = launch.product["Outputs"] = [
        arn,
        *(
            {name: one[name] for name in ("OutputKey", "OutputValue", "Description") if one.get(name)}
            for one in stack.get("Outputs", [])
        ),
    ]


def _check_template_is_readable(credentials: Mapping[str, str], artifact: Record, launch: Launch) -> None:
    """Whoever launches needs "read access to the CloudFormation template in Amazon S3": by its address, or by
    the tag that Service Catalog puts on its copy.

    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/constraints-launch.html
    """
    principal = (
        principals.of_key(credentials["AccessKeyId"], hooks.request.account_id())
        if hooks.rights.enforcing()
        else None
    )
    if principal is None:
        return
    copy = f"arn:aws:s3:::servicecatalog-templates/{artifact['Id']}"
    tagged = {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}
    url = artifact["Info"].get("TemplateUrl")
    places: list[tuple[str, dict[str, str]]] = [(copy, tagged)]
    if url:
        places.insert(0, (f"arn:aws:s3:::{'/'.join(location(url))}", {}))
    denied = None
    for place, context in places:
        try:
            enforcement.check(principal, "s3:GetObject", place, context)
        except AccessDenied as error:
            denied = denied or error
        else:
            return
    if denied is not None:
        raise _Failed("AccessDenied", f"S3 error: Access Denied. {denied}", launch.status_if_refused)


def _check_parameters(wanted: Wanted, status: str) -> None:
    """What CloudFormation checks of a request's parameters before it looks at their values."""
    known = templates.parsed(wanted.template).get("Parameters") or {}
    given = [one["Key"] for one in wanted.parameters]
    unknown = [key for key in given if key not in known]
    if unknown:
        raise _validation(f"Parameters: [{', '.join(unknown)}] do not exist in the template", status)
    missing = [key for key, one in known.items() if "Default" not in one and key not in given]
    if missing:
        raise _validation(f"Parameters: [{', '.join(missing)}] must have values", status)
    for one in wanted.parameters:
        allowed = [str(value) for value in known[one["Key"]].get("AllowedValues", [])]
        if allowed and not one.get("UsePreviousValue") and one.get("Value", "") not in allowed:
            raise _validation(f"Parameter '{one['Key']}' must be one of AllowedValues", status)


def _settled(cloudformation: Client, launch: Launch) -> Mapping[str, Any]:
    """The stack when the operation on it has come to its end, however it ended."""
    while True:
        try:
            answer = cloudformation.describe_stacks(StackName=launch.stack)
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return {"StackStatus": "DELETE_COMPLETE"}
            raise
        stack: Mapping[str, Any] = answer["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        if "ROLLBACK" in stack["StackStatus"]:
            _mark(launch, "IN_PROGRESS_IN_ERROR")
        time.sleep(_STEP_SECONDS)  # the answer itself waits for news of the stack


def _reason(cloudformation: Client, launch: Launch) -> str:
    """Why the stack failed: the reason of the first resource that did, of the latest operation."""
    events = cloudformation.describe_stack_events(StackName=launch.stack)["StackEvents"]
    failed = ""
    for event in events:  # the latest one comes first
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and not reason.startswith(_CANCELLED):
            failed = reason or failed
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and reason == "User Initiated":
            break
    return failed or "the stack failed"


def _tell(launch: Launch, since: float) -> None:
    """Publishes the stack's events to the topics of the launch, as CloudFormation writes them."""
    if not launch.topics or "PhysicalId" not in launch.product:
        return
    events = client("cloudformation").describe_stack_events(StackName=launch.stack)
    for event in reversed(events["StackEvents"]):
        if event["Timestamp"].timestamp() < since - 1:
            continue
        lines = [
            f"{name}='{value.isoformat() if name == 'Timestamp' else value}'"
            for name, value in event.items()
            if value is not None
        ]
        for topic in launch.topics:
            try:
                client("sns").publish(
                    TopicArn=topic, Subject="AWS CloudFormation Notification", Message="\n".join(lines)
                )
            except ClientError as error:
                logger.warning("the topic %s is not told of a launch: %s", topic, error)


@contextmanager
def _refused(status: str) -> Iterator[None]:
    """Turns CloudFormation's refusals into failures that leave a status behind."""
    try:
        yield
    except ClientError as error:
        raise _as_failure(error, status) from error


def _as_failure(error: ClientError, status: str) -> _Failed:
    code = str(error.response["Error"]["Code"])
    http = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    service = "AmazonCloudFormation"
    reason = (
        f"{error.response['Error']['Message']} (Service: {service}; Status Code: {http}; Error Code: {code})"
    )
    return _Failed(code, reason, status)


def _validation(message: str, status: str) -> _Failed:
    reason = f"{message} (Service: AmazonCloudFormation; Status Code: 400; Error Code: ValidationError)"
    return _Failed("ValidationError", reason, status)
