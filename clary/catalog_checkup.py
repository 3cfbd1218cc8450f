"""What the doctor says of self-service: who may launch, and how what has been launched is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.finding import Finding, Verdict
from clary.launches import Launched, pages
from clary.projects import Project, is_ours
from clary.self_service import Made, made, named, not_offered, ways
from clary.wording import count

_SUBJECT = "launches"
_PRODUCT_TAG = "aws:servicecatalog:productArn"
_FAILED = {
    "ERROR": "failed, and there is nothing of it",
    "TAINTED": "is as it was before its last operation, which failed",
    "CreateFailed": "failed",
    "DeleteFailed": "could not be removed, or not all of it",
    "UpdateFailed": "is as it was before its last change, which failed",
}
_REMEDIES = {
    "ERROR": "whoever launched it terminates it: `clary catalog terminate`",
    "TAINTED": "whoever launched it tries again: `clary catalog update`, or `terminate`",
    "UpdateFailed": "whoever made it tries again: `aws sagemaker update-project`, or `delete-project`",
}


def principals(environment: Environment, iam: Any) -> Iterator[Finding]:
    """Service Catalog takes nobody for a principal who is not there; personas come with the environment."""
    ours = f":role{environment.role_path}"
    for team, portfolio in environment.catalog.portfolios.items():
        missing = [each for each in portfolio.principals if ours not in each and not _is_there(iam, each)]
        subject = f"principals of {team}"
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            remedy = "make them before you deploy, or take them out of the file"
            yield Finding(Verdict.BLOCKED, subject, f"{', '.join(missing)} {verb} not there", remedy)
        else:
            yield Finding(Verdict.FINE, subject, "all of them are there")


def _is_there(iam: Any, arn: str) -> bool:
    kind, _, path = arn.partition(":iam::")[2].partition(":")[2].partition("/")
    name, operation = path.rpartition("/")[2], {"role": "Role", "user": "User", "group": "Group"}[kind]
    try:
        found = getattr(iam, f"get_{kind}")(**{f"{operation}Name": name})[operation]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return bool(found["Arn"] == arn)


def tag_options(environment: Environment, clients: Callable[[str], Any]) -> Iterator[Finding]:
    """An account has a tag with a value once in a region: with a second one, the stack fails.

    https://docs.aws.amazon.com/servicecatalog/latest/dg/API_CreateTagOption.html
    """
    catalog = environment.catalog
    wanted = {(name, value) for name, values in catalog.tag_options.items() for value in values}
    if not wanted or not catalog.portfolios:
        return
    ours = _own_tag_options(environment, clients("cloudformation"))
    there = {
        (each["Key"], each["Value"])
        for page in clients("servicecatalog").get_paginator("list_tag_options").paginate()
        for each in page["TagOptionDetails"]
        if each["Id"] not in ours
    }
    taken = [f"{name}={value}" for name, value in sorted(wanted & there)]
    if taken:
        message = (
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} the account's already, and not ours"
        )
        remedy = "an account has each once: call it otherwise in one of its environments, or delete it there"
        yield Finding(Verdict.BLOCKED, "tag options", message, remedy)
    else:
        yield Finding(Verdict.FINE, "tag options", "nothing else in the account offers the same")


def _own_tag_options(environment: Environment, cloudformation: Any) -> set[str]:
    stack = environment.stack_name("catalog")
    try:
        found = [
            each
            for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for each in page["StackResourceSummaries"]
        ]
    except ClientError as error:
        if "does not exist" in str(error):
            return set()
        raise
    kind = "AWS::ServiceCatalog::TagOption"
    return {each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind}


def launches(environment: Environment, clients: Callable[[str], Any]) -> Iterator[Finding]:
    """Of an environment whose catalog is deployed."""
    catalog = clients("servicecatalog")
    try:
        there = made(clients, environment)
    except ClaryError as error:
        yield Finding(Verdict.UNKNOWN, _SUBJECT, str(error))
        return
    products = _products(catalog, environment)
    launched = [each for each in there if isinstance(each, Launched)]
    projects = [each for each in there if isinstance(each, Project)]
    known = {each.id for each in launched} | {each.stack for each in projects}
    found = [
        *_not_offered(environment, there),
        *_lost(projects),
        *_not_as_they_should_be(there),
        *_of_an_older_version(catalog, launched),
        *_left_behind(clients("cloudformation"), environment, products, known),
    ]
    yield from found
    if not found:
        message = f"people have {count(len(there), 'thing')} from the catalog, and each is as it should be"
        yield Finding(Verdict.FINE, _SUBJECT, message)


def _products(catalog: Any, environment: Environment) -> set[str]:
    return {
        each["ProductViewSummary"]["ProductId"]
        for page in pages(catalog.search_products_as_admin)
        for each in page["ProductViewDetails"]
        if each["ProductViewSummary"]["Name"].startswith(environment.stack_name(""))
    }


def _not_offered(environment: Environment, there: Sequence[Made]) -> Iterator[Finding]:
    left = not_offered(there, environment)
    if left:
        message = f"the file offers no more what people have launched, and nothing is deployed: {named(left)}"
        remedy = f"let those who launched it terminate it first ({ways(left)}), or offer it again"
        yield Finding(Verdict.BLOCKED, _SUBJECT, message, remedy)


def _lost(projects: Sequence[Project]) -> Iterator[Finding]:
    for each in projects:
        if each.is_lost:
            message = f"the role is gone that alone could change and remove the {each.words} of {each.owner}"
            yield Finding(Verdict.TIGHT, _SUBJECT, message, each.way)


def _not_as_they_should_be(there: Sequence[Made]) -> Iterator[Finding]:
    for each in there:
        if each.status in _FAILED:
            message = f"{each.words} of {each.owner} {_FAILED[each.status]}: {each.why}"
            remedy = _REMEDIES.get(each.status, f"whoever made it deletes it: {each.way}")
            yield Finding(Verdict.TIGHT, _SUBJECT, message, remedy)


def _of_an_older_version(catalog: Any, there: Sequence[Launched]) -> Iterator[Finding]:
    newest = {
        product: max(
            catalog.describe_product_as_admin(Id=product)["ProvisioningArtifactSummaries"],
            key=lambda version: version["CreatedTime"],
        )["Id"]
        for product in sorted({each.product_id for each in there})
    }
    old = [
        each for each in there if each.status == "AVAILABLE" and each.version_id != newest[each.product_id]
    ]
    if old:
        message = f"their product has a newer version: {named(old)}"
        remedy = "whoever launched it takes it there: `clary catalog update`, which keeps what it holds"
        yield Finding(Verdict.TIGHT, _SUBJECT, message, remedy)


def _left_behind(
    cloudformation: Any, environment: Environment, products: set[str], there: set[str]
) -> Iterator[Finding]:
    """Stacks that somebody kept who terminated their launch, or whose project is gone: nobody sees them.

    `there` are the launches that there are, and the stacks of projects.
    """
    launches = re.compile(rf"SC-{environment.account}-(pp-[a-z0-9]+)")
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            name, launch = stack["StackName"], launches.fullmatch(stack["StackName"])
            product = _tags(stack).get(_PRODUCT_TAG, "").rpartition("/")[2]
            if launch is not None and product in products and launch[1] not in there:
                message = "what was launched is there, and is billed for, and its launch is gone"
                yield Finding(Verdict.TIGHT, f"stack {name}", message, "delete the stack")
            elif is_ours(stack.get("RoleARN", ""), environment) and name not in there:
                message = "what a project had is there, and is billed for, and the project is gone"
                yield Finding(Verdict.TIGHT, f"stack {name}", message, "delete the stack")


def _tags(stack: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in stack.get("Tags", [])}
