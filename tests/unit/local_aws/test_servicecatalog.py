"""The catalog's rules: principals, tag options, parameters, tokens and pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import hooks, servicecatalog
from local_aws.errors import ServiceError
from local_aws.servicecatalog import catalog, handler, model, operations, tag_options, templates
from local_aws.servicecatalog.access import Caller, as_pattern
from local_aws.store import STORE

ADMIN = Caller("333333333333", "arn:aws:iam::333333333333:root")


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    with hooks.request.scope("333333333333", "us-east-1"):
        yield
    STORE.clear()


def ask(name: str, **members: Any) -> dict[str, Any]:
    return operations.call(name, members, ADMIN)


def refusal(name: str, **members: Any) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        ask(name, **members)
    return refused.value


class TestPrincipal:
    @pytest.mark.parametrize(
        ("pattern", "arn"),
        [
            ("arn:aws:iam:::role/data-*", "arn:aws:iam:::role/data-scientist"),
            ("arn:aws:iam:::role/*/lead", "arn:aws:iam:::role/team/a/lead"),
            ("arn:aws:iam:::role/team?", "arn:aws:iam:::role/team1"),
            ("arn:aws:iam:::role/team?", "arn:aws:iam:::role/team"),
        ],
    )
    def test_is_meant_by_a_pattern(self, pattern: str, arn: str) -> None:
        assert as_pattern(pattern).fullmatch(arn)

    @pytest.mark.parametrize(
        "arn", ["arn:aws:iam:::role/team12", "arn:aws:iam:::user/team", "arn:aws:iam:::role/Xteam"]
    )
    def test_is_not_meant_by_a_pattern_of_others(self, arn: str) -> None:
        assert not as_pattern("arn:aws:iam:::role/team?").fullmatch(arn)

    def test_by_arn_is_the_very_one(self) -> None:
        caller = Caller("key", "arn:aws:iam::333333333333:role/team/ann")
        principal = {"PrincipalType": "IAM", "PrincipalARN": "arn:aws:iam::333333333333:role/team/*"}

        assert not caller.is_principal(principal)
        assert caller.is_principal({**principal, "PrincipalARN": caller.arn})
        pattern = {"PrincipalType": "IAM_PATTERN", "PrincipalARN": "arn:aws:iam:::role/team/*"}
        assert caller.is_principal(pattern)


class TestTagOptions:
    def _offer(self, resource: str, key: str, *values: str) -> None:
        for value in values:
            identifier = f"tag-{key}-{value}"
            if STORE.get(catalog.TAG_OPTION, (identifier,)) is None:
                option = {"Id": identifier, "Key": key, "Value": value, "Active": True}
                catalog.keep(catalog.TAG_OPTION, (identifier,), **option)
            link = {"ResourceId": resource, "TagOptionId": identifier}
            catalog.keep(catalog.TAG_OPTION_ON, (resource, identifier), **link)

    def test_of_portfolio_and_product_are_those_that_both_have(self) -> None:
        self._offer("port-1", "stage", "dev", "test")
        self._offer("prod-1", "stage", "test", "prod")
        self._offer("port-1", "team", "ml")
        self._offer("prod-1", "owner", "ann", "bob")

        offered = tag_options.offered({"PortfolioId": "port-1", "ProductId": "prod-1"})

        assert offered == {"stage": ["test"], "team": ["ml"], "owner": ["ann", "bob"]}

    def test_that_contradict_each_other_leave_nothing_to_choose(self) -> None:
        self._offer("port-1", "stage", "dev")
        self._offer("prod-1", "stage", "prod")

        assert tag_options.offered({"PortfolioId": "port-1", "ProductId": "prod-1"}) == {"stage": []}


class TestTemplate:
    def test_tells_parameters_as_the_api_does(self) -> None:
        told = templates.parameters(
            {
                "Parameters": {
                    "Count": {
                        "Type": "Number",
                        "Default": 3,
                        "MinValue": 1,
                        "AllowedValues": [1, 3],
                        "NoEcho": True,
                        "Description": "how many",
                    }
                }
            }
        )

        assert told == [
            {
                "ParameterKey": "Count",
                "ParameterType": "Number",
                "DefaultValue": "3",
                "IsNoEcho": True,
                "Description": "how many",
                "ParameterConstraints": {"MinValue": "1", "AllowedValues": ["1", "3"]},
            }
        ]

    def test_gets_rules_beside_its_own(self) -> None:
        text = '{"Rules": {"Own": {"Assertions": []}}, "Resources": {}}'

        merged = templates.parsed(templates.with_rules(text, {"More": {"Assertions": []}}))

        assert set(merged["Rules"]) == {"Own", "More"}
        assert templates.with_rules(text, {}) == text


class TestOperation:
    def test_with_a_token_is_made_once(self) -> None:
        asked = {"DisplayName": "ML", "ProviderName": "us", "IdempotencyToken": "one"}

        first, again = ask("CreatePortfolio", **asked), ask("CreatePortfolio", **asked)

        assert first == again
        assert len(list(catalog.mine(catalog.PORTFOLIO))) == 1
        assert refusal("CreatePortfolio", **asked, Description="other").code == "InvalidParametersException"

    def test_that_fails_may_be_tried_again_with_its_token(self) -> None:
        asked = {"DisplayName": "ML", "ProviderName": "us", "IdempotencyToken": "one"}
        many = [{"Key": f"key{number}", "Value": "x"} for number in range(51)]

        # The model allows twenty tags: what the request itself says is checked first.
        assert refusal("CreatePortfolio", **asked, Tags=many).code == "ValidationException"
        assert ask("CreatePortfolio", **asked)["PortfolioDetail"]["DisplayName"] == "ML"

    def test_that_the_service_does_not_have_is_unknown(self) -> None:
        assert refusal("CreateNothing").code == "UnknownOperationException"

    @pytest.mark.parametrize(
        ("name", "members"),
        [
            ("GetAWSOrganizationsAccessStatus", {}),
            ("DescribeCopyProductStatus", {"CopyProductToken": "copyproduct-1"}),
            ("DescribeProvisionedProductPlan", {"PlanId": "plan-1"}),
        ],
    )
    def test_that_is_not_emulated_says_so(self, name: str, members: dict[str, str]) -> None:
        error = refusal(name, **members)

        assert (error.code, error.status) == ("NotSupportedOnLocalAws", 501)

    def test_answers_only_what_the_model_has(self) -> None:
        assert handler.operations is operations  # importing the handler registers all operations
        unknown = [name for name in operations.answered() if model.operation(name) is None]

        assert not unknown
        assert len(operations.answered()) > 60

    def test_answers_pages(self) -> None:
        items = list(range(45))

        first, token = operations.page(items, {})
        last, no_token = operations.page(items, {"PageSize": 20, "PageToken": _after(items, 40)})

        assert first == items[:20]
        assert "NextPageToken" in token
        assert (last, no_token) == (items[40:], {})


def _after(items: list[int], position: int) -> str:
    _, token = operations.page(items, {"PageSize": position})
    return token["NextPageToken"]


class TestUnknown:
    @pytest.mark.parametrize(
        ("name", "members"),
        [
            ("DescribePortfolio", {"Id": "port-0000000000000"}),
            ("DescribeProductAsAdmin", {"Id": "prod-0000000000000"}),
            ("DescribeProductAsAdmin", {"Name": "nothing"}),
            ("DescribeConstraint", {"Id": "cons-0000000000000"}),
            ("DescribeTagOption", {"Id": "tag-0000000000000"}),
            ("DescribeRecord", {"Id": "rec-0000000000000"}),
            ("DescribeProvisionedProduct", {"Name": "nothing"}),
            ("DescribeServiceAction", {"Id": "act-0000000000000"}),
            ("ListLaunchPaths", {"ProductId": "prod-0000000000000"}),
        ],
    )
    def test_is_not_found(self, name: str, members: dict[str, str]) -> None:
        assert refusal(name, **members).code == "ResourceNotFoundException"

    @pytest.mark.parametrize(
        ("name", "members"),
        [
            ("DescribeProductAsAdmin", {}),
            ("DescribeProductAsAdmin", {"Id": "prod-1", "Name": "one"}),
            ("DescribeProvisionedProduct", {}),
        ],
    )
    def test_has_to_be_named_in_one_way(self, name: str, members: dict[str, str]) -> None:
        assert refusal(name, **members).code == "InvalidParametersException"


class TestRecovery:
    @pytest.mark.parametrize(
        ("operation", "status"), [("PROVISION_PRODUCT", "ERROR"), ("UPDATE_PROVISIONED_PRODUCT", "TAINTED")]
    )
    def test_ends_what_a_killed_server_has_left_half_done(self, operation: str, status: str) -> None:
        record = {"RecordId": "rec-1", "RecordType": operation, "Status": "IN_PROGRESS", "RecordErrors": []}
        record = catalog.keep(catalog.RECORD, ("rec-1",), **record)
        product = catalog.keep(catalog.PROVISIONED, ("pp-1",), Status="UNDER_CHANGE", LastRecordId="rec-1")

        servicecatalog.take_up()

        assert (record["Status"], product["Status"]) == ("FAILED", status)
        assert record["RecordErrors"][0]["Description"] == product["StatusMessage"]
