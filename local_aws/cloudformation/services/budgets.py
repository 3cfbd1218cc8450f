"""Budgets, which ministack keeps and its CloudFormation does not know. Nothing here costs anything: none is
ever exceeded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Created, Properties, register

_LONGEST_NAME = 100


class Budget:
    """Its name and who is told are create-only, `Ref` is the name:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-budgets-budget.html
    """

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        given = properties["Budget"].get("BudgetName")
        name = given or hooks.resources.physical_name(stack_name, logical_id, _LONGEST_NAME)
        client("budgets").create_budget(
            AccountId=hooks.request.account_id(),
            Budget=_budget(name, properties),
            NotificationsWithSubscribers=list(properties.get("NotificationsWithSubscribers", ())),
            ResourceTags=list(properties.get("ResourceTags", ())),
        )
        return Created(name, {"Id": name})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        budgets = client("budgets")
        budgets.update_budget(AccountId=hooks.request.account_id(), NewBudget=_budget(physical_id, new))
        arn = f"arn:aws:budgets::{hooks.request.account_id()}:budget/{physical_id}"
        before, after = (_tags(properties) for properties in (old, new))
        if gone := [key for key in before if key not in after]:
            budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=gone)
        if after != before:
            tags = [{"Key": key, "Value": value} for key, value in after.items()]
            budgets.tag_resource(ResourceARN=arn, ResourceTags=tags)
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        budgets = client("budgets")
        try:
            budgets.delete_budget(AccountId=hooks.request.account_id(), BudgetName=physical_id)
        except budgets.exceptions.NotFoundException:
            return


def _budget(name: str, properties: Properties) -> dict[str, Any]:
    """As the API has it, where amounts are text."""
    limit = properties["Budget"].get("BudgetLimit")
    amount = {} if limit is None else {"BudgetLimit": {**limit, "Amount": f"{limit['Amount']:g}"}}
    return {**properties["Budget"], **amount, "BudgetName": name}


def _tags(properties: Properties) -> Mapping[str, str]:
    return {each["Key"]: each.get("Value", "") for each in properties.get("ResourceTags", ())}


register("AWS::Budgets::Budget", Budget())
