"""Every way of serving a model, from one file, deployed and asked; and updates that go wrong and right."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.checkout import Checkout
from support.processes import free_port, left_of, processes_of
from support.sagemaker import eventually

PREDICTED = re.compile(r"7\.8\d+")
"""Of 2, by a line around y = 3x + 2."""
THROUGH_ORIGIN = re.compile(r"6\.1\d+")


@pytest.fixture(scope="module")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The sample environment, deployed where AWS's minutes are seconds."""
    folder = tmp_path_factory.mktemp("showcase")
    checkout = Checkout.made(folder / "repository", folder / "state", free_port())
    file = checkout.root / "environments" / "showcase.yaml"
    # the load of these tests is for updates: nobody should scale meanwhile, and a busy machine is slow, too
    file.write_text(
        file.read_text()
        .replace("target: 600", "target: 1000000")
        .replace("bake_minutes: 1", "bake_minutes: 6")
        .replace("latency_ms: 500", "latency_ms: 2000")
    )
    started = checkout("local", "start", "--port", str(checkout.port))
    assert started.returncode == 0, started.stdout + started.stderr
    settings = json.dumps({"time_scale": 60}).encode()
    request = urllib.request.Request(f"{checkout.url}/_local_aws/settings", settings, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    deployed = checkout("deploy", "showcase")
    yield checkout if deployed.returncode == 0 else pytest.fail(deployed.stdout + deployed.stderr)
    checkout("local", "stop")
    assert left_of(processes_of(checkout.state)) == []


def ask(showcase: Checkout, model: str, **more: str) -> str:
    answer = showcase.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=f"clary-showcase-{model}", Body=b"2", ContentType="text/csv", **more
    )
    return str(answer["Body"].read().decode()).strip()


def bucket(showcase: Checkout, kind: str) -> str:
    (stack,) = showcase.client("cloudformation").describe_stacks(StackName="clary-showcase-data")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return str(outputs[f"{kind}BucketName"])


def keys(showcase: Checkout, kind: str, prefix: str) -> list[str]:
    found = showcase.client("s3").list_objects_v2(Bucket=bucket(showcase, kind), Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", [])]


def content(showcase: Checkout, kind: str, key: str) -> bytes:
    return bytes(showcase.client("s3").get_object(Bucket=bucket(showcase, kind), Key=key)["Body"].read())


@pytest.mark.parametrize("model", ["steady", "shaded", "seldom"])
def test_one_model_answers(model: str, showcase: Checkout) -> None:
    assert PREDICTED.fullmatch(ask(showcase, model))


def test_two_variants_share_the_requests_and_each_can_be_asked(showcase: Checkout) -> None:
    assert PREDICTED.fullmatch(ask(showcase, "contest", TargetVariant="main"))
    assert THROUGH_ORIGIN.fullmatch(ask(showcase, "contest", TargetVariant="challenger"))

    described = showcase.client("sagemaker").describe_endpoint(EndpointName="clary-showcase-contest")

    weights = {one["VariantName"]: one["CurrentWeight"] for one in described["ProductionVariants"]}
    assert weights == {"main": 9, "challenger": 1}


def test_what_a_shadow_answers_is_captured_beside_the_models_own(showcase: Checkout) -> None:
    ask(showcase, "shaded")

    def captured() -> str:
        return "".join(
            content(showcase, "Data", key).decode()
            for key in keys(showcase, "Data", "research/captured/shaded/")
        )

    eventually(lambda: "/shadow/" in str(keys(showcase, "Data", "research/captured/shaded/")))
    assert "6.1" in captured()


def test_a_pipeline_converts_predicts_and_rounds(showcase: Checkout) -> None:
    assert ask(showcase, "piped") == "17"


def test_many_models_are_loaded_when_they_are_asked_for(showcase: Checkout) -> None:
    models = bucket(showcase, "Models")
    (trained,) = keys(showcase, "Models", "research/steady/")
    showcase.client("s3").copy_object(
        Bucket=models, Key="research/many/ada.tar.gz", CopySource={"Bucket": models, "Key": trained}
    )

    assert PREDICTED.fullmatch(ask(showcase, "many", TargetModel="ada.tar.gz"))


def test_components_share_an_endpoint(showcase: Checkout) -> None:
    assert PREDICTED.fullmatch(ask(showcase, "left", InferenceComponentName="clary-showcase-left"))
    assert THROUGH_ORIGIN.fullmatch(ask(showcase, "left", InferenceComponentName="clary-showcase-right"))


def test_a_queue_takes_requests_and_leaves_answers(showcase: Checkout) -> None:
    data = bucket(showcase, "Data")
    showcase.client("s3").put_object(Bucket=data, Key="jobs/patient/tried/input", Body=b"2")

    answer = showcase.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="clary-showcase-patient",
        InputLocation=f"s3://{data}/jobs/patient/tried/input",
        ContentType="text/csv",
    )

    output = answer["OutputLocation"].removeprefix(f"s3://{data}/")
    assert output.startswith("jobs/patient/output/")
    eventually(lambda: output in keys(showcase, "Data", "jobs/patient/output/"))
    assert PREDICTED.fullmatch(content(showcase, "Data", output).decode().strip())


def test_a_transform_starts_by_the_clock(showcase: Checkout) -> None:
    data, scheduler = bucket(showcase, "Data"), showcase.client("scheduler")
    showcase.client("s3").put_object(Bucket=data, Key="research/numbers/monday.csv", Body=b"2\n3\n")
    (listed,) = scheduler.list_schedules(NamePrefix="clary-showcase-serving")["Schedules"]
    schedule = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
    kept = ("Name", "GroupName", "FlexibleTimeWindow", "Target")

    scheduler.update_schedule(**{name: schedule[name] for name in kept}, ScheduleExpression="rate(1 minute)")

    try:
        eventually(lambda: keys(showcase, "Data", "research/answers/") != [])
    finally:
        again = {name: schedule[name] for name in (*kept, "ScheduleExpression", "ScheduleExpressionTimezone")}
        scheduler.update_schedule(**again)
    (first, *_) = keys(showcase, "Data", "research/answers/")
    assert first.endswith("/monday.csv.out")
    assert [round(float(line)) for line in content(showcase, "Data", first).split()] == [8, 11]


def test_an_approval_comes_into_service_and_a_rejection_brings_the_version_before_back(
    showcase: Checkout,
) -> None:
    sagemaker = showcase.client("sagemaker")
    (shown,) = sagemaker.list_models(NameContains="clary-showcase-steady")["Models"]
    image = sagemaker.describe_model(ModelName=shown["ModelName"])["PrimaryContainer"]["Image"]

    def register(model: str, index: int) -> str:
        key = sorted(keys(showcase, "Models", f"research/{model}/"))[index]
        container = {"Image": image, "ModelDataUrl": f"s3://{bucket(showcase, 'Models')}/{key}"}
        made = sagemaker.create_model_package(
            ModelPackageGroupName="research--showcase-line",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        return str(made["ModelPackageArn"])

    def decide(version: str, decision: str) -> None:
        sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus=decision)

    def answers(expected: re.Pattern[str]) -> bool:
        try:
            return expected.fullmatch(ask(showcase, "promoted")) is not None
        except showcase.client("sagemaker-runtime").exceptions.ValidationError:
            return False  # nothing is there yet

    one, two = register("left", 0), register("right", 0)
    assert not answers(PREDICTED)
    decide(one, "Approved")
    eventually(lambda: answers(PREDICTED))
    decide(two, "Approved")
    eventually(lambda: answers(THROUGH_ORIGIN))
    decide(two, "Rejected")
    eventually(lambda: answers(PREDICTED))


def test_a_second_deployment_changes_nothing(showcase: Checkout) -> None:
    log = showcase.state / "showcase" / "cdk.log"
    before = len(log.read_text())

    again = showcase("deploy", "showcase")

    assert again.returncode == 0, again.stdout + again.stderr
    said = log.read_text()[before:]
    assert "clary-showcase-serving) (no changes)" in said
    assert len(re.findall(r"\(no changes\)", said)) == 6


@dataclass
class Load:
    """What clients got that asked all the time."""

    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(showcase: Checkout, model: str, clients: int = 3) -> Iterator[Load]:
    ended, seen = threading.Event(), Load()

    def go() -> None:
        while not ended.is_set():
            try:
                seen.answers.append(ask(showcase, model))
            except Exception as error:  # noqa: BLE001 - every failure counts
                seen.failures.append(str(error))

    threads = [threading.Thread(target=go) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@contextmanager
def edited(file: Path, edit: Callable[[str], str]) -> Iterator[None]:
    before = file.read_text()
    after = edit(before)
    assert after != before
    file.write_text(after)
    try:
        yield
    finally:
        file.write_text(before)


def served(showcase: Checkout, model: str) -> dict[str, Any]:
    found: dict[str, Any] = showcase.client("sagemaker").describe_endpoint(
        EndpointName=f"clary-showcase-{model}"
    )
    return found


def instances(showcase: Checkout) -> int:
    """How many `steady` has, when nothing is under way."""
    described = served(showcase, "steady")
    (variant,) = described["ProductionVariants"]
    return int(variant["CurrentInstanceCount"]) if described["EndpointStatus"] == "InService" else 0


def test_a_model_that_is_slow_is_rolled_back_and_nobody_notices_more_than_that(showcase: Checkout) -> None:
    file = showcase.root / "environments" / "showcase.yaml"
    before = served(showcase, "steady")

    def slow(text: str) -> str:
        head, found, rest = text.partition("  steady:\n    team: research\n")
        return f"{head}{found}    environment: {{TASK: slow}}\n{rest}"

    with edited(file, slow), load(showcase, "steady") as seen:
        done = showcase("deploy", "showcase")

    after = served(showcase, "steady")
    assert done.returncode != 0
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert after["EndpointStatus"] == "InService"
    assert seen.failures == []
    assert {bool(PREDICTED.fullmatch(answer)) for answer in seen.answers} == {True}


def test_a_new_model_takes_over_under_load_and_keeps_the_instances_that_scaling_added(
    showcase: Checkout,
) -> None:
    file = showcase.root / "environments" / "showcase.yaml"
    showcase.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/clary-showcase-steady/variant/main",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=3,
    )
    eventually(lambda: instances(showcase) == 3)

    def other(text: str) -> str:
        return text.replace(
            "&fitted {training: {data: workloads/line/data}}",
            "&fitted {training: {data: workloads/line/data, hyperparameters: {through-origin: true}}}",
        )

    with edited(file, other), load(showcase, "steady") as seen:
        done = showcase("deploy", "showcase")

    assert done.returncode == 0, done.stdout + done.stderr
    assert seen.failures == []
    assert PREDICTED.fullmatch(seen.answers[0])
    assert THROUGH_ORIGIN.fullmatch(ask(showcase, "steady"))
    assert instances(showcase) == 3
