"""Budgets from templates, as the service's own API answers about them."""

from __future__ import annotations

from typing import Any

import pytest

from support.deployed import LocalAws, Stacks

ACCOUNT = "000000000000"
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {}}


def budget(amount: float = 100, **more: Any) -> dict[str, Any]:
    properties = {
        "Budget": {
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": amount, "Unit": "USD"},
            "FilterExpression": {"Tags": {"Key": "clary:environment", "Values": ["dev"]}},
            "Metrics": ["UnblendedCost"],
        },
        "NotificationsWithSubscribers": [
            {
                "Notification": {
                    "NotificationType": "ACTUAL",
                    "ComparisonOperator": "GREATER_THAN",
                    "Threshold": 80,
                },
                "Subscribers": [
                    {"SubscriptionType": "SNS", "Address": {"Ref": "Topic"}},
                    {"SubscriptionType": "EMAIL", "Address": "costs@example.com"},
                ],
            }
        ],
    }
    return {"Type": "AWS::Budgets::Budget", "Properties": properties | more}


def test_a_budget_is_there_and_tells_whom_the_template_says(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy({"Topic": TOPIC, "Budget": budget()}, name="budget-told")
    budgets, name = local_aws.client("budgets"), stack.physical_id("Budget")

    found = budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name, ShowFilterExpression=True)["Budget"]
    (notification,) = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=name)[
        "Notifications"
    ]
    told = budgets.describe_subscribers_for_notification(
        AccountId=ACCOUNT, BudgetName=name, Notification=notification
    )["Subscribers"]

    assert found["BudgetLimit"] == {"Amount": "100", "Unit": "USD"}
    assert found["FilterExpression"]["Tags"]["Values"] == ["dev"]
    assert {each["Address"] for each in told} == {stack.physical_id("Topic"), "costs@example.com"}


def test_a_budget_changes_in_place_and_goes(stacks: Stacks, local_aws: LocalAws) -> None:
    tagged = budget(ResourceTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    stack = stacks.deploy({"Topic": TOPIC, "Budget": tagged}, name="budget-changed")
    budgets, name = local_aws.client("budgets"), stack.physical_id("Budget")

    changed = budget(250.5, ResourceTags=[{"Key": "b", "Value": "3"}])
    again = stacks.deploy({"Topic": TOPIC, "Budget": changed}, name="budget-changed")

    arn = f"arn:aws:budgets::{ACCOUNT}:budget/{name}"
    assert again.physical_id("Budget") == name
    found = budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
    assert found["BudgetLimit"]["Amount"] == "250.5"
    tags = budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]
    assert [each for each in tags if not each["Key"].startswith("aws:")] == [{"Key": "b", "Value": "3"}]

    stacks.deploy({"Topic": TOPIC}, name="budget-changed")

    with pytest.raises(budgets.exceptions.NotFoundException):
        budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name)
