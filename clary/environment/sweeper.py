"""What an environment file says of what runs and is not used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from clary.environment.part import Part

SWEEPER_PREFIX = "operations--sweeper/"
"""Where reports lie in the data bucket: two hyphens, because no team's part of it begins so."""
_LONGEST_HOURS = 90 * 24


class Idle(Part):
    """How long something may run without being used."""

    idle_hours: int = Field(ge=1, le=_LONGEST_HOURS)
    """For how many hours nobody has used it."""


class Age(Part):
    """How long something may run at a stretch: nobody measures whether it is used."""

    age_hours: int = Field(ge=1, le=_LONGEST_HOURS)
    """How many hours after it was started."""


class IdleOrAge(Part):
    """How long an application may be open. SageMaker says only sometimes when somebody was last at work."""

    idle_hours: int = Field(default=24, ge=1, le=_LONGEST_HOURS)
    """For how many hours nobody has used it, where SageMaker says so."""
    age_hours: int = Field(default=96, ge=1, le=_LONGEST_HOURS)
    """How many hours after it was opened, used or not."""


class Sweeper(Part):
    """What becomes of compute that nobody uses: its owner is warned, and after a time of grace it is stopped.

    Data, disks, models and configurations stay. `docs/sweeper.md` has it all.
    """

    mode: Literal["dry-run", "act"] = "dry-run"
    """Whether anything is stopped. By default, a report says what would be, and nobody is warned."""
    every_hours: int = Field(default=1, ge=1, le=24)
    """How often it looks."""
    grace_hours: int = Field(default=24, ge=1, le=720)
    """How long an owner has after the warning."""
    longest_exemption_days: int = Field(default=90, ge=1, le=366)
    """How far away the day in a tag `clary:keep-until` may be."""
    declared_endpoints: bool = False
    """Whether endpoints of this file are stopped, too. By default, they are only reported."""
    studio_apps: IdleOrAge | None = IdleOrAge()
    """What people have open in Studio; `null` leaves all of it alone."""
    endpoints: Idle | None = Idle(idle_hours=72)
    """Endpoints that nobody asks."""
    notebook_instances: Age | None = Age(age_hours=24)
    """Notebook instances."""
    emr_clusters: Idle | None = Idle(idle_hours=4)
    """EMR clusters without work, unless they are protected from termination."""
    mlflow_servers: Age | None = Age(age_hours=168)
    """MLflow tracking servers, which bill while nobody looks. MLflow Apps do not, and are left alone."""

    @property
    def limits(self) -> Mapping[str, Mapping[str, int | None]]:
        """By what the function calls a kind of things: those that are swept at all."""
        said = {
            "app": self.studio_apps,
            "endpoint": self.endpoints,
            "notebook-instance": self.notebook_instances,
            "cluster": self.emr_clusters,
            "tracking-server": self.mlflow_servers,
        }
        return {
            kind: {
                "idle_hours": getattr(limit, "idle_hours", None),
                "age_hours": getattr(limit, "age_hours", None),
            }
            for kind, limit in said.items()
            if limit is not None
        }
