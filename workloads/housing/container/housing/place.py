"""Where SageMaker puts things in a container.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A container's /opt/ml, or a folder laid out like it."""

    base: Path

    @classmethod
    def of_this_process(cls) -> Place:
        """`SAGEMAKER_BASE_DIR` is what SageMaker's own toolkits read, too: it stands in for /opt/ml where
        a process cannot be given an /opt/ml of its own."""
        return cls(Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"))

    @property
    def hyperparameters(self) -> Path:
        return self.base / "input" / "config" / "hyperparameters.json"

    @property
    def training_channel(self) -> Path:
        return self.base / "input" / "data" / "training"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def failure(self) -> Path:
        """What is written here becomes the training job's `FailureReason`."""
        return self.base / "output" / "failure"
