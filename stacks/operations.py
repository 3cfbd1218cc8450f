"""What looks after the environment while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from clary.environment.costs import Budget
from clary.environment.model import ENVIRONMENT_TAG, Environment
from clary_constructs import TEAM_TAG, AlarmTopic, CostBudget, let_budgets_tell
from constructs import Construct
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.spending import add_cap
from stacks.studio import StudioStack
from stacks.sweeping import add_sweeper


class OperationsStack(cdk.Stack):
    """Budgets of the environment and of its teams, what stops unused compute, and caps: told on one topic.

    All of it can be rebuilt.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        data: DataStack,
        studio: StudioStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        topic = AlarmTopic(self, "Alarms", encryption_key=data.key).topic
        cdk.CfnOutput(self, "AlarmTopicArn", value=topic.topic_arn)
        costs, of_environment = environment.costs, {ENVIRONMENT_TAG: environment.name}
        if costs.budgeted:
            let_budgets_tell(topic)
        if costs.budget is not None:
            _budget(self, "Budget", costs.budget, of_environment, topic)
        for team, budget in costs.team_budgets.items():
            _budget(self, f"{pascal(team)}Budget", budget, {**of_environment, TEAM_TAG: team}, topic)
        around: dict[str, Any] = {
            "environment": environment,
            "data": data,
            "domain": studio.studio.domain,
            "topic": topic,
        }
        if costs.sweeper is not None:
            add_sweeper(self, costs.sweeper, **around)
        if costs.cap is not None:
            add_cap(self, costs.cap, **around)


def _budget(
    scope: Construct, construct_id: str, said: Budget, tags: Mapping[str, str], topic: sns.ITopic
) -> None:
    CostBudget(scope, construct_id, tags=tags, topic=topic, **said.model_dump())
