"""AWS's own images: which there are, and where they lie in each region.

The table beside this module is written by `clary.environment.aws_image_table` from the SageMaker SDK's own
data, so that nothing is looked up, and no SDK imported, to synthesise. A file that names none of them does
not read it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Kind = Literal["framework", "algorithm"]
Processor = Literal["cpu", "gpu"]
TABLE = Path(__file__).with_name("aws_images.json")


@dataclass(frozen=True)
class AwsImage:
    """An image in a repository of an account of AWS's."""

    account: str
    repository: str
    tag: str


def names(kind: Kind) -> list[str]:
    return sorted(_table()["images"][kind])


def versions(kind: Kind, name: str) -> list[str]:
    return list(_table()["images"][kind][name])


def regions(kind: Kind, name: str, version: str) -> list[str]:
    return list(_registry(kind, name, version))


def processors(kind: Kind, name: str, version: str) -> list[Processor]:
    return [one for one in ("cpu", "gpu") if one in _entry(kind, name, version)]


def find(kind: Kind, name: str, version: str, *, region: str, processor: Processor) -> AwsImage:
    """Raises KeyError for what is not in the table: an environment's file is checked when it is read."""
    repository, _, tag = _entry(kind, name, version)[processor].partition(":")
    return AwsImage(_registry(kind, name, version)[region], repository, tag)


def registries(region: str) -> list[str]:
    """The accounts that AWS's own images lie in, in a region."""
    return sorted({accounts[region] for accounts in _table()["registries"] if region in accounts})


def _entry(kind: Kind, name: str, version: str) -> dict[str, Any]:
    found: dict[str, Any] = _table()["images"][kind][name][version]
    return found


def _registry(kind: Kind, name: str, version: str) -> dict[str, str]:
    found: dict[str, str] = _table()["registries"][_entry(kind, name, version)["registry"]]
    return found


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TABLE.read_text())
    return found
