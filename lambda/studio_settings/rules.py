"""How settings get to people: whom they are news to, in which order, and when they have arrived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from studio_settings.ports import Profile, Profiles, Settings

_SETTLED = ("InService", "Update_Failed")


class NotSent(Exception):
    """Somebody does not have the settings; who has them already keeps them."""


def send(
    profiles: Profiles,
    names: Sequence[str],
    settings: Settings,
    *,
    may_be_gone: bool = False,
    time_is_up: Callable[[], bool],
    pause: Callable[[], None],
) -> list[str]:
    """Sends `settings` to each profile that has others, waits until all have them, and returns whom it told.

    Calling it again tells only who has not been told: it looks before it speaks. Raises NotSent for a
    profile that cannot be told or is not ready in time, with the reason; and for one that is not there,
    unless it `may_be_gone`.
    """
    gone = [name for name in names if profiles.look_at(name) is None]
    if gone and not may_be_gone:
        raise NotSent(f"the domain has no user profile '{gone[0]}'")
    waiting = [name for name in names if name not in gone]
    told: list[str] = []
    while waiting:
        waiting = [name for name in waiting if not _settled(profiles, name, settings, told)]
        if waiting and time_is_up():
            raise NotSent(
                f"{len(waiting)} of {len(names)} user profiles were not ready in time, the first is"
                f" '{waiting[0]}': deploy again to go on"
            )
        if waiting:
            pause()
    return told


def _settled(profiles: Profiles, name: str, settings: Settings, told: list[str]) -> bool:
    """Whether nothing is left to do; asks for what is."""
    profile = profiles.look_at(name)
    if profile is None:
        return True  # gone meanwhile
    if profile.status not in _SETTLED:
        return _check(name, profile)
    if name in told:
        if profile.status != "InService":
            raise NotSent(f"the settings of '{name}' did not arrive: {profile.failure or profile.status}")
        return True
    if holds(profile.settings, settings) and profile.status == "InService":
        return True
    profiles.update(name, settings)
    told.append(name)
    return False


def _check(name: str, profile: Profile) -> bool:
    """False for what will pass by itself; raises for what will not."""
    if profile.status in ("Failed", "Deleting", "Delete_Failed"):
        raise NotSent(
            f"the user profile '{name}' is {profile.status} and takes no settings"
            f"{': ' + profile.failure if profile.failure else ''}"
        )
    return False


def holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there. The order of lists means nothing, nor does an empty one."""
    if isinstance(wanted, Mapping):
        known = there if isinstance(there, Mapping) else {}
        return all(holds(known.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return sorted(map(repr, there or [])) == sorted(map(repr, wanted))
    return bool(there == wanted)
