"""What one environment file may say, as frozen, strict models.

Every default is the safe one. The stacks read these models and nothing else; the file itself is read,
and its errors are told with their lines, by :mod:`clary.environment.loader`. The docstrings are also
what the JSON Schema and `docs/environment-file.md` say, so they speak to the person who writes the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Self

from pydantic import Field, model_validator

from clary.environment import cap, catalog, cluster, features, gateway, membership, model_features, project
from clary.environment.catalog import Catalog
from clary.environment.costs import Costs
from clary.environment.data import Data
from clary.environment.features import FeatureGroup, FeatureGroupName
from clary.environment.gateway import Api
from clary.environment.network import Network
from clary.environment.part import (
    DIFFERENT,
    FROM_LIST,
    AccountId,
    Complaint,
    Part,
    Region,
    RepositoryName,
    TagName,
    TagValue,
    name_of,
    no_such,
    refusal,
)
from clary.environment.people import Persona, Team, TeamName, people_unit
from clary.environment.persona import PERSONAS, Capability
from clary.environment.rails import Guardrails
from clary.environment.serving import Model, ModelName, ServedContainer, containers_of
from clary.environment.serving_rules import instance_types, misfits
from clary.environment.studio import TOOLS, Application, PersonaSettings, RightOfOwn, Studio, Tools

EnvironmentName = Annotated[str, name_of("the environment's name", "dev")]
"""Short names in lower case become part of resource names, logical ids and URLs."""
ENVIRONMENT_TAG = "clary:environment"
"""The tag that says which environment something belongs to."""
TEAM_TAG = "clary:team"
"""The one that says whose of it it is."""

_JOBS = "jobs"


class Environment(Part):
    """One environment: all that differs between it and the next."""

    name: EnvironmentName
    """What the environment is called, and its file: `dev` is in `dev.yaml`."""
    account: AccountId
    """The AWS account, in quotes: YAML takes bare digits for a number."""
    region: Region
    """The AWS region."""
    tags: Mapping[TagName, TagValue] = Field(default_factory=dict, max_length=50)
    """Tags for every resource."""
    network: Network = Network()
    """By default, a new VPC without a way to the internet."""
    data: Data = Data()
    """By default, data outlives the environment."""
    repositories: Annotated[tuple[RepositoryName, ...], FROM_LIST, DIFFERENT] = ()
    """The image repositories that the environment has."""
    teams: Mapping[TeamName, Team] = Field(min_length=1)
    """Who works here: at least one team."""
    studio: Studio = Studio()
    """Where people work. By default, a Studio with IAM sign-in that stays in its VPC."""
    personas: Mapping[Persona, PersonaSettings] = Field(default_factory=dict)
    """What personas mean here, where it is not what they mean by default, and personas of your own."""
    guardrails: Guardrails = Guardrails()
    """What nobody may here. By default, nothing outside of the environment's region."""
    features: Mapping[FeatureGroupName, FeatureGroup] = Field(default_factory=dict, max_length=100)
    """The feature groups that teams share. Without any there is no feature store."""
    models: Mapping[ModelName, Model] = Field(default_factory=dict)
    """What is served. Without models there are no endpoints, and no API unless it leads to launched ones."""
    api: Api = Api()
    """Who may call the models."""
    costs: Costs = Costs()
    """What all this may cost. By default, nobody has said."""
    catalog: Catalog = Catalog()
    """What people set up for themselves. By default, nothing: whoever is to work here is in the file."""

    @property
    def retain_data(self) -> bool:
        return self.data.on_destroy == "retain"

    @property
    def availability_zones(self) -> tuple[str, ...]:
        if self.network.vpc is not None:
            return self.network.vpc.availability_zones
        return self.network.availability_zones or (f"{self.region}a", f"{self.region}b")

    @property
    def all_tags(self) -> dict[str, str]:
        """The file's tags, and the one that says which environment something belongs to."""
        return {ENVIRONMENT_TAG: self.name} | dict(self.tags)

    def cost_tags(self, team: TeamName) -> dict[str, str]:
        """By which costs find the team that they are of. They never change."""
        return {ENVIRONMENT_TAG: self.name, TEAM_TAG: team}

    @property
    def known_personas(self) -> tuple[Persona, ...]:
        return tuple(sorted({*PERSONAS, *self.personas}))

    def personas_of(self, team: TeamName) -> tuple[Persona, ...]:
        """What people of a team do, those included who bring themselves in."""
        here = {member.persona for member in self.teams[team].members.values()}
        return tuple(sorted({*here, *catalog.personas(self.catalog, team)}))

    def tools(self, persona: Persona) -> Tools:
        """What a persona finds in Studio."""
        said = self.personas.get(persona, PersonaSettings())
        if "tools" in said.model_fields_set:
            return said.tools
        return TOOLS.get(persona, Tools()) if said.based_on is None else self.tools(said.based_on)

    def opens(self, application: Application) -> bool:
        """Whether somebody finds it in Studio."""
        personas = {each for team in self.teams for each in self.personas_of(team)}
        return any(application in (self.tools(persona).applications or ()) for persona in personas)

    @property
    def uses_glue(self) -> bool:
        """Whether somebody works in Glue's interactive sessions."""
        personas = {each for team in self.teams for each in self.personas_of(team)}
        return any("use-glue-sessions" in self.capabilities(persona) for persona in personas)

    @property
    def has_api(self) -> bool:
        """Whether there is something to ask, or may be."""
        return bool(self.models or catalog.teams_with_routes(self.catalog))

    @property
    def keeps_histories(self) -> bool:
        """Whether there is a history of features to ask."""
        of_file = any(group.offline is not None for group in self.features.values())
        return of_file or any(project.keep_histories(self, team) for team in self.teams)

    @property
    def has_features(self) -> bool:
        """Whether there are feature groups, or may be."""
        return bool(self.features) or any(project.features_of_team(self, team) for team in self.teams)

    def works_with_features(self, team: TeamName) -> bool:
        """Whether a team has feature groups, or sees others'."""
        groups = self.features.values()
        known = any(group.team == team or group.open_to(team) for group in groups)
        return known or project.features_of_team(self, team) is not None

    def asks_histories(self, team: TeamName) -> bool:
        """Whether a team, or somebody of it, has any history to read."""
        return features.query_histories(self.features, team) or project.keep_histories(self, team)

    def capabilities(self, persona: Persona) -> tuple[Capability, ...]:
        """What a persona is able to do, in order."""
        said = self.personas.get(persona, PersonaSettings())
        begun = self.capabilities(said.based_on) if said.based_on else PERSONAS[persona]
        return tuple(sorted({*begun, *said.rights.add} - {*said.rights.remove}))

    def statements(self, persona: Persona) -> tuple[RightOfOwn, ...]:
        """What a persona is allowed beyond its capabilities."""
        said = self.personas.get(persona, PersonaSettings())
        begun = self.statements(said.based_on) if said.based_on else ()
        return (*begun, *said.rights.statements)

    @property
    def regions(self) -> tuple[str, ...]:
        """Where anything may be done."""
        return self.guardrails.regions or (self.region,)

    def stack_name(self, unit: str) -> str:
        """`network` in the environment dev is the stack `clary-dev-network`."""
        return f"clary-{self.name}-{unit}"

    @property
    def role_path(self) -> str:
        """Below which all roles of people and of their jobs are."""
        return f"/clary/{self.name}/"

    def person_role_name(self, team: TeamName, member: str) -> str:
        """Of the role that somebody has to themselves, where their team has `role: person`."""
        return f"clary-{self.name}-{team}-{member}"

    @property
    def people_units(self) -> tuple[str, ...]:
        """The stacks that hold nothing but people: `people-research-1`, and so on."""
        return tuple(
            people_unit(name, number)
            for name, team in self.teams.items()
            for number in range(1, team.own_stacks + 1)
        )

    def feature_group_name(self, name: str) -> str:
        """What SageMaker calls a feature group."""
        return features.group_name(self.name, name, self.features[name])

    def endpoint_name(self, model: str) -> str:
        """An endpoint's name is the one that callers and policies know: it never changes.

        Components of one endpoint share it.
        """
        host = self.models[model].endpoint.shared_with if model in self.models else None
        return f"clary-{self.name}-{host or model}"

    def component_name(self, model: str) -> str | None:
        """The inference component that a model is, if it is one."""
        endpoint = self.models[model].endpoint
        return None if endpoint.component is None else f"clary-{self.name}-{model}"

    def model_package_group_name(self, model: str) -> str | None:
        """The model package group that a model comes from, if it comes from one. A team's own begin so."""
        package = self.models[model].artifact.package
        return None if package is None else f"{self.models[model].team}--{self.name}-{package.group}"

    @property
    def model_package_groups(self) -> Mapping[str, str]:
        """The groups that models come from, by a name that is the file's own: the team's and the group's."""
        return {
            f"{model.team}-{model.artifact.package.group}": str(self.model_package_group_name(name))
            for name, model in self.models.items()
            if model.artifact.package is not None
        }

    def job_prefix(self, model: str) -> str:
        """Where the requests, the answers and the failures of a model's jobs lie, in the data bucket."""
        return f"{_JOBS}/{model}"

    def capture_prefix(self, model: str) -> str:
        """Where requests and answers are written down, in the team's part of the data bucket."""
        return f"{self.models[model].team}/captured/{model}"

    @property
    def containers(self) -> Mapping[str, ServedContainer]:
        """Every container behind a model, by name."""
        return {
            name: container
            for model_name, model in self.models.items()
            for name, container in containers_of(model_name, model).items()
        }

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        complaints = [
            *self._deletion(),
            *self.data.misfits(self.account, f"/clary/{self.name}/", self.studio.network),
            *self._zones(),
            *misfits(self.models, teams=self.teams, repositories=self.repositories, region=self.region),
            *gateway.misfits(
                self.api,
                models=self.models,
                teams=self.teams,
                teams_with_routes=catalog.teams_with_routes(self.catalog),
                account=self.account,
                region=self.region,
                given_vpc=self.network.vpc is not None,
            ),
            *self._personas(),
            *self._guardrails(),
            *self._studio(),
            *membership.complaints(self),
            *self._features(),
            *model_features.misfits(self.models, self.features),
            *catalog.misfits(self),
            *cluster.misfits(self),
            *project.misfits(self),
            *self._tags(),
            *self.costs.misfits(tuple(self.teams)),
            *cap.misfits(self),
            *self._names(),
        ]
        if complaints:
            raise refusal(*complaints)
        return self

    def _deletion(self) -> Iterator[Complaint]:
        confirmed, path = self.data.delete_confirmed_for, ("data", "delete_confirmed_for")
        if self.data.on_destroy == "retain" and confirmed is not None:
            yield Complaint(path, "confirms a deletion but 'on_destroy' is 'retain', remove one of the two")
        elif self.data.on_destroy == "delete" and confirmed is None:
            message = f"'delete' has to be confirmed, give 'delete_confirmed_for: {self.name}' beside it"
            yield Complaint(("data", "on_destroy"), message)
        elif self.data.on_destroy == "delete" and confirmed != self.name:
            message = f"'{confirmed}' is not this environment, confirm with its name '{self.name}', or retain"
            yield Complaint(path, message)

    def _zones(self) -> Iterator[Complaint]:
        given: tuple[str | int, ...] = () if self.network.vpc is None else ("vpc",)
        for index, zone in enumerate(self.availability_zones):
            if zone[:-1] != self.region:
                message = f"'{zone}' is not in the region {self.region}, give zones like {self.region}a"
                yield Complaint(("network", *given, "availability_zones", index), message)

    def _personas(self) -> Iterator[Complaint]:
        known = self.known_personas
        for team_name, team in self.teams.items():
            for member_name, member in team.members.items():
                if member.persona not in known:
                    path = ("teams", team_name, "members", member_name, "persona")
                    yield Complaint(path, no_such("persona", member.persona, known))
        for name, settings in self.personas.items():
            at = ("personas", name)
            if name in PERSONAS and settings.based_on is not None:
                message = f"'{name}' is no persona of your own, change its 'rights' or choose another name"
                yield Complaint((*at, "based_on"), message)
            elif name not in PERSONAS and settings.based_on is None:
                near = get_close_matches(name, PERSONAS, n=1)
                hint = f"did you mean '{near[0]}'? a" if near else "a"
                message = f"no persona '{name}', {hint} persona of your own needs 'based_on', one of:"
                yield Complaint(at, f"{message} {', '.join(PERSONAS)}")
            else:
                yield from self._rights(name, settings)

    def _rights(self, name: str, settings: PersonaSettings) -> Iterator[Complaint]:
        at = ("personas", name, "rights")
        begun = self.capabilities(settings.based_on) if settings.based_on else PERSONAS[name]
        for index, capability in enumerate(settings.rights.add):
            if capability in settings.rights.remove:
                yield Complaint((*at, "add", index), f"'{capability}' is removed, too, decide on one")
            elif capability in begun:
                yield Complaint((*at, "add", index), f"'{capability}' is there already, remove it here")
        for index, capability in enumerate(settings.rights.remove):
            if capability not in begun and capability not in settings.rights.add:
                message = f"'{capability}' is not there to remove, choose one of: {', '.join(sorted(begun))}"
                yield Complaint((*at, "remove", index), message)
        for number, statement in enumerate(settings.rights.statements):
            for index, resource in enumerate(statement.resources):
                account = resource.split(":")[4]
                if account not in ("", self.account):
                    message = f"'{resource}' belongs to another account than {self.account}, name one of this"
                    yield Complaint((*at, "statements", number, "resources", index), message)

    def _guardrails(self) -> Iterator[Complaint]:
        rails = self.guardrails
        if rails.regions is not None and self.region not in rails.regions:
            message = f"lacks the environment's own region, add {self.region}"
            yield Complaint(("guardrails", "regions"), message)
        for path, instance_type in self._instance_types():
            if not rails.allows_instance_type(instance_type):
                message = f"'{instance_type}' is not among 'guardrails.instance_types'"
                yield Complaint(path, f"{message}, choose one of: {', '.join(rails.instance_types or ())}")

    def _instance_types(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What the environment itself runs on, and where the file says so."""
        for name, model in self.models.items():
            yield from instance_types(name, model)
        yield from membership.instance_types(self)
        yield from features.job_instance_types(self.features)

    def _studio(self) -> Iterator[Complaint]:
        for name, image in self.studio.images.items():
            if image.repository not in self.repositories:
                message = no_such("repository", image.repository, self.repositories)
                yield Complaint(("studio", "images", name, "repository"), message)
        if self.studio.docker.trusted_accounts and self.studio.network == "public":
            message = "is about 'vpc-only' but 'studio.network' is 'public', remove it or change that"
            yield Complaint(("studio", "docker", "trusted_accounts"), message)
        for persona, settings in self.personas.items():
            applications = settings.tools.applications or ()
            if "r-studio" in applications and self.studio.r_studio is None:
                path = ("personas", persona, "tools", "applications", applications.index("r-studio"))
                message = "'r-studio' is not in this Studio, give 'studio: {r_studio: {}}' or remove it here"
                yield Complaint(path, message)

    def _tags(self) -> Iterator[Complaint]:
        if self.costs.require_tags and self.opens("canvas"):
            message = "refuses the jobs of Canvas, which somebody here finds in Studio: remove it, or Canvas"
            yield Complaint(("costs", "require_tags"), message)

    def _features(self) -> Iterator[Complaint]:
        known = {*PERSONAS, *(name for name, own in self.personas.items() if own.based_on in PERSONAS)}
        may = {persona: self.capabilities(persona) for persona in sorted(known)}
        return features.misfits(self.features, self.teams, may, self.repositories)

    def _names(self) -> Iterator[Complaint]:
        """Different names have to stay different in logical ids, which have no hyphens."""
        if _JOBS in self.teams:
            message = f"'{_JOBS}' is where the API keeps jobs, beside the teams' folders, choose another name"
            yield Complaint(("teams", _JOBS), message)
        yield from _same_id([(("teams", team), team) for team in self.teams])
        yield from _same_id([(("models", model), model) for model in self.models])
        yield from _same_id([(("features", name), name) for name in self.features])
        yield from _same_id([(("personas", name), name) for name in self.personas])
        yield from _same_id([(("api", "clients", client), client) for client in self.api.clients])
        yield from _same_id([(("studio", "images", image), image) for image in self.studio.images])
        yield from _same_id([(("repositories", index), name) for index, name in enumerate(self.repositories)])
        yield from _same_id(
            [
                (("teams", name, "members", member), f"{name}-{member}")
                for name, team in self.teams.items()
                for member in team.members
            ]
        )


def _same_id(names: Sequence[tuple[tuple[str | int, ...], str]]) -> Iterator[Complaint]:
    first: dict[str, str] = {}
    for path, name in names:
        logical_id = "".join(word.capitalize() for word in name.split("-"))
        if logical_id in first:
            other = first[logical_id]
            message = f"'{name}' and '{other}' are both '{logical_id}' in templates, rename one"
            if name == other:
                message = f"two user profiles would be called '{name}', rename one"
            yield Complaint(path, message)
        first.setdefault(logical_id, name)
