"""A template that people launch without the rights that it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicecatalog as servicecatalog

from clary_constructs._catalog_portfolio import CatalogPortfolio
from clary_constructs._nested_template import template_asset
from clary_constructs._policy import AccessPolicy
from constructs import Construct

_SERVICE = "servicecatalog.amazonaws.com"


@dataclass(frozen=True)
class LaunchRight:
    """Something that a launch does, and one statement of the launch role. A wildcard needs its reason."""

    does: str
    """In words: what fails without it."""
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    wildcard_because: str | None = None


@dataclass(frozen=True)
class FieldRule:
    """What a field of a product may not hold, decided before anything is made.

    `asserts` is a rule of CloudFormation's
    (https://docs.aws.amazon.com/servicecatalog/latest/adminguide/reference-template_constraint_rules.html).
    """

    name: str
    asserts: Mapping[str, Any]
    says: str
    """What people read whom it refuses."""

    @property
    def section(self) -> Mapping[str, Any]:
        """As the section `Rules` of a template has it."""
        return {self.name: {"Assertions": [{"Assert": self.asserts, "AssertDescription": self.says}]}}


class CatalogProduct(Construct):
    """A product of a portfolio, with one version: the template as it is now.

    The version's name is a hash of the template, so that an unchanged one is the same version, whoever has
    launched it, and a changed one another. Launches are made by a role of the product's own, which holds
    `rights`, what a stack itself needs, and the reading of the template, and is nobody else's. `tags` are the
    product's own, and go on to what is launched.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        portfolio: CatalogPortfolio,
        product_name: str,
        owner: str,
        description: str,
        template: Mapping[str, Any],
        rights: Sequence[LaunchRight],
        rules: Sequence[FieldRule] = (),
        role_path: str = "/",
        support_email: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        version = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:12]
        url = template_asset(self, f"{cdk.Names.unique_id(self)}.product.template.json", template)
        self.role = self._launch_role(portfolio, product_name, role_path)
        self.rights: Sequence[LaunchRight] = [*self._own_rights(), *rights]
        policy = self._policy()
        product = servicecatalog.CfnCloudFormationProduct(
            self,
            "Product",
            name=product_name,
            owner=owner,
            description=description,
            support_email=support_email,
            provisioning_artifact_parameters=[
                servicecatalog.CfnCloudFormationProduct.ProvisioningArtifactPropertiesProperty(
                    name=version, info={"LoadTemplateFromURL": url}, type="CLOUD_FORMATION_TEMPLATE"
                )
            ],
        )
        for key, value in (tags or {}).items():
            cdk.Tags.of(product).add(key, value)
        association = servicecatalog.CfnPortfolioProductAssociation(
            self, "Offered", portfolio_id=portfolio.portfolio_id, product_id=product.ref
        )
        launch = servicecatalog.CfnLaunchRoleConstraint(
            self,
            "Launch",
            portfolio_id=portfolio.portfolio_id,
            product_id=product.ref,
            role_arn=self.role.role_arn,
            description="Launched with these rights, whoever asks",
        )
        launch.node.add_dependency(association, policy)
        for rule in rules:
            constraint = servicecatalog.CfnLaunchTemplateConstraint(
                self,
                f"Rule{rule.name}",
                portfolio_id=portfolio.portfolio_id,
                product_id=product.ref,
                description=rule.says,
                rules=json.dumps(rule.section),
            )
            constraint.node.add_dependency(association)
        self.product_id: str = product.ref
        self.product_arn: str = cdk.Stack.of(self).format_arn(
            service="catalog", resource="product", resource_name=product.ref
        )

    def _launch_role(self, portfolio: CatalogPortfolio, product_name: str, path: str) -> iam.Role:
        """Of a shared portfolio, Service Catalog launches on behalf of other accounts, too."""
        here = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}
        return iam.Role(
            self,
            "Role",
            description=f"Launches {product_name}, and nothing else",
            assumed_by=iam.ServicePrincipal(_SERVICE, conditions={} if portfolio.shared else here),
            path=path,
        )

    def _own_rights(self) -> Sequence[LaunchRight]:
        """https://docs.aws.amazon.com/servicecatalog/latest/adminguide/constraints-launch.html"""
        stack = cdk.Stack.of(self)
        return [
            LaunchRight(
                "makes, changes and removes the stack",
                [
                    "cloudformation:CreateStack",
                    "cloudformation:DeleteStack",
                    "cloudformation:DescribeStackEvents",
                    "cloudformation:DescribeStacks",
                    "cloudformation:GetTemplateSummary",
                    "cloudformation:SetStackPolicy",
                    "cloudformation:UpdateStack",
                ],
                [
                    stack.format_arn(
                        service="cloudformation", resource="stack", resource_name=f"SC-{stack.account}-*"
                    )
                ],
                wildcard_because="Service Catalog makes up the names of its stacks, all of which begin so",
            ),
            LaunchRight(
                "reads the template",
                ["s3:GetObject"],
                ["*"],
                {"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}},
                "Service Catalog keeps its copy of a template in a bucket of its own, and tags it so",
            ),
        ]

    def _policy(self) -> AccessPolicy:
        policy = AccessPolicy(self, "Rights", description="What a launch does", roles=[self.role])
        policy.allow_each(self.rights)
        return policy
