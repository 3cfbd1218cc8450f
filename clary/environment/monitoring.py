"""What watches a model that is served: four kinds of monitors, and what each is compared with.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from clary.environment.container import Folder, Prefix
from clary.environment.form import Form
from clary.environment.part import (
    Complaint,
    ImageTag,
    InstanceType,
    Part,
    RepositoryName,
    Variable,
    VariableName,
    as_text,
    no_such,
    refusal,
)

Kind = Literal["data-quality", "model-quality", "bias", "explainability"]
Analysis = Literal["analyzer", "clarify"]
"""Of AWS's images."""
Path = tuple[str | int, ...]

HOURLY = "cron(0 * ? * * *)"
_HOURS = "([01]?[0-9]|2[0-4])"
_SCHEDULE = re.compile(rf"cron\(0 (?:(?P<every>\*)|{_HOURS}(?:/(?P<step>{_HOURS}))?) \? \* \* \*\)")
MonitorSchedule = Annotated[
    str,
    Form(
        "every hour, every few hours or every day, as Model Monitor's schedules are",
        "cron(0 6 ? * * *)",
        rf"cron\(0 (\*|{_HOURS}(/{_HOURS})?) \? \* \* \*\)",
    ),
]
"""https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-schedule-expression.html"""
MetricName = Annotated[
    str,
    Form("the name of a metric", "feature_baseline_drift_age", "[A-Za-z0-9][A-Za-z0-9 ._:/+-]*", longest=255),
]
Place = Annotated[
    str,
    BeforeValidator(as_text),
    Form(
        "an index of a CSV row or a path in JSON", "predictions[0].score", r"[A-Za-z0-9_.\[\]-]+", longest=256
    ),
]
"""Indexes look like numbers to YAML."""


class MonitorImage(Part):
    """A container of your own that keeps Model Monitor's contract: `workloads/monitor` is one."""

    repository: RepositoryName
    """One of the environment's `repositories`."""
    tag: ImageTag | None = None
    """The tag of an image that somebody pushed."""
    source: Folder | None = None
    """The folder that it is built from; on the local AWS its executable `monitor` is run."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.tag is None) == (self.source is None):
            raise refusal(
                Complaint((), "needs one of 'tag', for what was pushed, and 'source', for what is built")
            )
        return self


class Baseline(Part):
    """What is usual."""

    data: Folder | None = None
    """A folder of CSV files with a header: a processing job makes the baseline of them, before the first
    deployment, and whenever they or the image have changed."""
    files: Folder | None = None
    """A folder with `constraints.json`, and `statistics.json` where the kind has them: a baseline that was
    made before, and perhaps edited."""
    answers: Literal["first", "last"] = "first"
    """Where AWS's image finds the columns of `data` that the model answers: before the others, or after
    them."""
    attempt: int = Field(default=1, ge=1, le=1000)
    """Raise it to make the baseline once more of the same `data`: SageMaker never lets a job's name be used
    again."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.data is None) == (self.files is None):
            raise refusal(
                Complaint((), "needs one of 'data', to make it from, and 'files', for one that is made")
            )
        return self


class MetricAlarm(Part):
    """When a metric of a monitor is an alarm."""

    above: float | None = None
    """If it is more than this."""
    below: float | None = None
    """If it is less than this."""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise refusal(Complaint((), "needs one of 'above' and 'below'"))
        return self


class Monitor(Part):
    """A job by the clock that looks at what was captured."""

    baseline: Baseline
    """What it is compared with."""
    image: MonitorImage | None = None
    """A container of your own. By default AWS's: Model Monitor's analyzer, or Clarify for bias."""
    schedule: MonitorSchedule = HOURLY
    """When: the hours since it looked last."""
    instance_type: InstanceType = "ml.m5.large"
    """What it runs on."""
    volume_gib: int = Field(default=20, ge=1, le=16384)
    """The size of its disk, in GiB."""
    max_runtime_minutes: int = Field(default=30, ge=1, le=60)
    """When it is stopped, at the latest. The next one begins after an hour at the earliest."""
    environment: Mapping[VariableName, Variable] = Field(default_factory=dict, max_length=50)
    """Environment variables of the container; numbers and `true` become text."""
    alarms: Mapping[MetricName, MetricAlarm] = Field(default_factory=dict, max_length=20)
    """Metrics of the monitor that are told on the environment's alarm topic. One of your own tells
    `violations`, which is an alarm above 0 by default; AWS's images tell single features and figures."""

    @property
    def hours(self) -> int:
        """Between one run and the next."""
        found = _SCHEDULE.fullmatch(self.schedule)
        assert found is not None
        if found["every"]:
            return 1
        return int(found["step"]) if found["step"] else 24

    @property
    def all_alarms(self) -> Mapping[str, MetricAlarm]:
        own = {"violations": MetricAlarm(above=0)} if self.image is not None else {}
        return own | dict(self.alarms)


class DataQuality(Monitor):
    """Whether requests are like the data that was learned from: types, gaps, values, distributions."""


class Judged(Monitor):
    """Monitors that know what was true in the end."""

    ground_truth: Prefix
    """A folder of the data bucket below the team's, where `YYYY/MM/DD/HH/*.jsonl` say of each request, by its
    inference id, what was true."""
    wait_hours: int = Field(default=0, ge=0, le=24 * 60)
    """How long it takes until that is known: the requests of so long ago are looked at."""
    inference: Place = "0"
    """Where in an answer the prediction is."""
    probability: Place | None = None
    """Where in an answer the probability is."""
    probability_threshold: float | None = Field(default=None, ge=0, le=1)
    """The probability above which a prediction is positive."""


class ModelQuality(Judged):
    """Whether predictions come true."""

    problem: Literal["Regression", "BinaryClassification", "MulticlassClassification"]
    """What is predicted."""
    prediction_column: VariableName | None = None
    """The column of the baseline's data that has predictions."""
    truth_column: VariableName | None = None
    """The column of the baseline's data that has what was true."""


class Bias(Judged):
    """Whether a group of people is treated as the others are."""

    config: Folder
    """A file of Clarify's, `analysis_config.json`: labels, and the facets that are compared."""


class Explainability(Monitor):
    """Whether predictions still follow from what they followed from."""

    config: Folder
    """A file of Clarify's, `analysis_config.json`."""
    inference: Place = "0"
    """Where in an answer the prediction is."""


class Monitors(Part):
    """What watches the model. Needs `capture`."""

    data_quality: DataQuality | None = None
    """Whether requests are like the data that was learned from."""
    model_quality: ModelQuality | None = None
    """Whether predictions come true."""
    bias: Bias | None = None
    """Whether groups are treated alike."""
    explainability: Explainability | None = None
    """Whether predictions still follow from the same."""

    @property
    def given(self) -> Mapping[Kind, Monitor]:
        """Those that there are, by their kind."""
        every: dict[Kind, Monitor | None] = {
            "data-quality": self.data_quality,
            "model-quality": self.model_quality,
            "bias": self.bias,
            "explainability": self.explainability,
        }
        return {kind: monitor for kind, monitor in every.items() if monitor is not None}

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.given:
            raise refusal(
                Complaint((), f"watch nothing, give at least one of: {', '.join(type(self).model_fields)}")
            )
        return self


_NEEDS: Mapping[Kind, tuple[Literal["input", "output"], ...]] = {
    "data-quality": ("input",),
    "model-quality": ("output",),
    "bias": ("input", "output"),
    "explainability": ("input", "output"),
}


def analysis_of(kind: Kind) -> Analysis:
    """Which of AWS's images is for a kind."""
    return "analyzer" if kind in ("data-quality", "model-quality") else "clarify"


def key_of(kind: Kind) -> str:
    """What the file calls a kind."""
    return kind.replace("-", "_")


def misfits(
    monitors: Monitors,
    *,
    team: str,
    captured: tuple[str, ...] | None,
    repositories: list[str],
    region: str,
) -> Iterator[Complaint]:
    """What does not go together with the rest of a model, below its `endpoint`.

    `captured` is None where nothing is.
    """
    if captured is None:
        yield Complaint(("monitors",), "look at what is captured, give 'capture', too")
    for kind, monitor in monitors.given.items():
        at: Path = ("monitors", key_of(kind))
        lacking = [one for one in _NEEDS[kind] if captured is not None and one not in captured]
        if lacking:
            yield Complaint(at, f"looks at the {lacking[0]} of the model, add it to 'capture.what'")
        if isinstance(monitor, Judged) and not monitor.ground_truth.startswith(f"{team}/"):
            message = f"'{monitor.ground_truth}' is not the team's, give a folder below {team}/"
            yield Complaint((*at, "ground_truth"), message)
        if isinstance(monitor, ModelQuality):
            yield from _model_quality(monitor, at)
        if monitor.image is None:
            yield from _of_aws(kind, monitor, at, region)
        elif monitor.image.repository not in repositories:
            message = no_such("repository", monitor.image.repository, repositories)
            yield Complaint((*at, "image", "repository"), message)


def _model_quality(monitor: ModelQuality, at: Path) -> Iterator[Complaint]:
    if monitor.baseline.data is not None and None in (monitor.prediction_column, monitor.truth_column):
        message = "needs to know what its columns are, give 'prediction_column' and 'truth_column' beside it"
        yield Complaint((*at, "baseline", "data"), message)
    if (monitor.probability is None) != (monitor.probability_threshold is None):
        said = "probability" if monitor.probability is not None else "probability_threshold"
        message = "goes together with the other, give both 'probability' and 'probability_threshold'"
        yield Complaint((*at, said), message)
    if monitor.problem != "BinaryClassification" and monitor.probability is not None:
        yield Complaint((*at, "probability"), "is for 'BinaryClassification' only, remove it")


def _of_aws(kind: Kind, monitor: Monitor, at: Path, region: str) -> Iterator[Complaint]:
    if kind == "explainability":
        message = (
            "needs an 'image' of your own: Clarify asks a model by its name, which changes with its content"
        )
        yield Complaint(at, f"{message} here")
        return
    from clary.environment import monitor_image  # read only for a file that has a monitor of AWS's

    analysis = analysis_of(kind)
    if region not in monitor_image.regions(analysis):
        message = f"has no image of AWS's in {region}, give an 'image' of your own"
        yield Complaint(at, message)
    if not monitor.alarms:
        message = (
            "tells nobody: AWS's image has a metric for each feature or figure, give 'alarms' by their names"
        )
        yield Complaint(at, message)
    if analysis == "clarify" and monitor.baseline.data is not None:
        message = (
            "Clarify makes a baseline by asking a model that is not there yet: give 'files' of a run of it"
        )
        yield Complaint((*at, "baseline", "data"), message)


def instance_types(monitors: Monitors) -> Iterator[tuple[Path, str]]:
    """What monitors run on, and where the file says so, below the model's `endpoint`."""
    for kind, monitor in monitors.given.items():
        said = ("instance_type",) if "instance_type" in monitor.model_fields_set else ()
        yield ("monitors", key_of(kind), *said), monitor.instance_type
