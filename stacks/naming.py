"""Logical names from the file's names."""

from __future__ import annotations

from clary.environment.model import Environment


def pascal(slug: str) -> str:
    """`nightly-batch` is `NightlyBatch` in construct ids and outputs."""
    return "".join(word.capitalize() for word in slug.split("-"))


PIPELINES = "--pipelines"
"""How the names of the roles end that teams' pipelines run as: no person's and no persona's does."""
GLUE = "--glue"
"""How those end that teams' sessions of Glue run as."""


def glue_name(environment: Environment) -> str:
    """Of the connection and the security configuration of Glue's: people type it."""
    return f"clary-{environment.name}"
