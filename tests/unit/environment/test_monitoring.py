"""What a file says of monitors: what is refused, where, and what comes of the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clary.environment import monitor_image
from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment
from clary.environment.monitoring import Monitors
from clary.monitor_content import monitor_content

FILE = """name: broken
account: "111122223333"
region: eu-west-1
teams: {research: {members: {ada: data-scientist}}}
repositories: [housing, monitor]
guardrails: {instance_types: [ml.m5.large, ml.t3.medium]}
models:
  housing:
    team: research
    image: {repository: housing, tag: v1}
    artifact: {key: model.tar.gz}
    endpoint:
      capture: {}
      monitors:
        data_quality:
          baseline: {data: usual}
          image: {repository: monitor, tag: v1}
        model_quality:
          baseline: {files: quality}
          image: {repository: monitor, tag: v1}
          ground_truth: research/truth
          problem: Regression
        bias:
          baseline: {files: fair}
          alarms: {bias_metric: {above: 0.1}}
          config: analysis_config.json
          ground_truth: research/truth
        explainability:
          baseline: {data: usual}
          image: {repository: monitor, tag: v1}
          config: analysis_config.json
"""

# What is wrong, what replaces what, the path below the endpoint, and words that the message has to hold.
BROKEN: dict[str, tuple[str, str, str, str]] = {
    "monitors of nothing": ("      capture: {}\n", "", "monitors", "give 'capture', too"),
    "a monitor of requests that are not captured": (
        "capture: {}",
        "capture: {what: [output]}",
        "monitors.data_quality",
        "looks at the input of the model, add it to 'capture.what'",
    ),
    "a monitor of answers that are not captured": (
        "capture: {}",
        "capture: {what: [input]}",
        "monitors.model_quality",
        "looks at the output",
    ),
    "the quality of a model of which nobody says what was true": (
        "          ground_truth: research/truth\n          problem",
        "          problem",
        "monitors.model_quality.ground_truth",
        "is missing",
    ),
    "a truth of somebody else's": (
        "ground_truth: research/truth\n          problem",
        "ground_truth: sales/truth\n          problem",
        "monitors.model_quality.ground_truth",
        "give a folder below research/",
    ),
    "a repository that is not there": (
        "image: {repository: monitor, tag: v1}\n        model_quality",
        "image: {repository: monitors, tag: v1}\n        model_quality",
        "monitors.data_quality.image.repository",
        "did you mean 'monitor'?",
    ),
    "an image of AWS's whose alarms nobody knows": (
        "          alarms: {bias_metric: {above: 0.1}}\n",
        "",
        "monitors.bias",
        "give 'alarms' by their names",
    ),
    "a baseline that Clarify cannot make": (
        "baseline: {files: fair}",
        "baseline: {data: fair}",
        "monitors.bias.baseline.data",
        "give 'files' of a run of it",
    ),
    "explanations by Clarify": (
        "          image: {repository: monitor, tag: v1}\n          config",
        "          config",
        "monitors.explainability",
        "needs an 'image' of your own",
    ),
    "a baseline of a quality without columns": (
        "baseline: {files: quality}",
        "baseline: {data: quality}",
        "monitors.model_quality.baseline.data",
        "give 'prediction_column' and 'truth_column'",
    ),
    "a probability without a threshold": (
        "problem: Regression",
        'problem: BinaryClassification\n          probability: "0"',
        "monitors.model_quality.probability",
        "give both",
    ),
    "the probability of a number": (
        "problem: Regression",
        "problem: Regression\n          probability: 0\n          probability_threshold: 0.5",
        "monitors.model_quality.probability",
        "for 'BinaryClassification' only",
    ),
    "two baselines": (
        "baseline: {files: quality}",
        "baseline: {files: quality, data: usual}",
        "monitors.model_quality.baseline",
        "needs one of 'data'",
    ),
    "an image that is neither there nor built": (
        "image: {repository: monitor, tag: v1}\n        model_quality",
        "image: {repository: monitor}\n        model_quality",
        "monitors.data_quality.image",
        "needs one of 'tag'",
    ),
    "an alarm without a limit": (
        "{bias_metric: {above: 0.1}}",
        "{bias_metric: {}}",
        "monitors.bias.alarms.bias_metric",
        "needs one of 'above' and 'below'",
    ),
    "a schedule that Model Monitor has not": (
        "baseline: {files: fair}",
        'baseline: {files: fair}\n          schedule: "cron(30 * ? * * *)"',
        "monitors.bias.schedule",
        "every hour, every few hours or every day",
    ),
    "an instance that the guardrails rule out": (
        "baseline: {files: fair}",
        "baseline: {files: fair}\n          instance_type: ml.m5.xlarge",
        "monitors.bias.instance_type",
        "'ml.m5.xlarge' is not among",
    ),
    "monitors of a component": (
        "capture: {}",
        "capture: {}\n      component: {}",
        "monitors",
        "look at one model with an endpoint of its own",
    ),
    "monitors of many models": (
        "artifact: {key: model.tar.gz}",
        "artifact: {folder: research/many}",
        "monitors",
        "look at one model with an endpoint of its own",
    ),
    "monitors of whatever is approved": (
        "    image: {repository: housing, tag: v1}\n    artifact: {key: model.tar.gz}",
        "    artifact: {package: {group: housing}}",
        "monitors",
        "brought into service by its approval",
    ),
    "monitors of a serverless endpoint": (
        "      capture: {}\n",
        "      mode: serverless\n",
        "monitors",
        "serverless endpoints have no",
    ),
    "monitors of a queue": (
        "      capture: {}\n",
        "      mode: asynchronous\n",
        "monitors",
        "asynchronous endpoints have",
    ),
    "monitors of transforms": ("      capture: {}\n", "      mode: batch\n", "monitors", "has no endpoint"),
}


def environment(tmp_path: Path, text: str = FILE) -> Environment:
    (tmp_path / "broken.yaml").write_text(text)
    return load(tmp_path / "broken.yaml")


def content(tmp_path: Path) -> None:
    for name in (
        "usual/table.csv",
        "quality/constraints.json",
        "fair/constraints.json",
        "analysis_config.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")


def monitors(tmp_path: Path) -> Monitors:
    found = environment(tmp_path).models["housing"].endpoint.monitors
    assert found is not None
    return found


@pytest.mark.parametrize("what", BROKEN)
def test_refuses(what: str, tmp_path: Path) -> None:
    old, new, path, words = BROKEN[what]
    assert FILE.count(old) == 1

    with pytest.raises(EnvironmentFileError) as refused:
        environment(tmp_path, FILE.replace(old, new))

    lines = [line for line in str(refused.value).splitlines() if f"models.housing.endpoint.{path}: " in line]
    assert [line for line in lines if words in line] != [], str(refused.value)
    number = int(lines[0].split(":")[1])
    key = path.split(".")[-2 if words == "is missing" else -1]
    assert f"{key}:" in FILE.replace(old, new).splitlines()[number - 1]


def test_refuses_an_image_of_awss_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileError, match=r"monitors\.bias: has no image of AWS's in il-central-1"):
        environment(tmp_path, FILE.replace("eu-west-1", "il-central-1"))


def test_a_monitor_of_ones_own_has_an_alarm_on_violations_and_one_of_awss_those_that_are_given(
    tmp_path: Path,
) -> None:
    found = monitors(tmp_path).given

    assert {kind: list(monitor.all_alarms) for kind, monitor in found.items()} == {
        "data-quality": ["violations"],
        "model-quality": ["violations"],
        "bias": ["bias_metric"],
        "explainability": ["violations"],
    }


@pytest.mark.parametrize(
    ("schedule", "hours"), [("cron(0 * ? * * *)", 1), ("cron(0 0/6 ? * * *)", 6), ("cron(0 17 ? * * *)", 24)]
)
def test_knows_how_much_lies_between_two_runs(schedule: str, hours: int, tmp_path: Path) -> None:
    said = FILE.replace(
        "baseline: {files: fair}", f'baseline: {{files: fair}}\n          schedule: "{schedule}"'
    )

    found = environment(tmp_path, said).models["housing"].endpoint.monitors

    assert found is not None
    assert found.given["bias"].hours == hours


def test_a_baseline_of_files_is_named_after_these_and_one_of_data_after_all_that_makes_it(
    tmp_path: Path,
) -> None:
    content(tmp_path)
    said = environment(tmp_path)
    quality = monitor_content(said, "housing", "model-quality", tmp_path)
    usual = monitor_content(said, "housing", "data-quality", tmp_path)

    (tmp_path / "usual/table.csv").write_text("other")
    (tmp_path / "quality/constraints.json").write_text('{"other": 1}')

    assert quality.baseline_job is None
    assert quality.baseline_prefix.startswith("research/monitors/housing/model-quality/baseline/")
    assert monitor_content(said, "housing", "model-quality", tmp_path) != quality
    other = monitor_content(said, "housing", "data-quality", tmp_path)
    assert usual.baseline_job != other.baseline_job
    assert usual.baseline_prefix != other.baseline_prefix
    again = environment(
        tmp_path,
        FILE.replace(
            "{data: usual}\n          image: {repository: monitor, tag: v1}\n        m",
            "{data: usual, attempt: 2}\n          image: {repository: monitor, tag: v1}\n        m",
        ),
    )
    assert monitor_content(again, "housing", "data-quality", tmp_path).baseline_job != other.baseline_job


def test_a_baseline_without_constraints_is_none(tmp_path: Path) -> None:
    content(tmp_path)
    (tmp_path / "fair/constraints.json").unlink()

    with pytest.raises(FileNotFoundError, match=r"no 'constraints\.json' in 'fair'"):
        monitor_content(environment(tmp_path), "housing", "bias", tmp_path)


def test_the_longest_names_still_make_a_jobs_name(tmp_path: Path) -> None:
    content(tmp_path)
    longest = "a" * 20
    text = FILE.replace("name: broken", f"name: {longest}").replace("  housing:", f"  {longest}:")
    (tmp_path / f"{longest}.yaml").write_text(text)

    job = monitor_content(
        load(tmp_path / f"{longest}.yaml"), longest, "explainability", tmp_path
    ).baseline_job

    assert job is not None
    assert len(job) <= 63


def test_awss_images_are_where_the_sdk_says() -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-built-container.html"""
    analyzer = monitor_image.find("analyzer", "eu-west-1")

    assert (analyzer.account, analyzer.repository) == ("468650794304", "sagemaker-model-monitor-analyzer")
    assert monitor_image.find("clarify", "us-east-1").tag == "1.0"
    assert "source" in json.loads(monitor_image.TABLE.read_text())
