"""From a model of the file to the constructs that serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_sns as sns

from clary.environment import aws_image
from clary.environment.hosting import Batch, Endpoint, Scaling, Update
from clary.environment.serving import MAIN, SHADOW, Model
from clary.environment.serving_rules import processor_of
from clary_constructs import (
    BatchModel,
    CapacityLimits,
    ComponentEndpoint,
    ComponentScaling,
    ComponentSize,
    EndpointAlarms,
    EndpointDashboard,
    Instances,
    ModelContainer,
    ModelEndpoint,
    ModelVariant,
    PromotedEndpoint,
    ProvisionedConcurrencyScaling,
    QueueScaling,
    RequestCapture,
    RequestQueue,
    ScheduledLimits,
    ServerlessCapacity,
    UpdatePolicy,
    VariantScaling,
    python_code,
    variant_places,
)
from constructs import Construct, IConstruct
from stacks.naming import pascal
from stacks.surroundings import Surroundings, aws_repository
from stacks.watched_model import monitors

_FUNCTIONS = Path(__file__).parent.parent / "lambda"


def model_endpoint(scope: Construct, construct_id: str, around: Surroundings, name: str) -> ModelEndpoint:
    model = around.environment.models[name]
    endpoint = model.endpoint
    variants = _variants(scope, around, name, model)
    asynchronous = endpoint.mode == "asynchronous"
    places = variant_places(around.environment.endpoint_name(name), list(variants))
    watch = _alarms(scope, f"{construct_id}Alarms", around, endpoint, places, asynchronous=asynchronous)
    capture = _capture(around, name, model)
    made = ModelEndpoint(
        scope,
        construct_id,
        endpoint_name=around.environment.endpoint_name(name),
        variants=variants,
        shadow=_shadow(scope, around, name, model),
        queue=_queue(scope, construct_id, around, name, endpoint),
        capture=capture,
        update=_update(endpoint.update),
        alarms=_brings_back(endpoint.update, watch),
        **around.place,
    )
    watching = [] if capture is None else monitors(made, construct_id, around, name, capture)
    if endpoint.dashboard:
        EndpointDashboard(
            scope,
            f"{construct_id}Dashboard",
            endpoint_name=made.endpoint_name,
            places=places,
            alarms=[*watch.alarms, *(alarm for monitor in watching for alarm in monitor.alarms)],
            asynchronous=asynchronous,
            instances=endpoint.mode != "serverless",
        )
    if endpoint.scaling is not None:
        _scale(scope, construct_id, endpoint, endpoint.scaling, made)
    return made


def component_endpoint(
    scope: Construct, construct_id: str, around: Surroundings, name: str
) -> ComponentEndpoint:
    """The endpoint that the component `name` is on, and those that share it."""
    models = around.environment.models
    on_it = [one for one, model in models.items() if one == name or model.endpoint.shared_with == name]
    scalings = [models[one].endpoint.scaling for one in on_it]
    moving = any(scaling is not None for scaling in scalings)
    asleep = all(scaling is not None and scaling.least == 0 for scaling in scalings)
    endpoint = models[name].endpoint
    return ComponentEndpoint(
        scope,
        construct_id,
        endpoint_name=around.environment.endpoint_name(name),
        capacity=Instances(endpoint.instance_type, endpoint.instance_count),
        containers=[_container(scope, around, one, endpoint.instance_type) for one in on_it],
        least_instances=(0 if asleep else 1) if moving else None,
        capture=_capture(around, name, models[name]),
        **around.place,
    )


def add_component(host: ComponentEndpoint, construct_id: str, around: Surroundings, name: str) -> IConstruct:
    stack = cdk.Stack.of(host)
    environment = around.environment
    endpoint = environment.models[name].endpoint
    component, component_name = endpoint.component, environment.component_name(name)
    assert component is not None
    assert component_name is not None
    instance_type = environment.models[endpoint.shared_with or name].endpoint.instance_type
    places = {name: {"InferenceComponentName": component_name}}
    watch = _alarms(stack, f"{construct_id}Alarms", around, endpoint, places)
    scaling = endpoint.scaling
    made = host.add(
        f"{construct_id}Component",
        component_name=component_name,
        container=_container(stack, around, name, instance_type),
        size=ComponentSize(
            copies=component.copies if scaling is None else max(1, scaling.least),
            memory_mib=component.memory_mib,
            cpus=component.cpus,
            accelerators=component.accelerators,
        ),
        update=_update(endpoint.update),
        alarms=_brings_back(endpoint.update, watch),
    )
    if endpoint.dashboard:
        EndpointDashboard(
            stack,
            f"{construct_id}Dashboard",
            endpoint_name=host.endpoint_name,
            places=places,
            alarms=watch.alarms,
            instances=False,
        )
    if scaling is not None:
        ComponentScaling(
            stack,
            f"{construct_id}Scaling",
            component_name=component_name,
            limits=_limits(scaling),
            follow=scaling.metric,
            target=scaling.target,
            of=made,
        )
    return made


def promoted_endpoint(
    scope: Construct, construct_id: str, around: Surroundings, name: str
) -> PromotedEndpoint:
    environment = around.environment
    model = environment.models[name]
    endpoint = model.endpoint
    asynchronous = endpoint.mode == "asynchronous"
    places = variant_places(environment.endpoint_name(name), [MAIN])
    watch = _alarms(scope, f"{construct_id}Alarms", around, endpoint, places, asynchronous=asynchronous)
    capacity: Instances | ServerlessCapacity = Instances(endpoint.instance_type, endpoint.instance_count)
    if endpoint.mode == "serverless":
        said = endpoint.serverless
        capacity = ServerlessCapacity() if said is None else ServerlessCapacity(**said.model_dump())
    made = PromotedEndpoint(
        scope,
        construct_id,
        endpoint_name=environment.endpoint_name(name),
        group_name=str(environment.model_package_group_name(name)),
        code=python_code(_FUNCTIONS, ["model_promotion", "runtime_common"]),
        repositories=list(around.data.repositories.values()),
        artifact_bucket=around.data.models_bucket,
        artifact_prefix=model.team,
        topic=around.alarm_topic,
        capacity=capacity,
        environment=model.environment,
        queue=_queue(scope, construct_id, around, name, endpoint),
        capture=_capture(around, name, model),
        update=_update(endpoint.update),
        alarms=_brings_back(endpoint.update, watch),
        empties_group=not environment.retain_data,
        tags=environment.cost_tags(model.team),
        **around.place,
    )
    if endpoint.dashboard:
        EndpointDashboard(
            scope,
            f"{construct_id}Dashboard",
            endpoint_name=made.endpoint_name,
            places=places,
            alarms=watch.alarms,
            asynchronous=asynchronous,
            instances=endpoint.mode != "serverless",
        )
    return made


def batch_model(scope: Construct, construct_id: str, around: Surroundings, name: str) -> BatchModel:
    environment = around.environment
    endpoint = environment.models[name].endpoint
    said = endpoint.batch or Batch()
    folders = [folder for each in said.schedule.values() for folder in (each.input, each.output)]
    made = BatchModel(
        scope,
        construct_id,
        name=environment.endpoint_name(name),
        containers=_containers(scope, around, name, endpoint, name, endpoint.instance_type),
        capacity=Instances(endpoint.instance_type, endpoint.instance_count),
        data_bucket=around.data.data_bucket,
        prefixes=[environment.job_prefix(name), *folders],
        **around.place,
    )
    for key, each in said.schedule.items():
        made.transform(
            pascal(key),
            at=each.at,
            time_zone=each.time_zone,
            input_prefix=each.input,
            output_prefix=each.output,
            content_type=each.content_type,
            topic=around.alarm_topic,
            by_line=said.by_line,
            max_payload_mib=said.max_payload_mib,
            concurrent_per_instance=said.concurrent_per_instance,
        )
    return made


def _container(
    scope: Construct,
    around: Surroundings,
    name: str,
    instance_type: str | None,
    step: str | None = None,
) -> ModelContainer:
    container, content = around.environment.containers[name], around.contents[name]
    repository, tag = _image(scope, around, name, instance_type)
    has_artifact = content.artifact_key is not None or container.artifact.folder is not None
    return ModelContainer(
        repository=repository,
        image_tag=tag,
        artifact_bucket=around.data.models_bucket if has_artifact else None,
        artifact_key=content.artifact_key,
        artifact_folder=container.artifact.folder,
        environment=container.environment,
        name=step,
    )


def _image(
    scope: Construct, around: Surroundings, name: str, instance_type: str | None
) -> tuple[ecr.IRepository, str]:
    image = around.environment.containers[name].image
    assert image is not None
    if image.repository is not None:
        return around.data.repositories[image.repository], str(around.contents[name].image_tag)
    kind: aws_image.Kind = "algorithm" if image.framework is None else "framework"
    found = aws_image.find(
        kind,
        str(image.framework or image.algorithm),
        str(image.version),
        region=around.environment.region,
        processor=processor_of(instance_type),
    )
    return aws_repository(cdk.Stack.of(scope), found, around.environment.region), found.tag


def _variants(scope: Construct, around: Surroundings, name: str, model: Model) -> dict[str, ModelVariant]:
    endpoint = model.endpoint
    count = endpoint.instance_count if endpoint.scaling is None else max(1, endpoint.scaling.least)
    if endpoint.mode == "serverless":
        said = endpoint.serverless
        capacity = ServerlessCapacity() if said is None else ServerlessCapacity(**said.model_dump())
        return {MAIN: ModelVariant([_container(scope, around, name, None)], capacity)}

    main = ModelVariant(
        _containers(scope, around, name, endpoint, name, endpoint.instance_type),
        Instances(endpoint.instance_type, count),
        endpoint.weight,
    )
    others = {
        key: ModelVariant(
            _containers(
                scope,
                around,
                name,
                endpoint,
                f"{name}.{key}",
                variant.instance_type or endpoint.instance_type,
            ),
            Instances(variant.instance_type or endpoint.instance_type, variant.instance_count or count),
            variant.weight,
        )
        for key, variant in endpoint.variants.items()
    }
    return {MAIN: main, **others}


def _containers(
    scope: Construct, around: Surroundings, name: str, endpoint: Endpoint, which: str, instance_type: str
) -> list[ModelContainer]:
    """What a request to the container `which` of the model `name` passes, in order."""
    if endpoint.pipeline is None:
        return [_container(scope, around, which, instance_type)]
    before, after = endpoint.pipeline.before, endpoint.pipeline.after
    return [
        *(_container(scope, around, f"{name}.{key}", instance_type, key) for key in before),
        _container(scope, around, which, instance_type, "model"),
        *(_container(scope, around, f"{name}.{key}", instance_type, key) for key in after),
    ]


def _shadow(scope: Construct, around: Surroundings, name: str, model: Model) -> ModelVariant | None:
    endpoint, shadow = model.endpoint, model.endpoint.shadow
    if shadow is None:
        return None
    instance_type = shadow.instance_type or endpoint.instance_type
    return ModelVariant(
        [_container(scope, around, f"{name}.{SHADOW}", instance_type)],
        Instances(instance_type, shadow.instance_count or endpoint.instance_count),
        # of as many as the production variant's own weight: 1 is all of them
        endpoint.weight * shadow.percent / 100,
    )


def _queue(
    scope: Construct, construct_id: str, around: Surroundings, name: str, endpoint: Endpoint
) -> RequestQueue | None:
    if endpoint.mode != "asynchronous":
        return None
    said = endpoint.asynchronous
    topics = {
        kind: sns.Topic(
            scope, f"{construct_id}{kind.capitalize()}", master_key=around.data.key, enforce_ssl=True
        )
        for kind in (() if said is None else said.topics)
    }
    for kind, topic in topics.items():
        cdk.CfnOutput(scope, f"{construct_id}{kind.capitalize()}TopicArn", value=topic.topic_arn)
    return RequestQueue(
        bucket=around.data.data_bucket,
        prefix=around.environment.job_prefix(name),
        concurrent_per_instance=None if said is None else said.concurrent_per_instance,
        success_topic=topics.get("success"),
        error_topic=topics.get("error"),
    )


def _capture(around: Surroundings, name: str, model: Model) -> RequestCapture | None:
    """Into the team's own part of the data bucket."""
    capture = model.endpoint.capture
    if capture is None:
        return None
    return RequestCapture(
        bucket=around.data.data_bucket,
        prefix=around.environment.capture_prefix(name),
        percent=capture.percent,
        modes=capture.what,
        content_types=model.api.content_types,
    )


def _alarms(
    scope: Construct,
    construct_id: str,
    around: Surroundings,
    endpoint: Endpoint,
    places: Mapping[str, Mapping[str, str]],
    *,
    asynchronous: bool = False,
) -> EndpointAlarms:
    latency = endpoint.alarms.latency_ms
    return EndpointAlarms(
        scope,
        construct_id,
        places=places,
        topic=around.alarm_topic,
        asynchronous=asynchronous,
        server_errors=endpoint.alarms.server_errors,
        latency=None if latency is None else cdk.Duration.millis(latency),
        minutes=endpoint.alarms.minutes,
    )


def _update(update: Update) -> UpdatePolicy:
    return UpdatePolicy(
        strategy=update.strategy,
        percent=update.percent,
        bake_seconds=update.bake_minutes * 60,
        keep_old_seconds=update.keep_old_minutes * 60,
    )


def _brings_back(update: Update, watch: EndpointAlarms) -> Sequence[cloudwatch.IAlarm | str]:
    """SageMaker watches ten alarms at most."""
    own: list[cloudwatch.IAlarm | str] = list(watch.alarms) if update.roll_back else []
    return [*update.alarms, *own][:10]


def _limits(scaling: Scaling) -> CapacityLimits:
    return CapacityLimits(
        least=scaling.least,
        most=scaling.most,
        scale_in_cooldown_seconds=scaling.scale_in_cooldown_seconds,
        scale_out_cooldown_seconds=scaling.scale_out_cooldown_seconds,
        scheduled={
            name: ScheduledLimits(each.at, each.time_zone, each.least, each.most)
            for name, each in scaling.schedule.items()
        },
    )


def _scale(
    scope: Construct, construct_id: str, endpoint: Endpoint, scaling: Scaling, made: ModelEndpoint
) -> None:
    """Each variant by itself; a shadow is none that scales."""
    limits = _limits(scaling)
    for variant in made.variants:
        of: dict[str, Any] = {
            "endpoint_name": made.endpoint_name,
            "variant": variant,
            "limits": limits,
            "of": made.endpoint,
        }
        suffix = "" if variant == MAIN else pascal(variant)
        if endpoint.mode == "serverless":
            ProvisionedConcurrencyScaling(
                scope, f"{construct_id}Scaling{suffix}", target_percent=scaling.target, **of
            )
        elif endpoint.mode == "asynchronous":
            QueueScaling(scope, f"{construct_id}Scaling{suffix}", target=scaling.target, **of)
        else:
            VariantScaling(
                scope,
                f"{construct_id}Scaling{suffix}",
                follow=scaling.metric,
                target=scaling.target,
                **of,
            )
    made.keep_capacity()
