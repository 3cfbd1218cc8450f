"""What the personas are that every environment knows, as the capabilities that they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Capability = Literal[
    "administer-studio",
    "approve-models",
    "build-in-canvas",
    "call-endpoints",
    "connect-to-emr",
    "deploy-models",
    "pull-images",
    "push-images",
    "read-data",
    "read-features",
    "read-models",
    "register-models",
    "run-jobs",
    "run-pipelines",
    "run-spaces",
    "track-experiments",
    "use-glue-sessions",
    "use-private-data",
    "use-shared-spaces",
    "write-data",
    "write-features",
    "write-models",
]
"""What somebody may be able to do, in one word each; the construct library says what AWS calls it."""

CAPABILITIES: tuple[str, ...] = get_args(Capability)

_SCIENTIST: tuple[Capability, ...] = (
    "call-endpoints",
    "pull-images",
    "read-data",
    "read-features",
    "read-models",
    "register-models",
    "run-jobs",
    "run-pipelines",
    "run-spaces",
    "track-experiments",
    "use-private-data",
    "use-shared-spaces",
    "write-data",
    "write-features",
)

PERSONAS: Mapping[str, tuple[Capability, ...]] = {
    "administrator": ("administer-studio", "run-spaces", "use-private-data"),
    "data-analyst": (
        "build-in-canvas",
        "call-endpoints",
        "read-data",
        "read-features",
        "read-models",
        "run-spaces",
        "use-private-data",
        "use-shared-spaces",
    ),
    "data-scientist": _SCIENTIST,
    "mlops-engineer": (*_SCIENTIST, "approve-models", "deploy-models", "push-images", "write-models"),
}
"""A data scientist makes models, an analyst does so in Canvas, an engineer brings them into service, and
an administrator keeps Studio in order without seeing anybody's data."""
