"""What the values of a feature are."""

from __future__ import annotations

from typing import Literal

FeatureType = Literal["String", "Integral", "Fractional"]
