"""Where people and alarms hear of what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_common.calls import seeing

NAMESPACE = "Clary/Operations"


class TopicTeller:
    """A topic, whose subscribers choose by `team` and `person` what they get; and metrics."""

    def __init__(self, sns: Any, cloudwatch: Any, *, topic: str, dimensions: Mapping[str, str]) -> None:
        self._sns = sns
        self._cloudwatch = cloudwatch
        self._topic = topic
        self._dimensions = [{"Name": name, "Value": value} for name, value in dimensions.items()]

    def tell(self, team: str | None, person: str | None, subject: str, text: str) -> None:
        known = {"team": team, "person": person}
        attributes = {
            name: {"DataType": "String", "StringValue": value} for name, value in known.items() if value
        }
        with seeing("nobody could be told"):
            self._sns.publish(
                TopicArn=self._topic,
                Subject=subject.encode("ascii", "replace").decode(),
                Message=text,
                MessageAttributes=attributes,
            )

    def count(self, counts: Mapping[str, int]) -> None:
        data = [
            {"MetricName": name, "Value": value, "Unit": "Count", "Dimensions": self._dimensions}
            for name, value in counts.items()
        ]
        self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
