"""Logical names from the file's names."""

from __future__ import annotations


def pascal(slug: str) -> str:
    """`nightly-batch` is `NightlyBatch` in construct ids and outputs."""
    return "".join(word.capitalize() for word in slug.split("-"))


PIPELINES = "--pipelines"
"""How the names of the roles end that teams' pipelines run as: no person's and no persona's does."""
