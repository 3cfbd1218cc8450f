"""What the sweeper and the cap see of endpoints and jobs on the local AWS, and how these are stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from compute_common.hosting import Endpoints
from compute_common.job import JOB_TYPES, Job, Jobs
from compute_common.thing import CannotSee, Place, Thing
from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import eventually
from sweeper.adapters import EndpointUsage, Measurements

_ACCOUNT = "220000000077"
_PLACE = Place("dev", "d-1", ("research",), {}, {"clary-dev-housing": "research"})
HOURS = 6
TRAINING = JOB_TYPES[0]


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, _ACCOUNT, tmp_path_factory.mktemp("image")) as made:
        yield made


@pytest.fixture(scope="module")
def endpoint(workshop: Workshop) -> Iterator[str]:
    name = "research--forgotten"
    workshop.serve(name, workshop.configure(name, 2))
    yield name
    workshop.client("sagemaker").delete_endpoint_config(EndpointConfigName=name)


def _alive(workshop: Workshop, name: str, begin: datetime) -> None:
    """The measurements that a day of instances leaves on AWS."""
    dimensions = [
        {"Name": "EndpointName", "Value": name},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    data = [
        {
            "MetricName": "CPUUtilization",
            "Dimensions": dimensions,
            "Timestamp": begin + timedelta(hours=hour),
            "Value": 1.0,
        }
        for hour in range(HOURS * 3)
    ]
    workshop.client("cloudwatch").put_metric_data(Namespace="/aws/sagemaker/Endpoints", MetricData=data)


def test_an_endpoint_is_seen_used_idle_and_deleted_and_its_configuration_brings_it_back(
    workshop: Workshop, endpoint: str
) -> None:
    sagemaker = workshop.client("sagemaker")
    endpoints = Endpoints(sagemaker, _PLACE)
    usage = EndpointUsage(endpoints, Measurements(workshop.client("cloudwatch")))
    now = datetime.now(UTC)
    (thing,) = endpoints.things(now + timedelta(minutes=1))
    assert isinstance(thing, Thing)
    assert (thing.name, thing.team, thing.instances) == (endpoint, "research", {"ml.m5.large": 1})
    later = now + timedelta(hours=2 * HOURS)

    with pytest.raises(CannotSee, match="0 of 6 hours"):
        usage.idle_since(thing, HOURS, later)
    workshop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=b"3", ContentType="text/csv"
    )
    _alive(workshop, endpoint, now)

    def used() -> bool:
        try:
            return usage.idle_since(thing, HOURS, now + timedelta(minutes=5))[0] is None
        except CannotSee:
            return False  # its metrics are told once a second

    eventually(used)
    assert usage.idle_since(thing, HOURS, later)[0] == later - timedelta(hours=HOURS)

    endpoints.stop(thing)
    eventually(lambda: not sagemaker.list_endpoints()["Endpoints"])
    endpoints.stop(thing)  # what is gone is none
    assert thing.comes_back_by == (
        f"aws sagemaker create-endpoint --endpoint-name {endpoint} --endpoint-config-name {endpoint}"
    )
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
    workshop.settled(endpoint)
    endpoints.stop(thing)
    eventually(lambda: not sagemaker.list_endpoints()["Endpoints"])


def test_a_teams_jobs_are_seen_while_they_run_and_once_they_have_ended(workshop: Workshop) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=1)
    jobs = Jobs(workshop.client("sagemaker"), _PLACE)
    person = "arn:aws:sagemaker:us-east-1:220000000077:user-profile/d-1/research-ada"
    tags = {"Tags": [{"Key": "sagemaker:user-profile-arn", "Value": person}]}
    workshop.train("research--long", forever="yes", factor="2", more=tags)
    workshop.train("elsewhere", factor="2")
    workshop.begun("research--long")

    (running,) = jobs.changed_since(TRAINING, begin)
    assert isinstance(running, Job)
    assert (running.thing.team, running.thing.person) == ("research", "research-ada")
    assert (running.use, running.ended, running.thing.instances) == ("training", None, {"ml.m5.large": 1})

    jobs.stop(running.thing)
    workshop.trained("research--long")
    jobs.stop(running.thing)
    (ended,) = jobs.changed_since(TRAINING, begin)
    assert isinstance(ended, Job)
    assert ended.ended is not None
    assert ended.ended >= ended.thing.since
