"""Budgets: what they are about, who is told, and who may tell."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from clary_constructs import AlarmTopic, CostBudget, EncryptionKey, let_budgets_tell


def template(**arguments: Any) -> Template:
    stack = cdk.Stack()
    key = EncryptionKey(stack, "Encryption", description="Test", used_by_alarms=True, used_by_budgets=True)
    topic = AlarmTopic(stack, "Alarms", encryption_key=key.key).topic
    let_budgets_tell(topic)
    given = {"monthly_usd": 100, "tags": {"clary:environment": "dev"}, "topic": topic} | arguments
    CostBudget(stack, "Budget", **given)
    return Template.from_stack(stack)


def budget(**arguments: Any) -> dict[str, Any]:
    (found,) = template(**arguments).find_resources("AWS::Budgets::Budget").values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_is_about_a_month_of_what_carries_the_tag() -> None:
    data = budget()["Budget"]

    assert data["BudgetLimit"] == {"Amount": 100, "Unit": "USD"}
    assert (data["BudgetType"], data["TimeUnit"]) == ("COST", "MONTHLY")
    assert data["FilterExpression"]["Tags"] == {
        "Key": "clary:environment",
        "Values": ["dev"],
        "MatchOptions": ["EQUALS"],
    }


def test_is_about_what_carries_all_of_several_tags() -> None:
    expression = budget(tags={"clary:environment": "dev", "clary:team": "research"})["Budget"]

    assert [each["Tags"]["Values"] for each in expression["FilterExpression"]["And"]] == [
        ["dev"],
        ["research"],
    ]


def test_tells_by_e_mail_alone_or_not_at_all() -> None:
    (first, *_) = budget(topic=None, emails=["finance@example.com"])["NotificationsWithSubscribers"]

    assert first["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": "finance@example.com"}]
    with pytest.raises(ValueError, match="nobody would be told, give 'topic' or 'emails'"):
        budget(topic=None)


def test_takes_no_budget_of_everything() -> None:
    with pytest.raises(ValueError, match="give the tags that it is about"):
        budget(tags={})


def test_tells_at_each_percentage_on_the_topic_and_by_email() -> None:
    told = budget(spent_percent=(50, 90), forecast_percent=(120,), emails=("a@example.com",))

    notifications = told["NotificationsWithSubscribers"]
    assert [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in notifications
    ] == [("ACTUAL", 50), ("ACTUAL", 90), ("FORECASTED", 120)]
    for each in notifications:
        assert [one["SubscriptionType"] for one in each["Subscribers"]] == ["SNS", "EMAIL"]


def test_leaves_its_name_to_cloudformation() -> None:
    """Who is told cannot change in place, and a fixed name would be taken."""
    assert "BudgetName" not in budget()["Budget"]


@pytest.mark.parametrize("kind", ["AWS::SNS::TopicPolicy", "AWS::KMS::Key"])
def test_lets_budgets_of_this_account_alone_tell(kind: str) -> None:
    policy = "PolicyDocument" if kind == "AWS::SNS::TopicPolicy" else "KeyPolicy"

    template().has_resource_properties(
        kind,
        {
            policy: {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Principal": {"Service": "budgets.amazonaws.com"},
                                "Condition": {
                                    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                                    "ArnLike": Match.any_value(),
                                },
                            }
                        )
                    ]
                )
            }
        },
    )


def test_waits_for_the_right_to_tell() -> None:
    (found,) = template().find_resources("AWS::Budgets::Budget").values()

    assert any("Policy" in each for each in found["DependsOn"])
