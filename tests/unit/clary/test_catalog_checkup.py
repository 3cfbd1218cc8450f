"""What the doctor says of who may launch, and of what has been launched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.catalog_checkup import launches, principals, tag_options
from clary.environment.model import Environment
from clary.finding import Finding, Verdict

_HERE = "arn:aws:iam::111122223333"
_PRODUCT = "clary-dev-research-data-scientist"
_ROLE = f"{_HERE}:role/clary-catalog/dev/research-projects"


def environment(*named: str) -> Environment:
    portfolio = {
        "principals": list(named) or [f"{_HERE}:role/newcomers"],
        "products": {"data_scientist": {}, "project_workspace": {"in_studio": ["data-scientist"]}},
    }
    return Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {}},
            "catalog": {"portfolios": {"research": portfolio}},
        }
    )


class Iam:
    """Has a role, a user and a group, as boto3's client tells them."""

    def get_role(self, **asked: str) -> Mapping[str, Any]:
        return {"Role": {"Arn": self._arn("role", "people/newcomers", asked["RoleName"])}}

    def get_user(self, **asked: str) -> Mapping[str, Any]:
        return {"User": {"Arn": self._arn("user", "emmy", asked["UserName"])}}

    def get_group(self, **asked: str) -> Mapping[str, Any]:
        return {"Group": {"Arn": self._arn("group", "students", asked["GroupName"])}}

    def _arn(self, kind: str, there: str, name: str) -> str:
        if name != there.rpartition("/")[2]:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": "no"}}, "Get")
        return f"{_HERE}:{kind}/{there}"


@dataclass
class Account:
    """What is launched, and the stacks that there are; version 2 of the one product is the newest.

    The catalog's stack names the roles of templates.
    """

    launched: Sequence[Mapping[str, Any]] = ()
    stacks: Sequence[Mapping[str, Any]] = ()
    projects: Sequence[Mapping[str, Any]] = ()
    roles: Mapping[str, str] = field(default_factory=lambda: {"ProjectRoleArnResearch": _ROLE})
    refuses: bool = False

    def __call__(self, service: str) -> Account:
        assert service in ("servicecatalog", "sagemaker", "cloudformation")
        return self

    def search_provisioned_products(self, **_: Any) -> Mapping[str, Any]:
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "it may not"}}, "Search")
        return {"ProvisionedProducts": self.launched}

    def search_products_as_admin(self, **_: Any) -> Mapping[str, Any]:
        names = {"prod-1": _PRODUCT, "prod-2": "clary-prod-research-data-scientist"}
        return {
            "ProductViewDetails": [
                {"ProductViewSummary": {"ProductId": each, "Name": name}} for each, name in names.items()
            ]
        }

    def describe_product_as_admin(self, **_: Any) -> Mapping[str, Any]:
        versions = [{"Id": "pa-2", "CreatedTime": 2}, {"Id": "pa-1", "CreatedTime": 1}]
        return {"ProvisioningArtifactSummaries": versions}

    def list_projects(self) -> Mapping[str, Any]:
        return {"ProjectSummaryList": self.projects}

    def describe_project(self, **asked: str) -> Mapping[str, Any]:
        return next(each for each in self.projects if each["ProjectName"] == asked["ProjectName"])

    def describe_stacks(self, **asked: str) -> Mapping[str, Any]:
        assert asked == {"StackName": "clary-dev-catalog"}
        return {
            "Stacks": [
                {"Outputs": [{"OutputKey": key, "OutputValue": arn} for key, arn in self.roles.items()]}
            ]
        }

    def get_paginator(self, operation: str) -> Account:
        assert operation == "describe_stacks"
        return self

    def paginate(self) -> Iterator[Mapping[str, Any]]:
        yield {"Stacks": self.stacks}


def launched(**said: str) -> Mapping[str, Any]:
    usual = {
        "Id": "pp-1",
        "Name": "emmys",
        "ProductName": _PRODUCT,
        "ProductId": "prod-1",
        "ProvisioningArtifactId": "pa-2",
        "Status": "AVAILABLE",
        "UserArnSession": "emmy",
    }
    return {**usual, **said}


def stack(name: str, product: str = "prod-1") -> Mapping[str, Any]:
    tag = {
        "Key": "aws:servicecatalog:productArn",
        "Value": f"arn:aws:catalog:eu-west-1:111122223333:product/{product}",
    }
    return {"StackName": name, "Tags": [tag]}


def project(status: str = "CreateCompleted") -> Mapping[str, Any]:
    said = {"Name": "SP-111122223333-p-1", "StatusMessage": "the role may not"}
    detail = {"TemplateName": "project-workspace", "RoleARN": _ROLE, "StackDetail": said}
    return {
        "ProjectName": "orbits",
        "ProjectStatus": status,
        "CreatedBy": {"UserProfileName": "research-ada"},
        "TemplateProviderDetails": [{"CfnTemplateProviderDetail": detail}],
    }


def stack_of_project(name: str = "SP-111122223333-p-1", role: str = _ROLE) -> Mapping[str, Any]:
    return {"StackName": name, "RoleARN": role}


def _said(account: Account) -> list[Finding]:
    return list(launches(environment(), account))


def test_principals_that_are_there_are_fine() -> None:
    named = [f"{_HERE}:role/people/newcomers", f"{_HERE}:user/emmy", f"{_HERE}:group/students"]
    named.append(f"{_HERE}:role/clary/dev/clary-dev-research-data-scientist")  # the environment makes it

    (found,) = principals(environment(*named), Iam())

    assert found.verdict is Verdict.FINE


@pytest.mark.parametrize("arn", [f"{_HERE}:role/strangers", f"{_HERE}:role/newcomers"])
def test_a_principal_who_is_not_there_or_elsewhere_blocks(arn: str) -> None:
    (found,) = principals(environment(f"{_HERE}:user/emmy", arn), Iam())

    assert (found.verdict, found.message) == (Verdict.BLOCKED, f"{arn} is not there")


def test_launches_that_are_as_they_should_be_are_counted() -> None:
    stacks = [stack("SC-111122223333-pp-1"), stack_of_project()]

    (found,) = _said(Account([launched()], stacks, [project()]))

    assert found.verdict is Verdict.FINE
    assert "2 things from the catalog" in found.message


@pytest.mark.parametrize(
    ("account", "verdict", "words"),
    [
        (
            Account([launched(Status="ERROR", StatusMessage="no")]),
            Verdict.TIGHT,
            "there is nothing of it: no",
        ),
        (
            Account([launched(Status="TAINTED", StatusMessage="no")]),
            Verdict.TIGHT,
            "last operation, which fai",
        ),
        (Account([launched(ProvisioningArtifactId="pa-1")]), Verdict.TIGHT, "newer version: emmys (emmy)"),
        (Account([launched(ProductName="clary-dev-research-other")]), Verdict.BLOCKED, "offers no more what"),
        (Account(stacks=[stack("SC-111122223333-pp-9")]), Verdict.TIGHT, "its launch is gone"),
        (Account(refuses=True), Verdict.UNKNOWN, "it may not"),
        (
            Account(projects=[project()], roles={"ProjectRoleArnOther": _ROLE}),
            Verdict.BLOCKED,
            "offers no more what people have launched, and nothing is deployed: project orbits (research",
        ),
        (Account(projects=[project()], roles={}), Verdict.TIGHT, "the role is gone"),
        (
            Account(projects=[project("UpdateFailed")]),
            Verdict.TIGHT,
            "project orbits of research-ada is as it was before its last change, which failed: the role",
        ),
        (Account(stacks=[stack_of_project()]), Verdict.TIGHT, "the project is gone"),
    ],
)
def test_what_is_amiss_is_told(account: Account, verdict: Verdict, words: str) -> None:
    (found,) = _said(account)

    assert found.verdict is verdict
    assert words in found.message


@pytest.mark.parametrize(
    "elses",
    [
        stack("SC-111122223333-pp-9", "prod-2"),
        stack("clary-dev-data"),
        {"StackName": "SC-111122223333-pp-9"},
        stack_of_project(role=f"{_HERE}:role/clary-catalog/prod/research-projects"),
    ],
)
def test_stacks_of_other_catalogs_are_not_ours(elses: Mapping[str, Any]) -> None:
    (found,) = _said(Account(stacks=[elses]))

    assert found.verdict is Verdict.FINE


class TagOptions:
    """An account with three tag options; the catalog's stack, where it is there, has made the first."""

    def __init__(self, *, deployed: bool) -> None:
        self._deployed = deployed

    def __call__(self, service: str) -> TagOptions:
        assert service in ("cloudformation", "servicecatalog")
        return self

    def get_paginator(self, operation: str) -> Any:
        return {"list_tag_options": _Pages(self._options), "list_stack_resources": _Pages(self._made)}[
            operation
        ]

    def _options(self) -> Iterator[Mapping[str, Any]]:
        for number, value in enumerate(("trial", "course", "thesis")):
            yield {"TagOptionDetails": [{"Id": f"tag-{number}", "Key": "purpose", "Value": value}]}

    def _made(self, *, StackName: str) -> Iterator[Mapping[str, Any]]:  # noqa: N803 - as boto3 has it
        if not self._deployed:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "List")
        made = {"PhysicalResourceId": "tag-0", "ResourceType": "AWS::ServiceCatalog::TagOption"}
        yield {"StackResourceSummaries": [made]}


@dataclass
class _Pages:
    paginate: Any


@pytest.mark.parametrize(
    ("deployed", "offered", "verdict", "words"),
    [
        (True, ["trial"], Verdict.FINE, "nothing else"),
        (False, ["trial"], Verdict.BLOCKED, "purpose=trial is the account's already"),
        (True, ["trial", "course"], Verdict.BLOCKED, "purpose=course is the account's"),
        (False, ["own"], Verdict.FINE, "nothing else"),
    ],
)
def test_a_tag_option_of_another_environments_would_fail_the_deployment(
    deployed: bool, offered: Sequence[str], verdict: Verdict, words: str
) -> None:
    given = environment().model_dump(exclude_unset=True)
    given["catalog"]["tag_options"] = {"purpose": offered}

    (found,) = tag_options(Environment.model_validate(given), TagOptions(deployed=deployed))

    assert found.verdict is verdict
    assert words in found.message


def test_an_environment_without_choices_is_asked_nothing_about_them() -> None:
    assert list(tag_options(environment(), TagOptions(deployed=True))) == []
