"""What people set up for themselves."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk

from clary.environment.catalog import Portfolio, launch_role_path
from clary.environment.model import Environment
from clary_constructs import AccessPolicy, CatalogPortfolio, CatalogProduct, SharedValues, launch_products
from constructs import Construct
from stacks.access import AccessStack
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack
from stacks.products import PRODUCTS
from stacks.products.product import Offer, Product
from stacks.studio import StudioStack


class CatalogStack(cdk.Stack):
    """A portfolio for each team that offers something, and a policy for those who launch from it.

    What has been launched are stacks of their own, which this one knows nothing of: it holds the roles
    that they were launched with, and that alone can change and remove them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: NetworkStack,
        data: DataStack,
        access: AccessStack,
        studio: StudioStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._environment = environment
        shared = SharedValues(self, "Shared", path=f"/clary/{environment.name}/catalog")
        self.offered: dict[tuple[str, str], Product] = {}
        """By the team and by the key in the file."""
        self.made: dict[tuple[str, str], CatalogProduct] = {}
        for team, said in environment.catalog.portfolios.items():
            offers = [
                PRODUCTS[key](
                    Offer(environment, team, settings, self, shared, network, data, access, studio.studio)
                )
                for key, settings in said.products.offered()
            ]
            self.offered |= {(team, product.key): product for product in offers}
            self._offer(team, said, offers)

    def _offer(self, team: str, said: Portfolio, offers: list[Product]) -> None:
        environment, catalog = self._environment, self._environment.catalog
        portfolio = CatalogPortfolio(
            self,
            pascal(team),
            display_name=f"clary-{environment.name}-{team}",
            provider=catalog.provider,
            description=f"What the team {team} offers in the environment {environment.name}",
            principals=said.principals,
            accounts=said.accounts,
            tag_options=catalog.tag_options,
        )
        made = {
            (team, product.key): CatalogProduct(
                portfolio,
                pascal(product.key.replace("_", "-")),
                portfolio=portfolio,
                product_name=product.name,
                owner=catalog.provider,
                support_email=catalog.support_email,
                description=f"{product.title}. {product.about}",
                template=product.template(),
                rights=product.launch_rights(),
                rules=product.rules(),
                role_path=launch_role_path(environment.name),
                tags=product.tags,
            )
            for product in offers
        }
        self.made |= made
        users = AccessPolicy(
            portfolio, "Users", description=f"Launches what the team {team} offers, and keeps it up"
        )
        users.allow_each(launch_products([each.product_arn for each in made.values()]))
        for product in offers:
            users.allow_each(product.uses())
            product.offer_besides()
        cdk.CfnOutput(self, f"PortfolioId{pascal(team)}", value=portfolio.portfolio_id)
        cdk.CfnOutput(self, f"CatalogUserPolicyArn{pascal(team)}", value=users.policy.managed_policy_arn)
