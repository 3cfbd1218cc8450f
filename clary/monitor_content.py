"""The names of what monitors are made of, which come from content like those of models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clary.content import digest
from clary.environment.model import Environment
from clary.environment.monitoring import Bias, Explainability, Kind, ModelQuality, Monitor

CONSTRAINTS, STATISTICS = "constraints.json", "statistics.json"
_SHORT: Mapping[Kind, str] = {
    "data-quality": "dq",
    "model-quality": "mq",
    "bias": "bias",
    "explainability": "expl",
}


@dataclass(frozen=True)
class MonitorContent:
    """Where a monitor's things are in the data bucket, and what makes them.

    `image_tag` is None for an image of AWS's; `baseline_job` and `data_prefix` are None for a baseline of
    files.
    """

    image_tag: str | None
    baseline_prefix: str
    has_statistics: bool
    reports_prefix: str
    baseline_job: str | None = None
    data_prefix: str | None = None
    config_key: str | None = None


def config_of(monitor: Monitor) -> str | None:
    """The file of Clarify's that a monitor has, if it has one."""
    return monitor.config if isinstance(monitor, Bias | Explainability) else None


def monitor_content(environment: Environment, name: str, kind: Kind, root: Path) -> MonitorContent:
    """Reads the files that a monitor of a model refers to, below `root`, and names what comes of them."""
    model = environment.models[name]
    assert model.endpoint.monitors is not None
    monitor = model.endpoint.monitors.given[kind]
    image, baseline, config = monitor.image, monitor.baseline, config_of(monitor)
    own = f"{model.team}/monitors/{name}/{kind}"
    tag = None
    if image is not None:
        tag = image.tag if image.source is None else digest(root / image.source)[:16]
    config_digest = None if config is None else hashlib.sha256((root / config).read_bytes()).hexdigest()[:16]
    config_key = None if config_digest is None else f"{own}/config/{config_digest}/analysis_config.json"
    reports = f"{own}/reports"
    if baseline.files is not None:
        folder = root / baseline.files
        found = digest(folder)[:16]
        if not (folder / CONSTRAINTS).is_file():
            raise FileNotFoundError(f"no '{CONSTRAINTS}' in '{baseline.files}', a baseline has one")
        has_statistics = kind == "data-quality" and (folder / STATISTICS).is_file()
        return MonitorContent(tag, f"{own}/baseline/{found}", has_statistics, reports, config_key=config_key)
    data = digest(root / str(baseline.data))
    ingredients = [
        data,
        tag,
        None if image is None else image.repository,
        config_digest,
        dict(monitor.environment),
        _columns(monitor),
        baseline.answers,
        baseline.attempt,
    ]
    found = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:12]
    return MonitorContent(
        tag,
        f"{own}/baseline/{found}",
        kind == "data-quality",
        reports,
        baseline_job=f"{environment.name}-{name}-{_SHORT[kind]}-{found}",
        data_prefix=f"{own}/data/{data[:16]}",
        config_key=config_key,
    )


def monitor_contents(environment: Environment, root: Path) -> Mapping[tuple[str, Kind], MonitorContent]:
    """Of every monitor, by its model and its kind."""
    return {
        (name, kind): monitor_content(environment, name, kind, root)
        for name, model in environment.models.items()
        if model.endpoint.monitors is not None
        for kind in model.endpoint.monitors.given
    }


def _columns(monitor: Monitor) -> list[str | None]:
    if not isinstance(monitor, ModelQuality):
        return []
    return [monitor.problem, monitor.prediction_column, monitor.truth_column]
