"""The catalog's records: portfolios, products, constraints, tag options, and what AWS refuses of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from support.deployed import LocalAws
from support.servicecatalog import PRODUCT, Catalog, Product, client_with, refused, unique


@pytest.fixture(scope="module")
def catalog(local_aws: LocalAws) -> Catalog:
    return Catalog(local_aws, "210000000001")


@pytest.fixture(scope="module")
def product(catalog: Catalog) -> Product:
    return catalog.new_product()


class TestPortfolio:
    def test_is_described_changed_and_deleted(self, catalog: Catalog) -> None:
        tags = [{"Key": "team", "Value": "ml"}, {"Key": "old", "Value": "x"}]
        made = catalog.admin.create_portfolio(
            DisplayName="ML", ProviderName="platform", Description="models", Tags=tags
        )["PortfolioDetail"]

        updated = catalog.admin.update_portfolio(
            Id=made["Id"],
            DisplayName="Machine learning",
            AddTags=[{"Key": "team", "Value": "ai"}],
            RemoveTags=["old"],
        )

        assert made["ARN"] == f"arn:aws:catalog:us-east-1:210000000001:portfolio/{made['Id']}"
        assert updated["Tags"] == [{"Key": "team", "Value": "ai"}]
        described = catalog.admin.describe_portfolio(Id=made["Id"])["PortfolioDetail"]
        assert (described["DisplayName"], described["Description"]) == ("Machine learning", "models")
        catalog.admin.delete_portfolio(Id=made["Id"])
        with refused("ResourceNotFoundException", made["Id"]):
            catalog.admin.describe_portfolio(Id=made["Id"])

    def test_with_anything_in_it_is_not_deleted(self, catalog: Catalog, product: Product) -> None:
        portfolio = catalog.new_portfolio()
        member = {"PortfolioId": portfolio, "ProductId": product.id}
        catalog.admin.associate_product_with_portfolio(**member)
        with refused("ResourceInUseException", "still has associated Products"):
            catalog.admin.delete_portfolio(Id=portfolio)
        catalog.admin.disassociate_product_from_portfolio(**member)

        person = catalog.person(portfolio)
        with refused("ResourceInUseException", f"Portfolio {portfolio} still has associated Principals"):
            catalog.admin.delete_portfolio(Id=portfolio)
        catalog.admin.disassociate_principal_from_portfolio(
            PortfolioId=portfolio, PrincipalARN=person.role_arn
        )

        catalog.admin.create_portfolio_share(PortfolioId=portfolio, AccountId="210000000002")
        with refused("ResourceInUseException", "still has associated Accounts"):
            catalog.admin.delete_portfolio(Id=portfolio)
        catalog.admin.delete_portfolio_share(PortfolioId=portfolio, AccountId="210000000002")

        catalog.admin.delete_portfolio(Id=portfolio)

    def test_list_comes_in_pages(self, catalog: Catalog) -> None:
        expected = {catalog.new_portfolio() for _ in range(3)}

        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            answer = catalog.admin.list_portfolios(PageSize=2, **token)
            assert len(answer["PortfolioDetails"]) <= 2
            found += [one["Id"] for one in answer["PortfolioDetails"]]
            if "NextPageToken" not in answer:
                break
            token = {"PageToken": answer["NextPageToken"]}

        assert expected <= set(found)
        assert len(found) == len(set(found))
        with refused("InvalidParametersException", "page token"):
            catalog.admin.list_portfolios(PageToken="nonsense")

    def test_is_made_once_for_one_token(self, catalog: Catalog) -> None:
        asked = {"DisplayName": "Once", "ProviderName": "platform", "IdempotencyToken": unique("token")}

        first = catalog.admin.create_portfolio(**asked)
        again = catalog.admin.create_portfolio(**asked)

        assert again["PortfolioDetail"]["Id"] == first["PortfolioDetail"]["Id"]
        with refused("InvalidParametersException", "other parameters"):
            catalog.admin.create_portfolio(**{**asked, "DisplayName": "Twice"})

    def test_request_that_the_model_forbids_is_refused(self, local_aws: LocalAws, catalog: Catalog) -> None:
        unchecked = botocore.session.Session().create_client(
            "servicecatalog",
            region_name="us-east-1",
            endpoint_url=local_aws.url,
            aws_access_key_id=catalog.account,
            aws_secret_access_key="test",
            config=Config(parameter_validation=False),
        )

        with refused("ValidationException", "Value null at 'displayName' failed to satisfy constraint"):
            unchecked.create_portfolio(ProviderName="platform")


class TestPrincipal:
    @pytest.mark.parametrize(
        ("arn", "kind"),
        [
            ("arn:aws:iam::210000000001:role/nobody", "IAM"),
            ("arn:aws:iam::210000000001:root", "IAM"),
            ("arn:aws:iam:::role/some*", "IAM"),
            ("arn:aws:iam::210000000001:role/some*", "IAM_PATTERN"),
            ("arn:aws:iam:::*/some", "IAM_PATTERN"),
        ],
    )
    def test_that_stands_for_nobody_is_refused(self, catalog: Catalog, arn: str, kind: str) -> None:
        with refused("InvalidParametersException"):
            catalog.admin.associate_principal_with_portfolio(
                PortfolioId=catalog.portfolio, PrincipalARN=arn, PrincipalType=kind
            )

    def test_list_tells_arns_and_types(self, catalog: Catalog) -> None:
        portfolio = catalog.new_portfolio()
        person = catalog.person(portfolio, path="/people/")
        catalog.admin.associate_principal_with_portfolio(
            PortfolioId=portfolio, PrincipalARN="arn:aws:iam:::role/data-*", PrincipalType="IAM_PATTERN"
        )

        found = catalog.admin.list_principals_for_portfolio(PortfolioId=portfolio)["Principals"]

        assert {(one["PrincipalARN"], one["PrincipalType"]) for one in found} == {
            (person.role_arn, "IAM"),
            ("arn:aws:iam:::role/data-*", "IAM_PATTERN"),
        }


class TestSearch:
    def test_finds_what_the_caller_may_launch_and_nothing_else(self, catalog: Catalog) -> None:
        portfolio = catalog.new_portfolio()
        theirs = catalog.new_product(portfolio=portfolio)
        others = catalog.new_product()

        found = self._products(catalog.person(portfolio).client)

        assert theirs.id in found
        assert others.id not in found
        assert self._products(catalog.person().client) == []

    def test_finds_nothing_for_an_administrator_who_is_no_principal(
        self, catalog: Catalog, product: Product
    ) -> None:
        assert self._products(catalog.admin) == []
        as_admin = catalog.admin.search_products_as_admin(PortfolioId=catalog.portfolio)
        listed = [one["ProductViewSummary"]["ProductId"] for one in as_admin["ProductViewDetails"]]
        assert product.id in listed

    def test_finds_what_a_pattern_of_roles_may_launch(self, catalog: Catalog) -> None:
        portfolio = catalog.new_portfolio()
        product = catalog.new_product(portfolio=portfolio)
        catalog.admin.associate_principal_with_portfolio(
            PortfolioId=portfolio, PrincipalARN="arn:aws:iam:::role/science/*", PrincipalType="IAM_PATTERN"
        )

        assert self._products(catalog.person(path="/science/").client) == [product.id]
        assert self._products(catalog.person(path="/art/").client) == []

    def test_finds_what_a_group_of_users_may_launch(self, local_aws: LocalAws) -> None:
        catalog = Catalog(local_aws, local_aws.account)
        iam, group, user = catalog.client("iam"), unique("group"), unique("user")
        product = catalog.new_product()
        arn = iam.create_group(GroupName=group)["Group"]["Arn"]
        iam.create_user(UserName=user)
        keys = iam.create_access_key(UserName=user)["AccessKey"]
        catalog.admin.associate_principal_with_portfolio(
            PortfolioId=catalog.portfolio, PrincipalARN=arn, PrincipalType="IAM"
        )
        assert self._products(client_with(local_aws, keys)) == []

        iam.add_user_to_group(GroupName=group, UserName=user)

        assert self._products(client_with(local_aws, keys)) == [product.id]

    def test_narrows_and_sorts(self, catalog: Catalog) -> None:
        portfolio = catalog.new_portfolio()
        for name, owner in (("Beta notebook", "ml"), ("Alpha notebook", "ml"), ("Gamma bucket", "data")):
            catalog.new_product(portfolio=portfolio, Name=name, Owner=owner)
        person = catalog.person(portfolio)

        def names(**asked: Any) -> list[str]:
            return [one["Name"] for one in person.client.search_products(**asked)["ProductViewSummaries"]]

        assert names(SortBy="Title") == ["Alpha notebook", "Beta notebook", "Gamma bucket"]
        assert names(Filters={"Owner": ["data"]}) == ["Gamma bucket"]
        assert names(Filters={"FullTextSearch": ["notebook"]}, SortBy="Title", SortOrder="DESCENDING") == [
            "Beta notebook",
            "Alpha notebook",
        ]

    def _products(self, client: Any) -> list[str]:
        return [one["ProductId"] for one in client.search_products()["ProductViewSummaries"]]


class TestProduct:
    def test_is_described_to_administrators_and_users(self, catalog: Catalog) -> None:
        product = catalog.new_product(Name=unique("notebook"), Description="A notebook", SupportEmail="a@b.c")
        person = catalog.person(catalog.portfolio)

        admin = catalog.admin.describe_product_as_admin(Id=product.id)
        view = person.client.describe_product(Id=product.id)
        by_view = person.client.describe_product_view(Id=view["ProductViewSummary"]["Id"])

        assert admin["ProductViewDetail"]["ProductARN"].endswith(f":product/{product.id}")
        assert admin["ProvisioningArtifactSummaries"][0]["Id"] == product.version
        assert view["ProductViewSummary"]["ShortDescription"] == "A notebook"
        assert [one["Name"] for one in by_view["ProvisioningArtifacts"]] == ["v1"]
        with refused("ResourceNotFoundException"):
            catalog.person().client.describe_product(Id=product.id)

    def test_in_a_portfolio_is_not_deleted(self, catalog: Catalog) -> None:
        product = catalog.new_product()
        with refused("ResourceInUseException"):
            catalog.admin.delete_product(Id=product.id)

        catalog.admin.disassociate_product_from_portfolio(PortfolioId=catalog.portfolio, ProductId=product.id)
        catalog.admin.delete_product(Id=product.id)

        with refused("ResourceNotFoundException"):
            catalog.admin.describe_product_as_admin(Id=product.id)

    @pytest.mark.parametrize(
        "template",
        ["Resources: [", {"Parameters": {}}, {"Resources": {"A": {"Type": "AWS::No::Such"}}}],
        ids=["unreadable", "without resources", "of an unknown type"],
    )
    def test_of_a_template_that_is_none_is_refused(self, catalog: Catalog, template: Any) -> None:
        with refused("InvalidParametersException", "Invalid templateBody"):
            catalog.new_product(template)

    def test_of_a_template_that_is_not_there_is_refused(self, catalog: Catalog) -> None:
        version = catalog.version()
        version["Info"]["LoadTemplateFromURL"] += ".gone"

        with refused("InvalidParametersException", "cannot read"):
            catalog.admin.create_product(
                Name="gone",
                Owner="platform",
                ProductType="CLOUD_FORMATION_TEMPLATE",
                ProvisioningArtifactParameters=version,
            )

    def test_of_another_kind_than_a_template_is_refused_honestly(self, catalog: Catalog) -> None:
        with refused("NotSupportedOnLocalAws", "TERRAFORM_OPEN_SOURCE"):
            catalog.admin.create_product(
                Name="terraform",
                Owner="platform",
                ProductType="TERRAFORM_OPEN_SOURCE",
                ProvisioningArtifactParameters=catalog.version(),
            )

    def test_keeps_at_least_one_version(self, catalog: Catalog) -> None:
        product = catalog.new_product()
        added = catalog.admin.create_provisioning_artifact(
            ProductId=product.id, Parameters=catalog.version(name="v2", Description="more")
        )["ProvisioningArtifactDetail"]
        catalog.admin.update_provisioning_artifact(
            ProductId=product.id, ProvisioningArtifactId=added["Id"], Guidance="DEPRECATED", Active=False
        )

        listed = catalog.admin.list_provisioning_artifacts(ProductId=product.id)
        catalog.admin.delete_provisioning_artifact(
            ProductId=product.id, ProvisioningArtifactId=product.version
        )

        assert [(one["Name"], one["Active"]) for one in listed["ProvisioningArtifactDetails"]] == [
            ("v1", True),
            ("v2", False),
        ]
        with refused("ResourceInUseException"):
            catalog.admin.delete_provisioning_artifact(
                ProductId=product.id, ProvisioningArtifactId=added["Id"]
            )

    def test_tells_the_parameters_of_a_version(self, catalog: Catalog, product: Product) -> None:
        described = catalog.admin.describe_provisioning_artifact(
            ProductId=product.id,
            ProvisioningArtifactId=product.version,
            Verbose=True,
            IncludeProvisioningArtifactParameters=True,
        )

        assert json.loads(described["Info"]["TemplateBody"]) == PRODUCT
        keys = [one["ParameterKey"] for one in described["ProvisioningArtifactParameters"]]
        assert keys == ["Size", "Team"]


class TestConstraint:
    def test_is_described_changed_and_deleted(self, catalog: Catalog) -> None:
        product, topic = catalog.new_product(), "arn:aws:sns:us-east-1:210000000001:events"
        identifier = catalog.constrain(product, "NOTIFICATION", NotificationArns=[topic])

        catalog.admin.update_constraint(Id=identifier, Description="tells")

        described = catalog.admin.describe_constraint(Id=identifier)
        assert described["ConstraintDetail"]["Description"] == "tells"
        assert json.loads(described["ConstraintParameters"]) == {"NotificationArns": [topic]}
        listed = catalog.admin.list_constraints_for_portfolio(
            PortfolioId=catalog.portfolio, ProductId=product.id
        )
        assert [one["ConstraintId"] for one in listed["ConstraintDetails"]] == [identifier]
        with refused("ResourceInUseException", "still has associated Constraints"):
            catalog.admin.disassociate_product_from_portfolio(
                PortfolioId=catalog.portfolio, ProductId=product.id
            )
        catalog.admin.delete_constraint(Id=identifier)
        with refused("ResourceNotFoundException"):
            catalog.admin.describe_constraint(Id=identifier)

    @pytest.mark.parametrize(
        ("type_", "parameters", "code"),
        [
            ("LAUNCH", {}, "InvalidParametersException"),
            ("LAUNCH", {"RoleArn": "launch"}, "InvalidParametersException"),
            ("LAUNCH", {"LocalRoleName": "nobody"}, "InvalidParametersException"),
            (
                "LAUNCH",
                {"RoleArn": "arn:aws:iam::210000000001:role/a", "LocalRoleName": "a"},
                "InvalidParametersException",
            ),
            ("NOTIFICATION", {"NotificationArns": ["topic"]}, "InvalidParametersException"),
            ("RESOURCE_UPDATE", {"Version": "2.0", "Properties": {}}, "InvalidParametersException"),
            ("TEMPLATE", {"Rules": {"A": {"Assertions": "none"}}}, "InvalidParametersException"),
            (
                "TEMPLATE",
                {"Rules": {"A": {"Assertions": [{"Assert": {"Fn::If": ["a", "b", "c"]}}]}}},
                "InvalidParametersException",
            ),
            ("STACKSET", {"Version": "2.0", "Properties": {}}, "NotSupportedOnLocalAws"),
            ("OTHER", {}, "InvalidParametersException"),
        ],
    )
    def test_that_says_nothing_useful_is_refused(
        self, catalog: Catalog, product: Product, type_: str, parameters: dict[str, Any], code: str
    ) -> None:
        with refused(code):
            catalog.constrain(product, type_, **parameters)

    def test_for_launch_roles_is_the_only_one(self, catalog: Catalog) -> None:
        product = catalog.new_product()
        role = catalog.new_role({"Service": "servicecatalog.amazonaws.com"})
        catalog.constrain(product, "LAUNCH", RoleArn=role)

        with refused("DuplicateResourceException"):
            catalog.constrain(product, "LAUNCH", RoleArn=role)

    def test_needs_the_product_in_the_portfolio(self, catalog: Catalog, product: Product) -> None:
        with refused("ResourceNotFoundException", "not associated"):
            catalog.constrain(
                product,
                "RESOURCE_UPDATE",
                portfolio=catalog.new_portfolio(),
                Version="2.0",
                Properties={"TagUpdateOnProvisionedProduct": "ALLOWED"},
            )


class TestTagOption:
    def test_is_offered_by_what_it_is_associated_with(self, catalog: Catalog) -> None:
        product = catalog.new_product()
        key = unique("cost")
        option = catalog.admin.create_tag_option(Key=key, Value="ml")["TagOptionDetail"]
        catalog.admin.associate_tag_option_with_resource(ResourceId=product.id, TagOptionId=option["Id"])

        listed = catalog.admin.list_resources_for_tag_option(TagOptionId=option["Id"])["ResourceDetails"]
        described = catalog.admin.describe_product_as_admin(Id=product.id)["TagOptions"]
        offered = catalog.person(catalog.portfolio).client.describe_provisioning_parameters(
            ProductId=product.id, ProvisioningArtifactId=product.version
        )["TagOptions"]

        assert [one["Id"] for one in listed] == [product.id]
        assert [(one["Key"], one["Value"]) for one in described] == [(key, "ml")]
        assert offered == [{"Key": key, "Values": ["ml"]}]
        with refused("DuplicateResourceException"):
            catalog.admin.create_tag_option(Key=key, Value="ml")
        with refused("ResourceInUseException"):
            catalog.admin.delete_tag_option(Id=option["Id"])
        catalog.admin.disassociate_tag_option_from_resource(ResourceId=product.id, TagOptionId=option["Id"])
        catalog.admin.delete_tag_option(Id=option["Id"])
        assert not catalog.admin.list_tag_options(Filters={"Key": key})["TagOptionDetails"]

    def test_that_is_inactive_is_not_offered(self, catalog: Catalog) -> None:
        product = catalog.new_product()
        option = catalog.admin.create_tag_option(Key=unique("kind"), Value="x")["TagOptionDetail"]
        catalog.admin.associate_tag_option_with_resource(ResourceId=product.id, TagOptionId=option["Id"])

        catalog.admin.update_tag_option(Id=option["Id"], Active=False)

        offered = catalog.person(catalog.portfolio).client.describe_provisioning_parameters(
            ProductId=product.id, ProvisioningArtifactId=product.version
        )["TagOptions"]
        assert offered == []


class TestShare:
    def test_lets_principals_of_the_other_account_launch_once_it_is_accepted(
        self, local_aws: LocalAws, catalog: Catalog
    ) -> None:
        portfolio = catalog.new_portfolio()
        product = catalog.new_product(portfolio=portfolio)
        other = Catalog(local_aws, "210000000003")
        catalog.admin.create_portfolio_share(PortfolioId=portfolio, AccountId=other.account)
        person = other.person(portfolio)
        assert person.client.search_products()["ProductViewSummaries"] == []

        other.admin.accept_portfolio_share(PortfolioId=portfolio)

        accepted = other.admin.list_accepted_portfolio_shares()["PortfolioDetails"]
        assert [one["Id"] for one in accepted] == [portfolio]
        found = person.client.search_products()["ProductViewSummaries"]
        assert [one["ProductId"] for one in found] == [product.id]
        shares = catalog.admin.describe_portfolio_shares(PortfolioId=portfolio, Type="ACCOUNT")
        assert [one["Accepted"] for one in shares["PortfolioShareDetails"]] == [True]
        with refused("ResourceNotFoundException"):
            other.admin.delete_portfolio(Id=portfolio)

    def test_is_not_seen_by_others(self, local_aws: LocalAws, catalog: Catalog) -> None:
        with refused("ResourceNotFoundException"):
            local_aws.client("servicecatalog", "210000000009").describe_portfolio(Id=catalog.portfolio)

    def test_with_an_organization_is_refused_honestly(self, catalog: Catalog) -> None:
        with refused("NotSupportedOnLocalAws"):
            catalog.admin.create_portfolio_share(
                PortfolioId=catalog.portfolio,
                OrganizationNode={"Type": "ORGANIZATION", "Value": "o-a1b2c3d4e5"},
            )


class TestBudget:
    @pytest.fixture
    def budget(self, catalog: Catalog) -> Iterator[str]:
        name, budgets = unique("budget"), catalog.client("budgets")
        limit = {"Amount": "5", "Unit": "USD"}
        budgets.create_budget(
            AccountId=catalog.account,
            Budget={"BudgetName": name, "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"},
        )
        yield name
        budgets.delete_budget(AccountId=catalog.account, BudgetName=name)

    def test_is_associated_with_a_product(self, catalog: Catalog, product: Product, budget: str) -> None:
        catalog.admin.associate_budget_with_resource(BudgetName=budget, ResourceId=product.id)

        listed = catalog.admin.list_budgets_for_resource(ResourceId=product.id)["Budgets"]
        catalog.admin.disassociate_budget_from_resource(BudgetName=budget, ResourceId=product.id)

        assert listed == [{"BudgetName": budget}]
        with refused("ResourceNotFoundException"):
            catalog.admin.disassociate_budget_from_resource(BudgetName=budget, ResourceId=product.id)

    def test_that_is_not_there_is_refused(self, catalog: Catalog, product: Product) -> None:
        with refused("ResourceNotFoundException"):
            catalog.admin.associate_budget_with_resource(BudgetName="nothing", ResourceId=product.id)


class TestServiceAction:
    def test_is_associated_with_a_version(self, catalog: Catalog, product: Product) -> None:
        made = catalog.admin.create_service_action(
            Name=unique("restart"),
            DefinitionType="SSM_AUTOMATION",
            Definition={"Name": "AWS-RestartEC2Instance", "Version": "1"},
        )["ServiceActionDetail"]["ServiceActionSummary"]
        key = {"ProductId": product.id, "ProvisioningArtifactId": product.version}
        catalog.admin.associate_service_action_with_provisioning_artifact(ServiceActionId=made["Id"], **key)

        listed = catalog.admin.list_service_actions_for_provisioning_artifact(**key)

        assert [one["Id"] for one in listed["ServiceActionSummaries"]] == [made["Id"]]
        with refused("ResourceInUseException"):
            catalog.admin.delete_service_action(Id=made["Id"])
        catalog.admin.disassociate_service_action_from_provisioning_artifact(
            ServiceActionId=made["Id"], **key
        )
        catalog.admin.delete_service_action(Id=made["Id"])


def test_what_is_not_emulated_is_refused_honestly(catalog: Catalog, product: Product) -> None:
    with refused("NotSupportedOnLocalAws", "ImportAsProvisionedProduct"):
        catalog.admin.import_as_provisioned_product(
            ProductId=product.id,
            ProvisioningArtifactId=product.version,
            ProvisionedProductName="imported",
            PhysicalId="arn:aws:cloudformation:us-east-1:210000000001:stack/a/b",
        )
