"""What becomes of somebody's apps and spaces when they leave, and of their rights."""

from __future__ import annotations

from collections.abc import Callable, Collection

from runtime_common.continuation import TimeIsUp
from runtime_common.one_name import one_name
from studio_leavers.ports import Domain


def see_off(
    domain: Domain,
    *,
    gone: Collection[str],
    left: Collection[str],
    work_stays: bool,
    time_is_up: Callable[[], bool],
    pause: Callable[[], None],
) -> None:
    """Stops what runs for those who are `gone` and those who have `left`, and waits until it has ended.

    Whose profile is about to be deleted loses their spaces, too: those that they have made themselves
    would keep it. Where work stays, profiles and spaces do, and whoever is gone loses their rights instead;
    who has `left` has none already. In spaces that are shared, others may be at work: they go on, unless
    the space goes. Calling it again goes on where it stopped. Raises TimeIsUp.
    """
    while True:
        waiting = [
            *_without_rights(domain, gone if work_stays else ()),
            *_stopped(domain, gone=gone, left=left, work_stays=work_stays),
        ]
        if not waiting and not work_stays:
            waiting = _without_spaces(domain, gone)
        if not waiting:
            return
        if time_is_up():
            raise TimeIsUp(f"{waiting[0]}, and {len(waiting) - 1} more: deploy again to go on")
        pause()


def identity(stem: str, *, only: str | None, known: str | None) -> str:
    """What the resource is known by that stands for some people: where it is for one `only`, with their name.

    Raises AnotherName where it is `known` by the name of somebody else.
    """
    return stem if only is None else one_name(stem, only, known=known, holds="its home")


def _without_rights(domain: Domain, gone: Collection[str]) -> list[str]:
    return [f"the profile '{name}' takes no change" for name in gone if not domain.take_rights(name)]


def _stopped(domain: Domain, *, gone: Collection[str], left: Collection[str], work_stays: bool) -> list[str]:
    people = {*gone, *left}
    if not people:
        return []
    theirs = [
        space.name
        for space in domain.spaces()
        if space.owner in people and (space.private or (space.owner in gone and not work_stays))
    ]
    running = domain.apps(profiles=people, spaces=theirs)
    for app in running:
        if not app.going:
            domain.stop(app)
    return [f"the app '{app.name}' is being stopped" for app in running]


def _without_spaces(domain: Domain, gone: Collection[str]) -> list[str]:
    theirs = [space for space in domain.spaces() if space.owner in gone] if gone else []
    for space in theirs:
        if not space.going:
            domain.delete_space(space.name)
    return [f"the space '{space.name}' is being deleted" for space in theirs]
