"""Environments as stacks, and stacks as templates, as tests see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from clary.environment import loader
from stacks.environment_app import add_stacks, new_app

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENTS = ("local", "dev", "prod", "showcase")
UNITS = ("Network", "Data", "Features", "Access", "Studio", "Serving", "Gateway", "Operations", "Catalog")

Template = Mapping[str, Any]


def app_of(environment: str, outdir: Path | None = None) -> cdk.App:
    """The app of an environment, built and not synthesised."""
    app = new_app(ROOT, outdir)
    add_stacks(app, loader.load(loader.find(environment, ROOT)), ROOT)
    return app


def synthesise(environment: str, outdir: Path) -> Mapping[str, Path]:
    """The template files of an environment's stacks."""
    app_of(environment, outdir).synth()
    return {unit: outdir / f"{unit}.template.json" for unit in units_of(environment)}


def units_of(environment: str) -> list[str]:
    """The stacks that an environment has: what nobody asks for is not there."""
    said = loader.load(loader.find(environment, ROOT))
    asked_for = {
        "Operations": said.costs.watched,
        "Catalog": bool(said.catalog.portfolios),
        "Features": bool(said.features),
    }
    return [unit for unit in UNITS if asked_for.get(unit, True)]


def nested(templates: Mapping[str, Path]) -> list[Path]:
    """The templates of nested stacks and of products beside those of `synthesise`."""
    folder = templates["Studio"].parent
    return sorted(folder.glob("*.*.template.json"))


def run_app(environment: str, outdir: Path, *, validation: bool = False) -> subprocess.CompletedProcess[str]:
    """`python app.py` in a process of its own, as the CDK command line starts it."""
    variables = os.environ | {
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps({"environment": environment}),
        "CDK_VALIDATION": "true" if validation else "false",
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=outdir.parent,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def resources(template: Template, of_type: str) -> dict[str, Any]:
    """The resources of a type, by logical id."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == of_type}
