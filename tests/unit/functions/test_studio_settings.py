"""The function that sends Studio settings to people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from studio_settings.adapters import LifecycleConfigs
from studio_settings.ports import Profile, Settings
from studio_settings.rules import NotSent, holds, send

LAB = {"JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": "ml.t3.large"}}}


class Domain:
    """Profiles that take so many looks to change; what they are asked for is written down."""

    def __init__(self, profiles: dict[str, Profile], looks: int = 0, fails: str = "") -> None:
        self.profiles = profiles
        self.asked: list[str] = []
        self._looks = looks
        self._fails = fails
        self._coming: dict[str, Iterator[Profile]] = {}

    def look_at(self, name: str) -> Profile | None:
        if name in self._coming:
            self.profiles[name] = next(self._coming[name], self.profiles[name])
        return self.profiles.get(name)

    def update(self, name: str, settings: Settings) -> None:
        self.asked.append(name)
        before = self.profiles[name]
        self._coming[name] = iter(
            [Profile("Updating", before.settings)] * self._looks
            + [
                Profile("Update_Failed", before.settings, self._fails)
                if self._fails
                else Profile("InService", {**before.settings, **settings})
            ]
        )


def told(domain: Domain, *names: str, time_is_up: bool = False, **more: Any) -> list[str]:
    return send(domain, names, LAB, time_is_up=lambda: time_is_up, pause=lambda: None, **more)


def test_tells_everybody_and_waits_until_it_has_arrived() -> None:
    domain = Domain({"ada": Profile("InService", {}), "emmy": Profile("InService", {})}, looks=2)

    assert told(domain, "ada", "emmy") == ["ada", "emmy"]
    assert [domain.profiles[name].settings for name in ("ada", "emmy")] == [LAB, LAB]


def test_does_not_tell_who_knows() -> None:
    domain = Domain({"ada": Profile("InService", LAB), "emmy": Profile("InService", {})})

    assert told(domain, "ada", "emmy") == ["emmy"]
    assert told(domain, "ada", "emmy") == []
    assert domain.asked == ["emmy"]


def test_waits_for_a_profile_that_is_still_being_made() -> None:
    domain = Domain({"ada": Profile("Pending", {})})
    domain._coming["ada"] = iter([Profile("Pending", {}), Profile("InService", {})])

    assert told(domain, "ada") == ["ada"]


def test_tells_again_whom_an_update_did_not_reach_before() -> None:
    domain = Domain({"ada": Profile("Update_Failed", LAB, "throttled")})

    assert told(domain, "ada") == ["ada"]


def test_says_why_an_update_failed() -> None:
    domain = Domain({"ada": Profile("InService", {})}, fails="no such image")

    with pytest.raises(NotSent, match="the settings of 'ada' did not arrive: no such image"):
        told(domain, "ada")


def test_says_who_is_not_there() -> None:
    with pytest.raises(NotSent, match="the domain has no user profile 'ada'"):
        told(Domain({}), "ada")


def test_goes_on_without_who_may_be_gone() -> None:
    domain = Domain({"emmy": Profile("InService", {})})

    assert told(domain, "ada", "emmy", may_be_gone=True) == ["emmy"]


def test_says_who_takes_no_settings() -> None:
    with pytest.raises(NotSent, match="'ada' is Failed and takes no settings: no role"):
        told(Domain({"ada": Profile("Failed", {}, "no role")}), "ada")


def test_says_how_many_are_left_when_its_time_is_up_and_goes_on_when_called_again() -> None:
    domain = Domain({"ada": Profile("InService", {}), "emmy": Profile("InService", LAB)}, looks=1)

    with pytest.raises(NotSent, match="1 of 2 user profiles were not ready in time, the first is 'ada'"):
        told(domain, "ada", "emmy", time_is_up=True)
    assert told(domain, "ada", "emmy") == []


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ({"Hidden": ["b", "a"], "More": 1}, {"Hidden": ["a", "b"]}),
        ({}, {"Hidden": []}),
        ({"Idle": {"Minutes": 60, "Most": 90}}, {"Idle": {"Minutes": 60}}),
    ],
    ids=["in another order", "nothing for an empty list", "with more beside it"],
)
def test_takes_settings_for_there(there: Settings, wanted: Settings) -> None:
    assert holds(there, wanted)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ({"Hidden": ["a", "b"]}, {"Hidden": ["a"]}),
        ({"Hidden": ["a"]}, {"Hidden": []}),
        ({}, {"Idle": {"Minutes": 60}}),
        ({"Idle": {"Minutes": 90}}, {"Idle": {"Minutes": 60}}),
    ],
    ids=["too many", "some for none", "missing", "another value"],
)
def test_takes_other_settings_for_missing(there: Settings, wanted: Settings) -> None:
    assert not holds(there, wanted)


class SageMaker:
    """Lifecycle configurations by name, some of which are in use."""

    def __init__(self, in_use: tuple[str, ...] = ()) -> None:
        self.there: dict[str, str] = {}
        self._in_use = in_use

    def create_studio_lifecycle_config(self, **request: str) -> dict[str, str]:
        name = request["StudioLifecycleConfigName"]
        if name in self.there:
            raise ClientError({"Error": {"Code": "ResourceInUse"}}, "CreateStudioLifecycleConfig")
        self.there[name] = request["StudioLifecycleConfigContent"]
        return self.describe_studio_lifecycle_config(StudioLifecycleConfigName=name)

    def describe_studio_lifecycle_config(self, **request: str) -> dict[str, str]:
        return {"StudioLifecycleConfigArn": f"arn:{request['StudioLifecycleConfigName']}"}

    def delete_studio_lifecycle_config(self, **request: str) -> None:
        name = request["StudioLifecycleConfigName"]
        if name in self._in_use or name not in self.there:
            code = "ResourceInUse" if name in self._in_use else "ResourceNotFound"
            raise ClientError({"Error": {"Code": code}}, "DeleteStudioLifecycleConfig")
        del self.there[name]


def test_makes_a_startup_script_once_however_often_it_is_asked() -> None:
    configs = LifecycleConfigs(SageMaker())

    assert [configs.make("people-1", "JupyterLab", "ZXhpdA==") for _ in range(2)] == ["arn:people-1"] * 2


def test_deletes_a_startup_script_unless_somebody_has_it() -> None:
    sagemaker = SageMaker(in_use=("people-1",))
    configs = LifecycleConfigs(sagemaker)
    for name in ("people-1", "people-2"):
        configs.make(name, "JupyterLab", "ZXhpdA==")

    assert [configs.delete(name) for name in ("people-1", "people-2", "people-2")] == [False, True, True]
    assert [*sagemaker.there] == ["people-1"]
