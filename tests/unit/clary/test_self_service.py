"""What people have made for themselves keeps the role that it was made with, by whichever way they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.drift import Kind, of_projects
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.self_service import check_in_use, made

_ROLES = "arn:aws:iam::111122223333:role/clary-catalog"
_ROLE = f"{_ROLES}/dev/research-projects"
PORTFOLIO = {
    "principals": ["arn:aws:iam::111122223333:role/newcomers"],
    "products": {"data_scientist": {}, "project_workspace": {"in_studio": ["data-scientist"]}},
}
HIDDEN = {**PORTFOLIO, "products": {"data_scientist": {}, "project_workspace": {}}}


def environment(**portfolios: Any) -> Environment:
    return Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {}},
            "catalog": {"portfolios": portfolios},
        }
    )


@dataclass
class Account:
    """As boto3's clients tell of it: launches, projects one to a page, and the catalog's stack."""

    launched: Sequence[Mapping[str, Any]] = ()
    projects: Sequence[Mapping[str, Any]] = ()
    role: str | None = _ROLE
    """What the catalog's stack makes projects with."""
    refuses: bool = False
    vanished: Sequence[str] = ()
    """Projects that somebody deletes while one looks."""
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def __call__(self, service: str) -> Account:
        assert service in ("servicecatalog", "sagemaker", "cloudformation")
        return self

    def search_provisioned_products(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(asked)
        return {"ProvisionedProducts": self.launched}

    def list_projects(self, **asked: str) -> Mapping[str, Any]:
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "it may not"}}, "ListProjects")
        number = int(asked.get("NextToken", 0))
        page: dict[str, Any] = {"ProjectSummaryList": self.projects[number : number + 1]}
        if number + 1 < len(self.projects):
            page["NextToken"] = str(number + 1)
        return page

    def describe_project(self, **asked: str) -> Mapping[str, Any]:
        name = asked["ProjectName"]
        if name in self.vanished:
            message = f"Project {name} does not exist."
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Describe")
        return next(each for each in self.projects if each["ProjectName"] == name)

    def describe_stacks(self, **asked: str) -> Mapping[str, Any]:
        assert asked == {"StackName": "clary-dev-catalog"}
        roles = [] if self.role is None else [("ProjectRoleArnResearch", self.role)]
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in roles]
        return {"Stacks": [{"Outputs": outputs}]}


def launched(product: str = "clary-dev-research-data-scientist") -> Mapping[str, Any]:
    return {
        "Id": "pp-1",
        "Name": "emmys",
        "ProductName": product,
        "Status": "AVAILABLE",
        "UserArnSession": "emmy",
    }


def project(name: str = "orbits", role: str | None = _ROLE, **said: Any) -> Mapping[str, Any]:
    """Of a template in S3."""
    detail: dict[str, Any] = {
        "TemplateName": "project-workspace",
        "StackDetail": {"Name": f"SP-111122223333-p-{name}"},
    }
    if role is not None:
        detail["RoleARN"] = role
    usual = {
        "ProjectName": name,
        "ProjectStatus": "CreateCompleted",
        "CreatedBy": {"UserProfileName": "research-ada"},
        "TemplateProviderDetails": [{"CfnTemplateProviderDetail": detail}],
    }
    return {**usual, **said}


def launched_as_a_project(launch: str = "pp-1") -> Mapping[str, Any]:
    details = {"ServiceCatalogProvisionedProductDetails": {"ProvisionedProductId": launch}}
    return project("mine", TemplateProviderDetails=[], **details)


def test_a_product_that_somebody_has_stays_in_the_file() -> None:
    account = Account([launched()])

    check_in_use(account, environment(research=PORTFOLIO), stays=True)
    with pytest.raises(ClaryError, match=r"the file offers no more.*: emmys \(emmy\).*catalog terminate"):
        check_in_use(account, environment(), stays=True)


@pytest.mark.parametrize("without", [environment(), environment(research=HIDDEN)])
def test_a_template_that_somebody_has_made_a_project_of_stays_in_the_file(without: Environment) -> None:
    account = Account(projects=[project("another", role=None), project()])

    check_in_use(account, environment(research=PORTFOLIO), stays=True)
    words = (
        r"no more.*: project orbits \(research-ada\).*`aws sagemaker delete-project --project-name orbits`"
    )
    with pytest.raises(ClaryError, match=words):
        check_in_use(account, without, stays=True)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account([launched()]), r"emmys \(emmy\)"),
        (Account(projects=[project()]), r"project orbits \(research-ada\)"),
        (Account([launched()], [project()]), r"emmys \(emmy\), project orbits \(research-ada\); terminate"),
        (Account(projects=[project()], role=None), "delete-stack --stack-name SP-111122223333-p-orbits"),
    ],
)
def test_an_environment_stays_while_somebody_has_made_something(account: Account, words: str) -> None:
    with pytest.raises(ClaryError, match=f"would outlive the environment.*{words}"):
        check_in_use(account, environment(research=PORTFOLIO), stays=False)


def test_a_launch_that_is_a_project_goes_with_it() -> None:
    account = Account([launched()], [launched_as_a_project(), launched_as_a_project("pp-elses")])

    with pytest.raises(ClaryError) as raised:
        check_in_use(account, environment(research=PORTFOLIO), stays=False)

    way = "`aws sagemaker delete-project --project-name mine`"
    assert str(raised.value).endswith(f": project mine (research-ada); terminate that first: {way}")


def test_what_has_lost_its_role_keeps_nobody_from_deploying() -> None:
    check_in_use(Account(projects=[project()], role=f"{_ROLE}-2"), environment(), stays=True)


@pytest.mark.parametrize(
    "account",
    [
        Account([launched("clary-prod-research-data-scientist"), launched("theirs")]),
        Account(projects=[project(role=f"{_ROLES}/prod/research-projects"), project("own", role=None)]),
        Account(projects=[launched_as_a_project("pp-elses")]),
        Account(projects=[project(ProjectStatus="DeleteCompleted")]),
        Account(projects=[project()], vanished=["orbits"]),
    ],
)
def test_what_is_elsewhere_or_gone_keeps_nothing(account: Account) -> None:
    check_in_use(account, environment(), stays=False)

    (asked,) = account.asked
    assert asked["AccessLevelFilter"] == {"Key": "Account", "Value": "self"}


def test_what_is_not_told_is_not_taken_for_nothing() -> None:
    with pytest.raises(ClaryError, match=r"does not say what projects there are.*it may not"):
        check_in_use(Account(refuses=True), environment(), stays=False)


@pytest.mark.parametrize(
    ("by", "owner"),
    [
        ({"IamIdentity": {"Arn": "arn:of:session"}}, "arn:of:session"),
        ({"IamIdentity": {"Arn": "arn:of:session", "SourceIdentity": "research-ada"}}, "research-ada"),
        ({}, "nobody knows who"),
    ],
)
def test_who_made_a_project_is_told_as_well_as_it_is_known(by: Mapping[str, Any], owner: str) -> None:
    (found,) = made(Account(projects=[project(CreatedBy=by)]), environment())

    assert found.owner == owner


@pytest.mark.parametrize(
    ("account", "kinds"),
    [
        (Account([launched()]), []),
        (Account([launched()], [launched_as_a_project()]), [("project mine", Kind.NOTE)]),
        (Account(projects=[project()]), [("project orbits", Kind.NOTE)]),
        (Account(projects=[project()], role=None), [("project orbits", Kind.DRIFT)]),
    ],
)
def test_projects_are_drift_when_their_role_is_gone(account: Account, kinds: list[tuple[str, Kind]]) -> None:
    found = of_projects(made(account, environment(research=PORTFOLIO)))

    assert [(each.subject, each.kind) for each in found] == kinds
