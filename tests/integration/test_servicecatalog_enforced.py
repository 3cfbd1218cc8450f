"""The catalog with IAM enforced: who may ask, and what a launch may do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from support.identity import ACCOUNT, EnforcingAws, Somebody, statement, trusting
from support.servicecatalog import Catalog, Ended, Person, refused, unique

SERVICE = {"Service": "servicecatalog.amazonaws.com"}
RIGHTS: Mapping[str, Mapping[str, Any]] = {
    "stacks": statement(
        ["cloudformation:*Stack", "cloudformation:DescribeStack*"],
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/SC-*",
    ),
    "template": statement(
        "s3:GetObject",
        Condition={"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}},
    ),
    "topics": statement("sns:*", f"arn:aws:sns:us-east-1:{ACCOUNT}:*"),
}
"""What the launch role of the product needs, and nothing else."""


@pytest.fixture(scope="module")
def catalog(enforcing: EnforcingAws) -> Catalog:
    return Catalog(enforcing, ACCOUNT)


def person(
    enforcing: EnforcingAws, catalog: Catalog, *rights: Mapping[str, Any], portfolio: str | None = None
) -> tuple[Person, Somebody]:
    """A session of a principal of the portfolio who may use the catalog, unless they may other things."""
    somebody = enforcing.somebody(*(rights or [statement("servicecatalog:*")]))
    role = f"arn:aws:iam::{ACCOUNT}:role/{somebody.arn.split('/')[1]}"
    catalog.admin.associate_principal_with_portfolio(
        PortfolioId=portfolio or catalog.portfolio, PrincipalARN=role, PrincipalType="IAM"
    )
    return Person(somebody.client("servicecatalog"), role), somebody


def launch(
    enforcing: EnforcingAws, catalog: Catalog, rights: Sequence[Mapping[str, Any]], trust: str | None = None
) -> tuple[Person, Ended]:
    """A launch with a launch role that has these rights."""
    product = catalog.new_product()
    role = enforcing.role(*rights, trust=trust or trusting(SERVICE))
    catalog.constrain(product, "LAUNCH", RoleArn=role)
    somebody, _ = person(enforcing, catalog)
    return somebody, somebody.launch(product, Team=team())


def team() -> str:
    return "".join(letter for letter in unique("team").replace("-", "") if letter.isalpha())


def test_a_person_without_other_rights_launches_as_the_launch_role(
    enforcing: EnforcingAws, catalog: Catalog
) -> None:
    somebody, ended = launch(enforcing, catalog, list(RIGHTS.values()))

    assert (ended.status, ended.error) == ("SUCCEEDED", "")
    terminated = somebody.terminate(ended.provisioned)
    assert (terminated.status, terminated.error) == ("SUCCEEDED", "")


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("stacks", "is not authorized to perform: cloudformation:CreateStack"),
        ("template", "S3 error: Access Denied"),
        ("topics", "is not authorized to perform: SNS:"),
    ],
)
def test_a_launch_fails_without_any_right_of_its_role(
    enforcing: EnforcingAws, catalog: Catalog, missing: str, reason: str
) -> None:
    rights = [right for name, right in RIGHTS.items() if name != missing]

    somebody, ended = launch(enforcing, catalog, rights)

    assert ended.status == "FAILED"
    assert reason in ended.error
    assert somebody.status(ended.provisioned) == "ERROR"


@pytest.mark.parametrize(("account", "status"), [(ACCOUNT, "SUCCEEDED"), ("111111111111", "FAILED")])
def test_a_launch_role_may_trust_the_catalog_of_one_account_only(
    enforcing: EnforcingAws, catalog: Catalog, account: str, status: str
) -> None:
    trust = trusting(SERVICE, Condition={"StringEquals": {"aws:SourceAccount": account}})

    _, ended = launch(enforcing, catalog, list(RIGHTS.values()), trust)

    assert ended.status == status


def test_without_a_launch_role_a_launch_is_made_with_ones_own_rights(
    enforcing: EnforcingAws, catalog: Catalog
) -> None:
    product = catalog.new_product()
    poor, _ = person(enforcing, catalog)
    rich, _ = person(enforcing, catalog, statement("servicecatalog:*"), *RIGHTS.values())

    failed, succeeded = poor.launch(product, Team=team()), rich.launch(product, Team=team())

    assert failed.status == "FAILED"
    assert (succeeded.status, succeeded.error) == ("SUCCEEDED", "")


def test_being_a_principal_is_no_right_to_ask(enforcing: EnforcingAws, catalog: Catalog) -> None:
    somebody, _ = person(enforcing, catalog, statement("servicecatalog:SearchProducts"))

    somebody.client.search_products()
    with refused("AccessDeniedException", "is not authorized to perform: servicecatalog:ListPortfolios"):
        somebody.client.list_portfolios()


def test_rights_are_about_portfolios_and_products(enforcing: EnforcingAws, catalog: Catalog) -> None:
    mine, other = catalog.new_portfolio(), catalog.new_portfolio()
    keeper = enforcing.somebody(
        statement("servicecatalog:*", f"arn:aws:catalog:us-east-1:{ACCOUNT}:portfolio/{mine}")
    )

    client = keeper.client("servicecatalog")
    client.update_portfolio(Id=mine, DisplayName="Mine")
    with refused("AccessDeniedException", other):
        client.update_portfolio(Id=other, DisplayName="Mine too")


def test_tags_of_a_request_decide(enforcing: EnforcingAws) -> None:
    tagged = enforcing.somebody(
        statement("servicecatalog:CreatePortfolio", Condition={"StringEquals": {"aws:RequestTag/team": "ml"}})
    ).client("servicecatalog")
    asked = {"DisplayName": "Models", "ProviderName": "us"}

    tagged.create_portfolio(**asked, Tags=[{"Key": "team", "Value": "ml"}])
    with refused("AccessDeniedException"):
        tagged.create_portfolio(**asked)


def test_a_user_level_right_is_about_what_one_has_launched_oneself(
    enforcing: EnforcingAws, catalog: Catalog
) -> None:
    product = catalog.new_product()
    role = enforcing.role(*RIGHTS.values(), trust=trusting(SERVICE))
    catalog.constrain(product, "LAUNCH", RoleArn=role)
    owner, _ = person(enforcing, catalog)
    launched = owner.launch(product, Team=team())
    own = {"StringEquals": {"servicecatalog:userLevel": "self"}}
    limited, _ = person(
        enforcing,
        catalog,
        statement(["servicecatalog:ProvisionProduct", "servicecatalog:DescribeRecord"]),
        statement(["servicecatalog:*ProvisionedProduct*"], Condition=own),
    )
    mine = limited.launch(product, Team=team())

    assert limited.status(mine.provisioned) == "AVAILABLE"
    found = limited.client.search_provisioned_products()["ProvisionedProducts"]
    assert [one["Id"] for one in found] == [mine.provisioned]
    with refused("AccessDeniedException"):
        limited.status(launched.provisioned)
    with refused("AccessDeniedException"):
        limited.client.search_provisioned_products(AccessLevelFilter={"Key": "Account", "Value": "self"})


def test_whoever_sets_a_launch_role_has_to_pass_it(enforcing: EnforcingAws, catalog: Catalog) -> None:
    role, product = enforcing.role(trust=trusting(SERVICE)), catalog.new_product()
    passing = statement(
        "iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": SERVICE["Service"]}}
    )

    def constrain(*rights: Mapping[str, Any]) -> None:
        client = enforcing.somebody(statement("servicecatalog:*"), *rights).client("servicecatalog")
        client.create_constraint(
            PortfolioId=catalog.portfolio,
            ProductId=product.id,
            Type="LAUNCH",
            Parameters=json.dumps({"RoleArn": role}),
        )

    with refused("AccessDeniedException", "iam:PassRole"):
        constrain()
    constrain(passing)
