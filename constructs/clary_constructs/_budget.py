"""What a month may cost, and who is told when it costs more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from constructs import Construct


class CostBudget(Construct):
    """A budget for all that carries certain tags, told on `topic` and to `emails`, or to one of the two.

    It tells, and stops nothing. It sees what AWS's billing knows by a tag: in an account where nobody has
    activated the tags as cost allocation tags it sees nothing, and stays silent.

    CloudFormation names it: who is told cannot change in place, and a fixed name could not be taken twice.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-budgets-budget.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        monthly_usd: float,
        tags: Mapping[str, str],
        topic: sns.ITopic | None = None,
        spent_percent: Sequence[int] = (80, 100),
        forecast_percent: Sequence[int] = (100,),
        emails: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        if not tags:
            raise ValueError("a budget of everything is the account's, give the tags that it is about")
        if topic is None and not emails:
            raise ValueError("nobody would be told, give 'topic' or 'emails'")
        told = [] if topic is None else [("SNS", topic.topic_arn)]
        subscribers = [
            budgets.CfnBudget.SubscriberProperty(subscription_type=kind, address=address)
            for kind, address in (*told, *(("EMAIL", address) for address in emails))
        ]
        # costs that carry all of the tags; `CostFilters` would add up those that carry one
        tagged = [
            budgets.CfnBudget.ExpressionProperty(
                tags=budgets.CfnBudget.TagValuesProperty(key=key, values=[value], match_options=["EQUALS"])
            )
            for key, value in tags.items()
        ]
        budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=monthly_usd, unit="USD"),
                filter_expression=tagged[0]
                if len(tagged) == 1
                else budgets.CfnBudget.ExpressionProperty(and_=tagged),
                metrics=["UnblendedCost"],
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=subscribers,
                )
                for kind, percents in (("ACTUAL", spent_percent), ("FORECASTED", forecast_percent))
                for percent in percents
            ],
        )
        if topic is not None:
            # AWS Budgets tries the topic when it is told of it
            budget.node.add_dependency(topic)


def let_budgets_tell(topic: sns.Topic) -> None:
    """Lets the budgets of this account, and nobody else's, be told on a topic.

    The key that a topic is encrypted with has to let them, too: `EncryptionKey` does.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
    """
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="BudgetsOfThisAccount",
            actions=["sns:Publish"],
            principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
            resources=[topic.topic_arn],
            conditions=of_our_budgets(Stack.of(topic)),
        )
    )


def of_our_budgets(stack: Stack) -> Mapping[str, Mapping[str, str]]:
    """What a request of AWS Budgets says when it is about a budget of the stack's account."""
    every = stack.format_arn(
        service="budgets", region="", resource="*", arn_format=ArnFormat.NO_RESOURCE_NAME
    )
    return {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": every}}
