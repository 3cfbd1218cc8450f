"""Which ways of serving go together, and with what: checked as the file is read, before it costs anything.

AWS refuses most of this, some of it twenty minutes into a deployment; some of it AWS takes and ignores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from clary.environment import monitoring
from clary.environment.container import Image
from clary.environment.hosting import Endpoint, Mode, Update
from clary.environment.part import Complaint, Part, no_such
from clary.environment.serving import MAIN, SHADOW, Model, containers_of

Path = tuple[str | int, ...]

MULTI_MODEL_GPU_FAMILIES = ("p2", "p3", "g4dn", "g5")
"""https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-support.html"""
_GPU_FAMILIES = ("p", "g")
_BURSTABLE_FAMILIES = ("t2", "t3")
_LARGEST_BODY_MB: Mapping[Mode, int] = {"real-time": 6, "serverless": 4}
"""6,291,456 bytes in the model of the API (botocore's `sagemaker-runtime`), and less without instances:
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-invoke.html"""
_LARGEST_TRANSFORM_MB = 100

_SERVERLESS = (
    "serverless endpoints have no GPUs, VPC, data capture, variants, pipelines or multi-model containers"
)
"""https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (Feature exclusions)"""
_ASYNCHRONOUS = "asynchronous endpoints have one container, whose requests and answers lie in S3 already"
"""https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html, and of capture
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html ("real-time")"""
_BATCH = "a model of the mode 'batch' has no endpoint"
_COMPONENT = "components have copies, and share an endpoint that has no model of its own"
_MONITORS = "monitors look at one model with an endpoint of its own, and at all that was captured of it"
"""https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html: not of multi-model endpoints."""
_PACKAGE = "a model package is brought into service by its approval, alone on its endpoint"
_SHADOW = "a shadow stands beside one production variant of one container on a real-time endpoint"
"""https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-exclusions.html"""


def misfits(
    models: Mapping[str, Model], *, teams: Collection[str], repositories: Collection[str], region: str
) -> Iterator[Complaint]:
    """All that does not fit together among the models of an environment."""
    for name, model in models.items():
        at: Path = ("models", name)
        if model.team not in teams:
            yield Complaint((*at, "team"), no_such("team", model.team, list(teams)))
        yield from _containers(name, model, list(repositories), region)
        for complaint in (*_of_endpoint(model.endpoint), *_of_artifact(model), *_shared(name, models)):
            yield Complaint((*at, "endpoint", *complaint.path), complaint.message)
        yield from _monitors(name, model, list(repositories), region)
        yield from _body(name, model)


def instance_types(name: str, model: Model) -> Iterator[tuple[Path, str]]:
    """What a model runs on and is trained on, and where the file says so."""
    endpoint, at = model.endpoint, ("models", name)
    if endpoint.mode != "serverless" and endpoint.shared_with is None:
        yield (*at, *_where(endpoint, "endpoint", "instance_type")), endpoint.instance_type
    for key, variant in endpoint.variants.items():
        if variant.instance_type is not None:
            yield (*at, "endpoint", "variants", key, "instance_type"), variant.instance_type
    if endpoint.shadow is not None and endpoint.shadow.instance_type is not None:
        yield (*at, "endpoint", SHADOW, "instance_type"), endpoint.shadow.instance_type
    if endpoint.monitors is not None:
        for path, instance_type in monitoring.instance_types(endpoint.monitors):
            yield (*at, "endpoint", *path), instance_type
    seen: set[Path] = set()
    for container in containers_of(name, model).values():
        training = container.artifact.training
        if training is not None and container.artifact_path not in seen:
            seen.add(container.artifact_path)
            path = container.artifact_path
            yield (*path, *_where(training, "training", "instance_type")), training.instance_type


def family(instance_type: str) -> str:
    """`g5` of `ml.g5.xlarge`."""
    return instance_type.split(".")[1]


def has_gpu(instance_type: str) -> bool:
    """As EC2's naming conventions have it: families p and g
    (https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html)."""
    return family(instance_type)[0] in _GPU_FAMILIES


def _where(part: Part, *path: str) -> Path:
    """The path of a key where the file gives it, else of what it would be in."""
    return path if path[-1] in part.model_fields_set else ()


def _says(part: Part, key: str) -> bool:
    """Whether a key says more than its absence would."""
    default = type(part).model_fields[key].get_default(call_default_factory=True)
    return key in part.model_fields_set and getattr(part, key) != default


def _containers(name: str, model: Model, repositories: list[str], region: str) -> Iterator[Complaint]:
    told: set[Path] = set()
    for container in containers_of(name, model).values():
        image, path = container.image, container.image_path
        if container.artifact.package is not None and container.artifact_path != ("models", name, "artifact"):
            message = "goes with the model itself only, give a 'key' or 'training' here"
            yield Complaint((*container.artifact_path, "package"), message)
        if image is None or path in told:
            continue
        told.add(path)
        if image.repository is not None and image.repository not in repositories:
            yield Complaint((*path, "repository"), no_such("repository", image.repository, repositories))
        if image.repository is None and container.artifact.training is not None:
            message = "is trained by nothing here: AWS's images have channels and scripts of their own, give"
            yield Complaint((*container.artifact_path, "training"), f"{message} the 'key' of what they made")
        if image.repository is None:
            runs_on = (
                {one for _, one in instance_types(name, model)} if model.endpoint.mode != "serverless" else ()
            )
            yield from _aws_image(image, path, region, runs_on)
    package = model.artifact.package is not None
    if model.image is None and not package:
        yield Complaint(("models", name), "lacks 'image': only a model package brings its own")
    if model.image is not None and package:
        message = "is the model package's own, remove it here or give another 'artifact'"
        yield Complaint(("models", name, "image"), message)


def _aws_image(image: Image, path: Path, region: str, runs_on: Collection[str]) -> Iterator[Complaint]:
    from clary.environment import aws_image  # read only for a file that names one of AWS's images

    kind: aws_image.Kind = "algorithm" if image.framework is None else "framework"
    name, version = str(getattr(image, kind)), str(image.version)
    if name not in aws_image.names(kind):
        yield Complaint((*path, kind), no_such(kind, name, aws_image.names(kind)))
    elif version not in aws_image.versions(kind, name):
        message = no_such(f"version of {name}", version, aws_image.versions(kind, name))
        yield Complaint((*path, "version"), message)
    elif region not in aws_image.regions(kind, name, version):
        message = f"'{name}' {version} is not in {region}, choose another version or push a copy of your own"
        yield Complaint((*path, kind), message)
    else:
        there = aws_image.processors(kind, name, version)
        for instance_type in sorted(runs_on):
            wanted = processor_of(instance_type)
            if wanted not in there:
                message = f"'{name}' {version} does not run on '{instance_type}', only on instances with"
                yield Complaint(
                    (*path, kind), f"{message} {'GPUs' if 'gpu' in there else 'processors alone'}"
                )


def processor_of(instance_type: str | None) -> Literal["cpu", "gpu"]:
    """What an image is chosen for: a serverless endpoint has no instances, and no GPUs."""
    return "gpu" if instance_type is not None and has_gpu(instance_type) else "cpu"


def _of_endpoint(endpoint: Endpoint) -> Iterator[Complaint]:
    mode = endpoint.mode
    for block, of in (("serverless", "serverless"), ("asynchronous", "asynchronous"), ("batch", "batch")):
        if getattr(endpoint, block) is not None and mode != of:
            yield Complaint(
                (block,), f"is about the mode '{of}' and this one is '{mode}', change one of the two"
            )
    if mode == "serverless":
        yield from _excluded(
            endpoint,
            (
                "instance_type",
                "instance_count",
                "variants",
                SHADOW,
                "pipeline",
                "component",
                "shared_with",
                "capture",
                "monitors",
            ),
            _SERVERLESS,
        )
        # "Deployment guardrails only apply to Asynchronous inference and Real-time inference endpoint types":
        # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
        yield from _excluded(endpoint, ("update",), "a serverless endpoint is updated all at once, unwatched")
        yield from _provisioned(endpoint)
    if mode == "asynchronous":
        yield from _excluded(
            endpoint,
            ("variants", SHADOW, "pipeline", "component", "shared_with", "capture", "monitors"),
            _ASYNCHRONOUS,
        )
    if mode == "batch":
        of_endpoints = (
            "variants",
            SHADOW,
            "component",
            "shared_with",
            "scaling",
            "update",
            "capture",
            "monitors",
            "alarms",
        )
        yield from _excluded(endpoint, (*of_endpoints, "dashboard"), _BATCH)
        if endpoint.batch is not None:
            size = endpoint.batch.max_payload_mib * endpoint.batch.concurrent_per_instance
            if size > _LARGEST_TRANSFORM_MB:
                # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
                message = (
                    f"and 'concurrent_per_instance' make {size} MiB, SageMaker takes {_LARGEST_TRANSFORM_MB}"
                )
                yield Complaint(("batch", *_where(endpoint.batch, "max_payload_mib")), message)
    if endpoint.component is not None:
        yield from _excluded(endpoint, ("variants", SHADOW, "pipeline"), _COMPONENT)
        yield from _excluded(endpoint, ("monitors",), _MONITORS)
    if endpoint.shadow is not None and (endpoint.variants or endpoint.pipeline is not None):
        yield Complaint((SHADOW,), f"{_SHADOW}, remove it or the others")
    yield from _variants(endpoint)
    if mode != "batch":
        yield from _scaling(endpoint)
        yield from _update(endpoint)


def _excluded(endpoint: Endpoint, keys: tuple[str, ...], why: str) -> Iterator[Complaint]:
    for key in keys:
        if _says(endpoint, key):
            yield Complaint((key,), f"does not go with this: {why}")


def _provisioned(endpoint: Endpoint) -> Iterator[Complaint]:
    said = endpoint.serverless
    if said is not None and (said.provisioned_concurrency or 0) > said.max_concurrency:
        message = f"{said.provisioned_concurrency} is more than 'max_concurrency', {said.max_concurrency}"
        yield Complaint(("serverless", "provisioned_concurrency"), f"{message}, give less")


def _variants(endpoint: Endpoint) -> Iterator[Complaint]:
    for key in endpoint.variants:
        if key in (MAIN, SHADOW):
            yield Complaint(("variants", key), f"'{key}' is taken, give another name")
    steps = () if endpoint.pipeline is None else (*endpoint.pipeline.before, *endpoint.pipeline.after)
    for key in steps:
        if key in endpoint.variants:
            yield Complaint(("variants", key), f"'{key}' is a container of the pipeline, too, rename one")
    if endpoint.variants and not endpoint.weight + sum(each.weight for each in endpoint.variants.values()):
        yield Complaint(("variants",), "have no weight, and nor has the model: nobody would answer")
    if endpoint.weight != 1 and not endpoint.variants and _says(endpoint, "weight"):
        yield Complaint(("weight",), "is a share among 'variants' and there are none, remove it")


def _scaling(endpoint: Endpoint) -> Iterator[Complaint]:
    scaling = endpoint.scaling
    if scaling is None:
        return
    at: Path = ("scaling",)
    if _says(endpoint, "instance_count") and endpoint.component is None:
        yield Complaint(("instance_count",), "is decided by 'scaling', remove it and give 'scaling.least'")
    if endpoint.component is not None and _says(endpoint.component, "copies"):
        yield Complaint(
            ("component", "copies"), "is decided by 'scaling', remove it and give 'scaling.least'"
        )
    lows: list[tuple[Path, int]] = [
        (("least",) if "least" in scaling.model_fields_set else (), scaling.least)
    ]
    lows += [
        (("schedule", name, "least"), each.least)
        for name, each in scaling.schedule.items()
        if each.least == 0
    ]
    to_zero = endpoint.mode == "asynchronous" or endpoint.component is not None
    for path, least in lows:
        if least == 0 and not to_zero:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
            message = "0 is for asynchronous endpoints and components: others always have an instance"
            if endpoint.mode == "serverless":
                message = "0 is for instances: a serverless endpoint has none anyway, give 1"
            yield Complaint((*at, *path), message)
    if endpoint.mode in ("asynchronous", "serverless") and _says(scaling, "metric"):
        yield Complaint((*at, "metric"), f"is the mode's own where it is '{endpoint.mode}', remove it")
    if endpoint.mode == "serverless":
        said = endpoint.serverless
        if said is None or said.provisioned_concurrency is None:
            message = (
                "moves provisioned concurrency, which there is none of: give 'provisioned_concurrency', too"
            )
            yield Complaint(at, message)
        elif scaling.most > said.max_concurrency:
            message = f"{scaling.most} is more than 'max_concurrency', {said.max_concurrency}, give less"
            yield Complaint((*at, "most"), message)
        if scaling.target is not None and scaling.target > 90:
            # the predefined metric is a share, from 10 to 90 percent:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html
            yield Complaint((*at, "target"), f"{scaling.target} is a utilisation in percent, give 10 to 90")
    elif family(endpoint.instance_type) in _BURSTABLE_FAMILIES:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
        message = f"does not go with '{endpoint.instance_type}': SageMaker scales no burstable instances"
        yield Complaint(at, message)


def _update(endpoint: Endpoint) -> Iterator[Complaint]:
    update, at = endpoint.update, ("update",)
    guarded = update.strategy != "all-at-once" or bool(update.alarms)
    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    if guarded and family(endpoint.instance_type) == "inf1":
        yield Complaint(at, "is ignored on inf1 instances, which are updated all at once: remove it")
    if endpoint.component is not None:
        if update.strategy in ("canary", "linear"):
            message = f"'{update.strategy}' is for endpoints with models of their own, choose 'rolling'"
            yield Complaint((*at, "strategy"), message)
    elif update.strategy == "rolling" and (endpoint.variants or endpoint.shadow is not None):
        yield Complaint((*at, "strategy"), "'rolling' is for one variant, choose another way")
    if update.strategy == "linear" and update.percent < 10:
        yield Complaint((*at, "percent"), f"{update.percent} is too small a step, SageMaker takes 10 to 50")
    yield from _without_effect(update)


def _without_effect(update: Update) -> Iterator[Complaint]:
    if update.strategy == "rolling" and update.keep_old_minutes:
        message = "is about instances beside the new ones, and 'rolling' has none: remove it"
        yield Complaint(("update", "keep_old_minutes"), message)
    if update.strategy == "all-at-once" and _says(update, "percent"):
        yield Complaint(("update", "percent"), "means nothing when all move at once, remove it")


def _of_artifact(model: Model) -> Iterator[Complaint]:
    endpoint = model.endpoint
    if model.artifact.folder is not None:
        why = "many models in one folder are for real-time endpoints without a shadow or components"
        yield from _excluded(endpoint, (SHADOW, "component", "shared_with"), why)
        yield from _excluded(endpoint, ("monitors",), _MONITORS)
        if endpoint.mode != "real-time":
            yield Complaint(("mode",), f"'{endpoint.mode}' does not go with 'artifact.folder': {why}")
        if has_gpu(endpoint.instance_type) and family(endpoint.instance_type) not in MULTI_MODEL_GPU_FAMILIES:
            known = ", ".join(MULTI_MODEL_GPU_FAMILIES)
            message = (
                f"'{endpoint.instance_type}' does not hold many models, of those with GPUs choose {known}"
            )
            yield Complaint(("instance_type",), message)
    if model.artifact.package is not None:
        keys = ("variants", SHADOW, "pipeline", "component", "shared_with", "scaling", "monitors")
        yield from _excluded(endpoint, keys, _PACKAGE)
        if endpoint.mode == "batch":
            yield Complaint(("mode",), f"'batch' does not go with 'artifact.package': {_PACKAGE}")


def _shared(name: str, models: Mapping[str, Model]) -> Iterator[Complaint]:
    endpoint = models[name].endpoint
    if endpoint.shared_with is None:
        return
    at: Path = ("shared_with",)
    host = models.get(endpoint.shared_with)
    if endpoint.component is None:
        yield Complaint(at, "is for components, give 'component', too")
    if host is None or endpoint.shared_with == name:
        others = [other for other in models if other != name]
        yield Complaint(at, no_such("other model", endpoint.shared_with, others))
        return
    if host.endpoint.component is None or host.endpoint.shared_with is not None:
        message = f"'{endpoint.shared_with}' has no endpoint for components, choose one that has"
        yield Complaint(at, f"{message} 'component' and no 'shared_with'")
    if host.team != models[name].team:
        message = f"'{endpoint.shared_with}' belongs to the team {host.team}, share with one of"
        yield Complaint(at, f"{message} {models[name].team}'s models")
    why = f"it is the endpoint's, give it at '{endpoint.shared_with}'"
    yield from _excluded(endpoint, ("instance_type", "instance_count", "capture"), why)


def _monitors(name: str, model: Model, repositories: list[str], region: str) -> Iterator[Complaint]:
    endpoint = model.endpoint
    if endpoint.monitors is None or endpoint.mode != "real-time":
        return
    for complaint in monitoring.misfits(
        endpoint.monitors,
        team=model.team,
        captured=None if endpoint.capture is None else endpoint.capture.what,
        repositories=repositories,
        region=region,
    ):
        yield Complaint(("models", name, "endpoint", *complaint.path), complaint.message)


def _body(name: str, model: Model) -> Iterator[Complaint]:
    """An example that the mode would refuse."""
    limit = _LARGEST_BODY_MB.get(model.endpoint.mode)
    example = model.api.example
    if limit is not None and example is not None and len(example.encode()) > limit * 1024 * 1024:
        message = (
            f"is larger than the {limit} MB that a {model.endpoint.mode} endpoint takes, choose the mode"
        )
        yield Complaint(("models", name, "api", "example"), f"{message} 'asynchronous'")
