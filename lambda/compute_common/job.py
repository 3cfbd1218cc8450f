"""SageMaker's jobs: what runs, and what has run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from compute_common.calls import pages, seeing, tags_of, unless_gone
from compute_common.thing import CannotSee, Place, Thing, Unseen

_RUNNING = ("InProgress", "Stopping")


class JobType(NamedTuple):
    """How SageMaker's API speaks of one kind of job."""

    name: str
    """`TrainingJob`."""
    plural: str
    use: str
    """What its instances are paid for as."""
    cluster: tuple[str, ...]
    """Where its description says what it runs on."""
    billed: bool = True
    """Whether it runs on anything itself."""


JOB_TYPES = (
    JobType("TrainingJob", "training_jobs", "training", ("ResourceConfig",)),
    JobType("ProcessingJob", "processing_jobs", "processing", ("ProcessingResources", "ClusterConfig")),
    JobType("TransformJob", "transform_jobs", "transform", ("TransformResources",)),
    JobType("HyperParameterTuningJob", "hyper_parameter_tuning_jobs", "tuning", (), billed=False),
)
"""A tuning job starts training jobs, which are named after it and billed, until it is stopped itself."""


@dataclass(frozen=True)
class Job:
    thing: Thing
    use: str
    ended: datetime | None
    """When it ended; None while it runs."""


class Jobs:
    """The teams' jobs, which are told by what their names begin with."""

    def __init__(self, sagemaker: Any, place: Place) -> None:
        self._sagemaker = sagemaker
        self._place = place

    def changed_since(self, job_type: JobType, since: datetime) -> Iterator[Job | Unseen]:
        """Those that run, and those that have ended since. Raises CannotSee."""
        found = pages(
            self._sagemaker,
            f"list_{job_type.plural}",
            f"{job_type.name}Summaries",
            LastModifiedTimeAfter=since,
        )
        # what has begun before and runs on was not modified since
        running = pages(
            self._sagemaker,
            f"list_{job_type.plural}",
            f"{job_type.name}Summaries",
            StatusEquals="InProgress",
        )
        summaries = {each[f"{job_type.name}Name"]: each for each in (*found, *running)}
        for name, summary in summaries.items():
            team = self._place.team_by_name(name)
            if team is not None:
                try:
                    yield self._job(job_type, name, summary, team)
                except CannotSee as unseen:
                    yield Unseen("job", name, str(unseen))

    def stop(self, thing: Thing) -> None:
        with unless_gone():
            getattr(self._sagemaker, f"stop_{thing.handle['Stop']}")(
                **{key: value for key, value in thing.handle.items() if key != "Stop"}
            )

    def _job(self, job_type: JobType, name: str, summary: Mapping[str, Any], team: str) -> Job:
        verb = job_type.plural.removesuffix("s")
        handle = {f"{job_type.name}Name": name}
        with seeing(f"describe_{verb}"):
            found = getattr(self._sagemaker, f"describe_{verb}")(**handle)
        cluster: Mapping[str, Any] = found
        for member in job_type.cluster:
            cluster = cluster.get(member, {})
        instances: dict[str, int] = {}
        for group in cluster.get("InstanceGroups") or [cluster]:
            if "InstanceType" in group:
                of_type = group["InstanceType"]
                instances[of_type] = instances.get(of_type, 0) + group.get("InstanceCount", 1)
        running = found[f"{job_type.name}Status"] in _RUNNING
        ended = _ended(found) or summary.get("LastModifiedTime")
        arn = found[f"{job_type.name}Arn"]
        thing = Thing(
            "job",
            f"{job_type.name} {name}",
            found["CreationTime"],
            arn=arn,
            instances=instances,
            team=team,
            handle={**handle, "Stop": verb},
        )
        tags = tags_of(self._sagemaker, arn)
        return Job(
            replace(thing, tags=tags, person=self._place.person(tags)),
            job_type.use,
            None if running else ended,
        )


def _ended(found: Mapping[str, Any]) -> datetime | None:
    ends = ("TrainingEndTime", "ProcessingEndTime", "TransformEndTime", "HyperParameterTuningEndTime")
    return next((found[member] for member in ends if member in found), None)
