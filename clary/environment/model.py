"""What one environment file may say, as frozen, strict models.

Every default is the safe one. The stacks read these models and nothing else; the file itself is read,
and its errors are told with their lines, by :mod:`clary.environment.loader`. The docstrings are also
what the JSON Schema and `docs/environment-file.md` say, so they speak to the person who writes the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from clary.environment.form import Form
from clary.environment.persona import PERSONAS, Capability


def _name_of(what: str, example: str, longest: int = 20) -> Form:
    says = f"{what}: lower-case letters, digits and single hyphens, beginning with a letter"
    return Form(says, example, "[a-z][a-z0-9]*(-[a-z0-9]+)*", longest)


EnvironmentName = Annotated[str, _name_of("the environment's name", "dev")]
"""Short names in lower case become part of resource names, logical ids and URLs."""
TeamName = Annotated[str, _name_of("a team's name", "research")]
ModelName = Annotated[str, _name_of("a model's name", "housing")]
ClientName = Annotated[str, _name_of("a client's name", "storefront")]
RepositoryName = Annotated[str, _name_of("an image repository's name", "housing")]
StudioImageName = Annotated[str, _name_of("an image's name", "geospatial")]
MemberName = Annotated[str, _name_of("a member's name", "ada", longest=40)]
"""With it, `<team>-<member>` fits a user profile's name, which has at most 63 characters:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html"""

AccountId = Annotated[
    str, Form("the twelve digits of an AWS account, in quotes", "111122223333", "[0-9]{12}")
]
Region = Annotated[str, Form("an AWS region", "eu-west-1", "[a-z]{2}(-[a-z]+)+-[0-9]")]
AvailabilityZone = Annotated[
    str, Form("an availability zone of the region", "eu-west-1a", "[a-z]{2}(-[a-z]+)+-[0-9][a-z]")
]
Cidr = Annotated[str, Form("an IPv4 network", "10.40.0.0/16", r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}")]
VpcId = Annotated[str, Form("the id of a VPC", "vpc-0a1b2c3d4e5f60718", "vpc-[0-9a-f]{8,17}")]
SubnetId = Annotated[str, Form("the id of a subnet", "subnet-0a1b2c3d4e5f60718", "subnet-[0-9a-f]{8,17}")]
InstanceType = Annotated[str, Form("a SageMaker instance type", "ml.m5.large", r"ml\.[a-z0-9-]+\.[a-z0-9]+")]
ContentType = Annotated[str, Form("a media type", "text/csv", "[a-z]+/[a-z0-9.+-]+")]
ImageTag = Annotated[str, Form("an image's tag", "v1", "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")]
ArtifactKey = Annotated[
    str,
    Form(
        "the key of a .tar.gz in the models bucket",
        "research/housing/model.tar.gz",
        r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\.tar\.gz",
        longest=900,
    ),
]
Folder = Annotated[
    str,
    Form(
        "a folder, relative to the repository's root",
        "workloads/housing/data",
        "[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?",
        longest=200,
    ),
]
WebAddress = Annotated[
    str,
    Form(
        "an https address, without a query",
        "https://git.example.org/research/notebooks.git",
        "https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?",
        longest=256,
    ),
]
Package = Annotated[
    str,
    Form(
        "a Python package, with a version if need be",
        "polars==1.30.0",
        r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?((==|>=|<=|~=|<|>)[A-Za-z0-9.*+!-]+)?",
        longest=100,
    ),
]
PrincipalArn = Annotated[
    str,
    Form(
        "the ARN of an IAM role, a user or an account's root",
        "arn:aws:iam::111122223333:role/nightly-batch",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9+=,.@_/-]+)",
    ),
]

ActionName = Annotated[
    str,
    Form("an action of AWS's, without wildcards", "athena:GetQueryResults", "[a-z0-9-]+:[A-Za-z0-9]+"),
]
ResourceArn = Annotated[
    str,
    Form(
        "an ARN, with * after its account at most",
        "arn:aws:athena:eu-west-1:111122223333:workgroup/research",
        r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:[A-Za-z0-9+=,.@_/*:-]+",
        longest=512,
    ),
]
_WAYS_OUT = ("account", "iam", "organizations", "sso", "sso-directory", "sts")
"""Services that hand out rights."""
InstancePattern = Annotated[
    str,
    Form("an instance type, or all of a family", "ml.m5.*", r"ml\.[a-z0-9-]+\.([a-z0-9]+|\*)"),
]
OrganizationTarget = Annotated[
    str,
    Form(
        "the id of a root, an organizational unit or an account",
        "ou-ab12-11111111",
        "r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|[0-9]{12}",
        longest=68,
    ),
]

HyperparameterName = Annotated[str, Field(min_length=1, max_length=256)]
VariableName = Annotated[
    str, Form("the name of an environment variable", "LOG_LEVEL", "[a-zA-Z_][a-zA-Z0-9_]*", longest=512)
]
TagName = Annotated[
    str,
    Form(
        "a tag's name (letters, digits, spaces and _.:/=+-@, not beginning with aws:)",
        "cost-center",
        "(?!aws:)[A-Za-z0-9 _.:/=+@-]+",
        longest=128,
    ),
]


def _as_text(value: object) -> object:
    """SageMaker and tags know only text: `0.1` becomes "0.1", and `true` "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return value


_TEXT_OR_NUMBER: dict[str, Any] = {"type": ["string", "number", "boolean"]}
Hyperparameter = Annotated[
    str, Field(max_length=2500), BeforeValidator(_as_text), WithJsonSchema(_TEXT_OR_NUMBER)
]
Variable = Annotated[str, Field(max_length=1024), BeforeValidator(_as_text), WithJsonSchema(_TEXT_OR_NUMBER)]
"""Text that may be written as a number or as true or false, as long as SageMaker's API allows."""


def _tag_value(value: str) -> str:
    if len(value) > 256 or re.fullmatch(r"[\w\s.:/=+@-]*", value) is None:
        raise ValueError("does not fit, give at most 256 letters, digits, spaces and _.:/=+-@")
    return value


TagValue = Annotated[
    str, BeforeValidator(_as_text), AfterValidator(_tag_value), WithJsonSchema(_TEXT_OR_NUMBER)
]

_FROM_LIST = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""YAML has lists; frozen models hold tuples."""


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [(index, value) for index, value in enumerate(values) if value in values[:index]]
    if repeated:
        raise _refusal(
            *(_Complaint((index,), f"'{value}' is listed twice, remove one") for index, value in repeated)
        )
    return values


_DIFFERENT = AfterValidator(_different)


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    """Not `min_length`: pydantic would say that nothing is listed of what cannot be read, too."""
    if not values:
        raise ValueError("has 0 entries, give at least 1")
    return _different(values)


_SOME = AfterValidator(_some)


class _Complaint:
    """What is wrong between parts that are each well-formed, and at which key to say so."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        self.path = path
        self.message = message


def _refusal(*complaints: _Complaint) -> ValidationError:
    """Raised within a validator, pydantic puts each complaint at its own key."""
    return ValidationError.from_exception_data(
        "environment",
        [
            InitErrorDetails(
                type=PydanticCustomError("complaint", "{message}", {"message": complaint.message}),
                loc=complaint.path,
                input=None,
            )
            for complaint in complaints
        ],
    )


class Part(BaseModel):
    """A part of the file: nothing unknown, nothing coerced, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class GivenVpc(Part):
    """A VPC that somebody else made and keeps: its endpoints and flow logs are theirs, too."""

    id: VpcId
    """The VPC's id."""
    cidr: Cidr
    """Its network: what may be reached within it."""
    subnets: Annotated[tuple[SubnetId, ...], _FROM_LIST, _DIFFERENT] = Field(min_length=1)
    """Its private subnets, where everything is placed."""
    availability_zones: Annotated[tuple[AvailabilityZone, ...], _FROM_LIST] = Field(min_length=1)
    """The zone of each subnet, in the same order."""

    @field_validator("cidr")
    @classmethod
    def _is_a_network(cls, value: str) -> str:
        return _network(value, 16, 28)

    @model_validator(mode="after")
    def _one_zone_a_subnet(self) -> Self:
        subnets, zones = len(self.subnets), len(self.availability_zones)
        if subnets != zones:
            message = f"{zones} for {subnets} subnets, name the zone of each subnet, in the same order"
            raise _refusal(_Complaint(("availability_zones",), message))
        return self


class Network(Part):
    """A VPC without a way to the internet, or one that is given."""

    cidr: Cidr = "10.40.0.0/16"
    """The new VPC's network, with a prefix from /16 to /24. It matters once VPCs are connected."""
    availability_zones: Annotated[tuple[AvailabilityZone, ...] | None, _FROM_LIST] = Field(
        default=None, min_length=1, max_length=6
    )
    """Where the new VPC has subnets. By default, the region's zones a and b."""
    vpc: GivenVpc | None = None
    """By default, a new VPC. With one that is given, leave out `cidr` and `availability_zones`."""

    @field_validator("cidr")
    @classmethod
    def _fits_a_vpc(cls, value: str) -> str:
        return _network(value, 16, 24)

    @field_validator("availability_zones")
    @classmethod
    def _are_different(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else _different(value)

    @model_validator(mode="after")
    def _made_or_given(self) -> Self:
        beside = [key for key in ("cidr", "availability_zones") if key in self.model_fields_set]
        if self.vpc is not None and beside:
            raise _refusal(
                *(
                    _Complaint((key,), "describes a new VPC but 'vpc' gives one, remove one of the two")
                    for key in beside
                )
            )
        return self


class Data(Part):
    """What happens to data when the environment is destroyed. Deleting it has to be said twice."""

    on_destroy: Literal["retain", "delete"] = "retain"
    """`retain` keeps buckets, keys and image repositories when the environment is destroyed."""
    delete_confirmed_for: str | None = None
    """The environment's own name, once more, when `on_destroy` is `delete`: a copied file deletes nothing."""


Persona = Annotated[str, _name_of("a persona's name", "data-scientist", longest=24)]
"""What somebody does here, and so what their role may: one that every environment knows, or one of the
file's own. With it, a role's name fits IAM's 64 characters."""

Application = Literal["jupyter-lab", "code-editor", "canvas", "r-studio", "tensorboard", "studio-classic"]
"""What Studio opens."""
Feature = Literal[
    "auto-ml",
    "comet",
    "data-wrangler",
    "deepchecks",
    "emr-clusters",
    "endpoints",
    "experiments",
    "feature-store",
    "fiddler",
    "hyperpod-clusters",
    "inference-optimization",
    "inference-recommender",
    "jump-start",
    "lakera-guard",
    "model-evaluation",
    "models",
    "performance-evaluation",
    "pipelines",
    "projects",
    "training",
]
"""What stands in Studio's navigation."""


class Space(Part):
    """A private JupyterLab space."""

    instance_type: InstanceType = "ml.t3.medium"
    """What the space runs on while it is open."""
    storage_gib: int = Field(default=5, ge=5, le=16384)
    """The size of its disk, in GiB."""


class Member(Part):
    """Somebody of a team. `ada: data-scientist` is short for `ada: {persona: data-scientist}`."""

    persona: Persona
    """What they do here, and so what their role may."""
    space: Space | None = Space()
    """By default, a small private space; `null` for none."""

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: object) -> object:
        return {"persona": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        long = handler.resolve_ref_schema(handler(schema))
        return {"description": long["description"], "anyOf": [long["properties"]["persona"], long]}


class Team(Part):
    """People who share roles and data. Their names appear in user profiles: `<team>-<member>`."""

    members: Mapping[MemberName, Member] = Field(default_factory=dict)
    """Who belongs to it, by name. By default, nobody: a team may only own models."""


class IdleShutdown(Part):
    """When a JupyterLab or Code Editor that nobody uses is stopped. Its disk stays."""

    after_minutes: int = Field(default=60, ge=60, le=525_600)
    """After how long, unless somebody has chosen another time for a space of theirs."""
    least_minutes: int = Field(default=60, ge=60, le=525_600)
    """The shortest time that people may choose."""
    most_minutes: int | None = Field(default=None, ge=60, le=525_600)
    """The longest time that people may choose. By default, `after_minutes`: nobody idles longer."""

    @property
    def longest(self) -> int:
        return self.after_minutes if self.most_minutes is None else self.most_minutes

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        if self.least_minutes > self.longest:
            most = "after_minutes" if self.most_minutes is None else "most_minutes"
            message = f"{self.least_minutes} is more than '{most}', {self.longest}, give less or raise that"
            raise _refusal(_Complaint(("least_minutes",), message))
        if not self.least_minutes <= self.after_minutes <= self.longest:
            message = f"{self.after_minutes} is not from {self.least_minutes} to {self.longest}, which people"
            raise _refusal(_Complaint(("after_minutes",), f"{message} may choose, give one that is"))
        return self


class InstanceTypes(Part):
    """What applications run on."""

    default: InstanceType = "ml.t3.medium"
    """What a new space starts with."""
    allowed: Annotated[Annotated[tuple[InstanceType, ...], _SOME] | None, _FROM_LIST] = None
    """What people can choose in Studio. By default, all that Studio offers."""

    @model_validator(mode="after")
    def _default_is_allowed(self) -> Self:
        if self.allowed is not None and self.default not in self.allowed:
            key = "default" if "default" in self.model_fields_set else "allowed"
            message = f"the default '{self.default}' is not among the allowed, {', '.join(self.allowed)}"
            raise _refusal(_Complaint((key,), f"{message}: add it, or choose another default"))
        return self


class Canvas(Part):
    """What Canvas does beyond building models. Its files lie in the team's part of the data bucket."""

    deploy_models: bool = False
    """Whether models can be deployed to endpoints from Canvas."""
    register_models: bool = False
    """Whether models can be handed to the model registry."""
    query_documents: bool = False
    """Whether documents can be queried through Amazon Kendra."""


class Tools(Part):
    """What a persona finds in Studio. It decides what is shown; what may be done, their role decides."""

    applications: Annotated[Annotated[tuple[Application, ...], _SOME] | None, _FROM_LIST] = None
    """What can be opened. By default, what suits the persona: JupyterLab and Code Editor, or Canvas."""
    features: Annotated[Annotated[tuple[Feature, ...], _DIFFERENT] | None, _FROM_LIST] = None
    """What stands in the navigation. By default, all of SageMaker's own."""
    instance_types: InstanceTypes = InstanceTypes()
    """Which machines there are to choose from."""
    idle: IdleShutdown | None = IdleShutdown()
    """When idle applications are stopped. By default, after an hour."""
    canvas: Canvas = Canvas()
    """What Canvas does, where it is among the `applications`."""

    @model_validator(mode="after")
    def _canvas_is_shown(self) -> Self:
        if "canvas" in self.model_fields_set and "canvas" not in (self.applications or ()):
            message = "says what Canvas does but 'applications' has none, add canvas there or remove this"
            raise _refusal(_Complaint(("canvas",), message))
        return self


class RightOfOwn(Part):
    """What no capability allows. The boundary lets it through, the guardrails hold all the same."""

    actions: Annotated[tuple[ActionName, ...], _FROM_LIST, _DIFFERENT] = Field(min_length=1, max_length=20)
    """What may be done, action by action."""
    resources: Annotated[tuple[ResourceArn, ...], _FROM_LIST, _DIFFERENT] = Field(min_length=1, max_length=20)
    """With what: ARNs in this account, `*` within them only."""
    reason: str = Field(min_length=20, max_length=500)
    """Why no capability will do: whoever audits the role reads it."""

    @field_validator("actions")
    @classmethod
    def _let_nobody_out(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        out = [(index, action) for index, action in enumerate(value) if action.partition(":")[0] in _WAYS_OUT]
        if out:
            raise _refusal(
                *(
                    _Complaint((index,), f"'{action}' could widen every right, no persona may have it")
                    for index, action in out
                )
            )
        return value


class Rights(Part):
    """What a persona may, where it is not what it may by default."""

    add: Annotated[tuple[Capability, ...], _FROM_LIST, _DIFFERENT] = ()
    """Capabilities that they have besides."""
    remove: Annotated[tuple[Capability, ...], _FROM_LIST, _DIFFERENT] = ()
    """Capabilities that they have not."""
    statements: Annotated[tuple[RightOfOwn, ...], _FROM_LIST] = Field(default=(), max_length=10)
    """What no capability allows, each with its reason."""


_TOOLS: Mapping[str, Tools] = {"data-analyst": Tools(applications=("canvas", "jupyter-lab"))}
"""What personas find in Studio about which the file says nothing, where it is not the usual."""


class PersonaSettings(Part):
    """What a persona means in this environment. A name of your own makes a persona of your own."""

    based_on: Literal["administrator", "data-analyst", "data-scientist", "mlops-engineer"] | None = None
    """Which persona one of your own begins as: with its capabilities and its tools."""
    rights: Rights = Rights()
    """What they may, more or less than that."""
    tools: Tools = Tools()
    """What they find in Studio."""


class StudioImage(Part):
    """An image of the environment's own to open JupyterLab or Code Editor with.

    SageMaker keeps the image as it was when it was deployed: to bring a new one, push it under a new
    tag and name that here.
    """

    repository: RepositoryName
    """One of the environment's `repositories`."""
    tag: ImageTag
    """The tag of an image that somebody pushed."""
    applications: Annotated[tuple[Literal["jupyter-lab", "code-editor"], ...], _FROM_LIST, _SOME] = (
        "jupyter-lab",
    )
    """What it holds."""
    display_name: str | None = Field(default=None, min_length=1, max_length=128)
    """What people read when they choose it. By default, its name here."""
    entrypoint: Annotated[tuple[str, ...], _FROM_LIST] = Field(default=(), max_length=1)
    """What is started, where it is not what the image says."""
    arguments: Annotated[tuple[str, ...], _FROM_LIST] = Field(default=(), max_length=50)
    """The arguments of what is started."""
    environment: Mapping[VariableName, Variable] = Field(default_factory=dict, max_length=25)
    """Environment variables; numbers and `true` become text."""


class Docker(Part):
    """Docker within spaces, for SageMaker's local mode."""

    enabled: bool = False
    """Whether there is any."""
    trusted_accounts: Annotated[tuple[AccountId, ...], _FROM_LIST, _DIFFERENT] = Field(
        default=(), max_length=20
    )
    """Whose image registries it may pull from when the network is `vpc-only`, besides our own."""

    @model_validator(mode="after")
    def _accounts_need_docker(self) -> Self:
        if self.trusted_accounts and not self.enabled:
            message = "trusts accounts but 'enabled' is false, enable Docker or remove them"
            raise _refusal(_Complaint(("trusted_accounts",), message))
        return self


class Startup(Part):
    """What happens in each space of everybody's when it starts, before anything of their own."""

    stop_kernels_after_idle_minutes: int | None = Field(default=240, ge=30, le=525_600)
    """When a notebook's kernel or a terminal that does nothing is closed; `null` for never. Studio takes
    a space for used as long as one is open, however idle, and would never stop it."""
    packages: Annotated[tuple[Package, ...], _FROM_LIST, _DIFFERENT] = Field(default=(), max_length=50)
    """Python packages to install."""
    package_index: WebAddress | None = None
    """Where packages come from. By default, from PyPI, which `vpc-only` does not reach."""
    repositories: Annotated[tuple[WebAddress, ...], _FROM_LIST, _DIFFERENT] = Field(default=(), max_length=10)
    """Git repositories to clone, where they are not yet."""
    code_sample: bool = False
    """Whether a first program lies in the home directory, to see that everything works."""


class SharedSpaces(Part):
    """Spaces where a team works together, and their disks."""

    default_storage_gib: int = Field(default=5, ge=5, le=16384)
    """The size of a new space's disk, in GiB."""
    most_storage_gib: int = Field(default=100, ge=5, le=16384)
    """The largest disk that somebody may choose, in GiB."""
    idle: IdleShutdown | None = IdleShutdown()
    """When idle shared spaces are stopped. By default, after an hour."""

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.default_storage_gib > self.most_storage_gib:
            message = f"{self.default_storage_gib} is more than 'most_storage_gib', {self.most_storage_gib}"
            raise _refusal(_Complaint(("default_storage_gib",), f"{message}, give less or raise that"))
        return self


class RStudio(Part):
    """RStudio on SageMaker. The account needs a licence from Posit, in License Manager.

    SageMaker has no way to take it out of a domain again, only from people: by the personas' applications.
    """

    connect_url: WebAddress | None = None
    """Where RStudio Connect is, if there is one."""
    package_manager_url: WebAddress | None = None
    """Where the Package Manager is, if there is one."""


class Studio(Part):
    """SageMaker Studio: one domain for everybody. All but `authentication` may change later, in place."""

    authentication: Literal["iam", "identity-center"] = "iam"
    """How people come in: with their AWS account's sign-in, or with IAM Identity Center's. It cannot
    change later: the domain would be another one, with empty homes."""
    network: Literal["vpc-only", "public"] = "vpc-only"
    """Whether spaces reach the internet: only as far as the VPC does, or through SageMaker's own network.
    It can change while nothing runs, and not with RStudio."""
    docker: Docker = Docker()
    """By default, no Docker in spaces."""
    images: Mapping[StudioImageName, StudioImage] = Field(default_factory=dict, max_length=50)
    """Images to choose from, besides SageMaker's own."""
    startup: Startup = Startup()
    """What happens when a space starts."""
    shared_spaces: SharedSpaces = SharedSpaces()
    """Spaces where a team works together."""
    r_studio: RStudio | None = None
    """By default, no RStudio: it needs a licence."""
    mlflow: bool = False
    """Whether each team has an MLflow App for its experiments, with its files in the team's data."""


class Image(Part):
    """A container image in one of the environment's repositories.

    Either `tag` names one that is there, or `source` is the folder it is built from, and the tag is
    a hash of that folder's content.
    """

    repository: RepositoryName
    """One of the environment's `repositories`."""
    tag: ImageTag | None = None
    """The tag of an image that somebody pushed."""
    source: Folder | None = None
    """The folder that the image is built from, relative to the repository's root."""

    @field_validator("source")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        return None if value is None else _folder(value)

    @model_validator(mode="after")
    def _tag_or_source(self) -> Self:
        _exactly_one(
            self, "tag", "source", "'tag', for an image that is there, or 'source', for a folder to build"
        )
        return self


class Training(Part):
    """The training job that makes the model. Its name is a hash of all that goes into it."""

    data: Folder
    """The folder of the training channel, uploaded to the team's part of the data bucket."""
    instance_type: InstanceType = "ml.m5.large"
    """What the job runs on."""
    volume_gib: int = Field(default=10, ge=1, le=16384)
    """The size of the job's disk, in GiB."""
    max_runtime_minutes: int = Field(default=60, ge=1, le=28 * 24 * 60)
    """When the job is stopped, at the latest."""
    hyperparameters: Mapping[HyperparameterName, Hyperparameter] = Field(default_factory=dict, max_length=100)
    """What the program is told. SageMaker hands on text: `0.1` arrives as "0.1", `true` as "true"."""
    attempt: int = Field(default=1, ge=1, le=1000)
    """Raise it to train once more with the same input: SageMaker never lets a job's name be used again."""

    @field_validator("data")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        return _folder(value)


class Artifact(Part):
    """Where model.tar.gz comes from: a key in the models bucket, or a training job's output."""

    key: ArtifactKey | None = None
    """An object of the models bucket."""
    training: Training | None = None
    """A job that makes it."""

    @model_validator(mode="after")
    def _key_or_training(self) -> Self:
        _exactly_one(
            self,
            "key",
            "training",
            "'key', for an object of the models bucket, or 'training', for a job that makes it",
        )
        return self


class Endpoint(Part):
    """A real-time endpoint."""

    instance_type: InstanceType = "ml.m5.large"
    """What the model runs on."""
    instance_count: int = Field(default=1, ge=1, le=100)
    """How many of them: two or more are spread over availability zones."""


class ModelApi(Part):
    """What the gateway lets through to the model."""

    content_types: Annotated[tuple[ContentType, ...], _FROM_LIST, _DIFFERENT] = Field(
        default=("application/json",), min_length=1
    )
    """The media types that the model takes."""
    example: str | None = None
    """A request body that the model answers; `clary predict` sends it, and the API shows it."""


class Model(Part):
    """A model behind an endpoint of its own."""

    team: TeamName
    """The team that owns it: one of `teams`."""
    image: Image
    """The container that trains and serves it."""
    artifact: Artifact
    """What was learnt."""
    environment: Mapping[VariableName, Variable] = Field(default_factory=dict, max_length=100)
    """Environment variables of the serving container; numbers and `true` become text."""
    endpoint: Endpoint = Endpoint()
    """What it runs on."""
    api: ModelApi = ModelApi()
    """How it appears in the API."""


class Client(Part):
    """A program that calls the API: with an API key of its own, or as an IAM principal."""

    authorization: Literal["api-key", "iam"]
    """How it is let in: with a key that API Gateway makes, or by the signature of its role."""
    principal: PrincipalArn | None = None
    """Who it is, when the authorization is `iam`."""
    requests_per_second: int = Field(default=10, ge=1, le=10_000)
    """How often it may call, on average."""
    burst: int = Field(default=20, ge=1, le=5_000)
    """How many calls may come at once."""

    @model_validator(mode="after")
    def _iam_has_a_principal(self) -> Self:
        if self.authorization == "iam" and self.principal is None:
            message = "'iam' needs to know who calls, give 'principal', the ARN of a role or a user"
            raise _refusal(_Complaint(("authorization",), message))
        if self.authorization == "api-key" and self.principal is not None:
            message = "goes with 'authorization: iam' only, remove it or change the authorization"
            raise _refusal(_Complaint(("principal",), message))
        return self


class Api(Part):
    """The HTTPS interface in front of the models."""

    clients: Mapping[ClientName, Client] = Field(default_factory=dict)
    """Who may call it. By default, only roles of the account whose policies say so."""


class Organization(Part):
    """Service control policies, deployed with the environment. Only an organization's management account,
    or one that it delegates to, may have them; others hand over what `clary guardrails` writes."""

    targets: Annotated[tuple[OrganizationTarget, ...], _FROM_LIST, _DIFFERENT] = Field(
        min_length=1, max_length=100
    )
    """Where they are attached."""


class Guardrails(Part):
    """What nobody may here, whatever they are allowed. That jobs, endpoints and notebooks have the
    environment's subnets, groups and key, and nothing internet or root, need not be said."""

    regions: Annotated[tuple[Region, ...] | None, _FROM_LIST] = Field(default=None, min_length=1)
    """Where anything may be done. By default, in the environment's region and nowhere else."""
    instance_types: Annotated[tuple[InstancePattern, ...] | None, _FROM_LIST] = Field(
        default=None, min_length=1, max_length=60
    )
    """What everything runs on. By default, on all that SageMaker offers."""
    organization: Organization | None = None
    """By default, no service control policies: the roles' boundary and policies hold in the account."""

    @field_validator("regions", "instance_types")
    @classmethod
    def _are_different(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else _different(value)

    def allows_instance_type(self, instance_type: str) -> bool:
        return self.instance_types is None or any(
            fnmatchcase(instance_type, allowed) for allowed in self.instance_types
        )


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
    repositories: Annotated[tuple[RepositoryName, ...], _FROM_LIST, _DIFFERENT] = ()
    """The image repositories that the environment has."""
    teams: Mapping[TeamName, Team] = Field(min_length=1)
    """Who works here: at least one team."""
    studio: Studio = Studio()
    """Where people work. By default, a Studio with IAM sign-in that stays in its VPC."""
    personas: Mapping[Persona, PersonaSettings] = Field(default_factory=dict)
    """What personas mean here, where it is not what they mean by default, and personas of your own."""
    guardrails: Guardrails = Guardrails()
    """What nobody may here. By default, nothing outside of the environment's region."""
    models: Mapping[ModelName, Model] = Field(default_factory=dict)
    """What is served. Without models there are no endpoints and no API."""
    api: Api = Api()
    """Who may call the models."""

    @property
    def retain_data(self) -> bool:
        return self.data.on_destroy == "retain"

    @property
    def availability_zones(self) -> tuple[str, ...]:
        if self.network.vpc is not None:
            return self.network.vpc.availability_zones
        return self.network.availability_zones or (f"{self.region}a", f"{self.region}b")

    def tools(self, persona: Persona) -> Tools:
        """What a persona finds in Studio."""
        said = self.personas.get(persona, PersonaSettings())
        if "tools" in said.model_fields_set:
            return said.tools
        return _TOOLS.get(persona, Tools()) if said.based_on is None else self.tools(said.based_on)

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

    def endpoint_name(self, model: str) -> str:
        """An endpoint's name is the one that callers and policies know: it never changes."""
        return f"clary-{self.name}-{model}"

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        complaints = [
            *self._deletion(),
            *self._zones(),
            *self._references(),
            *self._personas(),
            *self._guardrails(),
            *self._studio(),
            *self._names(),
        ]
        if complaints:
            raise _refusal(*complaints)
        return self

    def _deletion(self) -> Iterator[_Complaint]:
        confirmed, path = self.data.delete_confirmed_for, ("data", "delete_confirmed_for")
        if self.data.on_destroy == "retain" and confirmed is not None:
            yield _Complaint(path, "confirms a deletion but 'on_destroy' is 'retain', remove one of the two")
        elif self.data.on_destroy == "delete" and confirmed is None:
            message = f"'delete' has to be confirmed, give 'delete_confirmed_for: {self.name}' beside it"
            yield _Complaint(("data", "on_destroy"), message)
        elif self.data.on_destroy == "delete" and confirmed != self.name:
            message = f"'{confirmed}' is not this environment, confirm with its name '{self.name}', or retain"
            yield _Complaint(path, message)

    def _zones(self) -> Iterator[_Complaint]:
        given: tuple[str | int, ...] = () if self.network.vpc is None else ("vpc",)
        for index, zone in enumerate(self.availability_zones):
            if zone[:-1] != self.region:
                message = f"'{zone}' is not in the region {self.region}, give zones like {self.region}a"
                yield _Complaint(("network", *given, "availability_zones", index), message)

    def _references(self) -> Iterator[_Complaint]:
        for name, model in self.models.items():
            if model.team not in self.teams:
                message = no_such("team", model.team, list(self.teams))
                yield _Complaint(("models", name, "team"), message)
            if model.image.repository not in self.repositories:
                message = no_such("repository", model.image.repository, self.repositories)
                yield _Complaint(("models", name, "image", "repository"), message)

    def _personas(self) -> Iterator[_Complaint]:
        known = sorted({*PERSONAS, *self.personas})
        for team_name, team in self.teams.items():
            for member_name, member in team.members.items():
                if member.persona not in known:
                    path = ("teams", team_name, "members", member_name, "persona")
                    yield _Complaint(path, no_such("persona", member.persona, known))
        for name, settings in self.personas.items():
            at = ("personas", name)
            if name in PERSONAS and settings.based_on is not None:
                message = f"'{name}' is no persona of your own, change its 'rights' or choose another name"
                yield _Complaint((*at, "based_on"), message)
            elif name not in PERSONAS and settings.based_on is None:
                near = get_close_matches(name, PERSONAS, n=1)
                hint = f"did you mean '{near[0]}'? a" if near else "a"
                message = f"no persona '{name}', {hint} persona of your own needs 'based_on', one of:"
                yield _Complaint(at, f"{message} {', '.join(PERSONAS)}")
            else:
                yield from self._rights(name, settings)

    def _rights(self, name: str, settings: PersonaSettings) -> Iterator[_Complaint]:
        at = ("personas", name, "rights")
        begun = self.capabilities(settings.based_on) if settings.based_on else PERSONAS[name]
        for index, capability in enumerate(settings.rights.add):
            if capability in settings.rights.remove:
                yield _Complaint((*at, "add", index), f"'{capability}' is removed, too, decide on one")
            elif capability in begun:
                yield _Complaint((*at, "add", index), f"'{capability}' is there already, remove it here")
        for index, capability in enumerate(settings.rights.remove):
            if capability not in begun and capability not in settings.rights.add:
                message = f"'{capability}' is not there to remove, choose one of: {', '.join(sorted(begun))}"
                yield _Complaint((*at, "remove", index), message)
        for number, statement in enumerate(settings.rights.statements):
            for index, resource in enumerate(statement.resources):
                account = resource.split(":")[4]
                if account not in ("", self.account):
                    message = f"'{resource}' belongs to another account than {self.account}, name one of this"
                    yield _Complaint((*at, "statements", number, "resources", index), message)

    def _guardrails(self) -> Iterator[_Complaint]:
        rails = self.guardrails
        if rails.regions is not None and self.region not in rails.regions:
            message = f"lacks the environment's own region, add {self.region}"
            yield _Complaint(("guardrails", "regions"), message)
        for path, instance_type in self._instance_types():
            if not rails.allows_instance_type(instance_type):
                message = f"'{instance_type}' is not among 'guardrails.instance_types'"
                yield _Complaint(path, f"{message}, choose one of: {', '.join(rails.instance_types or ())}")

    def _instance_types(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What the environment itself runs on, and where the file says so."""
        for name, model in self.models.items():
            path: tuple[str | int, ...] = ("models", name)
            given = "instance_type" in model.endpoint.model_fields_set
            yield (*path, *(("endpoint", "instance_type") if given else ())), model.endpoint.instance_type
            training = model.artifact.training
            if training is not None:
                given = "instance_type" in training.model_fields_set
                ends = ("instance_type",) if given else ()
                yield (*path, "artifact", "training", *ends), training.instance_type
        for team_name, team in self.teams.items():
            for member_name, member in team.members.items():
                if member.space is not None:
                    given = "instance_type" in member.space.model_fields_set
                    of_space = ("space", "instance_type") if given else ()
                    path = ("teams", team_name, "members", member_name, *of_space)
                    yield path, member.space.instance_type

    def _studio(self) -> Iterator[_Complaint]:
        for name, image in self.studio.images.items():
            if image.repository not in self.repositories:
                message = no_such("repository", image.repository, self.repositories)
                yield _Complaint(("studio", "images", name, "repository"), message)
        if self.studio.docker.trusted_accounts and self.studio.network == "public":
            message = "is about 'vpc-only' but 'studio.network' is 'public', remove it or change that"
            yield _Complaint(("studio", "docker", "trusted_accounts"), message)
        for persona, settings in self.personas.items():
            applications = settings.tools.applications or ()
            if "r-studio" in applications and self.studio.r_studio is None:
                path = ("personas", persona, "tools", "applications", applications.index("r-studio"))
                message = "'r-studio' is not in this Studio, give 'studio: {r_studio: {}}' or remove it here"
                yield _Complaint(path, message)
        for team_name, team in self.teams.items():
            for member_name, member in team.members.items():
                allowed = self.tools(member.persona).instance_types.allowed
                if member.space is None or allowed is None or member.space.instance_type in allowed:
                    continue
                given = "instance_type" in member.space.model_fields_set
                path = (
                    "teams",
                    team_name,
                    "members",
                    member_name,
                    *(("space", "instance_type") if given else ()),
                )
                message = f"the space runs on '{member.space.instance_type}', which 'personas' does not allow"
                yield _Complaint(path, f"{message} {member.persona}s, choose one of: {', '.join(allowed)}")

    def _names(self) -> Iterator[_Complaint]:
        """Different names have to stay different in logical ids, which have no hyphens."""
        yield from _same_id([(("teams", team), team) for team in self.teams])
        yield from _same_id([(("models", model), model) for model in self.models])
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


def _same_id(names: Sequence[tuple[tuple[str | int, ...], str]]) -> Iterator[_Complaint]:
    first: dict[str, str] = {}
    for path, name in names:
        logical_id = "".join(word.capitalize() for word in name.split("-"))
        if logical_id in first:
            other = first[logical_id]
            message = f"'{name}' and '{other}' are both '{logical_id}' in templates, rename one"
            if name == other:
                message = f"two user profiles would be called '{name}', rename one"
            yield _Complaint(path, message)
        first.setdefault(logical_id, name)


def no_such(kind: str, given: str, known: Sequence[str]) -> str:
    """The sentence about a name that refers to nothing, with the nearest one that does."""
    if not known:
        return f"no {kind} '{given}', and there is none at all: add it first"
    near = get_close_matches(given, known, n=1)
    hint = f", did you mean '{near[0]}'?" if near else ","
    return f"no {kind} '{given}'{hint} choose one of: {', '.join(sorted(known))}"


def _exactly_one(part: Part, first: str, second: str, choice: str) -> None:
    given = [key for key in (first, second) if getattr(part, key) is not None]
    if not given:
        raise _refusal(_Complaint((), f"lacks one key, give either {choice}"))
    if len(given) == 2:
        raise _refusal(_Complaint((second,), f"cannot stand beside '{first}', give either {choice}"))


def _network(value: str, largest: int, smallest: int) -> str:
    try:
        prefix = IPv4Network(value).prefixlen
    except ValueError as error:
        raise ValueError(f"is not an IPv4 network ({error}), write it like 10.40.0.0/16") from None
    if not largest <= prefix <= smallest:
        raise ValueError(f"has a prefix of /{prefix}, choose one from /{largest} to /{smallest}")
    return value


def _folder(value: str) -> str:
    parts = PurePosixPath(value).parts
    if ".." in parts or not parts:
        raise ValueError("is not below the repository's root, give a folder of its own")
    return value
