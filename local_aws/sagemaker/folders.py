"""Where SageMaker keeps files while it runs: below the server's own temporary folder."""

from __future__ import annotations

import os
from pathlib import Path


def containers() -> Path:
    """The parent of the containers' folders; the server removes it when it ends, and when it starts."""
    return Path(os.environ["TMPDIR"]) / "sagemaker"
