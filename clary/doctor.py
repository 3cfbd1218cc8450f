"""What would make a deployment fail, found out before anything is deployed.

Everything here only reads. Where the credentials may not look, or AWS does not say, the finding is that
it is unknown, and why: silence would read as a promise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from clary import catalog_checkup, quotas
from clary.environment.model import Environment
from clary.finding import Finding, Verdict
from clary.outputs import STACKS
from local_aws.cloudformation.schema import UnknownTypeError, resource_type

Clients = Callable[[str], Any]
"""A boto3 client of a service, in the environment's region."""

_QUALIFIER = "hnb659fds"
_MINUTES = "it ends by itself: wait for it"
_STUCK = {
    "DELETE_FAILED": "delete the stack once more, and see in its events what keeps it",
    "ROLLBACK_FAILED": "delete the stack, and see in its events what keeps it",
    "UPDATE_ROLLBACK_FAILED": "continue its rollback (`aws cloudformation continue-update-rollback`)",
}
_SERVICES = {"apigateway": "API Gateway", "kms": "KMS", "sagemaker": "SageMaker", "wafv2": "WAF"}
_NOTEBOOKS_ROLE = "AWSServiceRoleForAmazonSageMakerNotebooks"
_OWN_ACTIONS = (
    "cloudformation:DescribeStacks",
    "cloudformation:GetStackPolicy",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
    "cloudformation:SetStackPolicy",
    "sagemaker:AddTags",
    "sagemaker:DescribeUserProfile",
)
_TRAINING_ACTIONS = (
    "ecr:DescribeImages",
    "ecr:GetAuthorizationToken",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "iam:PassRole",
    "s3:PutObject",
    "sagemaker:CreateTrainingJob",
    "sagemaker:DescribeTrainingJob",
)
_CATALOG_ACTIONS = (
    "sagemaker:DescribeProject",
    "sagemaker:ListProjects",
    "servicecatalog:SearchProvisionedProducts",
)
"""What `clary deploy` does by itself, besides what it leaves to the CDK's roles."""
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
_ACTIONS_AT_ONCE = 100


def examine(
    environment: Environment, clients: Clients, assembly: Path, available: Callable[[str], Sequence[str]]
) -> list[Finding]:
    """`assembly` is the synthesised app, `available` the regions where a service is, as botocore knows."""
    try:
        caller = clients("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        message = f"AWS does not say who one is ({error}), and so nothing else could be asked"
        return [Finding(Verdict.BLOCKED, "credentials", message, "sign in, for example with `aws sso login`")]
    if caller["Account"] != environment.account:
        message = f"they belong to the account {caller['Account']}, the environment to {environment.account}"
        remedy = "choose a profile of that account, for example with AWS_PROFILE"
        return [Finding(Verdict.BLOCKED, "credentials", message, remedy)]
    checks: Sequence[tuple[str, Callable[[], Iterator[Finding]]]] = (
        ("rights", lambda: _rights(environment, clients, caller["Arn"])),
        ("CDK bootstrap", lambda: _bootstrap(environment, clients, assembly)),
        ("rights of CloudFormation", lambda: _creation(environment, clients, assembly)),
        ("region", lambda: _region(environment, clients, available)),
        ("stacks", lambda: _stacks(environment, clients)),
        ("names", lambda: _names(environment, clients)),
        ("principals", lambda: catalog_checkup.principals(environment, clients("iam"))),
        ("tag options", lambda: catalog_checkup.tag_options(environment, clients)),
        ("launches", lambda: _launches(environment, clients)),
        ("service-linked role", lambda: _service_linked_role(clients)),
        ("quotas", lambda: _quotas(environment, clients)),
    )
    findings = [Finding(Verdict.FINE, "credentials", f"{caller['Arn']} of the account {caller['Account']}")]
    for subject, check in checks:
        try:
            findings += check()
        except (BotoCoreError, ClientError) as error:
            findings.append(Finding(Verdict.UNKNOWN, subject, f"AWS does not say: {error}"))
    return findings


def _rights(environment: Environment, clients: Clients, caller: str) -> Iterator[Finding]:
    subject = "rights"
    principal = _principal(clients, caller)
    if caller.endswith(":root"):
        yield Finding(Verdict.FINE, subject, "the account's root user may do everything")
        return
    if principal is None:
        yield Finding(Verdict.UNKNOWN, subject, f"IAM's simulator knows users and roles, and not {caller}")
        return
    actions = list(_OWN_ACTIONS)
    if any(
        each.artifact.training or (each.image and each.image.source)
        for each in environment.containers.values()
    ):
        actions += _TRAINING_ACTIONS
    if environment.catalog.portfolios:
        actions += _CATALOG_ACTIONS
    roles = [_cdk_role(environment, kind) for kind in ("deploy", "file-publishing")]
    refused = [
        f"sts:AssumeRole on {each}" for each in roles if _denied(clients, principal, ["sts:AssumeRole"], each)
    ]
    if refused:
        remedy = "let the principal assume the roles that `cdk bootstrap` made"
        yield Finding(Verdict.BLOCKED, subject, f"{principal} may not {', '.join(refused)}", remedy)
    else:
        yield Finding(
            Verdict.FINE, subject, f"{principal} may assume the CDK's roles, as IAM's simulator has it"
        )
    denied = _denied(clients, principal, actions)
    if denied:
        message = f"{principal} may not do these on every resource, perhaps on those of the environment"
        yield Finding(Verdict.UNKNOWN, subject, f"{message}: {', '.join(denied)}")


def _principal(clients: Clients, caller: str) -> str | None:
    """The ARN that the simulator takes: of a session, its role's, whose path only IAM knows."""
    session = re.fullmatch(r"arn:aws[a-z-]*:sts::\d{12}:assumed-role/([^/]+)/.+", caller)
    if session is not None:
        return str(clients("iam").get_role(RoleName=session[1])["Role"]["Arn"])
    return caller if re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:(user|role)/.+", caller) else None


def _denied(
    clients: Clients, principal: str, actions: Sequence[str], resource: str | None = None
) -> list[str]:
    denied: list[str] = []
    resources = {} if resource is None else {"ResourceArns": [resource]}
    paginator = clients("iam").get_paginator("simulate_principal_policy")
    for start in range(0, len(actions), _ACTIONS_AT_ONCE):
        some = list(actions[start : start + _ACTIONS_AT_ONCE])
        for page in paginator.paginate(PolicySourceArn=principal, ActionNames=some, **resources):
            denied += [
                result["EvalActionName"]
                for result in page["EvaluationResults"]
                if result["EvalDecision"] != "allowed"
            ]
    return denied


def _cdk_role(environment: Environment, kind: str) -> str:
    name = f"cdk-{_QUALIFIER}-{kind}-role-{environment.account}-{environment.region}"
    return f"arn:{_partition(environment.region)}:iam::{environment.account}:role/{name}"


def _partition(region: str) -> str:
    import botocore.session

    return str(botocore.session.get_session().get_partition_for_region(region))


def _bootstrap(environment: Environment, clients: Clients, assembly: Path) -> Iterator[Finding]:
    subject = "CDK bootstrap"
    where = f"aws://{environment.account}/{environment.region}"
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"].values()
    needed = max(
        int(each.get("properties", {}).get("requiresBootstrapStackVersion", 0)) for each in artifacts
    )
    stack = _stack(clients, "CDKToolkit")
    if stack is None:
        message = f"{where} is not bootstrapped for the CDK"
        yield Finding(Verdict.BLOCKED, subject, message, f"cdk bootstrap {where}")
        return
    found = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    version = int(found.get("BootstrapVersion", 0))
    if version < needed:
        message = f"its version is {version}, and this app needs {needed}"
        yield Finding(Verdict.BLOCKED, subject, message, f"cdk bootstrap {where}")
    else:
        yield Finding(Verdict.FINE, subject, f"its version is {version}, {needed} would do")


def _creation(environment: Environment, clients: Clients, assembly: Path) -> Iterator[Finding]:
    """Whether CloudFormation's role may do what AWS's schemas say that making these resources takes."""
    subject, role = "rights of CloudFormation", _cdk_role(environment, "cfn-exec")
    if _stack(clients, "CDKToolkit") is None:
        yield Finding(Verdict.UNKNOWN, subject, "its role comes with the CDK's bootstrap")
        return
    types = {
        resource["Type"]
        for template in assembly.glob("*.template.json")
        for resource in json.loads(template.read_text())["Resources"].values()
    }
    actions = creation_actions(types)
    denied = _denied(clients, role, actions)
    if denied:
        message = f"{role} may not do these on every resource, perhaps on those of the environment"
        remedy = "look at the policies given to `cdk bootstrap --cloudformation-execution-policies`"
        yield Finding(Verdict.UNKNOWN, subject, f"{message}: {', '.join(denied)}", remedy)
    else:
        message = f"its role may do all {len(actions)} actions that creating {len(types)} types takes"
        yield Finding(Verdict.FINE, subject, message)


def creation_actions(types: set[str]) -> list[str]:
    """The actions that the registry's schemas name for the creation of resources of these types."""
    actions: set[str] = set()
    for name in types:
        try:
            handlers = resource_type(name).schema.get("handlers", {})
        except UnknownTypeError:
            continue  # a custom resource's: its function has a role of its own
        actions.update(handlers.get("create", {}).get("permissions", ()))
    return sorted(action for action in actions if _ACTION.fullmatch(action))


def _region(
    environment: Environment, clients: Clients, available: Callable[[str], Sequence[str]]
) -> Iterator[Finding]:
    missing = [name for code, name in _SERVICES.items() if environment.region not in available(code)]
    if missing:
        message = f"botocore knows no {', '.join(missing)} in {environment.region}"
        yield Finding(Verdict.BLOCKED, "region", message, "choose another region, or a newer botocore")
    else:
        yield Finding(Verdict.FINE, "region", f"{', '.join(_SERVICES.values())} are in {environment.region}")
    found = clients("ec2").describe_availability_zones()["AvailabilityZones"]
    zones = {zone["ZoneName"] for zone in found if zone.get("State") == "available"}
    lacking = [zone for zone in environment.availability_zones if zone not in zones]
    if lacking:
        message = f"the account has no {', '.join(lacking)}, but {', '.join(sorted(zones))}"
        yield Finding(
            Verdict.BLOCKED, "availability zones", message, "name others in network.availability_zones"
        )
    else:
        yield Finding(Verdict.FINE, "availability zones", ", ".join(environment.availability_zones))


def _stacks(environment: Environment, clients: Clients) -> Iterator[Finding]:
    for unit in STACKS:
        stack = _stack(clients, environment.stack_name(unit))
        if stack is None:
            continue
        name, status = stack["StackName"], stack["StackStatus"]
        if status in _STUCK:
            yield Finding(Verdict.BLOCKED, f"stack {name}", f"it is {status}", _STUCK[status])
        elif status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            yield Finding(Verdict.BLOCKED, f"stack {name}", f"it is {status}", _MINUTES)
        else:
            yield Finding(Verdict.FINE, f"stack {name}", f"it is {status}")


def _stack(clients: Clients, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = clients("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found


def _names(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """What is called as ours will be, although the stack that makes it is not there."""
    iam, sagemaker = clients("iam"), clients("sagemaker")
    taken: list[str] = []
    if _stack(clients, environment.stack_name("serving")) is None:
        for name in environment.models:
            endpoint = environment.endpoint_name(name)
            if _is_there(partial(sagemaker.describe_endpoint, EndpointName=endpoint)):
                taken.append(f"the endpoint {endpoint}")
    if _stack(clients, environment.stack_name("access")) is None:
        for name in environment.teams:
            for persona in environment.personas_of(name):
                role = f"clary-{environment.name}-{name}-{persona}"
                if _is_there(partial(iam.get_role, RoleName=role)):
                    taken.append(f"the role {role}")
    if taken:
        message = f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there, and no stack's of ours"
        yield Finding(Verdict.BLOCKED, "names", message, "delete them, or give the environment another name")
    else:
        yield Finding(Verdict.FINE, "names", "nothing else is called as the environment's resources are")


def _launches(environment: Environment, clients: Clients) -> Iterator[Finding]:
    if _stack(clients, environment.stack_name("catalog")) is not None:
        yield from catalog_checkup.launches(environment, clients)


def _is_there(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchEntity", "ResourceNotFound"):
            return False
        if "Could not find" in str(error):
            return False
        raise
    return True


def _service_linked_role(clients: Clients) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol-notebooks.html"""
    if _is_there(lambda: clients("iam").get_role(RoleName=_NOTEBOOKS_ROLE)):
        message = f"{_NOTEBOOKS_ROLE} is there"
    else:
        message = f"SageMaker makes {_NOTEBOOKS_ROLE} with the account's first domain"
    yield Finding(Verdict.FINE, "service-linked role", message)


def _quotas(environment: Environment, clients: Clients) -> Iterator[Finding]:
    client = clients("service-quotas")
    found: dict[str, quotas.Quota] = {}
    # AWS's defaults first: the other list has only quotas that an account has ever had a value for
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        for page in client.get_paginator(operation).paginate(ServiceCode="sagemaker"):
            for each in page["Quotas"]:
                quota = quotas.Quota(
                    each["QuotaName"], each["QuotaCode"], each["Value"], each.get("Adjustable", True)
                )
                found[quotas.plain(quota.name)] = quota
    requested: dict[str, float] = {}
    history = client.get_paginator("list_requested_service_quota_change_history")
    for page in history.paginate(ServiceCode="sagemaker"):
        for each in page["RequestedQuotas"]:
            if each["Status"] in ("PENDING", "CASE_OPENED"):
                code = each["QuotaCode"]
                requested[code] = max(requested.get(code, 0), each["DesiredValue"])
    for need in quotas.needs(environment):
        yield quotas.judge(need, found, requested, environment.region)
    message = "what else the account runs is not counted: SageMaker's quotas are the whole account's"
    yield Finding(Verdict.UNKNOWN, "use of quotas", message)
