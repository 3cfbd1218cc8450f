"""Ways of serving that do not go together are refused where the file says them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment
from clary.environment.serving_rules import has_gpu

HEAD = """name: broken
account: "111122223333"
region: eu-west-1
teams: {research: {members: {ada: data-scientist}}, sales: {members: {bob: data-scientist}}}
repositories: [housing]
models:
  housing:
    team: research
    image: {repository: housing, tag: v1}
    artifact: {key: model.tar.gz}
"""
ENDPOINT_LINE = 11
OTHER = (
    "  other:\n    team: research\n    image: {repository: housing, tag: v1}\n    artifact: {key: b.tar.gz}\n"
)

# What is wrong, the endpoint, the path below it, and words that the message has to hold.
ENDPOINTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "instances, and GPUs, of a serverless endpoint": (
        "{mode: serverless, instance_type: ml.g5.xlarge}",
        "instance_type",
        ("serverless endpoints have no GPUs",),
    ),
    "capture on a serverless endpoint": (
        "{mode: serverless, capture: {}}",
        "capture",
        ("serverless endpoints have no",),
    ),
    "variants of a serverless endpoint": (
        "{mode: serverless, variants: {b: {}}}",
        "variants",
        ("serverless endpoints have no",),
    ),
    "a shadow of a serverless endpoint": ("{mode: serverless, shadow: {}}", "shadow", ("serverless",)),
    "a pipeline on a serverless endpoint": (
        "{mode: serverless, pipeline: {after: {b: {}}}}",
        "pipeline",
        ("serverless endpoints have no",),
    ),
    "an update policy of a serverless endpoint": (
        "{mode: serverless, update: {strategy: canary}}",
        "update",
        ("all at once, unwatched",),
    ),
    "more provisioned than there may be": (
        "{mode: serverless, serverless: {max_concurrency: 2, provisioned_concurrency: 3}}",
        "serverless.provisioned_concurrency",
        ("3 is more than 'max_concurrency', 2",),
    ),
    "scaling of a serverless endpoint without what it moves": (
        "{mode: serverless, scaling: {most: 3}}",
        "scaling",
        ("give 'provisioned_concurrency'",),
    ),
    "scaling a serverless endpoint beyond its limit": (
        "{mode: serverless, scaling: {most: 3},"
        " serverless: {max_concurrency: 2, provisioned_concurrency: 1}}",
        "scaling.most",
        ("3 is more than 'max_concurrency', 2",),
    ),
    "a utilisation above what is": (
        "{mode: serverless, serverless: {provisioned_concurrency: 1}, scaling: {most: 3, target: 100}}",
        "scaling.target",
        ("a utilisation in percent",),
    ),
    "serverless settings of a real-time endpoint": (
        "{serverless: {memory_gib: 1}}",
        "serverless",
        ("is about the mode 'serverless' and this one is 'real-time'",),
    ),
    "asynchronous settings of a real-time endpoint": (
        "{asynchronous: {}}",
        "asynchronous",
        ("is about the mode 'asynchronous'",),
    ),
    "batch settings of a real-time endpoint": ("{batch: {}}", "batch", ("is about the mode 'batch'",)),
    "no instances on a real-time endpoint": (
        "{scaling: {least: 0, most: 2}}",
        "scaling.least",
        ("0 is for asynchronous endpoints and components",),
    ),
    "no instances on a real-time endpoint at night": (
        "{scaling: {most: 2, schedule: {night: {at: rate(1 day), least: 0}}}}",
        "scaling.schedule.night.least",
        ("0 is for asynchronous endpoints and components",),
    ),
    "a count that scaling decides": (
        "{instance_count: 2, scaling: {most: 3}}",
        "instance_count",
        ("is decided by 'scaling'",),
    ),
    "copies that scaling decides": (
        "{component: {copies: 2}, scaling: {most: 3}}",
        "component.copies",
        ("is decided by 'scaling'",),
    ),
    "scaling of burstable instances": (
        "{instance_type: ml.t2.medium, scaling: {most: 3}}",
        "scaling",
        ("'ml.t2.medium'", "no burstable instances"),
    ),
    "a metric where the mode has one": (
        "{mode: asynchronous, scaling: {most: 3, metric: concurrency}}",
        "scaling.metric",
        ("is the mode's own",),
    ),
    "a least above the most": ("{scaling: {least: 3, most: 2}}", "scaling.least", ("3 is more than 'most'",)),
    "a schedule that changes nothing": (
        "{scaling: {most: 2, schedule: {night: {at: rate(1 day)}}}}",
        "scaling.schedule.night",
        ("changes nothing",),
    ),
    "a shadow beside several variants": (
        "{shadow: {}, variants: {b: {}}}",
        "shadow",
        ("stands beside one production variant",),
    ),
    "a shadow of a pipeline": (
        "{shadow: {}, pipeline: {after: {b: {}}}}",
        "shadow",
        ("stands beside one production variant",),
    ),
    "a shadow of an asynchronous endpoint": (
        "{mode: asynchronous, shadow: {}}",
        "shadow",
        ("asynchronous endpoints have one container",),
    ),
    "capture on an asynchronous endpoint": (
        "{mode: asynchronous, capture: {}}",
        "capture",
        ("lie in S3 already",),
    ),
    "a pipeline on an asynchronous endpoint": (
        "{mode: asynchronous, pipeline: {after: {b: {}}}}",
        "pipeline",
        ("asynchronous endpoints have one container",),
    ),
    "scaling where there is no endpoint": ("{mode: batch, scaling: {most: 2}}", "scaling", ("no endpoint",)),
    "capture where there is no endpoint": ("{mode: batch, capture: {}}", "capture", ("no endpoint",)),
    "alarms where there is no endpoint": (
        "{mode: batch, alarms: {latency_ms: 5}}",
        "alarms",
        ("no endpoint",),
    ),
    "requests that are too large together": (
        "{mode: batch, batch: {max_payload_mib: 50, concurrent_per_instance: 3}}",
        "batch.max_payload_mib",
        ("make 150 MiB, SageMaker takes 100",),
    ),
    "variants of a component": (
        "{component: {}, variants: {b: {}}}",
        "variants",
        ("an endpoint that has no model of its own",),
    ),
    "a shared endpoint without a component": (
        "{shared_with: housing}",
        "shared_with",
        ("is for components",),
    ),
    "a canary of a component": (
        "{component: {}, update: {strategy: canary}}",
        "update.strategy",
        ("choose 'rolling'",),
    ),
    "a rolling update of several variants": (
        "{variants: {b: {}}, update: {strategy: rolling}}",
        "update.strategy",
        ("'rolling' is for one variant",),
    ),
    "guards on inf1": (
        "{instance_type: ml.inf1.xlarge, update: {strategy: linear}}",
        "update",
        ("is ignored on inf1 instances",),
    ),
    "a linear step that is too small": (
        "{update: {strategy: linear, percent: 5}}",
        "update.percent",
        ("5 is too small a step",),
    ),
    "steps when all move at once": (
        "{update: {percent: 10}}",
        "update.percent",
        ("means nothing when all move at once",),
    ),
    "old instances beside a rolling update": (
        "{update: {strategy: rolling, keep_old_minutes: 5}}",
        "update.keep_old_minutes",
        ("'rolling' has none",),
    ),
    "a variant called as the model itself": ("{variants: {main: {}}}", "variants.main", ("'main' is taken",)),
    "nobody with a weight": (
        "{weight: 0, variants: {b: {weight: 0}}}",
        "variants",
        ("nobody would answer",),
    ),
    "a weight among none": ("{weight: 5}", "weight", ("there are none",)),
    "a pipeline of one": ("{pipeline: {}}", "pipeline", ("has 1 containers",)),
    "a step called as a variant": (
        "{variants: {b: {}}, pipeline: {after: {b: {}}}}",
        "variants.b",
        ("is a container of the pipeline, too",),
    ),
    "a package for a variant": (
        "{variants: {b: {artifact: {package: {group: x}}}}}",
        "variants.b.artifact.package",
        ("goes with the model itself only",),
    ),
    "an unknown repository of a variant": (
        "{variants: {b: {image: {repository: hosing, tag: a}}}}",
        "variants.b.image.repository",
        ("no repository 'hosing'", "did you mean 'housing'?"),
    ),
}

# The same for a whole model: what replaces what, the line, the path and the words.
MODELS: dict[str, tuple[tuple[str, str], int, str, tuple[str, ...]]] = {
    "many models on a GPU that does not hold them": (
        (
            "artifact: {key: model.tar.gz}",
            "artifact: {folder: many}\n    endpoint: {instance_type: ml.p4d.24xlarge}",
        ),
        11,
        "endpoint.instance_type",
        ("choose p2, p3, g4dn, g5",),
    ),
    "many models, serverless": (
        ("artifact: {key: model.tar.gz}", "artifact: {folder: many}\n    endpoint: {mode: serverless}"),
        11,
        "endpoint.mode",
        ("'serverless' does not go with 'artifact.folder'",),
    ),
    "many models with a shadow": (
        ("artifact: {key: model.tar.gz}", "artifact: {folder: many}\n    endpoint: {shadow: {}}"),
        11,
        "endpoint.shadow",
        ("without a shadow",),
    ),
    "no image": (("    image: {repository: housing, tag: v1}\n", ""), 7, "", ("lacks 'image'",)),
    "an image beside a package": (
        ("{key: model.tar.gz}", "{package: {group: housing}}"),
        9,
        "image",
        ("is the model package's own",),
    ),
    "a framework that AWS has not": (
        ("{repository: housing, tag: v1}", '{framework: sklern, version: "1.2-1"}'),
        9,
        "image.framework",
        ("no framework 'sklern'", "did you mean 'sklearn'?"),
    ),
    "a version that AWS has not": (
        ("{repository: housing, tag: v1}", '{framework: sklearn, version: "1.2"}'),
        9,
        "image.version",
        ("no version of sklearn '1.2'", "1.2-1"),
    ),
    "AWS's image without a version": (
        ("{repository: housing, tag: v1}", "{algorithm: xgboost}"),
        9,
        "image",
        ("lacks 'version'",),
    ),
    "AWS's image with a tag": (
        ("{repository: housing, tag: v1}", '{algorithm: xgboost, version: "1", tag: a}'),
        9,
        "image.tag",
        ("does not go with 'algorithm'",),
    ),
    "an image of two kinds": (
        ("{repository: housing, tag: v1}", '{algorithm: xgboost, framework: sklearn, version: "1"}'),
        9,
        "image.algorithm",
        ("cannot stand beside 'framework'",),
    ),
    "AWS's image that is trained": (
        (
            "{repository: housing, tag: v1}\n    artifact: {key: model.tar.gz}",
            '{algorithm: xgboost, version: "1.7-1"}\n    artifact: {training: {data: here}}',
        ),
        10,
        "artifact.training",
        ("is trained by nothing here",),
    ),
    "an image without GPUs on one": (
        (
            "{repository: housing, tag: v1}",
            '{framework: sklearn, version: "1.2-1"}\n    endpoint: {instance_type: ml.g5.xlarge}',
        ),
        9,
        "image.framework",
        ("does not run on 'ml.g5.xlarge'", "processors alone"),
    ),
    "an example that the mode does not take": (
        (
            "{key: model.tar.gz}",
            "{key: model.tar.gz}\n    api: {example: " + "1" * (6 * 1024 * 1024 + 1) + "}",
        ),
        11,
        "api.example",
        ("larger than the 6 MB", "choose the mode 'asynchronous'"),
    ),
}


def told(folder: Path, text: str) -> str:
    (folder / "broken.yaml").write_text(text)
    with pytest.raises(EnvironmentFileError) as caught:
        load(folder / "broken.yaml")
    return str(caught.value)


@pytest.mark.parametrize("what", ENDPOINTS)
def test_refuses_an_endpoint_with(what: str, tmp_path: Path) -> None:
    endpoint, path, words = ENDPOINTS[what]

    message = told(tmp_path, f"{HEAD}    endpoint: {endpoint}\n")

    assert f"broken.yaml:{ENDPOINT_LINE}:" in message
    assert f"models.housing.endpoint.{path}: " in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("what", MODELS)
def test_refuses_a_model_with(what: str, tmp_path: Path) -> None:
    (old, new), line, path, words = MODELS[what]
    assert old in HEAD

    message = told(tmp_path, HEAD.replace(old, new))

    assert f"broken.yaml:{line}:" in message
    assert f"models.housing{'.' + path if path else ''}: " in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("host", "guest", "words"),
    [
        ("{}", "{component: {}, shared_with: housing}", "'housing' has no endpoint for components"),
        ("{component: {}}", "{component: {}, shared_with: nobody}", "no other model 'nobody'"),
        (
            "{component: {}}",
            "{component: {}, shared_with: housing, instance_type: ml.m5.xlarge}",
            "give it at 'housing'",
        ),
        ("{component: {}}", "{component: {}, shared_with: other}", "no other model 'other'"),
    ],
)
def test_refuses_to_share_what_is_not_for_sharing(host: str, guest: str, words: str, tmp_path: Path) -> None:
    text = f"{HEAD}    endpoint: {host}\n{OTHER}    endpoint: {guest}\n"

    message = told(tmp_path, text)

    assert "broken.yaml:16:" in message
    assert words in message


def test_refuses_to_share_across_teams(tmp_path: Path) -> None:
    guest = OTHER.replace("research", "sales")
    host = "    endpoint: {component: {}}\n"
    text = HEAD + host + guest + "    endpoint: {component: {}, shared_with: housing}\n"

    assert "share with one of sales's models" in told(tmp_path, text)


def test_names_of_models_and_variants_keep_containers_apart(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(f"{HEAD}    endpoint: {{variants: {{b: {{}}}}, shadow: null}}\n")

    environment = load(tmp_path / "broken.yaml")

    assert list(environment.containers) == ["housing", "housing.b"]


def test_a_file_says_the_same_once_it_was_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(f"{HEAD}    endpoint: {{mode: serverless}}\n")
    environment = load(tmp_path / "broken.yaml")

    again = Environment.model_validate(environment.model_dump(mode="json"))

    assert again == environment


@pytest.mark.parametrize(("instance_type", "has"), [("ml.m5.large", False), ("ml.g5.xlarge", True)])
def test_knows_instances_with_gpus(instance_type: str, has: bool) -> None:
    assert has_gpu(instance_type) is has


def test_reads_no_table_of_images_for_a_file_that_names_none_of_awss(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(HEAD)
    program = (
        "import sys, pathlib; from clary.environment.loader import load; load(pathlib.Path(sys.argv[1]));"
        " print('clary.environment.aws_image' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "broken.yaml")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"
