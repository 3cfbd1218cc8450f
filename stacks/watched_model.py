"""From the monitors of a model in the file to the constructs that watch it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr

from clary.environment import monitor_image
from clary.environment.monitoring import Explainability, Judged, Kind, ModelQuality, Monitor, analysis_of
from clary.monitor_content import CONSTRAINTS, STATISTICS, MonitorContent
from clary_constructs import (
    Instances,
    Judgement,
    ModelEndpoint,
    ModelMonitor,
    MonitorBaseline,
    MonitorImage,
    MonitorJob,
    MonitorLimit,
    RequestCapture,
)
from stacks.naming import pascal
from stacks.surroundings import Surroundings, aws_repository


def monitors(
    endpoint: ModelEndpoint, construct_id: str, around: Surroundings, name: str, capture: RequestCapture
) -> list[ModelMonitor]:
    """What watches the model `name`, beside its endpoint."""
    said = around.environment.models[name].endpoint.monitors
    stack = cdk.Stack.of(endpoint)
    return [
        _monitor(stack, f"{construct_id}{pascal(kind)}", around, endpoint, kind, monitor, capture, name)
        for kind, monitor in ({} if said is None else said.given).items()
    ]


def _monitor(
    stack: cdk.Stack,
    construct_id: str,
    around: Surroundings,
    endpoint: ModelEndpoint,
    kind: Kind,
    monitor: Monitor,
    capture: RequestCapture,
    name: str,
) -> ModelMonitor:
    content = around.monitors[name, kind]
    own = {"MONITOR_KIND": kind} if monitor.image is not None else {}
    return ModelMonitor(
        stack,
        construct_id,
        kind=kind,
        endpoint=endpoint,
        capture=capture,
        image=_image(stack, around, kind, monitor, content),
        baseline=MonitorBaseline(
            f"{content.baseline_prefix}/{CONSTRAINTS}",
            f"{content.baseline_prefix}/{STATISTICS}" if content.has_statistics else None,
        ),
        reports_prefix=content.reports_prefix,
        schedule=monitor.schedule,
        topic=around.alarm_topic,
        limits={
            metric: MonitorLimit(limit.above, limit.below) for metric, limit in monitor.all_alarms.items()
        },
        judgement=_judgement(monitor, content),
        job=MonitorJob(
            capacity=Instances(monitor.instance_type, 1),
            volume_gib=monitor.volume_gib,
            max_runtime=cdk.Duration.minutes(monitor.max_runtime_minutes),
            environment={**own, **monitor.environment},
        ),
        **around.place,
    )


def _image(
    stack: cdk.Stack, around: Surroundings, kind: Kind, monitor: Monitor, content: MonitorContent
) -> MonitorImage:
    if monitor.image is not None:
        repository: ecr.IRepository = around.data.repositories[monitor.image.repository]
        return MonitorImage(repository, str(content.image_tag))
    region = around.environment.region
    found = monitor_image.find(analysis_of(kind), region)
    return MonitorImage(aws_repository(stack, found, region), found.tag)


def _judgement(monitor: Monitor, content: MonitorContent) -> Judgement:
    if isinstance(monitor, Explainability):
        return Judgement(inference=monitor.inference, config_key=content.config_key)
    if not isinstance(monitor, Judged):
        return Judgement()
    end = monitor.wait_hours
    return Judgement(
        ground_truth_prefix=monitor.ground_truth,
        inference=monitor.inference,
        probability=monitor.probability,
        probability_threshold=monitor.probability_threshold,
        start_offset=f"-PT{end + monitor.hours}H" if end else None,
        end_offset=f"-PT{end}H" if end else None,
        problem=monitor.problem if isinstance(monitor, ModelQuality) else None,
        config_key=content.config_key,
    )
