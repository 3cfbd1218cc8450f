"""Writes the table of the images of AWS's monitors, `monitor_images.json`, from the SageMaker SDK's own data.

    PYTHON -m clary.environment.monitor_image_table clary/environment/monitor_images.json

PYTHON is one that has `sagemaker-core` (requirements-clients.txt). No part of Clary is imported here.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def table() -> dict[str, Any]:
    import sagemaker.core  # type: ignore[import-not-found] # the SDK is in an environment of its own

    folder = Path(sagemaker.core.__file__).parent / "image_uri_config"
    # Model Monitor's own has no versions; Clarify's has one.
    analyzer = json.loads((folder / "model-monitor.json").read_text())["versions"][""]
    clarify = json.loads((folder / "clarify.json").read_text())["processing"]["versions"]["1.0"]
    return {
        "source": f"sagemaker-core {version('sagemaker-core')}",
        "analyzer": {
            "repository": analyzer["repository"],
            "tag": "latest",
            "accounts": analyzer["registries"],
        },
        "clarify": {"repository": clarify["repository"], "tag": "1.0", "accounts": clarify["registries"]},
    }


def main() -> None:
    Path(sys.argv[1]).write_text(json.dumps(table(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
