"""What a project's feature group becomes: it is made once, and grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from project_workspace.ports import Definition, Group, State

_AT_ONCE = 100
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html"""
_OF_THE_STORE = ("api_invocation_time", "is_deleted", "write_time", "year", "month", "day", "hour")
"""Columns of the offline store's own, and what its files lie by:
https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html"""
_TYPES = {"string": "String", "integral": "Integral", "fractional": "Fractional"}


class Refused(Exception):
    """The group does not become what was asked for."""


def definition(identifier: str, event_time: str, features: str) -> Definition:
    """As people write it: `age:integral,sex:string`. Key and time are text, unless they are listed.

    Raises Refused for a feature that is there twice, or that the store has itself: the table does not tell
    large from small letters.
    """
    found = {identifier: "string", event_time: "string"}
    listed: set[str] = set()
    for each in (one for one in features.split(",") if one):
        name, _, type_ = each.partition(":")
        if name.lower() in listed:
            raise Refused(f"the feature '{name}' is there twice, name it once")
        listed.add(name.lower())
        found[name] = type_
    if len({name.lower() for name in found}) < len(found) or identifier == event_time:
        raise Refused(f"'{identifier}' and '{event_time}' are columns, give each feature a name of its own")
    for name in found:
        if name.lower() in _OF_THE_STORE:
            raise Refused(f"'{name}' is a column of the store's own, choose another name")
    return Definition(identifier, event_time, {name: _TYPES[type_] for name, type_ in found.items()})


def keep(
    group: Group, wanted: Definition, *, time_is_up: Callable[[], bool], pause: Callable[[], None]
) -> Sequence[str]:
    """Makes the group, or adds what it lacks, and waits until it is so; returns what was added.

    What it has beyond what is wanted stays. Calling it again adds nothing. Raises Refused for a group that
    somebody else has made, for another key or time, for another type of a feature, and for what SageMaker
    has not done in time.
    """
    state = group.look()
    if state is None:
        group.make(wanted)
        try:
            _at_rest(group, time_is_up, pause)
        except Refused:
            _clear(group)
            raise
        return sorted(wanted.features)
    if not state.ours:
        raise Refused("there is a feature group of this name already, choose another name")
    state = _at_rest(group, time_is_up, pause)
    there = state.definition
    for what, old, new in (
        ("identifier", there.identifier, wanted.identifier),
        ("event time", there.event_time, wanted.event_time),
    ):
        if old != new:
            raise Refused(f"the {what} is '{old}' for good, and cannot become '{new}'")
    columns = {name.lower(): name for name in there.features}
    for name, type_ in wanted.features.items():
        known = columns.get(name.lower(), name)
        if known != name:
            raise Refused(f"'{name}' would be the column of '{known}', choose another name")
        if there.features.get(name, type_) != type_:
            raise Refused(
                f"the feature '{name}' is {there.features[name]}, and cannot become {type_}: add another one"
            )
    lacking = sorted(set(wanted.features) - set(there.features))
    for begin in range(0, len(lacking), _AT_ONCE):
        group.add({name: wanted.features[name] for name in lacking[begin : begin + _AT_ONCE]})
        state = _at_rest(group, time_is_up, pause)
        if state.update == "Failed":
            raise Refused(f"the group takes no further features: {state.failure or 'no reason given'}")
    return lacking


def remove(group: Group, *, time_is_up: Callable[[], bool], pause: Callable[[], None]) -> bool:
    """Removes the group, and waits until it is gone; whether there was one that this workspace has made.

    Its files and its table stay. Calling it again removes nothing. Raises Refused when it takes too long.
    """
    state, asked = group.look(), False
    found = state is not None and state.ours
    while state is not None and state.ours:
        if state.status in ("Created", "CreateFailed", "DeleteFailed") and not asked:
            group.remove()
            asked = True
        elif time_is_up():
            raise Refused(f"the feature group was not gone in time, it is {state.status}: try again")
        else:
            pause()
        state = group.look()
    return found


def _clear(group: Group) -> None:
    """What could not be made would keep the name from whoever launches it again."""
    state = group.look()
    if state is not None and state.ours and state.status == "CreateFailed":
        group.remove()


def _at_rest(group: Group, time_is_up: Callable[[], bool], pause: Callable[[], None]) -> State:
    while True:
        state = group.look()
        if state is None or state.status == "CreateFailed" or state.status.startswith("Delet"):
            status, failure = ("gone", "") if state is None else (state.status, state.failure)
            raise Refused(f"the feature group is {status}: {failure or 'no reason given'}")
        if state.status == "Created" and state.update != "InProgress":
            return state
        if time_is_up():
            raise Refused(f"the feature group was not ready in time, it is {state.status}: try again")
        pause()
