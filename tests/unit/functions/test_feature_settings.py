"""The function that adds to feature groups what CloudFormation cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from feature_settings.ports import Collection, State
from feature_settings.rules import NotSettled, settle

VISITS = Collection("visits", "String", "List")
VECTOR = Collection("face", "Fractional", "Vector", 3)


class Group:
    """A feature group that takes so many looks to come to rest; what it is asked for is written down."""

    def __init__(
        self,
        *collections: Collection,
        status: str = "Created",
        looks: int = 0,
        update: str = "Successful",
        there: bool = True,
    ) -> None:
        self.features: dict[str, Collection | None] = {"patient": None} | {
            each.name: each for each in collections
        }
        self.tags: dict[str, str] = {}
        self.added: list[list[str]] = []
        self._status, self._looks, self._update, self._there = status, looks, update, there
        self._busy = looks

    def look(self) -> State | None:
        if not self._there:
            return None
        if self._busy:
            self._busy -= 1
            return State("Creating" if not self.added else "Created", "InProgress", dict(self.features))
        update = self._update if self.added else "Successful"
        return State(self._status, update, dict(self.features), "no room")

    def add(self, collections: Sequence[Collection]) -> None:
        self.added.append([each.name for each in collections])
        self.features |= {each.name: each for each in collections}
        self._busy = self._looks

    def tag(self, tags: Mapping[str, str]) -> None:
        self.tags |= tags

    def untag(self, names: Sequence[str]) -> None:
        for name in names:
            self.tags.pop(name, None)


def settled(
    group: Group,
    *collections: Collection,
    tags: Mapping[str, str] | None = None,
    former: Mapping[str, str] | None = None,
    time_is_up: bool = False,
) -> list[str]:
    return settle(
        group, collections, tags or {}, former or {}, time_is_up=lambda: time_is_up, pause=lambda: None
    )


def test_adds_what_is_lacking_once_the_group_is_there() -> None:
    group = Group(VISITS, looks=3)

    assert settled(group, VISITS, VECTOR) == ["face"]
    assert group.added == [["face"]]


def test_adds_nothing_the_second_time() -> None:
    group = Group()
    settled(group, VISITS)

    assert settled(group, VISITS) == []


def test_adds_as_many_at_once_as_sagemaker_takes() -> None:
    group = Group()

    settled(group, *(Collection(f"c{number}", "String", "Set") for number in range(120)))

    assert [len(each) for each in group.added] == [100, 20]


def test_sets_tags_and_takes_off_those_that_are_no_more() -> None:
    group = Group()
    group.tags = {"stage": "try", "owner": "somebody else's"}

    settled(group, tags={"cost-center": "12"}, former={"stage": "try"})

    assert group.tags == {"cost-center": "12", "owner": "somebody else's"}


@pytest.mark.parametrize(
    ("group", "wanted", "words"),
    [
        (Group(there=False), VISITS, "no such feature group"),
        (Group(status="CreateFailed"), VISITS, "CreateFailed: no room"),
        (Group(update="Failed"), VISITS, "takes no further features: no room"),
        (Group(VISITS), VISITS._replace(kind="Set"), "is a List of type String, and cannot become a Set"),
        (Group(), Collection("patient", "String", "Set"), "is a feature with one value"),
    ],
)
def test_says_why_it_cannot(group: Group, wanted: Collection, words: str) -> None:
    with pytest.raises(NotSettled, match=words):
        settled(group, wanted)


def test_gives_up_when_time_is_up() -> None:
    with pytest.raises(NotSettled, match="not ready in time"):
        settled(Group(looks=9), VISITS, time_is_up=True)
