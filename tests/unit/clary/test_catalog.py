"""What has been launched keeps what it was launched with; and what a person sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.catalog import Catalog
from clary.catalog_field import check, fields_of
from clary.drift import Kind, unknown_profile
from clary.environment.model import Environment
from clary.errors import ClaryError


def environment() -> Environment:
    return Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {}},
        }
    )


@dataclass
class ServiceCatalog:
    """As boto3's client has it: one product, whose version asks for a name, and what was launched."""

    launched: Sequence[Mapping[str, Any]] = ()
    products: Sequence[str] = ("clary-dev-research-data-scientist", "clary-prod-research-data-scientist")
    doing: str = "PROVISION_PRODUCT"
    """What is being done, where something is under change."""
    taken: bool = False
    """Whether the account has something of the name that is asked for."""
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
        if self.taken:
            message = f"A stack named {asked['ProvisionedProductName']} already exists."
            raise ClientError(
                {"Error": {"Code": "InvalidParametersException", "Message": message}}, "ProvisionProduct"
            )
        self.asked.append(("provision", asked))
        return {"RecordDetail": {"RecordId": "rec-1"}}

    def terminate_provisioned_product(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(("terminate", asked))
        return {"RecordDetail": {"RecordId": "rec-3"}}

    def describe_record(self, **_: Any) -> Mapping[str, Any]:
        errors = [{"Description": "the role may not"}]
        detail = {
            "Status": "FAILED",
            "ProvisionedProductName": "emmys",
            "RecordErrors": errors,
            "RecordType": self.doing,
        }
        return {"RecordDetail": detail}


def launched(
    product: str = "clary-dev-research-data-scientist", status: str = "AVAILABLE"
) -> Mapping[str, Any]:
    return {
        "Id": "pp-1",
        "Name": "emmys",
        "ProductName": product,
        "Status": status,
        "StatusMessage": "the role may not",
        "UserArnSession": "emmy",
        "LastRecordId": "rec-2",
    }


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


def launch_again(service: ServiceCatalog) -> str:
    seen = Catalog(service, environment())
    return seen.launch(seen.product("research-data-scientist"), {"Name": "emmy"}, name="emmys", tags={})


def test_a_launch_that_was_left_to_itself_is_waited_for_when_it_is_launched_again() -> None:
    assert launch_again(ServiceCatalog([launched(status="UNDER_CHANGE")], taken=True)) == "rec-2"


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (ServiceCatalog(), "somebody else has launched something called 'emmys', give another --name"),
        (ServiceCatalog([launched()]), "'emmys' already, and it is AVAILABLE: see `clary catalog status`"),
        (ServiceCatalog([launched(status="ERROR")]), "it is ERROR (the role may not): terminate it before"),
        (
            ServiceCatalog([launched("clary-dev-research-notebook")]),
            "'clary-dev-research-notebook' as 'emmys'",
        ),
        (
            ServiceCatalog([launched(status="UNDER_CHANGE")], doing="TERMINATE_PROVISIONED_PRODUCT"),
            "'emmys' already, and it is UNDER_CHANGE",
        ),
    ],
)
def test_a_name_that_is_taken_is_told_with_whose_it_is(service: ServiceCatalog, words: str) -> None:
    service.taken = True

    with pytest.raises(ClaryError) as refusal:
        launch_again(service)

    assert words in str(refusal.value)


def test_a_refusal_that_is_not_about_the_name_is_awss() -> None:
    class Refusing(ServiceCatalog):
        def provision_product(self, **_: Any) -> Mapping[str, Any]:
            said = {"Code": "AccessDeniedException", "Message": "it may not"}
            raise ClientError({"Error": said}, "ProvisionProduct")

    with pytest.raises(ClientError, match="it may not"):
        launch_again(Refusing())


def test_what_is_being_made_is_neither_changed_nor_removed_and_what_is_being_removed_is_waited_for() -> None:
    made = ServiceCatalog([launched(status="UNDER_CHANGE")])
    removed = ServiceCatalog([launched(status="UNDER_CHANGE")], doing="TERMINATE_PROVISIONED_PRODUCT")
    makes, removes = Catalog(made, environment()), Catalog(removed, environment())

    for refused in (lambda it: makes.update(it, {}), makes.terminate):
        with pytest.raises(ClaryError, match="is being made, changed or removed: wait"):
            refused(makes.mine("emmys"))
    assert removes.terminate(removes.mine("emmys")) == "rec-2"


class Growing(ServiceCatalog):
    """Its newest version has a field that nobody has filled in yet."""

    default: Mapping[str, str] = {"DefaultValue": "red"}

    def describe_provisioning_parameters(self, **_: Any) -> Mapping[str, Any]:
        colour = {"ParameterKey": "Colour", **self.default}
        return {"ProvisioningArtifactParameters": [{"ParameterKey": "Name"}, colour]}

    def update_provisioned_product(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(("update", asked))
        return {"RecordDetail": {"RecordId": "rec-4"}}

    def describe_record(self, **_: Any) -> Mapping[str, Any]:
        given = self.asked[-1][1]["ProvisioningParameters"]
        if {"Key": "Colour", "UsePreviousValue": True} not in given:
            return {"RecordDetail": {"Status": "SUCCEEDED", "ProvisionedProductName": "emmys"}}
        reason = (
            "Invalid input for parameter key Colour. Cannot specify usePreviousValue as true for a"
            " parameter key not in the previous template"
        )
        detail = {"Status": "FAILED", "ProvisionedProductName": "emmys"}
        return {"RecordDetail": {**detail, "RecordErrors": [{"Description": reason}]}}


def test_an_update_leaves_a_field_that_is_new_to_its_default() -> None:
    service = Growing([launched()])
    seen = Catalog(service, environment())

    seen.update(seen.mine("emmys"), {})

    assert service.asked[-1][1]["ProvisioningParameters"] == [{"Key": "Name", "UsePreviousValue": True}]


def test_an_update_asks_for_a_field_that_is_new_and_has_no_default() -> None:
    service = Growing([launched()])
    service.default = {}
    seen = Catalog(service, environment())

    with pytest.raises(ClaryError, match="'research-data-scientist' asks for Colour by now, give Colour=…"):
        seen.update(seen.mine("emmys"), {})
    seen.update(seen.mine("emmys"), {"Colour": "blue"})

    assert {"Key": "Colour", "Value": "blue"} in service.asked[-1][1]["ProvisioningParameters"]


FIELDS = fields_of(
    [
        {
            "ParameterKey": "Name",
            "ParameterConstraints": {
                "AllowedPattern": "[a-z]+",
                "MaxLength": "4",
                "ConstraintDescription": "give small letters",
            },
        },
        {"ParameterKey": "Size", "ParameterConstraints": {"AllowedValues": ["small", "large"]}},
        {"ParameterKey": "Gib", "ParameterConstraints": {"MinValue": "5", "MaxValue": "20"}},
        {"ParameterKey": "Word", "ParameterConstraints": {"AllowedPattern": "a*", "MinLength": "2"}},
        {"ParameterKey": "Anything"},
    ]
)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"Name": ""}, "Name is '': give small letters"),
        ({"Name": "émmy"}, "give small letters"),
        ({"Name": "e" * 200}, f"Name is '{'e' * 60}… (200 characters)': give at most 4 characters"),
        ({"Size": "huge"}, "Size is 'huge': choose one of: small, large"),
        ({"Gib": "4"}, "give a number from 5 to 20"),
        ({"Gib": "21"}, "give a number from 5 to 20"),
        ({"Gib": "many"}, "give a number"),
        ({"Word": "b"}, "give what fits a*"),
        ({"Word": "a"}, "give at least 2 characters"),
        ({"Nmae": "emmy"}, "no field 'Nmae', did you mean 'Name'?"),
    ],
)
def test_a_value_that_will_not_do_is_told_before_there_is_an_entry_for_it(
    values: Mapping[str, str], words: str
) -> None:
    with pytest.raises(ClaryError) as refusal:
        check(FIELDS, values)

    assert words in str(refusal.value)


def test_values_that_fit_are_taken() -> None:
    check(FIELDS, {"Name": "emmy", "Size": "large", "Gib": "20", "Word": "aaa", "Anything": "日本"})


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
