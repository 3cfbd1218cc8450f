"""What tells the sweeper that something is used: measurements, and what their absence means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from compute_common.cluster import Clusters
from compute_common.hosting import Endpoints
from compute_common.job import JOB_TYPES, Job, Jobs
from compute_common.studio import Apps
from compute_common.thing import CannotSee, Place, Thing, Unseen
from sweeper.adapters import AppUsage, ClusterUsage, EndpointUsage, Measurements

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
HOURS = 10
PLACE = Place(
    environment="dev",
    domain_id="d-1",
    teams=("risk", "risk-europe"),
    people={"risk-europe-ada": "risk-europe"},
    endpoints={"clary-dev-housing": "risk"},
)
ENDPOINT = Thing("endpoint", "risk--old", LONG_AGO, handle={"EndpointName": "risk--old"})
ALIVE, ASKED, QUEUE = "CPUUtilization", "Invocations", "ApproximateBacklogSize"


class CloudWatch:
    """Values of metrics, one an hour, the oldest first; None where nothing was measured."""

    def __init__(self, values: Mapping[str, Sequence[float | None]]) -> None:
        self.values = values
        self.status = "Complete"

    def get_paginator(self, operation: str) -> CloudWatch:
        assert operation == "get_metric_data"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        assert request["StartTime"] <= NOW - timedelta(hours=HOURS)
        for query in request["MetricDataQueries"]:
            assert query["MetricStat"]["Period"] == 3600
            found = self.values.get(query["MetricStat"]["Metric"]["MetricName"], [])
            hours = [request["StartTime"] + timedelta(hours=hour) for hour in range(len(found))]
            known = [(hour, value) for hour, value in zip(hours, found, strict=True) if value is not None]
            result = {"Id": query["Id"], "StatusCode": self.status}
            result |= {"Timestamps": [hour for hour, _ in known], "Values": [value for _, value in known]}
            yield {"MetricDataResults": [result]}


class Hosting(Endpoints):
    def __init__(self) -> None:
        super().__init__(None, PLACE)

    def variants(self, thing: Thing) -> Sequence[str]:
        return ["main"]

    def components(self, name: str) -> Sequence[str]:
        return []


def endpoint_idle_since(**values: Sequence[float | None]) -> datetime | None:
    usage = EndpointUsage(Hosting(), Measurements(CloudWatch(values)))
    return usage.idle_since(ENDPOINT, HOURS, NOW)[0]


def test_an_endpoint_that_is_alive_and_not_asked_is_idle() -> None:
    assert endpoint_idle_since(CPUUtilization=[60] * 10) == NOW - timedelta(hours=HOURS)


@pytest.mark.parametrize("metric", [ASKED, QUEUE, "InvocationsProcessed"])
def test_one_request_is_use_also_where_nothing_else_is_measured(metric: str) -> None:
    assert endpoint_idle_since(**{metric: [0, 0, 1, 0]}) is None


def test_an_endpoint_of_which_measurements_are_missing_is_not_seen() -> None:
    with pytest.raises(CannotSee, match="measurements for 8 of 10 hours: CPUUtilization of main"):
        endpoint_idle_since(CPUUtilization=[*[60] * 8, None, None])


def test_measurements_that_cloudwatch_could_not_read_are_not_seen() -> None:
    cloudwatch = CloudWatch({ALIVE: [60] * 10})
    cloudwatch.status = "InternalError"

    with pytest.raises(CannotSee, match="InternalError"):
        EndpointUsage(Hosting(), Measurements(cloudwatch)).idle_since(ENDPOINT, HOURS, NOW)


def test_a_cluster_is_idle_when_it_always_was() -> None:
    cluster = Thing("cluster", "spark (j-1)", LONG_AGO, handle={"ClusterId": "j-1"})

    def idle_since(*least: float | None) -> datetime | None:
        usage = ClusterUsage(Measurements(CloudWatch({"IsIdle": least})))
        return usage.idle_since(cluster, HOURS, NOW)[0]

    assert idle_since(*[1] * 10) == NOW - timedelta(hours=HOURS)
    assert idle_since(*[1] * 9, 0) is None
    with pytest.raises(CannotSee, match="0 of 10 hours"):
        idle_since()


class Client:
    """A service that answers each operation with what it was given, or refuses it."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.called: list[tuple[str, Mapping[str, Any]]] = []

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Pages:
            def paginate(self, **request: Any) -> list[Any]:
                return [getattr(client, operation)(**request)]

        return Pages()

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.called.append((operation, request))
            answer = self.answers[operation]
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": answer}}, operation)
            return answer(**request) if callable(answer) else answer

        return call


APP = {
    "DomainId": "d-1",
    "SpaceName": "lab",
    "AppType": "JupyterLab",
    "AppName": "default",
    "Status": "InService",
    "CreationTime": LONG_AGO,
}
SPACES = {
    "Spaces": [
        {"SpaceName": "lab", "OwnershipSettingsSummary": {"OwnerUserProfileName": "risk-europe-ada"}},
        {"SpaceName": "all", "OwnershipSettingsSummary": {"OwnerUserProfileName": "risk--shared"}},
    ]
}
DESCRIBED = {"AppArn": "arn:of:the:app", "ResourceSpec": {"InstanceType": "ml.t3.medium"}}


def studio(*apps: Mapping[str, Any], **more: Any) -> Client:
    answers = {"list_apps": {"Apps": apps}, "list_spaces": SPACES, "list_tags": {"Tags": []}}
    return Client(**{**answers, "describe_app": DESCRIBED, **more})


def things(source: Apps | Endpoints | Clusters) -> list[Thing | Unseen]:
    return list(source.things(NOW))


def test_an_app_in_a_space_belongs_to_whoever_owns_the_space() -> None:
    found = things(Apps(studio(APP, {**APP, "SpaceName": "all"}), PLACE))

    assert [(each.person, each.team) for each in found if isinstance(each, Thing)] == [
        ("risk-europe-ada", "risk-europe"),
        (None, "risk"),
    ]


def test_apps_that_cost_nothing_that_are_new_or_that_do_not_run_are_none() -> None:
    others = [
        {**APP, "Status": "Deleted"},
        {**APP, "CreationTime": NOW},
        {**APP, "AppType": "RStudioServerPro"},
    ]

    assert things(Apps(studio(*others), PLACE)) == []
    assert things(Apps(studio(APP, describe_app={"AppArn": "arn:of:it"}), PLACE)) == []


def test_an_app_that_cannot_be_described_is_not_seen() -> None:
    (found,) = things(Apps(studio(APP, describe_app="ThrottlingException"), PLACE))

    assert isinstance(found, Unseen)
    assert "ThrottlingException" in found.reason


def test_apps_that_cannot_be_listed_are_not_seen() -> None:
    with pytest.raises(CannotSee, match="AccessDenied"):
        things(Apps(studio(list_apps="AccessDenied"), PLACE))


def test_a_health_check_is_no_activity() -> None:
    app = Thing("app", "lab/JupyterLab/default", LONG_AGO)
    worked, checked = NOW - timedelta(hours=30), NOW - timedelta(minutes=1)

    def idle_since(active: datetime) -> datetime | None:
        said = {"LastUserActivityTimestamp": active, "LastHealthCheckTimestamp": checked}
        return AppUsage(Apps(studio(describe_app=said), PLACE)).idle_since(app, 24, NOW)[0]

    assert idle_since(worked) == worked
    assert idle_since(checked) is None


def endpoint(name: str, tags: Mapping[str, str], **more: Any) -> list[Thing | Unseen]:
    variants = [{"VariantName": "main", "CurrentInstanceCount": 2}]
    configured = [{"VariantName": "main", "InstanceType": "ml.m5.large"}]
    listed = {
        "EndpointName": name,
        "EndpointArn": "arn:of:it",
        "EndpointStatus": "InService",
        "CreationTime": LONG_AGO,
    }
    answers = {
        "list_endpoints": {"Endpoints": [listed]},
        "list_tags": {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
        "list_inference_components": {"InferenceComponents": []},
        "describe_endpoint": {"EndpointConfigName": f"{name}-1", "ProductionVariants": variants},
        "describe_endpoint_config": {"ProductionVariants": configured},
    }
    return things(Endpoints(Client(**{**answers, **more}), PLACE))


def test_an_endpoint_is_whose_name_or_tags_say() -> None:
    made_by = {"sagemaker:user-profile-arn": "arn:aws:sagemaker:r:1:user-profile/d-1/risk-europe-ada"}

    (ours,) = endpoint("risk-europe--old", made_by)
    (declared,) = endpoint("clary-dev-housing", {"clary:environment": "dev"})

    assert isinstance(ours, Thing)
    assert (ours.team, ours.person, ours.declared) == ("risk-europe", "risk-europe-ada", False)
    assert ours.instances == {"ml.m5.large": 2}
    assert ours.comes_back_by.endswith("--endpoint-config-name risk-europe--old-1")
    assert isinstance(declared, Thing)
    assert (declared.team, declared.declared) == ("risk", True)


def test_an_endpoint_of_another_environment_or_of_nobody_is_none() -> None:
    assert endpoint("risk--old", {"clary:environment": "prod"}) == []
    assert endpoint("somebody-elses", {}) == []


def test_an_endpoint_without_instances_costs_nothing() -> None:
    asleep = [{"VariantName": "main", "CurrentInstanceCount": 0}]

    assert (
        endpoint("risk--old", {}, describe_endpoint={"EndpointConfigName": "c", "ProductionVariants": asleep})
        == []
    )


def test_an_endpoint_with_components_is_left_alone() -> None:
    (found,) = endpoint(
        "risk--old",
        {},
        list_inference_components={"InferenceComponents": [{"InferenceComponentName": "left"}]},
    )

    assert isinstance(found, Thing)
    assert found.protected == "it has inference components, which would go with it"


def cluster(**described: Any) -> list[Thing | Unseen]:
    timeline = {"Timeline": {"CreationDateTime": LONG_AGO}}
    tags = [{"Key": "clary:environment", "Value": "dev"}, {"Key": "clary:team", "Value": "risk"}]
    found = {"Name": "spark", "Tags": tags, **described}
    emr = Client(
        list_clusters={"Clusters": [{"Id": "j-1", "Name": "spark", "Status": timeline}]},
        describe_cluster={"Cluster": found},
    )
    return things(Clusters(emr, PLACE))


def test_a_cluster_is_known_by_its_tags() -> None:
    (ours,) = cluster()

    assert isinstance(ours, Thing)
    assert (ours.team, ours.protected) == ("risk", "")
    assert cluster(Tags=[]) == []


def test_a_cluster_that_is_protected_stays_so() -> None:
    (found,) = cluster(TerminationProtected=True)

    assert isinstance(found, Thing)
    assert found.protected == "it is protected from termination"


def test_stopping_what_is_gone_is_harmless_and_what_is_refused_is_told() -> None:
    endpoints = Endpoints(Client(delete_endpoint="ResourceNotFound"), PLACE)
    endpoints.stop(ENDPOINT)

    with pytest.raises(ClientError, match="AccessDenied"):
        Endpoints(Client(delete_endpoint="AccessDenied"), PLACE).stop(ENDPOINT)


def _tuning(status: str) -> list[Job | Unseen]:
    summary = {"HyperParameterTuningJobName": "risk--tuned"}
    sagemaker = Client(
        list_hyper_parameter_tuning_jobs={"HyperParameterTuningJobSummaries": [summary]},
        describe_hyper_parameter_tuning_job={
            "HyperParameterTuningJobArn": "arn:of:it",
            "HyperParameterTuningJobStatus": status,
            "CreationTime": LONG_AGO,
            "HyperParameterTuningEndTime": NOW,
        },
        list_tags={"Tags": []},
    )
    tuning = next(each for each in JOB_TYPES if not each.billed)
    return list(Jobs(sagemaker, PLACE).changed_since(tuning, LONG_AGO))


def test_a_tuning_job_is_seen_though_it_runs_on_nothing_itself() -> None:
    (running,), (over,) = _tuning("InProgress"), _tuning("Completed")

    assert isinstance(running, Job)
    assert (running.thing.team, running.thing.instances, running.ended) == ("risk", {}, None)
    assert isinstance(over, Job)
    assert over.ended == NOW
