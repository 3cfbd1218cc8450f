"""What an environment file says of data."""

from __future__ import annotations

from typing import Literal

from clary.environment.part import Part


class Data(Part):
    """What happens to data when the environment is destroyed. Deleting it has to be said twice."""

    on_destroy: Literal["retain", "delete"] = "retain"
    """`retain` keeps buckets, keys and image repositories when the environment is destroyed."""
    delete_confirmed_for: str | None = None
    """The environment's own name, once more, when `on_destroy` is `delete`: a copied file deletes nothing."""
