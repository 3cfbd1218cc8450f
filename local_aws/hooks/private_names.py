"""How a module says what of ministack's private names it touches."""

from __future__ import annotations

from collections.abc import Mapping

PrivateNames = Mapping[str, tuple[str, ...]]
"""By ministack's modules."""
