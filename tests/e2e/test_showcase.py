"""Every way of serving a model, from one file, deployed and asked through the API; and updates that go wrong
and right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from support.showcase import CSV, TARGETS, Showcase, deployed, variables
from support.waiting import eventually

PREDICTED = re.compile(r"7\.8\d+")
"""Of 2, by a line around y = 3x + 2."""
THROUGH_ORIGIN = re.compile(r"6\.1\d+")


@pytest.fixture(scope="module")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """With a model in the folder of many."""
    with deployed(tmp_path_factory.mktemp("showcase")) as made:
        models = made.bucket("Models")
        (trained,) = made.keys("Models", "research/steady/")
        made.client("s3").copy_object(
            Bucket=models,
            Key=f"research/many/{TARGETS['many']}",
            CopySource={"Bucket": models, "Key": trained},
        )
        yield made


def test_the_api_describes_every_way_of_serving(showcase: Showcase) -> None:
    listed = [model["name"] for model in json.loads(showcase.api("GET", "/models").body)["models"]]

    told = {name: json.loads(showcase.api("GET", f"/models/{name}").body) for name in listed}

    assert {name: (one["mode"], one["ways"]) for name, one in told.items()} == {
        "contest": ("real-time", ["invocations"]),
        "known": ("serverless", ["invocations"]),
        "left": ("real-time", ["invocations"]),
        "many": ("real-time", ["invocations"]),
        "nightly": ("batch", ["batches"]),
        "patient": ("asynchronous", ["jobs"]),
        "piped": ("real-time", ["invocations"]),
        "promoted": ("real-time", ["invocations"]),
        "right": ("real-time", ["invocations"]),
        "seldom": ("serverless", ["invocations"]),
        "shaded": ("real-time", ["invocations"]),
        "steady": ("real-time", ["invocations"]),
    }
    assert [name for name, one in told.items() if "targets" in one] == list(TARGETS)


@pytest.mark.parametrize("model", ["steady", "shaded", "seldom"])
def test_one_model_answers(model: str, showcase: Showcase) -> None:
    assert PREDICTED.fullmatch(showcase.ask(model))


def test_a_client_asks_by_the_name_of_a_thing_of_which_something_is_known(showcase: Showcase) -> None:
    unknown = showcase.invoke("known", body=b"lamp")
    features = {"thing": "lamp", "at": "2026-11-20T09:30:00Z", "x": "2"}
    showcase.client("sagemaker-featurestore-runtime").put_record(
        FeatureGroupName="research--showcase-things",
        Record=[{"FeatureName": name, "ValueAsString": value} for name, value in features.items()],
    )

    answer = showcase.invoke("known", body=b"lamp")

    assert (unknown.status, json.loads(unknown.body)["type"]) == (422, "urn:clary:problem:unknown-key")
    assert answer.status == 200, answer
    assert PREDICTED.fullmatch(answer.body.decode().strip())


def test_two_variants_share_the_requests(showcase: Showcase) -> None:
    answers: set[str] = set()

    def both_have_answered() -> bool:
        answers.add(showcase.ask("contest"))
        return any(map(PREDICTED.fullmatch, answers)) and any(map(THROUGH_ORIGIN.fullmatch, answers))

    eventually(both_have_answered)

    assert len(answers) == 2
    variants = showcase.served("contest")["ProductionVariants"]
    weights = {one["VariantName"]: one["CurrentWeight"] for one in variants}
    assert weights == {"main": 9, "challenger": 1}


def test_what_a_shadow_answers_is_captured_beside_the_models_own(showcase: Showcase) -> None:
    assert PREDICTED.fullmatch(showcase.ask("shaded"))

    def captured() -> str:
        return "".join(
            showcase.content("Data", key).decode()
            for key in showcase.keys("Data", "research/captured/shaded/")
        )

    eventually(lambda: "/shadow/" in str(showcase.keys("Data", "research/captured/shaded/")))
    assert "6.1" in captured()


def test_a_pipeline_converts_predicts_and_rounds(showcase: Showcase) -> None:
    assert showcase.ask("piped") == "17"


def test_one_of_many_models_is_named(showcase: Showcase) -> None:
    assert PREDICTED.fullmatch(showcase.ask("many", TARGETS["many"]))

    unknown, unnamed = showcase.invoke("many", "grace.tar.gz"), showcase.invoke("many")

    assert (unknown.status, unknown.problem()["type"]) == (404, "urn:clary:problem:unknown-target")
    assert (unnamed.status, unnamed.problem()["type"]) == (400, "urn:clary:problem:unreadable-request")


def test_the_command_line_names_one_of_many_models_too(showcase: Showcase) -> None:
    words = ("predict", "many", "-e", "showcase", "--data", "2")

    named, unnamed = showcase.clary(*words, "--target", TARGETS["many"]), showcase.clary(*words)

    assert PREDICTED.fullmatch(named.stdout.strip()), named.stderr
    assert "say which one with --target" in unnamed.stderr


def test_components_share_an_endpoint(showcase: Showcase) -> None:
    assert PREDICTED.fullmatch(showcase.ask("left"))
    assert THROUGH_ORIGIN.fullmatch(showcase.ask("right"))


def test_a_queue_takes_jobs_and_leaves_answers(showcase: Showcase) -> None:
    job = showcase.finished(showcase.api("POST", "/models/patient/jobs", b"2", CSV))

    assert job["state"] == "completed", job
    assert PREDICTED.fullmatch(job["result"]["text"].strip())


def test_a_batch_has_instances_for_its_time(showcase: Showcase) -> None:
    batch = showcase.finished(showcase.api("POST", "/models/nightly/batches", b"2\n3\n", CSV))

    assert batch["state"] == "completed", batch
    assert [round(float(line)) for line in batch["result"]["text"].split()] == [8, 11]


def test_a_transform_starts_by_the_clock(showcase: Showcase) -> None:
    data, scheduler = showcase.bucket("Data"), showcase.client("scheduler")
    showcase.client("s3").put_object(Bucket=data, Key="research/numbers/monday.csv", Body=b"2\n3\n")
    (listed,) = scheduler.list_schedules(NamePrefix="clary-showcase-serving")["Schedules"]
    schedule = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
    kept = ("Name", "GroupName", "FlexibleTimeWindow", "Target")

    scheduler.update_schedule(**{name: schedule[name] for name in kept}, ScheduleExpression="rate(1 minute)")

    try:
        eventually(lambda: showcase.keys("Data", "research/answers/") != [])
    finally:
        again = {name: schedule[name] for name in (*kept, "ScheduleExpression", "ScheduleExpressionTimezone")}
        scheduler.update_schedule(**again)
    (first, *_) = showcase.keys("Data", "research/answers/")
    assert first.endswith("/monday.csv.out")
    assert [round(float(line)) for line in showcase.content("Data", first).split()] == [8, 11]


def test_an_approval_comes_into_service_and_a_rejection_brings_the_version_before_back(
    showcase: Showcase,
) -> None:
    sagemaker = showcase.client("sagemaker")
    (shown,) = sagemaker.list_models(NameContains="clary-showcase-steady")["Models"]
    image = sagemaker.describe_model(ModelName=shown["ModelName"])["PrimaryContainer"]["Image"]

    def register(model: str) -> str:
        (key,) = showcase.keys("Models", f"research/{model}/")
        container = {"Image": image, "ModelDataUrl": f"s3://{showcase.bucket('Models')}/{key}"}
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
        answer = showcase.invoke("promoted")
        return answer.status == 200 and expected.fullmatch(answer.body.decode().strip()) is not None

    one, two = register("left"), register("right")
    before = showcase.invoke("promoted")
    assert (before.status, before.problem()["state"]) == (503, "missing")
    decide(one, "Approved")
    eventually(lambda: answers(PREDICTED))
    decide(two, "Approved")
    eventually(lambda: answers(THROUGH_ORIGIN))
    decide(two, "Rejected")
    eventually(lambda: answers(PREDICTED))


def test_a_second_deployment_changes_nothing(showcase: Showcase) -> None:
    log = showcase.checkout.state / "showcase" / "cdk.log"
    before = len(log.read_text())

    again = showcase.deploy()

    assert again.returncode == 0, again.stdout + again.stderr
    said = log.read_text()[before:]
    assert "clary-showcase-serving) (no changes)" in said
    assert len(re.findall(r"\(no changes\)", said)) == 7


class Guarded(NamedTuple):
    """A model that is updated step by step, and what it answers to 2: as it is in the file, and anew."""

    model: str
    usual: str
    new: str


CANARY = Guarded("steady", r"7\.8\d+", r"6\.1\d+")
LINEAR = Guarded("piped", "17", "15")
ROLLING = Guarded("many", r"7\.8\d+", "6")
GUARDED = (CANARY, LINEAR, ROLLING)


@pytest.mark.parametrize("guarded", GUARDED, ids=["canary", "linear", "rolling"])
def test_a_model_that_is_slow_is_rolled_back_and_nobody_notices_more_than_that(
    guarded: Guarded, showcase: Showcase
) -> None:
    eventually(lambda: showcase.alarms(guarded.model) == [])
    before = showcase.served(guarded.model)

    with showcase.edited(variables(guarded.model, TASK="slow")), showcase.load(guarded.model) as seen:
        done = showcase.deploy()

    after = showcase.served(guarded.model)
    assert done.returncode != 0, done.stdout
    assert "alarm" in done.stderr.lower(), done.stdout + done.stderr
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert after["EndpointStatus"] == "InService"
    assert seen[guarded.model].failures == []
    assert_all((guarded.usual,), seen[guarded.model].answers)


def test_new_models_take_over_twice_in_a_row_and_keep_the_instances_that_scaling_added(
    showcase: Showcase,
) -> None:
    def trained_otherwise(text: str) -> str:
        """The anchor moves on to the next model: all others stay as they are."""
        own = "artifact: &fitted {training: {data: workloads/line/data}}"
        other = "artifact: {training: {data: workloads/line/data, hyperparameters: {through-origin: true}}}"
        return text.replace("artifact: *fitted", own, 1).replace(own, other, 1)

    tripled = {"TASK": "scale", "FACTOR": "3"}
    new = [trained_otherwise, variables("piped", **tripled), variables("many", **tripled)]
    eventually(lambda: not any(showcase.alarms(guarded.model) for guarded in GUARDED))
    showcase.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/clary-showcase-steady/variant/main",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=3,
    )
    eventually(lambda: showcase.instances("steady") == 3)

    names = [guarded.model for guarded in GUARDED]
    for edits in (new, []):  # and then the ones of before, whose names there have been
        with showcase.edited(*edits), showcase.load(*names, clients=1) as seen:
            done = showcase.deploy()

        assert done.returncode == 0, done.stdout + done.stderr
        for model, usual, other in GUARDED:
            first, last = (usual, other) if edits else (other, usual)
            assert seen[model].failures == []
            assert re.fullmatch(first, seen[model].answers[0])
            assert_all((first, last), seen[model].answers)
            assert re.fullmatch(last, showcase.ask(model, TARGETS.get(model)))
        assert showcase.instances("steady") == 3


def assert_all(patterns: tuple[str, ...], answers: list[str]) -> None:
    """There are answers, and all are what one of these says."""
    assert answers
    assert [one for one in answers if not any(re.fullmatch(each, one) for each in patterns)] == []
