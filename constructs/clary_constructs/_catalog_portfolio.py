"""What is offered to people in Service Catalog, and to whom."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_servicecatalog as servicecatalog

from constructs import Construct


class CatalogPortfolio(Construct):
    """A portfolio that some principals of this account may launch from.

    Being a principal is no right to ask Service Catalog for anything: that is IAM's to give. Accounts that it
    is shared with take it and say who of theirs may launch: CloudFormation shares no principals
    (https://docs.aws.amazon.com/servicecatalog/latest/adminguide/catalogs_portfolios_sharing_how-to-share.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        display_name: str,
        provider: str,
        description: str,
        principals: Sequence[str],
        accounts: Sequence[str] = (),
        tag_options: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        portfolio = servicecatalog.CfnPortfolio(
            self, "Portfolio", display_name=display_name, provider_name=provider, description=description
        )
        self.portfolio_id: str = portfolio.ref
        self.portfolio_arn: str = cdk.Stack.of(self).format_arn(
            service="catalog", resource="portfolio", resource_name=portfolio.ref
        )
        self.shared: bool = bool(accounts)
        for principal in principals:
            servicecatalog.CfnPortfolioPrincipalAssociation(
                self,
                f"Principal{_id(principal)}",
                portfolio_id=portfolio.ref,
                principal_arn=principal,
                principal_type="IAM",
            )
        for account in accounts:
            servicecatalog.CfnPortfolioShare(
                self,
                f"Share{account}",
                account_id=account,
                portfolio_id=portfolio.ref,
                share_tag_options=True,
            )
        for option in TagChoices.of(self, tag_options or {}):
            servicecatalog.CfnTagOptionAssociation(
                self, f"Tag{option.node.id}", resource_id=portfolio.ref, tag_option_id=option.ref
            )


class TagChoices(Construct):
    """The tags of which people choose a value, once in a stack: an account has each of them only once."""

    @classmethod
    def of(
        cls, scope: Construct, choices: Mapping[str, Sequence[str]]
    ) -> Sequence[servicecatalog.CfnTagOption]:
        stack = cdk.Stack.of(scope)
        known = stack.node.try_find_child("TagChoices")
        home = known if isinstance(known, TagChoices) else cls(stack, "TagChoices")
        return [home._option(key, value) for key, values in choices.items() for value in values]

    def _option(self, key: str, value: str) -> servicecatalog.CfnTagOption:
        construct_id = _id(f"{key}={value}")
        known = self.node.try_find_child(construct_id)
        if isinstance(known, servicecatalog.CfnTagOption):
            return known
        return servicecatalog.CfnTagOption(self, construct_id, key=key, value=value)


def _id(text: str) -> str:
    """Letters and digits of an ARN's end or of a tag, and what tells it from others with the same."""
    word = "".join(each for each in text.rpartition("/")[2] if each.isascii() and each.isalnum())
    return f"{word[:40]}{hashlib.sha256(text.encode()).hexdigest()[:8].upper()}"
