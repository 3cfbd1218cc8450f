"""What becomes of somebody's apps and spaces when they leave, and of their rights."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from runtime_common.continuation import TimeIsUp, continuing
from runtime_common.one_name import AnotherName
from studio_leavers.adapters import SageMakerDomain
from studio_leavers.ports import App, Space
from studio_leavers.rules import identity, see_off


@dataclass
class Studio:
    """A domain in which an app takes one look to stop, and a space with a running app is not deleted."""

    all_spaces: list[Space]
    running: dict[str, str]
    """The apps, by name, each with the profile or the space that it runs in."""
    busy: set[str] = field(default_factory=set)
    without_rights: set[str] = field(default_factory=set)
    stopping: set[str] = field(default_factory=set)

    def spaces(self) -> Sequence[Space]:
        return list(self.all_spaces)

    def apps(self, *, profiles: Collection[str], spaces: Collection[str]) -> Sequence[App]:
        gone, self.stopping = self.stopping, set()
        for name in gone:
            del self.running[name]
        return [App(name, going=False) for name, at in self.running.items() if at in {*profiles, *spaces}]

    def stop(self, app: App) -> None:
        self.stopping.add(app.name)

    def delete_space(self, name: str) -> None:
        assert name not in self.running.values(), "a space with a running app is not deleted"
        self.all_spaces = [space for space in self.all_spaces if space.name != name]

    def take_rights(self, profile: str) -> bool:
        if profile in self.busy:
            self.busy.remove(profile)
            return False
        self.without_rights.add(profile)
        return True


@pytest.fixture
def studio() -> Studio:
    """Ada and Grace, each with a space of the file; one that Ada has made; and one for all, of Ada's."""
    return Studio(
        [
            Space("ada", "ada", private=True),
            Space("made-by-ada", "ada", private=True),
            Space("for-all", "ada", private=False),
            Space("grace", "grace", private=True),
        ],
        {"lab": "ada", "classic-of-ada": "ada-herself", "own": "made-by-ada", "all": "for-all", "g": "grace"},
    )


def off(studio: Studio, *, time_is_up: Callable[[], bool] = lambda: False, **who: Any) -> None:
    given: dict[str, Any] = {"gone": [], "left": [], "work_stays": True} | who
    see_off(studio, time_is_up=time_is_up, pause=lambda: None, **given)


def names(studio: Studio) -> list[str]:
    return [space.name for space in studio.all_spaces]


def test_whose_work_goes_loses_apps_and_then_spaces_also_those_they_made(studio: Studio) -> None:
    off(studio, gone=["ada"], work_stays=False)

    assert names(studio) == ["grace"]
    assert sorted(studio.running) == ["classic-of-ada", "g"]
    assert studio.without_rights == set()


def test_whose_work_stays_loses_rights_and_what_runs_and_keeps_their_spaces(studio: Studio) -> None:
    studio.busy = {"ada"}

    off(studio, gone=["ada"])

    assert studio.without_rights == {"ada"}
    assert names(studio) == ["ada", "made-by-ada", "for-all", "grace"]
    assert sorted(studio.running) == ["all", "classic-of-ada", "g"]


def test_who_has_left_has_nothing_running_and_others_go_on_in_what_is_shared(studio: Studio) -> None:
    off(studio, left=["ada"], work_stays=False)

    assert names(studio) == ["ada", "made-by-ada", "for-all", "grace"]
    assert sorted(studio.running) == ["all", "classic-of-ada", "g"]
    assert studio.without_rights == set()


def test_a_second_time_there_is_nothing_to_do(studio: Studio) -> None:
    off(studio, gone=["ada"], work_stays=False)
    off(studio, gone=["ada"], work_stays=False)

    assert names(studio) == ["grace"]


def test_says_what_it_waits_for_when_its_time_is_up(studio: Studio) -> None:
    with pytest.raises(TimeIsUp, match="the app 'lab' is being stopped, and 2 more: deploy again to go on"):
        off(studio, gone=["ada"], work_stays=False, time_is_up=lambda: True)


def test_whoever_is_launched_alone_keeps_their_name() -> None:
    adas = identity("leavers", only="ada", known=None)

    assert identity("leavers", only="ada", known=adas) == adas == "leavers-ada"
    with pytest.raises(AnotherName, match=r"this belongs to 'ada'.* launch another one for 'emmy'"):
        identity("leavers", only="emmy", known=adas)


def test_a_group_is_known_by_no_name() -> None:
    assert identity("leavers", only=None, known="leavers") == "leavers"


class SageMaker:
    """Answers as SageMaker does: an app in a space has no profile."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self.profile = profile
        self.told: list[tuple[str, dict[str, Any]]] = []

    def get_paginator(self, operation: str) -> SageMaker:
        self._operation = operation
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        if self._operation == "list_spaces":
            owner = {"OwnerUserProfileName": "ada"}
            shared = {"SharingType": "Shared"}
            return [
                {
                    "Spaces": [
                        {"SpaceName": "s", "OwnershipSettingsSummary": owner, "Status": "InService"},
                        {
                            "SpaceName": "t",
                            "OwnershipSettingsSummary": owner,
                            "SpaceSharingSettingsSummary": shared,
                            "Status": "Deleting",
                        },
                        {"SpaceName": "nobodys", "Status": "InService"},
                    ]
                }
            ]
        kinds = [("InService", "s"), ("Deleted", "s"), ("Failed", "s"), ("Deleting", "s"), ("InService", "z")]
        return [
            {
                "Apps": [
                    {"AppType": "JupyterLab", "AppName": f"{number}", "SpaceName": space, "Status": status}
                    for number, (status, space) in enumerate(kinds)
                ]
            }
        ]

    def delete_app(self, **request: Any) -> None:
        self.told.append(("delete_app", request))

    def describe_user_profile(self, **_: str) -> dict[str, Any]:
        return self.profile

    def update_user_profile(self, **request: Any) -> None:
        self.told.append(("update_user_profile", request))


def adapter(status: str = "InService", role: str = "scientist") -> tuple[SageMaker, SageMakerDomain]:
    sagemaker = SageMaker({"Status": status, "UserSettings": {"ExecutionRole": role}})
    return sagemaker, SageMakerDomain(sagemaker, "d-1", "rest")


def test_sees_spaces_by_their_owners() -> None:
    _, domain = adapter()

    assert domain.spaces() == [
        Space("s", "ada", private=True),
        Space("t", "ada", private=False, going=True),
    ]


def test_sees_apps_in_spaces_and_asks_what_has_failed_to_go_once() -> None:
    sagemaker, domain = adapter()

    first = domain.apps(profiles=["ada"], spaces=["s"])
    again = domain.apps(profiles=["ada"], spaces=["s"])
    domain.stop(first[0])

    assert [(app.name, app.going) for app in first] == [
        ("s/JupyterLab/0", False),
        ("s/JupyterLab/2", False),
        ("s/JupyterLab/3", True),
    ]
    assert [app.name for app in again] == ["s/JupyterLab/0", "s/JupyterLab/3"]
    assert sagemaker.told == [
        ("delete_app", {"DomainId": "d-1", "SpaceName": "s", "AppType": "JupyterLab", "AppName": "0"})
    ]


@pytest.mark.parametrize(
    ("status", "role", "done", "told"),
    [
        ("InService", "scientist", True, 1),
        ("InService", "rest", True, 0),
        ("Updating", "scientist", False, 0),
    ],
)
def test_takes_rights_from_a_profile_that_takes_changes(
    status: str, role: str, done: bool, told: int
) -> None:
    sagemaker, domain = adapter(status, role)

    assert domain.take_rights("ada") is done
    assert len(sagemaker.told) == told


class Lambda:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def invoke(self, *, Payload: bytes, **_: str) -> None:  # noqa: N803 - boto3's own name
        self.events.append(json.loads(Payload))


@dataclass
class Context:
    left_ms: int
    invoked_function_arn: str = "arn"

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


def _until_time_is_up(time_is_up: Callable[[], bool]) -> None:
    if time_is_up():
        raise TimeIsUp("not done")


def test_goes_on_in_another_call_when_this_one_ends() -> None:
    function = Lambda()
    event = {"ResourceProperties": {"ServiceTimeout": "3600"}, "RequestId": "1"}

    done = continuing(event, Context(left_ms=10_000), _until_time_is_up, client=lambda _: function)

    assert not done
    assert [each["RequestId"] for each in function.events] == ["1"]


def test_gives_up_before_cloudformation_does() -> None:
    function = Lambda()
    event = {"ResourceProperties": {"ServiceTimeout": "60"}}

    with pytest.raises(TimeIsUp):
        continuing(event, Context(left_ms=900_000), _until_time_is_up, client=lambda _: function)

    assert function.events == []


def test_does_its_work_in_one_call_where_it_can() -> None:
    event = {"ResourceProperties": {"ServiceTimeout": "3600"}}

    assert continuing(event, Context(left_ms=900_000), _until_time_is_up, client=lambda _: Lambda())
