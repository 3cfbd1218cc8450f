"""The latest approved version comes into service, and the one before comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from model_promotion.ports import Endpoint
from model_promotion.rules import NotPromoted, Wanted, promote, remove

ONE, TWO = (f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/group/{number}" for number in (1, 2))


def wanted(**changes: Any) -> Wanted:
    document: dict[str, Any] = {
        "endpoint": "clary-dev-housing",
        "group": "research--dev-housing",
        "model": {"ExecutionRoleArn": "arn:aws:iam::111122223333:role/a"},
        "configuration": {"ProductionVariants": [{"VariantName": "main", "InstanceType": "ml.m5.large"}]},
        "variables": {"WORKERS": "2"},
    }
    return Wanted.read(json.dumps(document | changes))


@dataclass
class Group:
    latest: str | None = None
    emptied: bool = False

    def approved(self) -> str | None:
        return self.latest

    def empty(self) -> None:
        self.emptied = True


@dataclass
class Service:
    """An endpoint whose updates are there at once, or go wrong."""

    endpoint: Endpoint | None = None
    made_models: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    made_configurations: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    sends_back: bool = False
    passes: list[Endpoint] = field(default_factory=list)

    def look(self) -> Endpoint | None:
        return self.passes.pop(0) if self.passes else self.endpoint

    def has_model(self, name: str) -> bool:
        return name in self.made_models

    def has_configuration(self, name: str) -> bool:
        return name in self.made_configurations

    def models(self) -> list[str]:
        return list(self.made_models)

    def configurations(self) -> Mapping[str, str]:
        return {
            name: one["ProductionVariants"][0]["ModelName"] for name, one in self.made_configurations.items()
        }

    def create_model(self, name: str, request: Mapping[str, Any]) -> None:
        self.made_models[name] = request

    def create_configuration(self, name: str, request: Mapping[str, Any]) -> None:
        self.made_configurations[name] = request

    def create(self, configuration: str, deployment: Mapping[str, Any] | None) -> None:
        self.done.append("create")
        self.endpoint = Endpoint("InService", configuration)

    def update(self, configuration: str, deployment: Mapping[str, Any] | None) -> None:
        self.done.append("update")
        assert self.endpoint is not None
        if self.sends_back:
            self.endpoint = Endpoint("InService", self.endpoint.configuration, "an alarm went off")
        else:
            self.endpoint = Endpoint("InService", configuration)

    def delete(self) -> None:
        self.done.append("delete")
        self.endpoint = None

    def delete_model(self, name: str) -> None:
        del self.made_models[name]

    def delete_configuration(self, name: str) -> None:
        del self.made_configurations[name]

    @property
    def package(self) -> str:
        """The version that is served."""
        assert self.endpoint is not None
        model = self.configurations()[self.endpoint.configuration]
        return str(self.made_models[model]["PrimaryContainer"]["ModelPackageName"])


def decide(group: Group, service: Service, of: Wanted | None = None) -> str:
    return promote(of or wanted(), group, service, time_is_up=lambda: False, pause=lambda: None)


def test_nothing_is_served_until_something_is_approved() -> None:
    service = Service()

    assert decide(Group(), service) == "nothing is approved"
    assert (service.endpoint, service.made_models) == (None, {})


def test_an_approval_brings_a_version_into_service() -> None:
    service = Service()

    decide(Group(ONE), service)

    assert (service.done, service.package) == (["create"], ONE)
    (model,) = service.made_models.values()
    assert model["PrimaryContainer"] == {"ModelPackageName": ONE, "Environment": {"WORKERS": "2"}}


def test_the_same_event_twice_changes_nothing_the_second_time() -> None:
    service = Service()
    decide(Group(ONE), service)

    again = decide(Group(ONE), service)

    assert (again, service.done) == (f"{ONE} is served already", ["create"])


def test_a_rejection_brings_the_version_before_back() -> None:
    service = Service()
    decide(Group(ONE), service)
    decide(Group(TWO), service)

    decide(Group(ONE), service)

    assert (service.done, service.package) == (["create", "update", "update"], ONE)


def test_keeps_what_is_served_and_what_was_before_and_no_more() -> None:
    service = Service()
    for package in (ONE, TWO, f"{TWO}0", f"{TWO}1"):
        decide(Group(package), service)

    assert (len(service.made_models), len(service.made_configurations)) == (2, 2)


def test_goes_on_with_what_is_served_when_everything_is_rejected() -> None:
    service = Service()
    decide(Group(ONE), service)

    assert decide(Group(), service) == "nothing is approved, what is served goes on"
    assert service.package == ONE


def test_does_not_try_again_what_was_sent_back() -> None:
    service = Service()
    decide(Group(ONE), service)
    service.sends_back = True
    decide(Group(TWO), service)

    again = decide(Group(TWO), service)

    assert "was sent back and is not tried again: an alarm went off" in again
    assert (service.done, service.package) == (["create", "update"], ONE)


def test_another_capacity_is_another_configuration_of_the_same_model() -> None:
    service = Service()
    decide(Group(ONE), service)
    (model,) = service.made_models

    variants = [{"VariantName": "main", "InstanceType": "ml.m5.xlarge"}]
    decide(Group(ONE), service, wanted(configuration={"ProductionVariants": variants}))

    assert (service.done, list(service.made_models)) == (["create", "update"], [model])


def test_makes_a_failed_endpoint_anew() -> None:
    service = Service(Endpoint("Failed", "clary-dev-housing-000000000000", "no capacity"))

    decide(Group(ONE), service)

    assert (service.done, service.package) == (["delete", "create"], ONE)


def test_waits_for_an_update_that_is_under_way() -> None:
    service = Service(passes=[Endpoint("Updating", "a"), Endpoint("Updating", "a")])

    decide(Group(ONE), service)

    assert service.done == ["create"]


def test_says_so_when_an_update_takes_too_long() -> None:
    service = Service(Endpoint("Updating", "a"))

    with pytest.raises(NotPromoted, match="the endpoint is still Updating"):
        promote(wanted(), Group(ONE), service, time_is_up=lambda: True, pause=lambda: None)


def test_leaves_alone_what_belongs_to_an_endpoint_whose_name_begins_the_same() -> None:
    service = Service()
    service.made_models["clary-dev-housing-prices-0123456789ab"] = {}

    decide(Group(ONE), service)
    remove(wanted(), None, service, time_is_up=lambda: False, pause=lambda: None)

    assert list(service.made_models) == ["clary-dev-housing-prices-0123456789ab"]


@pytest.mark.parametrize("empties", [True, False])
def test_removes_all_that_it_made_and_the_versions_only_where_that_was_asked_for(empties: bool) -> None:
    service, group = Service(), Group(ONE)
    decide(group, service)

    remove(wanted(), group if empties else None, service, time_is_up=lambda: False, pause=lambda: None)

    assert (service.endpoint, service.made_models, service.made_configurations) == (None, {}, {})
    assert group.emptied is empties
