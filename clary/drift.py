"""What somebody changed by hand: where AWS is not as the deployed templates and the file say.

Users, spaces, their settings and roles are compared here, through the services' own APIs, because
CloudFormation sees a stack's resources only, and nobody else's; the rest is CloudFormation's own drift
detection, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from clary.difference import deployed
from clary.environment.catalog import CATALOG, OWNER_TAG
from clary.environment.people import construct_id, profile_name, shared_name
from clary.errors import ClaryError
from clary.launches import in_use
from clary.outputs import stack_outputs, stack_states
from clary.projects import Project
from clary.self_service import Made, made
from clary.target import Target
from clary.templates import NESTED, Template

FILE = "environment-file"
"""Who owns a profile is written on it: CloudFormation tags nothing of SageMaker's by itself."""

_DOMAIN, _PROFILE, _SPACE = (f"AWS::SageMaker::{each}" for each in ("Domain", "UserProfile", "Space"))
_DETECTABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
_PATIENCE_SECONDS = 300
_GATE = "-cap-"
_DYNAMIC = re.compile(r"\{\{resolve:[^}]*\}\}")


class Kind(StrEnum):
    DRIFT = "drift"
    NOTE = "note"
    """Nobody's mistake: what people or a catalog made for themselves."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    kind: Kind
    subject: str
    message: str


@dataclass(frozen=True)
class Deployed:
    """The templates of an environment, and what became of them."""

    templates: Mapping[str, Template]
    physical_ids: Mapping[tuple[str, str], str]
    """By stack and logical id."""
    exports: Mapping[str, str] = field(default_factory=dict)
    pseudo: Mapping[str, str] = field(default_factory=dict)
    """The values of `AWS::AccountId` and its like."""

    def of_type(self, name: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for stack, template in self.templates.items():
            for logical_id, resource in template.get("Resources", {}).items():
                if resource["Type"] == name:
                    yield stack, logical_id, resource.get("Properties", {})

    def ids_of_type(self, name: str) -> list[str]:
        return [
            self.physical_ids[stack, logical_id]
            for stack, logical_id, _ in self.of_type(name)
            if (stack, logical_id) in self.physical_ids
        ]


def drift(target: Target) -> list[Finding]:
    """Only reads, but for CloudFormation's detection, which keeps its findings beside the stacks."""
    if not any(stack_states(target).values()):
        raise ClaryError(f"'{target.environment.name}' is not deployed, so nothing can have drifted")
    there = read_deployed(target)
    findings: list[Finding] = []
    checks: Mapping[str, Callable[[], Iterator[Finding]]] = {
        "Studio": lambda: _studio(target, there),
        "roles": lambda: roles(target.client("iam"), there),
        "projects": lambda: _projects(target),
        "stacks": lambda: _stacks(target),
    }
    for subject, check in checks.items():
        try:
            findings += check()
        except ClientError as error:
            findings.append(Finding(Kind.UNKNOWN, subject, f"AWS does not say: {error}"))
        except ClaryError as error:
            findings.append(Finding(Kind.UNKNOWN, subject, str(error)))
    return findings


def read_deployed(target: Target) -> Deployed:
    cloudformation = target.client("cloudformation")
    templates = deployed(target)
    ids: dict[tuple[str, str], str] = {}
    values: dict[str, Mapping[str, str]] = {}

    def add(stack: str, name: str) -> None:
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
            for each in page["StackResourceSummaries"]:
                ids[stack, each["LogicalResourceId"]] = each.get("PhysicalResourceId", "")
                nested = f"{stack}/{each['LogicalResourceId']}"
                if nested in templates and "PhysicalResourceId" in each:
                    values[nested] = _parameters(cloudformation, each["PhysicalResourceId"])
                    add(nested, each["PhysicalResourceId"])

    for unit in stack_states(target):
        if construct_id(unit) in templates:
            add(construct_id(unit), target.environment.stack_name(unit))
    exports = {
        each["Name"]: each["Value"]
        for page in cloudformation.get_paginator("list_exports").paginate()
        for each in page["Exports"]
    }
    identity = target.client("sts").get_caller_identity()
    pseudo = {
        "AWS::AccountId": identity["Account"],
        "AWS::Region": target.environment.region,
        "AWS::Partition": identity["Arn"].split(":")[1],
    }
    filled_in = {stack: filled(template, values.get(stack, {})) for stack, template in templates.items()}
    return Deployed(filled_in, ids, exports, pseudo)


def _parameters(cloudformation: Any, stack: str) -> dict[str, str]:
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """A nested stack's template with what its parameters were given."""
    if isinstance(value, Mapping):
        if len(value) == 1 and value.get("Ref") in values:
            return values[value["Ref"]]
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    return value


# ------------------------------------------------------------------------------------ Studio


def _studio(target: Target, there: Deployed) -> Iterator[Finding]:
    domains = there.ids_of_type(_DOMAIN)
    if not domains:
        return
    sagemaker = target.client("sagemaker")
    domain_id = domains[0]
    try:
        live = sagemaker.describe_domain(DomainId=domain_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        yield Finding(Kind.DRIFT, f"domain {domain_id}", "it is gone, with all profiles and spaces")
        return
    for _, _, properties in there.of_type(_DOMAIN):
        yield from differing(f"domain {domain_id}", properties, live, there)
    profiles = _listed(sagemaker, "list_user_profiles", "UserProfiles", domain_id)
    spaces = _listed(sagemaker, "list_spaces", "Spaces", domain_id)
    teams = target.environment.teams.items()
    of_the_file = {profile_name(team, member) for team, each in teams for member in each.members}
    of_the_file |= {shared_name(team) for team, each in teams if each.shared_space is not None}
    known = {str(properties["UserProfileName"]): properties for _, _, properties in there.of_type(_PROFILE)}
    sent = sent_settings(there)
    for name in sorted(of_the_file - {*known}):
        yield Finding(
            Kind.NOTE, f"profile {name}", "it is in the file and not deployed yet: see `clary diff`"
        )
    for name, properties in known.items():
        subject = f"profile {name}"
        if name not in of_the_file:
            yield Finding(Kind.NOTE, subject, "it is deployed and not in the file any more: see `clary diff`")
        if name not in {each["UserProfileName"] for each in profiles}:
            yield Finding(Kind.DRIFT, subject, "it is in the file, and gone from Studio: somebody deleted it")
            continue
        found = sagemaker.describe_user_profile(DomainId=domain_id, UserProfileName=name)
        wanted = merged(properties.get("UserSettings", {}), sent.get(name, {}))
        yield from differing(subject, {"UserSettings": wanted}, found, there)
    launched = set()
    there_are = _launched_now(target)
    for each in profiles:
        if each["UserProfileName"] not in known:
            arn = sagemaker.describe_user_profile(
                DomainId=domain_id, UserProfileName=each["UserProfileName"]
            )["UserProfileArn"]
            tags = _tags(sagemaker, arn)
            if tags.get(OWNER_TAG) == CATALOG:
                launched.add(str(each["UserProfileName"]))
            yield unknown_profile(each["UserProfileName"], tags, there_are)
    yield from _spaces(sagemaker, domain_id, spaces, there, launched)


def _tags(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def _launched_now(target: Target) -> set[str]:
    if not stack_states(target)["catalog"]:
        return set()
    return {each.id for each in in_use(target.client("servicecatalog"), target.environment)}


def _listed(sagemaker: Any, operation: str, member: str, domain_id: str) -> list[Mapping[str, Any]]:
    pages = sagemaker.get_paginator(operation).paginate(DomainIdEquals=domain_id)
    return [each for page in pages for each in page[member]]


def _spaces(
    sagemaker: Any,
    domain_id: str,
    spaces: Sequence[Mapping[str, Any]],
    there: Deployed,
    launched: Collection[str],
) -> Iterator[Finding]:
    known = {str(properties["SpaceName"]): properties for _, _, properties in there.of_type(_SPACE)}
    people = {str(properties["UserProfileName"]) for _, _, properties in there.of_type(_PROFILE)}
    people |= {*launched}
    live = {str(each["SpaceName"]): each for each in spaces}
    for name, properties in known.items():
        if name not in live:
            message = "it is in the file, and gone from Studio: somebody deleted it, with its disk"
            yield Finding(Kind.DRIFT, f"space {name}", message)
            continue
        found = sagemaker.describe_space(DomainId=domain_id, SpaceName=name)
        wanted = {key: properties[key] for key in ("SpaceSettings", "OwnershipSettings") if key in properties}
        yield from differing(f"space {name}", wanted, found, there)
    for name, each in live.items():
        if name in known:
            continue
        owner = each.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName")
        if owner in people:
            message = f"{owner} made it in Studio: it is not in the file"
            if owner in launched:
                arn = sagemaker.describe_space(DomainId=domain_id, SpaceName=name)["SpaceArn"]
                if _tags(sagemaker, arn).get(OWNER_TAG) == CATALOG:
                    message = f"it came with the profile {owner}, which somebody has launched"
            yield Finding(Kind.NOTE, f"space {name}", message)
        else:
            whose = f"it belongs to {owner}, who is not in the file" if owner else "it has no owner"
            yield Finding(Kind.DRIFT, f"space {name}", f"it is not in the file, and {whose}")


def unknown_profile(name: str, tags: Mapping[str, str], launched: Collection[str] = ()) -> Finding:
    """Whose a profile is that no template of ours has, by what is written on it.

    `launched` are the identifiers of what people have from Service Catalog now.
    """
    subject = f"profile {name}"
    owner = tags.get(OWNER_TAG)
    product = tags.get("aws:servicecatalog:provisionedProductArn", "")
    if owner == CATALOG and not product:
        return Finding(Kind.NOTE, subject, "somebody launched it from Service Catalog")
    if owner == CATALOG and product.rpartition("/")[2] not in launched:
        message = "it was launched from Service Catalog once and was kept: delete it and its spaces to free"
        return Finding(Kind.DRIFT, subject, f"{message} the name")
    if product:
        return Finding(Kind.NOTE, subject, f"it was onboarded by Service Catalog ({product})")
    if owner == FILE:
        message = "it was in the file once and was kept: delete it and its spaces to free the name"
        return Finding(Kind.DRIFT, subject, message)
    if owner is not None:
        return Finding(Kind.NOTE, subject, f"it belongs to '{owner}', as its tag {OWNER_TAG} says")
    return Finding(
        Kind.DRIFT, subject, "it is not in the file, and says of nobody that it is theirs: made by hand"
    )


def sent_settings(there: Deployed) -> dict[str, dict[str, Any]]:
    """The settings that a function sends to people, by profile, as the templates hand them to it."""
    found: dict[str, dict[str, Any]] = {}
    for _, _, properties in there.of_type("Custom::StudioSettings"):
        given = properties.get("UserSettings")
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            continue  # made of references: what they stand for is not in the template
        settings = {key: value for part in given for key, value in json.loads(part).items()}
        for name in properties["UserProfileNames"]:
            found[str(name)] = settings
    return found


def mark_owned(target: Target, names: Sequence[str]) -> None:
    """Writes on profiles that were made for the file whose they are."""
    sagemaker = target.client("sagemaker")
    domain_id = stack_outputs(target, "studio").get("DomainId")
    for name in names:
        arn = sagemaker.describe_user_profile(DomainId=domain_id, UserProfileName=name)["UserProfileArn"]
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": OWNER_TAG, "Value": FILE}])


# ------------------------------------------------------------------------------------ projects


def _projects(target: Target) -> Iterator[Finding]:
    if stack_states(target)["catalog"]:
        yield from of_projects(made(target.client, target.environment))


def of_projects(there: Sequence[Made]) -> Iterator[Finding]:
    """What people have made in Studio is no drift, as long as its role is there."""
    for each in there:
        if each.is_lost:
            message = "the role is gone that alone could change and remove it: see `clary doctor`"
            yield Finding(Kind.DRIFT, each.words, message)
        elif isinstance(each, Project) or each.project:
            yield Finding(Kind.NOTE, each.words, f"{each.owner} made it in Studio: it is not in the file")


# ------------------------------------------------------------------------------------ roles


def roles(iam: Any, there: Deployed) -> Iterator[Finding]:
    """What hangs on the stacks' roles that no template hung there, and what is missing or rewritten."""
    ours = set(there.ids_of_type("AWS::IAM::ManagedPolicy"))
    wanted = _wanted_policies(there)
    for stack, logical_id, properties in there.of_type("AWS::IAM::Role"):
        name = there.physical_ids.get((stack, logical_id), "")
        subject = f"role {name}"
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            yield Finding(Kind.DRIFT, subject, "it is gone: somebody deleted it")
            continue
        attached = {
            each["PolicyArn"]
            for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
            for each in page["AttachedPolicies"]
        }
        given = properties.get("ManagedPolicyArns", [])
        by_template = [pattern(each, there) for each in given if not _refers(each)]
        for arn in sorted(attached - ours):
            if not any(re.fullmatch(each, arn) for each in by_template):
                yield Finding(Kind.DRIFT, subject, f"somebody attached {arn} to it")
        for arn in sorted(wanted.get(name, set()) - attached):
            yield Finding(Kind.DRIFT, subject, f"somebody detached {arn} from it")
        known = {str(each["PolicyName"]) for each in properties.get("Policies", [])}
        known |= {str(each["PolicyName"]) for _, _, each in there.of_type("AWS::IAM::Policy")}
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
            for inline in page["PolicyNames"]:
                if inline not in known:
                    yield Finding(Kind.DRIFT, subject, f"somebody gave it the inline policy {inline}")
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        if "PermissionsBoundary" in properties and boundary is None:
            yield Finding(Kind.DRIFT, subject, "somebody removed its permissions boundary")
        elif "PermissionsBoundary" in properties and boundary not in ours:
            yield Finding(Kind.DRIFT, subject, f"its permissions boundary is {boundary}, which is not ours")
        trust = properties.get("AssumeRolePolicyDocument")
        if trust is not None and not matches(trust, role["AssumeRolePolicyDocument"], there):
            yield Finding(Kind.DRIFT, subject, "somebody changed who may assume it")
    yield from _policies(iam, there)


def _wanted_policies(there: Deployed) -> dict[str, set[str]]:
    """The managed policies of each role, by the role's name."""
    found: dict[str, set[str]] = {}
    for stack, logical_id, properties in there.of_type("AWS::IAM::ManagedPolicy"):
        for role in properties.get("Roles", []):
            name = (
                there.physical_ids.get((stack, role["Ref"]))
                if isinstance(role, Mapping) and "Ref" in role
                else role
            )
            if isinstance(name, str):
                found.setdefault(name, set()).add(there.physical_ids.get((stack, logical_id), ""))
    for stack, logical_id, properties in there.of_type("AWS::IAM::Role"):
        name = there.physical_ids.get((stack, logical_id), "")
        for policy in properties.get("ManagedPolicyArns", []):
            arn = there.physical_ids.get((stack, policy["Ref"])) if _refers(policy) else None
            if arn is not None:
                found.setdefault(name, set()).add(arn)
    return found


def _refers(value: object) -> bool:
    return isinstance(value, Mapping) and "Ref" in value


def _policies(iam: Any, there: Deployed) -> Iterator[Finding]:
    for stack, logical_id, properties in there.of_type("AWS::IAM::ManagedPolicy"):
        arn = there.physical_ids.get((stack, logical_id), "")
        try:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            yield Finding(Kind.DRIFT, f"policy {arn}", "it is gone: somebody deleted it")
            continue
        live = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        if _GATE in str(properties.get("ManagedPolicyName", "")):
            continue  # what refuses compute beyond a cap: a function writes it anew all the time
        if not matches(properties["PolicyDocument"], live, there):
            yield Finding(Kind.DRIFT, f"policy {arn}", "somebody changed what it allows or denies")


# ------------------------------------------------------------------------------------ stacks


def _stacks(target: Target) -> Iterator[Finding]:
    cloudformation = target.client("cloudformation")
    detections: dict[str, str] = {}
    for unit, state in stack_states(target).items():
        name = target.environment.stack_name(unit)
        if state in _DETECTABLE:
            for each in _with_nested(cloudformation, name):
                found = cloudformation.detect_stack_drift(StackName=each)
                detections[each] = found["StackDriftDetectionId"]
        elif state is not None:
            yield Finding(
                Kind.UNKNOWN, f"stack {name}", f"CloudFormation detects no drift while it is {state}"
            )
    told_here = {_DOMAIN, _PROFILE, _SPACE, NESTED, "AWS::IAM::ManagedPolicy"}
    for name, detection in detections.items():
        _wait(cloudformation, detection, 0.1 if target.local else 3)
        drifted = {"StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"]}
        request: dict[str, Any] = {"StackName": name, **drifted}
        while True:
            page = cloudformation.describe_stack_resource_drifts(**request)
            for each in page["StackResourceDrifts"]:
                if each["ResourceType"] not in told_here:
                    yield resource_drift(name.split("/")[1] if "/" in name else name, each)
            if not page.get("NextToken"):
                break
            request["NextToken"] = page["NextToken"]


def _with_nested(cloudformation: Any, name: str) -> Iterator[str]:
    """A stack and those within it: CloudFormation looks for drift in one stack at a time."""
    yield name
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
        for each in page["StackResourceSummaries"]:
            if each["ResourceType"] == NESTED and "PhysicalResourceId" in each:
                yield from _with_nested(cloudformation, each["PhysicalResourceId"])


def _wait(cloudformation: Any, detection: str, seconds: float) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS" or time.monotonic() > deadline:
            return
        time.sleep(seconds)


def resource_drift(stack: str, found: Mapping[str, Any]) -> Finding:
    kind = found["ResourceType"].rsplit("::", 1)[-1]
    subject = f"{stack}: {kind} {found['LogicalResourceId']}"
    if found["StackResourceDriftStatus"] == "DELETED":
        return Finding(Kind.DRIFT, subject, "it is gone: somebody deleted it")
    changes = [
        f"{each['PropertyPath'].strip('/').replace('/', '.')} is {each['ActualValue']}"
        f" and not {each['ExpectedValue']}"
        for each in found.get("PropertyDifferences", [])
    ]
    return Finding(Kind.DRIFT, subject, "; ".join(changes) or "somebody changed it")


# ------------------------------------------------------------------------------------ comparison


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """What two updates leave behind, one after the other: mappings grow, all else is what came last."""
    result = dict(first)
    for key, value in second.items():
        there = result.get(key)
        both = isinstance(there, Mapping) and isinstance(value, Mapping)
        result[key] = merged(there, value) if both else value  # type: ignore[arg-type] # both are mappings
    return result


def differing(
    subject: str, wanted: Mapping[str, Any], live: Mapping[str, Any], there: Deployed, path: str = ""
) -> Iterator[Finding]:
    """What is wanted and otherwise; what AWS adds of itself, and nobody said anything of, is no drift."""
    for key, value in wanted.items():
        where = f"{path}.{key}".lstrip(".")
        found = live.get(key)
        if key == "Tags" or (key not in live and value in ([], {}, "")):
            continue
        if isinstance(value, Mapping) and not _is_function(value):
            yield from differing(subject, value, found if isinstance(found, Mapping) else {}, there, where)
        elif not matches(value, found, there):
            said = json.dumps(found, default=str)
            yield Finding(Kind.DRIFT, subject, f"{where} is {said} and not {_readable(value, there)}")


def matches(wanted: Any, live: Any, there: Deployed) -> bool:
    """Whether a template's value became the live one, as far as its references are known.

    The order of lists means nothing here, nor does a list of one: IAM writes both ways.
    """
    if isinstance(wanted, Mapping) and not _is_function(wanted):
        return (
            isinstance(live, Mapping)
            and set(wanted) == set(live)
            and all(matches(value, live[key], there) for key, value in wanted.items())
        )
    if isinstance(wanted, list) or isinstance(live, list):
        some, others = (each if isinstance(each, list) else [each] for each in (wanted, live))
        left = list(others)
        for item in some:
            fitting = next((each for each in left if matches(item, each, there)), None)
            if fitting is None:
                return False
            left.remove(fitting)
        return not left
    if isinstance(live, Mapping) or live is None:
        return wanted is None and live is None
    if live == "*":
        return bool(wanted == "*")
    return re.fullmatch(pattern(wanted, there), _text(live)) is not None


def pattern(value: Any, there: Deployed) -> str:
    """A regular expression for what a template's value became; `.+` where nothing is known of it.

    A dynamic reference is one thing, whichever: it never becomes a wildcard.
    """
    if not isinstance(value, Mapping):
        return "[^*]+".join(re.escape(part) for part in _DYNAMIC.split(_text(value)))
    name, given = next(iter(value.items()))
    if name == "Ref" and given in there.pseudo:
        return re.escape(there.pseudo[given])
    if name == "Fn::ImportValue" and given in there.exports:
        return re.escape(there.exports[given])
    if name == "Fn::Join" and isinstance(given[1], list):
        between: str = re.escape(given[0])
        return between.join(pattern(part, there) for part in given[1])
    return ".+"


def _is_function(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def _readable(value: Any, there: Deployed) -> str:
    if isinstance(value, Mapping):
        return pattern(value, there).replace(".+", "…").replace("\\", "")
    if isinstance(value, list):
        return f"[{', '.join(_readable(each, there) for each in value)}]"
    return json.dumps(value)


def _text(value: Any) -> str:
    """CloudFormation takes a number for its text, and `true` for true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
