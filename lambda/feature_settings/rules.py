"""Which collections a feature group lacks, and when it has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from feature_settings.ports import Collection, Group, State

_AT_ONCE = 100
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html"""


class NotSettled(Exception):
    """The group does not have what was asked for."""


def settle(
    group: Group,
    collections: Sequence[Collection],
    tags: Mapping[str, str],
    former_tags: Mapping[str, str],
    *,
    time_is_up: Callable[[], bool],
    pause: Callable[[], None],
) -> list[str]:
    """Adds the collections that are not there, and waits until they are; returns their names.

    Tags are set, and those of `former_tags` that are no more are taken off. Calling it again adds nothing.
    Raises NotSettled for a group that is not there or not ready in time, for an update that failed, and for
    a feature that is there and something else: SageMaker retypes none.
    """
    state = _at_rest(group, time_is_up, pause)
    lacking = [each for each in collections if each.name not in state.collections]
    for each in collections:
        there = state.collections.get(each.name, each)
        if there != each:
            raise NotSettled(
                f"the feature '{each.name}' is {_words(there)}, and cannot become {_words(each)}"
            )
    for begin in range(0, len(lacking), _AT_ONCE):
        group.add(lacking[begin : begin + _AT_ONCE])
        state = _at_rest(group, time_is_up, pause)
        if state.update == "Failed":
            raise NotSettled(f"the group takes no further features: {state.failure or 'no reason given'}")
    gone = sorted(set(former_tags) - set(tags))
    if gone:
        group.untag(gone)
    if tags:
        group.tag(tags)
    return [each.name for each in lacking]


def _at_rest(group: Group, time_is_up: Callable[[], bool], pause: Callable[[], None]) -> State:
    while True:
        state = group.look()
        if state is None:
            raise NotSettled("there is no such feature group")
        if state.status == "CreateFailed" or state.status.startswith("Delet"):
            raise NotSettled(f"the feature group is {state.status}: {state.failure or 'no reason given'}")
        if state.status == "Created" and state.update != "InProgress":
            return state
        if time_is_up():
            raise NotSettled(f"the feature group was not ready in time, it is {state.status}: deploy again")
        pause()


def _words(feature: Collection | None) -> str:
    if feature is None:
        return "a feature with one value"
    length = "" if feature.dimension is None else f" of {feature.dimension}"
    return f"a {feature.kind}{length} of type {feature.type}"
