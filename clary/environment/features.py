"""The feature groups of an environment file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from clary.environment.form import Form
from clary.environment.part import (
    DIFFERENT,
    FROM_LIST,
    Complaint,
    InstanceType,
    Part,
    RepositoryName,
    TagName,
    TagValue,
    name_of,
    no_such,
    refusal,
)
from clary.environment.people import Team, TeamName
from clary.environment.persona import Capability

FeatureGroupName = Annotated[str, name_of("a feature group's name", "patients")]
"""With it, `<team>--<environment>-<name>` fits SageMaker's 64 characters."""
FeatureName = Annotated[
    str,
    Form(
        "a feature's name (letters, digits, and - and _ between them)",
        "body_mass_index",
        "[a-zA-Z0-9]([-_]*[a-zA-Z0-9])*",
        longest=64,
    ),
]
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_FeatureDefinition.html"""
Audience = Annotated[
    str,
    Form(
        "a team, or a persona of a team",
        "research/data-scientist",
        "[a-z][a-z0-9]*(-[a-z0-9]+)*(/[a-z][a-z0-9]*(-[a-z0-9]+)*)?",
        longest=45,
    ),
]

_OF_THE_STORE = ("api_invocation_time", "is_deleted", "write_time", "year", "month", "day", "hour")
"""Columns of the offline store's own, and what its files lie by:
https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html"""

Path = tuple[str | int, ...]


class Feature(Part):
    """A feature. `bmi: fractional` is short for `bmi: {type: fractional}`."""

    type: Literal["string", "integral", "fractional"]
    """What its values are."""
    collection: Literal["list", "set", "vector"] | None = None
    """Whether it has several values at once, as only `storage: in-memory` takes. By default, it has one."""
    dimension: int | None = Field(default=None, ge=1, le=8192)
    """How many numbers a vector has."""

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        long = handler.resolve_ref_schema(handler(schema))
        return {"description": long["description"], "anyOf": [long["properties"]["type"], long]}

    @model_validator(mode="after")
    def _a_vector_has_numbers(self) -> Self:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-collection-types.html"""
        complaints = []
        if self.collection == "vector" and self.type != "fractional":
            complaints.append(Complaint(("type",), f"'{self.type}' is not for vectors, give 'fractional'"))
        if self.collection == "vector" and self.dimension is None:
            complaints.append(Complaint(("collection",), "'vector' needs its length, give 'dimension'"))
        if self.collection != "vector" and self.dimension is not None:
            message = "is for vectors, remove it or give 'collection: vector'"
            complaints.append(Complaint(("dimension",), message))
        if complaints:
            raise refusal(*complaints)
        return self


class TimeToLive(Part):
    """How long a record is there after its event. One unit, as `{days: 30}`."""

    seconds: int | None = Field(default=None, ge=1)
    """In seconds."""
    minutes: int | None = Field(default=None, ge=1)
    """In minutes."""
    hours: int | None = Field(default=None, ge=1)
    """In hours."""
    days: int | None = Field(default=None, ge=1)
    """In days."""
    weeks: int | None = Field(default=None, ge=1)
    """In weeks."""

    @property
    def duration(self) -> tuple[str, int]:
        """The unit, in SageMaker's word, and how many."""
        ((unit, number),) = self.model_dump(exclude_none=True).items()
        return unit.capitalize(), number

    @model_validator(mode="after")
    def _has_one_unit(self) -> Self:
        given = self.model_dump(exclude_none=True)
        if len(given) != 1:
            raise ValueError(f"has {len(given)} units, give one, like {{days: 30}}")
        return self


class OnlineStore(Part):
    """The latest record of each key, to be read within milliseconds."""

    storage: Literal["standard", "in-memory"] = "standard"
    """`in-memory` is faster, is paid for by the hour, takes collections, and has no history."""
    time_to_live: TimeToLive | None = None
    """When a record goes by itself. By default, it stays."""


class OfflineStore(Part):
    """All records that there ever were, in S3, for training sets."""

    table: Literal["glue", "iceberg"] = "glue"
    """The table's format. Glue's takes files as they are, Iceberg's is compacted more easily."""


class Throughput(Part):
    """What is reserved, and paid for by the hour, in units a second."""

    read_units: int | None = Field(default=None, ge=0, le=40_000)
    """Reads of the online store."""
    write_units: int = Field(ge=0, le=40_000)
    """Writes."""


class IngestionJob(Part):
    """A processing job that brings files in: `clary features ingest --job`. It runs in the team's role."""

    repository: RepositoryName
    """Where its image is put, which is made of `workloads/features`: one of `repositories`."""
    instance_type: InstanceType = "ml.m5.large"
    """What it runs on."""
    volume_gib: int = Field(default=30, ge=1, le=16384)
    """The size of its disk, in GiB: the files, and what sorting them takes."""
    max_runtime_minutes: int = Field(default=240, ge=1, le=7200)
    """When it is stopped, at the latest. The next one goes on."""


class FeatureGroup(Part):
    """Features of one kind of thing, by its key. Features can be added later; to remove or retype one, make
    another group. Data outlives the group as it does the environment."""

    team: TeamName
    """The team that owns it: one of `teams`. Its personas read and write as their capabilities say."""
    identifier: FeatureName
    """The feature that says whose record it is."""
    event_time: FeatureName
    """The feature that says when: text as in 2026-02-13T09:30:00Z, or `fractional` seconds since 1970."""
    features: Mapping[FeatureName, Feature] = Field(min_length=1, max_length=2500)
    """What there is to know, with `identifier` and `event_time`. The order means nothing."""
    online: OnlineStore | None = None
    """By default, there is no online store."""
    offline: OfflineStore | None = OfflineStore()
    """By default, there is one; `null` for none."""
    throughput: Throughput | None = None
    """What is reserved. By default, nothing: it is paid for by the request."""
    readers: Annotated[tuple[Audience, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=20)
    """Who reads it besides its team: teams, with their jobs, or personas of teams."""
    writers: Annotated[tuple[Audience, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=20)
    """Who writes it besides its team, and reads it, too."""
    stream: bool = False
    """Whether there is a queue whose messages become records."""
    job: IngestionJob | None = None
    """What brings files in, beside one's own machine. By default, nothing does."""
    tags: Mapping[TagName, TagValue] = Field(default_factory=dict, max_length=40)
    """Tags of its own, besides the environment's. They change in place."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        complaints = [*self._keys(), *self._names(), *self._stores(), *self._collections()]
        if complaints:
            raise refusal(*complaints)
        return self

    def _keys(self) -> Iterator[Complaint]:
        for said, name in (("identifier", self.identifier), ("event_time", self.event_time)):
            if name not in self.features:
                yield Complaint((said,), no_such("feature", name, list(self.features)))
            elif self.features[name].collection is not None:
                message = f"'{name}' is a {self.features[name].collection}, choose a feature with one value"
                yield Complaint((said,), message)
        if self.identifier == self.event_time:
            yield Complaint(("event_time",), f"'{self.event_time}' is the identifier, too, choose another")
        key = self.features.get(self.identifier)
        if key is not None and key.type == "fractional":
            message = f"'{self.identifier}' is 'fractional', make it 'string' or 'integral'"
            yield Complaint(("identifier",), message)
        time = self.features.get(self.event_time)
        if time is not None and time.type == "integral":
            message = f"'{self.event_time}' is 'integral', make it 'string' or 'fractional'"
            yield Complaint(("event_time",), message)

    def _names(self) -> Iterator[Complaint]:
        first: dict[str, str] = {}
        for name in self.features:
            if name.lower() in _OF_THE_STORE:
                message = f"'{name}' is a column of the store's own, choose another name"
                yield Complaint(("features", name), message)
            elif name.lower() in first:
                message = f"'{first[name.lower()]}' and '{name}' are one column in the table, rename one"
                yield Complaint(("features", name), message)
            first.setdefault(name.lower(), name)

    def _stores(self) -> Iterator[Complaint]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-storage-configurations.html"""
        online, reserved = self.online, self.throughput
        in_memory = online is not None and online.storage == "in-memory"
        if online is None and self.offline is None:
            yield Complaint(("offline",), "there is no online store either, give one of the two")
        if in_memory and self.offline is not None:
            yield Complaint(
                ("online", "storage"), "'in-memory' keeps no history, give 'offline: null' beside"
            )
        if reserved is None:
            return
        if in_memory:
            message = "is for 'storage: standard', remove it or change that"
            yield Complaint(("throughput",), message)
        elif online is None and reserved.read_units is not None:
            message = "there is no online store to read, remove it or give 'online'"
            yield Complaint(("throughput", "read_units"), message)
        elif online is not None and reserved.read_units is None:
            yield Complaint(("throughput",), "lacks what is read of the online store, give 'read_units'")

    def _collections(self) -> Iterator[Complaint]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-collection-types.html"""
        in_memory = self.online is not None and self.online.storage == "in-memory"
        vectors = [name for name, feature in self.features.items() if feature.collection == "vector"]
        for name, feature in self.features.items():
            if feature.collection is not None and not in_memory:
                message = f"'{feature.collection}' takes 'online: {{storage: in-memory}}', give that, or one"
                yield Complaint(("features", name, "collection"), f"{message} value")
        for name in vectors[1:]:
            message = f"'{vectors[0]}' is a vector already, a group takes one"
            yield Complaint(("features", name, "collection"), message)

    @property
    def audience(self) -> tuple[Audience, ...]:
        """Who reads it besides its team."""
        return (*self.readers, *self.writers)

    def open_to(self, team: TeamName) -> bool:
        """Whether it is shared with a team, or with somebody of it."""
        return any(audience.partition("/")[0] == team for audience in self.audience)

    def shared_with(self, team: TeamName, persona: str | None, *, to_write: bool) -> bool:
        """Whether it is shared with a persona of a team, or, without one, with the team's jobs."""
        named = {team} if persona is None else {team, f"{team}/{persona}"}
        return not named.isdisjoint(self.writers if to_write else self.audience)


def group_name(environment: str, name: FeatureGroupName, group: FeatureGroup) -> str:
    """What SageMaker calls it. A team's own begin as its jobs do."""
    return f"{group.team}--{environment}-{name}"


def table_name(team: TeamName, name: str) -> str:
    """Of a group's history, in the environment's database. Two underscores, as its name has two hyphens."""
    return f"{team}__{name}".replace("-", "_")


def view_name(team: TeamName, name: str) -> str:
    """Of the view beside a history's table, with each record once: no group's table is called so, for its
    name has no two hyphens in a row."""
    return f"{table_name(team, name)}__once"


def database_name(environment: str) -> str:
    """Of the Glue database with all histories."""
    return f"clary_{environment}_features".replace("-", "_")


def workgroup_name(environment: str, team: TeamName) -> str:
    """Of the Athena workgroup that a team's queries run in."""
    return f"clary-{environment}-{team}"


def history_prefix(team: TeamName) -> str:
    """Below which the histories of a team's groups lie, in the data bucket."""
    return f"{team}/features"


def queries_prefix(team: TeamName) -> str:
    """Below which the answers to a team's queries lie, in the data bucket."""
    return f"{team}/queries"


def job_instance_types(groups: Mapping[FeatureGroupName, FeatureGroup]) -> Iterator[tuple[Path, str]]:
    """What jobs that bring files in run on, and where the file says so."""
    for name, group in groups.items():
        if group.job is not None:
            given = "instance_type" in group.job.model_fields_set
            yield ("features", name, "job", *(("instance_type",) if given else ())), group.job.instance_type


def query_histories(groups: Mapping[FeatureGroupName, FeatureGroup], team: TeamName) -> bool:
    """Whether a team, or somebody of it, has any history to read."""
    return any(
        group.offline is not None and (group.team == team or group.open_to(team)) for group in groups.values()
    )


def misfits(
    groups: Mapping[FeatureGroupName, FeatureGroup],
    teams: Mapping[TeamName, Team],
    capabilities: Mapping[str, tuple[Capability, ...]],
    repositories: Sequence[RepositoryName],
) -> Iterator[Complaint]:
    """What does not go together with the rest of the file; `capabilities` are those of each persona."""
    for name, group in groups.items():
        at: Path = ("features", name)
        if group.team not in teams:
            yield Complaint((*at, "team"), no_such("team", group.team, list(teams)))
        if group.job is not None and group.job.repository not in repositories:
            wrong_repository = no_such("repository", group.job.repository, repositories)
            yield Complaint((*at, "job", "repository"), wrong_repository)
        for key, wanted in (("readers", "read-features"), ("writers", "write-features")):
            for index, audience in enumerate(getattr(group, key)):
                wrong = _misfit(audience, group, teams, capabilities, wanted)
                if wrong is not None:
                    yield Complaint((*at, key, index), wrong)


def _misfit(
    audience: str,
    group: FeatureGroup,
    teams: Mapping[TeamName, Team],
    capabilities: Mapping[str, tuple[Capability, ...]],
    wanted: str,
) -> str | None:
    team, _, persona = audience.partition("/")
    if team not in teams:
        return no_such("team", team, list(teams))
    if team == group.team:
        return f"'{team}' owns it, its personas' capabilities decide, remove it here"
    if persona and persona not in capabilities:
        return no_such("persona", persona, list(capabilities))
    if persona and wanted not in capabilities[persona]:
        return f"a {persona} may not '{wanted}', give it to them in 'personas', or remove them here"
    return None
