"""Projects that people have made in Studio with a role of the environment's, or as a launch of a product."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from clary.environment.catalog import launch_role_path
from clary.environment.model import Environment
from clary.environment.project import in_studio
from clary.errors import ClaryError
from clary.wording import pascal

_GONE = "DeleteCompleted"
_ROLE_OUTPUT = "ProjectRoleArn"
"""How the outputs of the catalog's stack begin that name the roles of templates."""


@dataclass(frozen=True)
class Project:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProject.html"""

    name: str
    owner: str
    """The profile of whoever made it, which its sessions carry or, outside of Studio, who that was to IAM."""
    status: str
    why: str
    stack: str = ""
    """What CloudFormation has made of the template. Empty, where Service Catalog has launched it."""
    launch: str = ""
    """The identifier of what Service Catalog has launched."""
    offer: str = ""
    """The output that names the role of its stack. Empty, where that role is not there any more."""

    @property
    def words(self) -> str:
        return f"project {self.name}"

    @property
    def is_lost(self) -> bool:
        """Whether the role is gone that alone changes and removes its stack."""
        return not self.launch and not self.offer

    @property
    def way(self) -> str:
        """How it goes."""
        deleted = deletion(self.name)
        if not self.is_lost:
            return deleted
        return (
            f"`aws cloudformation delete-stack --stack-name {self.stack} --role-arn …` with a role that may,"
            f" for its own is gone, and then {deleted}"
        )

    def is_offered(self, environment: Environment) -> bool:
        """Whether the file shows the template that its stack was made of."""
        offers = {
            f"{_ROLE_OUTPUT}{pascal(team)}" for team in environment.teams if in_studio(environment, team)
        }
        return self.offer in offers


def deletion(name: str) -> str:
    return f"`aws sagemaker delete-project --project-name {name}`"


def projects(clients: Callable[[str], Any], environment: Environment) -> list[Project]:
    """Of the environment's templates, and of all products: whose those are, Service Catalog tells."""
    try:
        names = sorted(_names(clients("sagemaker")))
        described = [_described(clients("sagemaker"), name) for name in names]
        offers = _offers(clients("cloudformation"), environment) if described else {}
    except ClientError as error:
        raise ClaryError(f"SageMaker does not say what projects there are: {error}") from error
    return [
        project for each in described if each is not None for project in _project(each, environment, offers)
    ]


def is_ours(role: str, environment: Environment) -> bool:
    """Whether a stack's role is one that makes what people ask for."""
    return f":role{launch_role_path(environment.name)}" in role


def _names(sagemaker: Any) -> Iterator[str]:
    """boto3 has no paginator for them."""
    asked: dict[str, str] = {}
    while True:
        page = sagemaker.list_projects(**asked)
        for each in page["ProjectSummaryList"]:
            if each["ProjectStatus"] != _GONE:
                yield each["ProjectName"]
        if not page.get("NextToken"):
            return
        asked["NextToken"] = page["NextToken"]


def _described(sagemaker: Any, name: str) -> Mapping[str, Any] | None:
    """None where somebody has deleted it since."""
    try:
        found: Mapping[str, Any] = sagemaker.describe_project(ProjectName=name)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return found


def _project(
    found: Mapping[str, Any], environment: Environment, offers: Mapping[str, str]
) -> Iterator[Project]:
    maker = found.get("CreatedBy", {})
    identity = maker.get("IamIdentity", {})
    name, status = str(found["ProjectName"]), str(found["ProjectStatus"])
    known = (maker.get("UserProfileName"), identity.get("SourceIdentity"), identity.get("Arn"))
    owner = next((str(each) for each in known if each), "nobody knows who")
    launch = found.get("ServiceCatalogProvisionedProductDetails", {})
    if "ProvisionedProductId" in launch:
        why = launch.get("ProvisionedProductStatusMessage", "")
        yield Project(name, owner, status, why, launch=launch["ProvisionedProductId"])
    for each in found.get("TemplateProviderDetails", []):
        said = each.get("CfnTemplateProviderDetail", {})
        stack, role = said.get("StackDetail", {}), said.get("RoleARN", "")
        if is_ours(role, environment):
            why = stack.get("StatusMessage", "")
            yield Project(name, owner, status, why, stack.get("Name", ""), offer=offers.get(role, ""))


def _offers(cloudformation: Any, environment: Environment) -> dict[str, str]:
    """The outputs that name the roles of templates, by role."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=environment.stack_name("catalog"))["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return {}
    return {
        each["OutputValue"]: each["OutputKey"]
        for each in stack.get("Outputs", [])
        if each["OutputKey"].startswith(_ROLE_OUTPUT)
    }
