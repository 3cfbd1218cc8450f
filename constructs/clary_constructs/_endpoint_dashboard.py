"""An endpoint at a glance."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch

from clary_constructs._endpoint_alarms import endpoint_metric
from constructs import Construct

_FAILED = ("Invocation5XXErrors", "Invocation4XXErrors")
_LATENCY = ("ModelLatency", "OverheadLatency")
_USE = ("CPUUtilization", "MemoryUtilization")


class EndpointDashboard(Construct):
    """A CloudWatch dashboard: requests, errors, latency and capacity of what is at `places`.

    `places` are dimensions by name, as in `EndpointAlarms`; an asynchronous endpoint has its backlog, too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        places: Mapping[str, Mapping[str, str]],
        alarms: list[cloudwatch.Alarm],
        asynchronous: bool = False,
        instances: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard")
        self.dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms, width=24))
        graphs: list[cloudwatch.IWidget] = []

        def graph(title: str, metrics: Mapping[str, str], namespace: str | None = None) -> None:
            """`metrics` are statistics by name."""
            lines = [
                endpoint_metric(name, statistic=statistic, dimensions=dimensions).with_(
                    label=f"{place} {name}"
                )
                for place, dimensions in places.items()
                for name, statistic in metrics.items()
            ]
            if namespace is not None:
                lines = [
                    cloudwatch.Metric(
                        namespace=namespace,
                        metric_name=name,
                        dimensions_map=dict(dimensions),
                        statistic=statistic,
                        label=f"{place} {name}",
                    )
                    for place, dimensions in places.items()
                    for name, statistic in metrics.items()
                ]
            graphs.append(cloudwatch.GraphWidget(title=title, left=lines, width=12))

        graph("Requests", {"Invocations": "Sum"})
        graph("Failed requests", dict.fromkeys(_FAILED, "Sum"))
        graph("Latency (microseconds)", dict.fromkeys(_LATENCY, "p99"))
        if instances:
            # instances' own metrics are in a namespace of theirs:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
            graph(
                "Use of the instances (percent)", dict.fromkeys(_USE, "Average"), "/aws/sagemaker/Endpoints"
            )
        if asynchronous:
            waiting = [
                endpoint_metric(name, statistic="Average", dimensions={"EndpointName": endpoint_name})
                for name in ("ApproximateBacklogSize", "ApproximateBacklogSizePerInstance")
            ]
            graphs.append(cloudwatch.GraphWidget(title="Waiting", left=waiting, width=12))
        for row in range(0, len(graphs), 2):
            self.dashboard.add_widgets(*graphs[row : row + 2])
