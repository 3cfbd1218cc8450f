"""Studio and its personas, as an environment file has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from clary.environment.form import Form
from clary.environment.part import (
    DIFFERENT,
    FROM_LIST,
    SOME,
    AccountId,
    Complaint,
    ImageTag,
    InstanceType,
    Part,
    RepositoryName,
    Variable,
    VariableName,
    WebAddress,
    name_of,
    refusal,
)
from clary.environment.persona import Capability

StudioImageName = Annotated[str, name_of("an image's name", "geospatial")]
Package = Annotated[
    str,
    Form(
        "a Python package, with a version if need be",
        "polars==1.30.0",
        r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?((==|>=|<=|~=|<|>)[A-Za-z0-9.*+!-]+)?",
        longest=100,
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
    "lakera-guard",
    "model-evaluation",
    "models",
    "performance-evaluation",
    "pipelines",
    "projects",
    "training",
]
"""What stands in Studio's navigation."""
_NO_JUMPSTART = (
    "JumpStart's models lie in buckets of AWS's own, which the permissions boundary and the VPC's endpoints"
    " shut out: leave it out, and copy the models that you need to the models bucket"
)


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
            raise refusal(Complaint(("least_minutes",), message))
        if not self.least_minutes <= self.after_minutes <= self.longest:
            message = f"{self.after_minutes} is not from {self.least_minutes} to {self.longest}, which people"
            raise refusal(Complaint(("after_minutes",), f"{message} may choose, give one that is"))
        return self


class InstanceTypes(Part):
    """What applications run on."""

    default: InstanceType = "ml.t3.medium"
    """What a new space starts with."""
    allowed: Annotated[Annotated[tuple[InstanceType, ...], SOME] | None, FROM_LIST] = None
    """What people can choose in Studio. By default, all that Studio offers."""

    @model_validator(mode="after")
    def _default_is_allowed(self) -> Self:
        if self.allowed is not None and self.default not in self.allowed:
            key = "default" if "default" in self.model_fields_set else "allowed"
            message = f"the default '{self.default}' is not among the allowed, {', '.join(self.allowed)}"
            raise refusal(Complaint((key,), f"{message}: add it, or choose another default"))
        return self


class Canvas(Part):
    """What Canvas does beyond building models. Its files lie in the team's part of the data bucket."""

    deploy_models: bool = False
    """Whether models can be deployed to endpoints from Canvas."""
    register_models: bool = False
    """Whether models can be handed to the model registry."""
    query_documents: bool = False
    """Whether documents can be queried through Amazon Kendra."""


class MoreStartup(Part):
    """What happens in a persona's spaces when they start, besides what happens in everybody's."""

    packages: Annotated[tuple[Package, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=50)
    """More Python packages to install."""
    repositories: Annotated[tuple[WebAddress, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=10)
    """More git repositories to clone, where they are not yet."""
    code_sample: bool = False
    """Whether a first program lies in the home directory, if not in everybody's."""


class Tools(Part):
    """What a persona finds in Studio. It decides what is shown; what may be done, their role decides."""

    applications: Annotated[Annotated[tuple[Application, ...], SOME] | None, FROM_LIST] = None
    """What can be opened. By default, what suits the persona: JupyterLab and Code Editor, or Canvas."""
    features: Annotated[Annotated[tuple[Feature, ...], DIFFERENT] | None, FROM_LIST] = None
    """What stands in the navigation. By default, all of SageMaker's own that are named here. JumpStart is
    not among them: its models lie in buckets of AWS's own, which nobody's role reaches."""
    instance_types: InstanceTypes = InstanceTypes()
    """Which machines there are to choose from."""
    idle: IdleShutdown | None = IdleShutdown()
    """When idle applications are stopped. By default, after an hour."""
    canvas: Canvas = Canvas()
    """What Canvas does, where it is among the `applications`."""
    startup: MoreStartup = MoreStartup()
    """What happens when a space of theirs starts, besides what happens in everybody's."""
    images: Annotated[tuple[StudioImageName, ...], FROM_LIST, DIFFERENT] = ()
    """Those of `studio.images` that not everybody has, and they have."""

    @field_validator("features", mode="before")
    @classmethod
    def _can_be_used(cls, value: object) -> object:
        if isinstance(value, Sequence) and "jump-start" in value:
            raise refusal(Complaint((value.index("jump-start"),), _NO_JUMPSTART))
        return value

    @model_validator(mode="after")
    def _canvas_is_shown(self) -> Self:
        if "canvas" in self.model_fields_set and "canvas" not in (self.applications or ()):
            message = "says what Canvas does but 'applications' has none, add canvas there or remove this"
            raise refusal(Complaint(("canvas",), message))
        return self


class RightOfOwn(Part):
    """What no capability allows. The boundary lets it through, the guardrails hold all the same."""

    actions: Annotated[tuple[ActionName, ...], FROM_LIST, DIFFERENT] = Field(min_length=1, max_length=20)
    """What may be done, action by action."""
    resources: Annotated[tuple[ResourceArn, ...], FROM_LIST, DIFFERENT] = Field(min_length=1, max_length=20)
    """With what: ARNs in this account, `*` within them only."""
    reason: str = Field(min_length=20, max_length=500)
    """Why no capability will do: whoever audits the role reads it."""

    @field_validator("actions")
    @classmethod
    def _let_nobody_out(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        out = [(index, action) for index, action in enumerate(value) if action.partition(":")[0] in _WAYS_OUT]
        if out:
            raise refusal(
                *(
                    Complaint((index,), f"'{action}' could widen every right, no persona may have it")
                    for index, action in out
                )
            )
        return value


class Rights(Part):
    """What a persona may, where it is not what it may by default."""

    add: Annotated[tuple[Capability, ...], FROM_LIST, DIFFERENT] = ()
    """Capabilities that they have besides."""
    remove: Annotated[tuple[Capability, ...], FROM_LIST, DIFFERENT] = ()
    """Capabilities that they have not."""
    statements: Annotated[tuple[RightOfOwn, ...], FROM_LIST] = Field(default=(), max_length=10)
    """What no capability allows, each with its reason."""


TOOLS: Mapping[str, Tools] = {"data-analyst": Tools(applications=("canvas", "jupyter-lab"))}
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
    applications: Annotated[tuple[Literal["jupyter-lab", "code-editor"], ...], FROM_LIST, SOME] = (
        "jupyter-lab",
    )
    """What it holds."""
    display_name: str | None = Field(default=None, min_length=1, max_length=128)
    """What people read when they choose it. By default, its name here."""
    entrypoint: Annotated[tuple[str, ...], FROM_LIST] = Field(default=(), max_length=1)
    """What is started, where it is not what the image says."""
    arguments: Annotated[tuple[str, ...], FROM_LIST] = Field(default=(), max_length=50)
    """The arguments of what is started."""
    environment: Mapping[VariableName, Variable] = Field(default_factory=dict, max_length=25)
    """Environment variables; numbers and `true` become text."""
    for_everybody: bool = True
    """Whether everybody has it, or only the personas that name it among their `images`."""


class Docker(Part):
    """Docker within spaces, for SageMaker's local mode."""

    enabled: bool = False
    """Whether there is any."""
    trusted_accounts: Annotated[tuple[AccountId, ...], FROM_LIST, DIFFERENT] = Field(
        default=(), max_length=20
    )
    """Whose image registries it may pull from when the network is `vpc-only`, besides our own and AWS's.
    Who may pull images, and jobs, may there, too."""

    @model_validator(mode="after")
    def _accounts_need_docker(self) -> Self:
        if self.trusted_accounts and not self.enabled:
            message = "trusts accounts but 'enabled' is false, enable Docker or remove them"
            raise refusal(Complaint(("trusted_accounts",), message))
        return self


class Startup(Part):
    """What happens in each space of everybody's when it starts, before anything of their own."""

    stop_kernels_after_idle_minutes: int | None = Field(default=240, ge=30, le=525_600)
    """When a notebook's kernel or a terminal that does nothing is closed; `null` for never. Studio takes
    a space for used as long as one is open, however idle, and would never stop it."""
    packages: Annotated[tuple[Package, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=50)
    """Python packages to install."""
    package_index: WebAddress | None = None
    """Where packages come from. By default, from PyPI, which `vpc-only` does not reach."""
    repositories: Annotated[tuple[WebAddress, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=10)
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
            raise refusal(Complaint(("default_storage_gib",), f"{message}, give less or raise that"))
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
