"""Updates of endpoints under load: all at once, by a canary, in steps, rolling; and back on an alarm."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.serving import Hall
from support.waiting import eventually

MINUTES = 240
"""Of AWS's time, in a second."""
OLD, NEW = "2.0", "3.0"


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    made = Hall(local_aws, "200000000025", tmp_path_factory.mktemp("hall"))
    with made, made.time_scale(MINUTES):
        yield made


class Clients:
    """Four clients that keep asking; what they were answered, in the order in which answers came."""

    def __init__(self, hall: Hall, endpoint: str) -> None:
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(hall, endpoint), daemon=True) for _ in range(4)
        ]

    def _ask(self, hall: Hall, endpoint: str) -> None:
        while not self._stop.is_set():
            try:
                self.answers.append(hall.ask(endpoint, "1"))
            except ClientError as error:
                self.failures.append(str(error))

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        eventually(lambda: self._stop.wait(0.001) or len(self.answers) > 10, 10_000)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def prepare(hall: Hall, name: str, instances: int = 2, **broken: str) -> None:
    """An endpoint that doubles, and the configuration `<name>-new` that triples."""
    hall.serve(name, hall.variant(hall.model(name, hall.container(2)), instances=instances))
    hall.model(f"{name}-new", hall.container(3, Environment=broken))
    hall.configure(f"{name}-new", hall.variant(f"{name}-new", instances=instances))


def update(hall: Hall, name: str, **more: Any) -> None:
    hall.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-new", **more)


def blue_green(kind: str, alarms: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": 120} | more
    config: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    return config | _watched(alarms)


def rolling(alarms: Sequence[str] = ()) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 120}} | _watched(
        alarms
    )


def _watched(alarms: Sequence[str]) -> dict[str, Any]:
    named = [{"AlarmName": name} for name in alarms]
    return {"AutoRollbackConfiguration": {"Alarms": named}} if named else {}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@contextmanager
def seen(hall: Hall, name: str) -> Iterator[set[tuple[str, str]]]:
    """The statuses of the endpoint and of its new variant that are seen meanwhile, until it is steady."""
    found: set[tuple[str, str]] = set()
    yield found

    def steady() -> bool:
        described = hall.sagemaker.describe_endpoint(EndpointName=name)
        pending = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        statuses = [one["Status"] for variant in pending for one in variant["VariantStatus"]] or [""]
        found.update((described["EndpointStatus"], status) for status in statuses)
        return described["EndpointStatus"] not in ("Updating", "RollingBack")

    eventually(steady, 100_000)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("at-once", blue_green("ALL_AT_ONCE")),
        ("canary", blue_green("CANARY", CanarySize=percent(30))),
        ("linear", blue_green("LINEAR", LinearStepSize=percent(50))),
        ("rolling", rolling()),
    ],
)
def test_updates_without_a_failed_request(hall: Hall, name: str, config: dict[str, Any]) -> None:
    prepare(hall, name)

    with Clients(hall, name) as clients:
        with seen(hall, name) as statuses:
            update(hall, name, DeploymentConfig=config)
        after = hall.ask(name, "1")

    described = hall.sagemaker.describe_endpoint(EndpointName=name)
    answers = collections.Counter(clients.answers)
    assert clients.failures == []
    assert after == NEW
    assert set(answers) == {OLD, NEW}
    assert (described["EndpointConfigName"], described["EndpointStatus"]) == (f"{name}-new", "InService")
    assert described["LastDeploymentConfig"] == config
    assert ("Updating", "Baking") in statuses
    assert "PendingDeploymentSummary" not in described


def test_serves_old_and_new_side_by_side_while_a_canary_bakes(hall: Hall) -> None:
    prepare(hall, "baking")
    update(hall, "baking", DeploymentConfig=blue_green("CANARY", CanarySize=percent(50)))
    answers: collections.Counter[str] = collections.Counter()

    def both() -> bool:
        answers[hall.ask("baking", "1")] += 1
        return len(answers) == 2

    eventually(both, 10_000)
    # The new one was seen; the old one still answers after it.
    eventually(lambda: hall.ask("baking", "1") == OLD)
    assert hall.settled("baking")["EndpointConfigName"] == "baking-new"


def alarm(hall: Hall, endpoint: str, metric: str = "Invocation5XXErrors") -> str:
    hall.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{endpoint}-errors",
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "main"}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return f"{endpoint}-errors"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("back-canary", lambda watched: blue_green("CANARY", watched, CanarySize=percent(50))),
        ("back-rolling", rolling),
    ],
)
def test_goes_back_by_itself_when_the_new_model_fails(hall: Hall, name: str, config: Any) -> None:
    prepare(hall, name, BROKEN="1")
    policy = config([alarm(hall, name)])
    (policy.get("RollingUpdatePolicy") or policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"])[
        "WaitIntervalInSeconds"
    ] = 3600

    with Clients(hall, name) as clients:
        update(hall, name, DeploymentConfig=policy)
        described = hall.settled(name)

    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", name)
    assert f"in the state ALARM: {name}-errors" in described["FailureReason"]
    assert all("Received server error (500)" in failure for failure in clients.failures)
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert {hall.ask(name, "1") for _ in range(20)} == {OLD}


def test_fails_no_request_while_it_goes_back(hall: Hall) -> None:
    prepare(hall, "calm")
    watched = alarm(hall, "calm")

    with Clients(hall, "calm") as clients:
        config = blue_green("CANARY", [watched], CanarySize=percent(50), WaitIntervalInSeconds=3600)
        update(hall, "calm", DeploymentConfig=config)
        eventually(lambda: hall.ask("calm", "1") == NEW, 10_000)
        hall.client("cloudwatch").set_alarm_state(AlarmName=watched, StateValue="ALARM", StateReason="test")
        described = hall.settled("calm")
        hall.ask("calm", "1")

    assert described["EndpointConfigName"] == "calm"
    assert clients.failures == []


def test_keeps_what_was_scaled_when_it_is_asked_to(hall: Hall) -> None:
    prepare(hall, "retained", instances=1)
    hall.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="retained",
        DesiredWeightsAndCapacities=[
            {"VariantName": "main", "DesiredWeight": 0.5, "DesiredInstanceCount": 2}
        ],
    )
    hall.settled("retained")

    update(
        hall,
        "retained",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )

    variant = hall.settled("retained")["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 1.0)


def test_reuses_the_last_deployment_configuration(hall: Hall) -> None:
    config = blue_green("CANARY", CanarySize=percent(50))
    hall.model("again", hall.container(2))
    hall.configure("again", hall.variant("again"))
    hall.model("again-new", hall.container(3))
    hall.configure("again-new", hall.variant("again-new"))
    hall.sagemaker.create_endpoint(EndpointName="again", EndpointConfigName="again", DeploymentConfig=config)
    hall.settled("again")

    with seen(hall, "again") as statuses:
        update(hall, "again", RetainDeploymentConfig=True)

    assert ("Updating", "Baking") in statuses
    assert hall.ask("again", "1") == NEW


def test_wants_the_alarms_to_be_there(hall: Hall) -> None:
    prepare(hall, "unwatched", instances=1)

    with pytest.raises(
        ClientError, match="Could not find the CloudWatch alarms of AutoRollbackConfiguration: none"
    ):
        update(hall, "unwatched", DeploymentConfig=blue_green("ALL_AT_ONCE", ["none"]))


def test_ends_a_deployment_that_takes_too_long(hall: Hall) -> None:
    prepare(hall, "late", instances=1)
    config = blue_green("LINEAR", LinearStepSize=percent(50), WaitIntervalInSeconds=500)
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600

    update(hall, "late", DeploymentConfig=config)
    described = hall.settled("late")

    assert described["EndpointConfigName"] == "late"
    assert "did not end within MaximumExecutionTimeoutInSeconds" in described["FailureReason"]
