"""How a model of an environment file is served: the ways, their capacity, and how they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clary.environment.container import Contents, Prefix
from clary.environment.form import Form
from clary.environment.monitoring import Monitors
from clary.environment.part import (
    DIFFERENT,
    FROM_LIST,
    SOME,
    Complaint,
    InstanceType,
    Part,
    name_of,
    refusal,
)

Mode = Literal["real-time", "serverless", "asynchronous", "batch"]
VariantName = Annotated[str, name_of("a variant's name", "challenger")]
StepName = Annotated[str, name_of("a container's name", "scale")]
ActionName = Annotated[str, name_of("a name", "office-hours")]
ScheduleExpression = Annotated[
    str,
    Form(
        "a time in AWS's words, cron(…), rate(…) or at(…)",
        "cron(0 8 ? * MON-FRI *)",
        r"(cron|rate|at)\([A-Za-z0-9 ,*?/:#-]+\)",
        longest=200,
    ),
]
TimeZone = Annotated[
    str,
    Form("a time zone of the IANA database", "Europe/Berlin", "[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}", longest=60),
]
AlarmName = Annotated[
    str, Form("the name of a CloudWatch alarm", "orders-too-few", "[A-Za-z0-9][A-Za-z0-9 ._/-]*", longest=255)
]


class Serverless(Part):
    """Capacity that comes with the requests. Billed by use; the first request after a pause waits."""

    memory_gib: int = Field(default=2, ge=1, le=6)
    """The container's memory; processors come with it."""
    max_concurrency: int = Field(default=5, ge=1, le=200)
    """How many requests are answered at once; more are refused."""
    provisioned_concurrency: int | None = Field(default=None, ge=1, le=200)
    """How many of them never wait for a start, and are billed all the time."""


class Asynchronous(Part):
    """Requests that wait in a queue: up to 1 GiB each, and an hour."""

    concurrent_per_instance: int | None = Field(default=None, ge=1, le=1000)
    """How many requests a container gets at once. By default, SageMaker chooses."""
    topics: Annotated[tuple[Literal["success", "error"], ...], FROM_LIST, DIFFERENT] = ()
    """What is told by SNS, each on a topic of its own."""


class Transforms(Part):
    """A transform over a folder of the data bucket, at a given time."""

    at: ScheduleExpression
    """When it begins."""
    time_zone: TimeZone = "UTC"
    """Whose clock `at` means."""
    input: Prefix
    """The folder of the data bucket that it reads, all of it."""
    output: Prefix
    """The folder of the data bucket that it writes to: each run has one of its own within."""
    content_type: Annotated[str, Form("a media type", "text/csv", "[a-z]+/[a-z0-9.+-]+")] = "text/csv"
    """Of the input."""


class Batch(Part):
    """Transforms: instances that are there for the time of a job. On demand through the API, and by the
    clock."""

    by_line: bool = True
    """Whether a request to the container holds lines of a file; otherwise it is the file."""
    max_payload_mib: int = Field(default=6, ge=1, le=100)
    """The size of a request to the container, at most."""
    concurrent_per_instance: int = Field(default=1, ge=1, le=100)
    """How many requests a container gets at once."""
    schedule: Mapping[ActionName, Transforms] = Field(default_factory=dict, max_length=20)
    """What is done by the clock."""


class Variant(Contents):
    """Another model behind the same endpoint, with a share of its requests."""

    weight: int = Field(default=1, ge=0, le=1000)
    """Its share, among all weights."""
    instance_type: InstanceType | None = None
    """What it runs on. By default, as the model itself."""
    instance_count: int | None = Field(default=None, ge=1, le=100)
    """How many of them. By default, as the model itself."""


class Shadow(Contents):
    """A model that sees real requests, and whose answers nobody gets: they are only captured and measured."""

    percent: int = Field(default=100, ge=1, le=100)
    """How many of the requests it sees."""
    instance_type: InstanceType | None = None
    """What it runs on. By default, as the model itself."""
    instance_count: int | None = Field(default=None, ge=1, le=100)
    """How many of them. By default, as the model itself."""


class Step(Contents):
    """A container of a pipeline."""


class Pipeline(Part):
    """Containers that a request passes one after the other, on one instance. The model is one of them."""

    before: Mapping[StepName, Step] = Field(default_factory=dict)
    """What a request passes first, in this order."""
    after: Mapping[StepName, Step] = Field(default_factory=dict)
    """What the model's answer passes, in this order."""

    @model_validator(mode="after")
    def _of_two_to_fifteen(self) -> Self:
        count = len(self.before) + len(self.after) + 1
        if not 2 <= count <= 15:
            raise refusal(
                Complaint((), f"has {count} containers with the model itself, SageMaker takes 2 to 15")
            )
        for name in self.after:
            if name in self.before or name == "model":
                raise refusal(Complaint(("after", name), f"'{name}' is taken, give another name"))
        if "model" in self.before:
            raise refusal(Complaint(("before", "model"), "'model' is the model itself, give another name"))
        return self


class Component(Part):
    """A part of an instance: several models share one endpoint's instances, each with copies of its own."""

    copies: int = Field(default=1, ge=1, le=100)
    """How many of them run."""
    cpus: int | None = Field(default=None, ge=1, le=192)
    """Processors for each copy."""
    accelerators: int | None = Field(default=None, ge=1, le=16)
    """GPUs, or Inferentia or Trainium chips, for each copy."""
    memory_mib: int = Field(default=1024, ge=128, le=4_000_000)
    """Memory for each copy."""


class ScheduledCapacity(Part):
    """Other limits from a time on, until the next one."""

    at: ScheduleExpression
    """From when."""
    time_zone: TimeZone = "UTC"
    """Whose clock `at` means."""
    least: int | None = Field(default=None, ge=0, le=1000)
    """From then on, not less than this."""
    most: int | None = Field(default=None, ge=0, le=1000)
    """From then on, not more than this."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.least is None and self.most is None:
            raise refusal(Complaint((), "changes nothing, give 'least' or 'most'"))
        if self.least is not None and self.most is not None and self.least > self.most:
            raise refusal(Complaint(("least",), f"{self.least} is more than 'most', {self.most}, give less"))
        return self


class Scaling(Part):
    """Capacity that follows the load: instances, copies of a component, or provisioned concurrency."""

    least: int = Field(default=1, ge=0, le=1000)
    """Never less than this. 0 is for asynchronous endpoints and components."""
    most: int = Field(ge=1, le=1000)
    """Never more than this."""
    metric: Literal["invocations", "concurrency"] = "invocations"
    """What real-time endpoints and components follow: invocations a minute, or requests at once. Others have
    one of their own: the backlog, or the utilisation of what is provisioned."""
    target: int | None = Field(default=None, ge=1, le=1_000_000)
    """What one of them is to have. By default 100 invocations a minute, 5 requests at once, 5 waiting, or
    a utilisation of 70 percent."""
    scale_in_cooldown_seconds: int = Field(default=300, ge=0, le=86_400)
    """How long to wait after capacity was taken away, before more is."""
    scale_out_cooldown_seconds: int = Field(default=60, ge=0, le=86_400)
    """How long to wait after capacity was added, before more is."""
    schedule: Mapping[ActionName, ScheduledCapacity] = Field(default_factory=dict, max_length=50)
    """Other limits at other times."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise refusal(Complaint(("least",), f"{self.least} is more than 'most', {self.most}, give less"))
        return self


class Update(Part):
    """How a new model takes over. Alarms that go off meanwhile bring the old one back."""

    strategy: Literal["all-at-once", "canary", "linear", "rolling"] = "all-at-once"
    """`all-at-once`, `canary` (first a few), `linear` (in equal steps) move the requests from the old
    instances to new ones beside them; `rolling` replaces the instances in batches."""
    percent: int = Field(default=25, ge=5, le=50)
    """The size of the canary, of each step, or of each batch, in percent of the capacity."""
    bake_minutes: int = Field(default=5, ge=0, le=60)
    """How long alarms are watched after each step."""
    keep_old_minutes: int = Field(default=0, ge=0, le=60)
    """How long the old instances stay, after the last step, for a quick way back."""
    roll_back: bool = True
    """Whether the endpoint's own alarms (5xx, latency) bring the old model back."""
    alarms: Annotated[tuple[AlarmName, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=8)
    """Alarms of your own that do, too, by name."""


class Capture(Part):
    """Requests and answers that are written down in the data bucket, encrypted."""

    percent: int = Field(default=100, ge=1, le=100)
    """How many of them."""
    what: Annotated[tuple[Literal["input", "output"], ...], FROM_LIST, SOME] = ("input", "output")
    """What of them."""


class Alarms(Part):
    """What is told on the environment's alarm topic."""

    server_errors: int = Field(default=1, ge=1, le=1_000_000)
    """How many 5xx answers in a minute are too many."""
    latency_ms: int | None = Field(default=None, ge=1, le=3_600_000)
    """The answer time of the model that 99 percent keep within, else it is an alarm. By default, none."""
    minutes: int = Field(default=1, ge=1, le=60)
    """How many minutes on end it has to be so."""


class Endpoint(Part):
    """How the model is served: the mode, the capacity, and how both change."""

    mode: Mode = "real-time"
    """`real-time`: instances that answer at once. `serverless`: capacity that comes with the requests.
    `asynchronous`: a queue before the instances. `batch`: no endpoint, but jobs."""
    instance_type: InstanceType = "ml.m5.large"
    """What the model runs on."""
    instance_count: int = Field(default=1, ge=1, le=100)
    """How many of them: two or more are spread over availability zones."""
    serverless: Serverless | None = None
    """More about the mode `serverless`."""
    asynchronous: Asynchronous | None = None
    """More about the mode `asynchronous`."""
    batch: Batch | None = None
    """More about the mode `batch`."""
    weight: int = Field(default=1, ge=0, le=1000)
    """The model's own share of the requests, where there are `variants`."""
    variants: Mapping[VariantName, Variant] = Field(default_factory=dict, max_length=9)
    """Other models behind the same endpoint; the model itself is the variant `main`."""
    shadow: Shadow | None = None
    """A model that sees requests without answering."""
    pipeline: Pipeline | None = None
    """Containers around the model."""
    component: Component | None = None
    """Makes the model an inference component, which shares its endpoint's instances with others."""
    shared_with: Annotated[str, name_of("a model's name", "housing")] | None = None
    """Another model that is a component: this one is put on its endpoint."""
    scaling: Scaling | None = None
    """By default, the capacity stays as it is."""
    update: Update = Update()
    """By default, all at once, watched for 5 minutes."""
    capture: Capture | None = None
    """By default, nothing is written down."""
    monitors: Monitors | None = None
    """What looks at that by the clock. By default, nothing does."""
    alarms: Alarms = Alarms()
    """By default, one failed request a minute is an alarm."""
    dashboard: bool = True
    """A CloudWatch dashboard with requests, errors, latency and capacity."""
