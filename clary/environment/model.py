"""What one environment file may say, as frozen, strict models.

Every default is the safe one. The stacks read these models and nothing else; the file itself is read,
and its errors are told with their lines, by :mod:`clary.environment.loader`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=20)]
"""A short name in lower case: it becomes part of resource names, logical ids and URLs."""

AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
AvailabilityZone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d[a-z]$")]
VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")]
InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
ContentType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
ImageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
RepositoryName = Slug
_FROM_LIST = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""YAML has lists; frozen models hold tuples."""
PrincipalArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)/.+)$")
]


class Part(BaseModel):
    """A part of the file: nothing unknown, nothing coerced, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GivenVpc(Part):
    """A VPC that somebody else made and keeps: its endpoints and flow logs are theirs, too."""

    id: VpcId
    cidr: str
    subnets: Annotated[tuple[SubnetId, ...], _FROM_LIST] = Field(min_length=1)
    availability_zones: Annotated[tuple[AvailabilityZone, ...], _FROM_LIST] = Field(min_length=1)

    @field_validator("cidr")
    @classmethod
    def _is_a_network(cls, value: str) -> str:
        return _network(value)

    @model_validator(mode="after")
    def _one_zone_a_subnet(self) -> Self:
        if len(self.subnets) != len(self.availability_zones):
            raise ValueError(
                f"{len(self.subnets)} subnets in {len(self.availability_zones)} availability zones,"
                " name the zone of each subnet, in the same order"
            )
        return self


class Network(Part):
    """A VPC without a way to the internet, or one that is given."""

    cidr: str = "10.40.0.0/16"
    availability_zones: Annotated[tuple[AvailabilityZone, ...] | None, _FROM_LIST] = None
    """By default, the region's zones a and b."""
    vpc: GivenVpc | None = None

    @field_validator("cidr")
    @classmethod
    def _fits_a_vpc(cls, value: str) -> str:
        network = IPv4Network(_network(value))
        if not 16 <= network.prefixlen <= 24:
            raise ValueError(f"'{value}' has a prefix of /{network.prefixlen}, choose one from /16 to /24")
        return value


class Data(Part):
    """What happens to data when the environment is destroyed. Deleting it has to be said twice."""

    on_destroy: Literal["retain", "delete"] = "retain"
    delete_confirmed_for: str | None = None
    """The environment's own name, once more, when `on_destroy` is `delete`."""


class Persona(StrEnum):
    """What somebody does here, and so what their role may."""

    DATA_SCIENTIST = "data-scientist"
    MLOPS_ENGINEER = "mlops-engineer"


class Space(Part):
    """A private JupyterLab space."""

    instance_type: InstanceType = "ml.t3.medium"
    storage_gib: int = Field(default=5, ge=5, le=16384)


class Member(Part):
    """Somebody of a team. `ada: data-scientist` is short for `ada: {persona: data-scientist}`."""

    persona: Annotated[Persona, Field(strict=False)]
    space: Space | None = Space()
    """By default, a small private space; `null` for none."""

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: object) -> object:
        return {"persona": value} if isinstance(value, str) else value


class Team(Part):
    members: Mapping[Slug, Member] = Field(default_factory=dict)


class Image(Part):
    """A container image in one of the environment's repositories.

    Either `tag` names one that is there, or `source` is the folder it is built from, and the tag is
    a hash of that folder's content.
    """

    repository: RepositoryName
    tag: ImageTag | None = None
    source: str | None = None

    @field_validator("source")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        return None if value is None else _folder(value)

    @model_validator(mode="after")
    def _tag_or_source(self) -> Self:
        if (self.tag is None) == (self.source is None):
            raise ValueError(
                "give either 'tag', for an image that is there, or 'source', for a folder to build"
            )
        return self


class Training(Part):
    """The training job that makes the model. Its name is a hash of all that goes into it."""

    data: str
    """The folder of the training channel, uploaded to the team's part of the data bucket."""
    instance_type: InstanceType = "ml.m5.large"
    volume_gib: int = Field(default=10, ge=1, le=16384)
    max_runtime_minutes: int = Field(default=60, ge=1, le=28 * 24 * 60)
    hyperparameters: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("data")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        return _folder(value)


class Artifact(Part):
    """Where model.tar.gz comes from: a key in the models bucket, or a training job's output."""

    key: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._/-]+\.tar\.gz$")
    training: Training | None = None

    @model_validator(mode="after")
    def _key_or_training(self) -> Self:
        if (self.key is None) == (self.training is None):
            raise ValueError(
                "give either 'key', an object of the models bucket, or 'training', a job that makes it"
            )
        return self


class Endpoint(Part):
    """A real-time endpoint."""

    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1, le=100)


class ModelApi(Part):
    """What the gateway lets through to the model."""

    content_types: Annotated[tuple[ContentType, ...], _FROM_LIST] = Field(
        default=("application/json",), min_length=1
    )
    example: str | None = None
    """A request body that the model answers; `clary predict` sends it, and the API shows it."""


class Model(Part):
    team: Slug
    image: Image
    artifact: Artifact
    environment: Mapping[str, str] = Field(default_factory=dict)
    endpoint: Endpoint = Endpoint()
    api: ModelApi = ModelApi()


class Client(Part):
    """A program that calls the API: with an API key of its own, or as an IAM principal."""

    authorization: Literal["api-key", "iam"]
    principal: PrincipalArn | None = None
    """Who it is, when the authorization is `iam`."""
    requests_per_second: int = Field(default=10, ge=1, le=10_000)
    burst: int = Field(default=20, ge=1, le=5_000)

    @model_validator(mode="after")
    def _iam_has_a_principal(self) -> Self:
        if (self.authorization == "iam") != (self.principal is not None):
            raise ValueError(
                "'principal' goes with 'authorization: iam', and only with it: give both or neither"
            )
        return self


class Api(Part):
    clients: Mapping[Slug, Client] = Field(default_factory=dict)


class Environment(Part):
    """One environment: all that differs between it and the next."""

    name: Slug
    account: AccountId
    region: Region
    tags: Mapping[str, str] = Field(default_factory=dict)
    network: Network = Network()
    data: Data = Data()
    repositories: Annotated[tuple[RepositoryName, ...], _FROM_LIST] = ()
    teams: Mapping[Slug, Team] = Field(min_length=1)
    models: Mapping[Slug, Model] = Field(default_factory=dict)
    api: Api = Api()

    @property
    def retain_data(self) -> bool:
        return self.data.on_destroy == "retain"

    @property
    def availability_zones(self) -> tuple[str, ...]:
        return self.network.availability_zones or (f"{self.region}a", f"{self.region}b")

    def stack_name(self, unit: str) -> str:
        """`network` in the environment dev is the stack `clary-dev-network`."""
        return f"clary-{self.name}-{unit}"

    def endpoint_name(self, model: str) -> str:
        """An endpoint's name is the one that callers and policies know: it never changes."""
        return f"clary-{self.name}-{model}"


def _network(value: str) -> str:
    try:
        IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"'{value}' is not an IPv4 network ({error}), write it like 10.40.0.0/16") from None
    return value


def _folder(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"'{value}' is outside the repository, give a folder relative to its root")
    return value
