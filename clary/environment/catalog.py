"""The self-service of an environment file: what people set up for themselves, in Service Catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from clary.environment.cluster import EmrCluster
from clary.environment.form import Form
from clary.environment.model_api import ContentType
from clary.environment.part import (
    DIFFERENT,
    FROM_LIST,
    SOME,
    AccountId,
    Complaint,
    EmailAddress,
    InstanceType,
    Part,
    RepositoryName,
    TagName,
    WebAddress,
    no_such,
)
from clary.environment.people import Persona, Space, TeamName, profile_name
from clary.environment.project import ProjectWorkspace

if TYPE_CHECKING:
    from clary.environment.model import Environment

PrincipalArn = Annotated[
    str,
    Form(
        "the ARN of a role, a user or a group",
        "arn:aws:iam::111122223333:role/newcomers",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user|group)/[A-Za-z0-9_+=,.@/-]+",
        longest=300,
    ),
]
"""https://docs.aws.amazon.com/servicecatalog/latest/dg/API_AssociatePrincipalWithPortfolio.html"""
TagOptionValue = Annotated[
    str,
    Form(
        "a tag's value (letters, digits, spaces and _.:/=+-@)", "trial", "[A-Za-z0-9 _.:/=+@-]+", longest=256
    ),
]
OWNER_TAG = "clary:owner"
"""Who owns a profile is written on it."""
CATALOG = "service-catalog"
"""Whose something is that no environment file has."""
ROUTE_TAG = "clary:content-type"
"""What a launched model takes, and that the API leads to it, is written on its endpoint."""

_LONGEST_NAME = 63
LONGEST_MEMBER = 40
_MOST_TAKEN = 200
"""Names that a rule of Service Catalog lists; a template holds them all."""


class DataScientist(Part):
    """A profile in Studio with a private space, for whoever gives a name."""

    persona: Persona = "data-scientist"
    """What somebody does who comes this way."""
    space: Space | None = Space()
    """By default, a small private space; `null` for none."""


class NotebookInstance(Part):
    """A notebook instance of the team's, in the network, that stops when nothing is computed on it."""

    instance_types: Annotated[tuple[InstanceType, ...], FROM_LIST, SOME] = ("ml.t3.medium",)
    """What it may run on, the first by default."""
    most_storage_gib: int = Field(default=50, ge=5, le=16384)
    """How large its disk may be, in GiB."""
    idle_minutes: int = Field(default=60, ge=15, le=1440)
    """After how many minutes without a computation it stops, whatever is open."""
    repositories: Annotated[tuple[WebAddress, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=50)
    """Git repositories of which people choose one that it clones: reached from within the VPC, and read
    without a password. By default, there is nothing to choose."""
    root: bool = False
    """Whether people are root on it, and so may keep it from stopping."""


class Route(Part):
    """What the environment's API lets through to models that people launch."""

    content_types: Annotated[tuple[ContentType, ...], FROM_LIST, SOME] = ("application/json",)
    """The media types that such models take: whoever launches one says which, the first by default."""


class ModelEndpoint(Part):
    """A version of the team's model registry behind an endpoint."""

    instance_types: Annotated[tuple[InstanceType, ...], FROM_LIST, SOME] = ("ml.m5.large",)
    """What it may run on, the first by default."""
    repositories: Annotated[tuple[RepositoryName, ...], FROM_LIST, DIFFERENT] = Field(
        default=(), max_length=50
    )
    """More of the environment's `repositories` whose images it may run. By default, those that the team's
    models of the file use, and AWS's own."""
    api: Route | None = None
    """With it, the environment's API leads to each as `/models/<team>--<name>`, for the clients whose
    `launched` has the team: `api: {content_types: [text/csv]}`. By default, only SageMaker's runtime does."""


class Products(Part):
    """What a team offers. Each product that is not named is not offered."""

    data_scientist: DataScientist | None = None
    """People of the team's, who bring themselves in."""
    notebook_instance: NotebookInstance | None = None
    """Notebook instances, for those whose work needs one rather than Studio."""
    emr_cluster: EmrCluster | None = None
    """Clusters for Spark, to which people connect from Studio."""
    model_endpoint: ModelEndpoint | None = None
    """Endpoints for approved versions of the team's models."""
    project_workspace: ProjectWorkspace | None = None
    """What a project works with, which the team's people and jobs may use."""

    def offered(self) -> Iterator[tuple[str, Part]]:
        """The name and the settings of each product that there is."""
        for key in type(self).model_fields:
            settings = getattr(self, key)
            if settings is not None:
                yield key, settings


class Portfolio(Part):
    """What a team offers, and to whom."""

    principals: Annotated[tuple[PrincipalArn, ...], FROM_LIST, SOME] = Field(max_length=100)
    """Who may launch its products: roles, users and groups. They need rights to use Service Catalog, too,
    for which the stack has a policy."""
    accounts: Annotated[tuple[AccountId, ...], FROM_LIST, DIFFERENT] = ()
    """Other accounts that may take the portfolio and say who of theirs launches from it, in this one."""
    products: Products
    """What there is to launch."""


class Catalog(Part):
    """What people set up for themselves, in Service Catalog. By default, there is nothing."""

    provider: Annotated[str, Field(min_length=1, max_length=50)] = "Clary"
    """Who is behind it, as people read it."""
    support_email: EmailAddress | None = None
    """Whom people write to who need help."""
    tag_options: Mapping[TagName, Annotated[tuple[TagOptionValue, ...], FROM_LIST, SOME]] = Field(
        default_factory=dict, max_length=20
    )
    """Tags that people choose a value of when they launch something: only those that are listed."""
    portfolios: Mapping[TeamName, Portfolio] = Field(default_factory=dict)
    """What each team offers, by the team's name."""


def product_name(environment: str, team: str, product: str) -> str:
    """As Service Catalog has it: `clary-dev-research-data-scientist`."""
    return f"clary-{environment}-{team}-{product.replace('_', '-')}"


def launch_role_path(environment: str) -> str:
    """Where the launch roles of an environment's products are, and nothing else."""
    return f"/clary-catalog/{environment}/"


def gives_root(catalog: Catalog) -> bool:
    """Whether people are root on some of what they launch."""
    offered = (each.products.notebook_instance for each in catalog.portfolios.values())
    return any(notebook is not None and notebook.root for notebook in offered)


def offers_projects(catalog: Catalog, team: str) -> bool:
    """Whether a team has repositories that nobody has named in the file."""
    portfolio = catalog.portfolios.get(team)
    return portfolio is not None and portfolio.products.project_workspace is not None


def offers_endpoints(catalog: Catalog, team: str) -> bool:
    """Whether a team has endpoints that nobody has named in the file."""
    portfolio = catalog.portfolios.get(team)
    return portfolio is not None and portfolio.products.model_endpoint is not None


def teams_with_routes(catalog: Catalog) -> tuple[TeamName, ...]:
    """Whose launched models the API leads to."""
    offered = {team: each.products.model_endpoint for team, each in catalog.portfolios.items()}
    return tuple(team for team, said in offered.items() if said is not None and said.api is not None)


def marks(environment: Environment, team: TeamName) -> dict[str, str]:
    """Tags of all that is launched, which never change."""
    return {**environment.cost_tags(team), OWNER_TAG: CATALOG}


def personas(catalog: Catalog, team: str) -> Iterator[Persona]:
    """What people of a team do who bring themselves in."""
    portfolio = catalog.portfolios.get(team)
    if portfolio is not None and portfolio.products.data_scientist is not None:
        yield portfolio.products.data_scientist.persona


def taken(environment: Environment, team: str) -> list[str]:
    """The names that nobody of a team can choose: with the team's name before them, the file has them.

    Also those of other teams: `research` and `europe-ada` is who `research-europe` and `ada` is.
    """
    names = {
        profile_name(each, member)
        for each, said in environment.teams.items()
        for member in said.members
        if profile_name(each, member).startswith(f"{team}-")
    }
    return sorted(name.removeprefix(f"{team}-") for name in names)


def misfits(environment: Environment) -> Iterator[Complaint]:
    for name in environment.catalog.tag_options:
        if name in environment.tags:
            message = (
                f"'{name}' is among the file's 'tags', which all that is launched has: remove one of both"
            )
            yield Complaint(("catalog", "tag_options", name), message)
    for team, portfolio in environment.catalog.portfolios.items():
        at = ("catalog", "portfolios", team)
        if team not in environment.teams:
            yield Complaint(at, no_such("team", team, list(environment.teams)))
            continue
        for index, principal in enumerate(portfolio.principals):
            account = principal.split(":")[4]
            if account != environment.account:
                message = (
                    f"'{principal}' belongs to another account than {environment.account}, put that into"
                )
                message = f"{message} 'accounts': who launches there is said there"
                yield Complaint((*at, "principals", index), message)
        for index, account in enumerate(portfolio.accounts):
            if account == environment.account:
                message = f"'{account}' is the environment's own account, remove it"
                yield Complaint((*at, "accounts", index), message)
        if not any(portfolio.products.offered()):
            products = ", ".join(Products.model_fields)
            yield Complaint((*at, "products"), f"offers nothing, name one of: {products}")
        yield from _people(environment, team, portfolio)
        yield from _compute(environment, team, portfolio)


def _compute(environment: Environment, team: str, portfolio: Portfolio) -> Iterator[Complaint]:
    """About what runs, and is billed for."""
    products, at = portfolio.products, ("catalog", "portfolios", team, "products")
    cap = environment.costs.cap
    capped = cap is not None and cap.mode == "act" and team in cap.gated(environment)
    offered: Mapping[str, NotebookInstance | ModelEndpoint | EmrCluster | None] = {
        "notebook_instance": products.notebook_instance,
        "emr_cluster": products.emr_cluster,
        "model_endpoint": products.model_endpoint,
    }
    for key, said in offered.items():
        if said is None:
            continue
        path: tuple[str | int, ...] = (*at, key)
        for index, instance_type in enumerate(said.instance_types):
            # what SageMaker has of a type begins with ml., and what EMR has does not
            named = f"ml.{instance_type.removeprefix('ml.')}"
            if not environment.guardrails.allows_instance_type(named):
                given = ("instance_types", index) if "instance_types" in said.model_fields_set else ()
                message = f"'{instance_type}' is not among 'guardrails.instance_types', choose one of:"
                allowed = ", ".join(environment.guardrails.instance_types or ())
                yield Complaint((*path, *given), f"{message} {allowed}")
        if capped:
            message = "is made by a role of its own, which 'costs.cap' does not stop, remove one of the two"
            yield Complaint(path, message)
    if products.model_endpoint is not None:
        for index, name in enumerate(products.model_endpoint.repositories):
            if name not in environment.repositories:
                where = (*at, "model_endpoint", "repositories", index)
                yield Complaint(where, no_such("repository", name, list(environment.repositories)))


def _people(environment: Environment, team: str, portfolio: Portfolio) -> Iterator[Complaint]:
    said, at = (
        portfolio.products.data_scientist,
        ("catalog", "portfolios", team, "products", "data_scientist"),
    )
    if said is None:
        return
    known = sorted({*environment.known_personas})
    if said.persona not in known:
        yield Complaint((*at, "persona"), no_such("persona", said.persona, known))
        return
    if environment.studio.authentication == "identity-center":
        message = "brings in people by IAM but 'studio.authentication' is 'identity-center', remove it"
        yield Complaint(at, f"{message} and write people into the file")
    if environment.teams[team].role == "person":
        message = f"gives people their persona's role but the team {team} has 'role: person', change one"
        yield Complaint(at, f"{message} of the two")
    if len(team) + 1 + LONGEST_MEMBER > _LONGEST_NAME:
        message = f"the team's name leaves people less than {LONGEST_MEMBER} characters for theirs"
        yield Complaint(at, message)
    if len(taken(environment, team)) > _MOST_TAKEN:
        message = f"the team has more than {_MOST_TAKEN} people in the file, which a rule cannot list: let"
        yield Complaint(at, f"{message} people bring themselves into another team")
    tools = environment.tools(said.persona)
    allowed = tools.instance_types.allowed
    if said.space is not None and allowed is not None and said.space.instance_type not in allowed:
        path = (*at, "space", "instance_type") if "space" in said.model_fields_set else at
        message = f"the space runs on '{said.space.instance_type}', which 'personas' does not allow"
        yield Complaint(path, f"{message} {said.persona}s, choose one of: {', '.join(allowed)}")
    if said.space is not None and not environment.guardrails.allows_instance_type(said.space.instance_type):
        path = (*at, "space", "instance_type") if "space" in said.model_fields_set else at
        yield Complaint(path, f"'{said.space.instance_type}' is not among 'guardrails.instance_types'")
