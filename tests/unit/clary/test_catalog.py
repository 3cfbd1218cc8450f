"""What has been launched keeps what it was launched with; and what a person sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clary.catalog import Catalog, check_in_use
from clary.drift import Kind, unknown_profile
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.target import Target

PORTFOLIO = {
    "principals": ["arn:aws:iam::111122223333:role/newcomers"],
    "products": {"data_scientist": {}},
}


def environment(**portfolios: Any) -> Environment:
    return Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {}},
            "catalog": {"portfolios": portfolios},
        }
    )


@dataclass
class ServiceCatalog:
    """As boto3's client has it: one product, whose version asks for a name, and what was launched."""

    launched: Sequence[Mapping[str, Any]] = ()
    products: Sequence[str] = ("clary-dev-research-data-scientist", "clary-prod-research-data-scientist")
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def search_products(self, **asked: Any) -> Mapping[str, Any]:
        """One at a time, as a large catalog answers."""
        number = int(asked.get("PageToken", 0))
        page: dict[str, Any] = {"ProductViewSummaries": []}
        if number < len(self.products):
            name = self.products[number]
            page["ProductViewSummaries"] = [{"ProductId": f"prod-{number}", "Name": name}]
            page["NextPageToken"] = str(number + 1)
        return page

    def search_provisioned_products(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(("search", asked))
        return {"ProvisionedProducts": self.launched}

    def describe_product(self, **_: Any) -> Mapping[str, Any]:
        return {"ProvisioningArtifacts": [{"Id": "pa-1", "CreatedTime": 1}, {"Id": "pa-2", "CreatedTime": 2}]}

    def list_launch_paths(self, **_: Any) -> Mapping[str, Any]:
        return {"LaunchPathSummaries": [{"Id": "lpv-1"}]}

    def describe_provisioning_parameters(self, **_: Any) -> Mapping[str, Any]:
        return {"ProvisioningArtifactParameters": [{"ParameterKey": "Name"}]}

    def provision_product(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(("provision", asked))
        return {"RecordDetail": {"RecordId": "rec-1"}}

    def describe_record(self, **_: Any) -> Mapping[str, Any]:
        errors = [{"Description": "the role may not"}]
        detail = {"Status": "FAILED", "ProvisionedProductName": "emmys", "RecordErrors": errors}
        return {"RecordDetail": detail}


def launched(product: str = "clary-dev-research-data-scientist") -> Mapping[str, Any]:
    return {
        "Id": "pp-1",
        "Name": "emmys",
        "ProductName": product,
        "Status": "AVAILABLE",
        "UserArnSession": "emmy",
    }


class Somewhere(Target):
    client_of_all: ServiceCatalog

    def client(self, service: str) -> Any:
        assert service == "servicecatalog"
        return self.client_of_all


def target(catalog: ServiceCatalog, given: Environment, tmp_path: Path) -> Target:
    found = Somewhere(given, None, tmp_path)
    object.__setattr__(found, "client_of_all", catalog)
    return found


def test_a_product_that_somebody_has_stays_in_the_file(tmp_path: Path) -> None:
    catalog = ServiceCatalog([launched()])

    check_in_use(target(catalog, environment(research=PORTFOLIO), tmp_path), stays=True)
    with pytest.raises(ClaryError, match=r"the file offers no more.*: emmys \(emmy\)"):
        check_in_use(target(catalog, environment(), tmp_path), stays=True)


def test_an_environment_stays_while_somebody_has_launched_something(tmp_path: Path) -> None:
    with pytest.raises(ClaryError, match=r"would outlive the environment.*: emmys \(emmy\)"):
        check_in_use(
            target(ServiceCatalog([launched()]), environment(research=PORTFOLIO), tmp_path), stays=False
        )


def test_what_is_launched_elsewhere_keeps_nothing(tmp_path: Path) -> None:
    catalog = ServiceCatalog([launched("clary-prod-research-data-scientist"), launched("theirs")])

    check_in_use(target(catalog, environment(), tmp_path), stays=False)

    ((_, asked),) = catalog.asked
    assert asked["AccessLevelFilter"] == {"Key": "Account", "Value": "self"}


def test_a_person_sees_the_environments_products_on_all_pages() -> None:
    names = [f"clary-dev-team-{number}" for number in range(3)]
    seen = Catalog(ServiceCatalog(products=[*names, "clary-prod-x"]), environment())

    assert [each.short for each in seen.offered()] == ["team-0", "team-1", "team-2"]


def test_a_launch_takes_the_newest_version_and_is_called_after_its_first_value() -> None:
    service = ServiceCatalog()
    seen = Catalog(service, environment())

    seen.launch(seen.product("research-data-scientist"), {"Name": "emmy"}, name=None, tags={"a": "b"})

    ((_, asked),) = service.asked
    assert asked["ProvisioningArtifactId"] == "pa-2"
    assert asked["ProvisionedProductName"] == "research-data-scientist-emmy"
    assert asked["ProvisioningParameters"] == [{"Key": "Name", "Value": "emmy"}]
    assert asked["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"Nmae": "emmy"}, "no field 'Nmae', did you mean 'Name'?"),
        ({}, "'research-data-scientist' asks for Name, give Name=…"),
    ],
)
def test_a_launch_says_what_is_wrong_before_it_begins(values: Mapping[str, str], words: str) -> None:
    service = ServiceCatalog()
    seen = Catalog(service, environment())

    with pytest.raises(ClaryError) as refusal:
        seen.launch(seen.product("research-data-scientist"), values, name=None, tags={})

    assert words in str(refusal.value)
    assert service.asked == []


def test_a_product_that_is_not_offered_is_told_with_those_that_are() -> None:
    with pytest.raises(ClaryError, match="did you mean 'research-data-scientist'"):
        Catalog(ServiceCatalog(), environment()).product("research-data-scientst")
    with pytest.raises(ClaryError, match="none at all for whoever asks"):
        Catalog(ServiceCatalog(products=[]), environment()).product("anything")


def test_a_failure_is_told_with_awss_reasons() -> None:
    with pytest.raises(ClaryError, match="'emmys': the role may not"):
        Catalog(ServiceCatalog(), environment()).ended("rec-1")


def test_a_profile_that_somebody_has_launched_is_no_drift_until_they_terminate_it() -> None:
    product = "arn:aws:servicecatalog:eu-west-1:111122223333:stack/emmys/pp-1"
    tags = {"clary:owner": "service-catalog", "aws:servicecatalog:provisionedProductArn": product}

    there, kept = (unknown_profile("research-emmy", tags, ids) for ids in (["pp-1"], ["pp-2"]))

    assert (there.kind, kept.kind) == (Kind.NOTE, Kind.DRIFT)
    assert "onboarded by Service Catalog" in there.message
    assert "launched from Service Catalog once and was kept" in kept.message
