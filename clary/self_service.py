"""What people have made for themselves, and what would be left of it without the role that made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.launches import Launched, in_use
from clary.projects import Project, projects

Made = Launched | Project
_MOST_NAMES = 5


def made(clients: Callable[[str], Any], environment: Environment) -> list[Made]:
    """By whomever: from the environment's products, and as projects of its templates in Studio.

    A project that is a launch is that launch, and knows the project's name.
    """
    there = projects(clients, environment)
    of_launches = {each.launch: each for each in there if each.launch}
    launches = [
        replace(each, project=of_launches[each.id].name, owner=of_launches[each.id].owner)
        if each.id in of_launches
        else each
        for each in in_use(clients("servicecatalog"), environment)
    ]
    return [*launches, *(each for each in there if not each.launch)]


def check_in_use(clients: Callable[[str], Any], environment: Environment, *, stays: bool) -> None:
    """Raises ClaryError when something would be left without the role that alone can change and remove it.

    `stays` says whether the environment is to be what its file says, or to go altogether. What has lost its
    role already loses nothing by a deployment.
    """
    there = made(clients, environment)
    left = not_offered(there, environment) if stays else there
    if left:
        what = "the file offers no more" if stays else "would outlive the environment"
        raise ClaryError(
            f"people have launched what {what}, nothing was changed: {named(left)}; terminate that first:"
            f" {ways(left)}"
        )


def not_offered(some: Sequence[Made], environment: Environment) -> list[Made]:
    """What the file would leave without its role."""
    return [each for each in some if not each.is_lost and not each.is_offered(environment)]


def named(some: Sequence[Made]) -> str:
    """By their names and owners, a few of many."""
    names = ", ".join(f"{each.words} ({each.owner})" for each in some[:_MOST_NAMES])
    return f"{names} and {len(some) - _MOST_NAMES} more" if len(some) > _MOST_NAMES else names


def ways(some: Sequence[Made]) -> str:
    """How they go, a few of many."""
    return "; ".join(list(dict.fromkeys(each.way for each in some))[:_MOST_NAMES])
