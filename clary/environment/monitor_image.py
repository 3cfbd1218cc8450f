"""The images of AWS's own monitors, and where they lie in each region.

The table beside this module is written by `clary.environment.monitor_image_table`; a file that has no monitor
with an image of AWS's does not read it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from clary.environment.aws_image import AwsImage
from clary.environment.monitoring import Analysis

TABLE = Path(__file__).with_name("monitor_images.json")


def regions(analysis: Analysis) -> list[str]:
    return list(_table()[analysis]["accounts"])


def find(analysis: Analysis, region: str) -> AwsImage:
    """Raises KeyError for a region that has none: an environment's file is checked when it is read."""
    found = _table()[analysis]
    return AwsImage(found["accounts"][region], found["repository"], found["tag"])


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TABLE.read_text())
    return found
