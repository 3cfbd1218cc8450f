"""Each stack's whole template. Its diff is read like code.

What follows the content of other folders (the functions' assets, the images, the training jobs) shows
as a placeholder here, so that a snapshot changes when the template does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from clary.content import contents
from clary.environment import loader
from clary.monitor_content import monitor_contents
from support.synthesis import ENVIRONMENTS, ROOT, nested, run_app, units_of

ASSET = re.compile(r"\b[0-9a-f]{64}\b")


def reviewable(template: str, environment: str) -> object:
    model = loader.load(loader.find(environment, ROOT))
    for name, content in contents(model, ROOT).items():
        if content.training_job is not None:
            template = template.replace(content.training_job, f"<training job of {name}>")
        image = model.containers[name].image
        if image is not None and image.source is not None and content.image_tag is not None:
            template = template.replace(content.image_tag, f"<image tag of {name}>")
    for (name, kind), watching in monitor_contents(model, ROOT).items():
        monitors = model.models[name].endpoint.monitors
        image = None if monitors is None else monitors.given[kind].image
        template = template.replace(watching.baseline_prefix, f"<baseline of {name}, {kind}>")
        if watching.config_key is not None:
            template = template.replace(watching.config_key, f"<config of {name}, {kind}>")
        if image is not None and image.source is not None and watching.image_tag is not None:
            template = template.replace(watching.image_tag, f"<image tag of {name}'s monitors>")
        definition = rf"(\b{re.escape(model.endpoint_name(name))}-{kind})-[0-9a-f]{{12}}\b"
        template = re.sub(definition, r"\1-<content>", template)
    for name in model.models:
        endpoint = model.endpoint_name(name)
        template = re.sub(rf"\b{re.escape(endpoint)}-[0-9a-f]{{12}}\b", f"{endpoint}-<content>", template)
    return json.loads(ASSET.sub("<asset>", template))


@pytest.mark.parametrize(
    ("environment", "unit"),
    [(environment, unit) for environment in ENVIRONMENTS for unit in units_of(environment)],
)
def test_template(
    environment: str,
    unit: str,
    synthesised: Callable[[str], Mapping[str, Path]],
    snapshot: SnapshotAssertion,
) -> None:
    template = synthesised(environment)[unit].read_text()

    assert reviewable(template, environment) == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_templates_that_are_nested(
    environment: str, synthesised: Callable[[str], Mapping[str, Path]], snapshot: SnapshotAssertion
) -> None:
    templates = {path.name: json.loads(path.read_text()) for path in nested(synthesised(environment))}

    assert templates == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_synthesises_to_the_same_bytes_in_another_process(
    environment: str, synthesised: Callable[[str], Mapping[str, Path]], tmp_path: Path
) -> None:
    here = synthesised(environment)

    run = run_app(environment, tmp_path / "elsewhere", validation=True)

    assert run.returncode == 0, run.stdout + run.stderr
    there = {unit: tmp_path / "elsewhere" / path.name for unit, path in here.items()}
    assert [unit for unit in here if here[unit].read_bytes() != there[unit].read_bytes()] == []
    assert [path.read_bytes() for path in nested(here)] == [path.read_bytes() for path in nested(there)]
