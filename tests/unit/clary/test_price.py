"""What an environment costs at least: what is counted, what has no price, and what nobody can know."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.environment.model import Environment
from clary.pricing.capacity import of_models, of_people
from clary.pricing.estimate import Estimate, Line, Unknowable
from clary.pricing.resources import of_templates
from support.synthesis import nested

MODEL = {
    "team": "research",
    "image": {"repository": "line", "tag": "v1"},
    "artifact": {"key": "research/line/model.tar.gz"},
}
OTHER = {"artifact": {"key": "research/other/model.tar.gz"}}


def environment(region: str = "us-east-1", **parts: Any) -> Environment:
    given = {
        "name": "dev",
        "account": "111122223333",
        "region": region,
        "repositories": ["line"],
        "teams": {"research": {}},
    }
    return Environment.model_validate(given | parts)


def served(**endpoint: Any) -> list[Line | Unknowable]:
    return list(of_models(environment(models={"line": MODEL | {"endpoint": endpoint}})))


def lines(found: list[Line | Unknowable]) -> dict[str, float]:
    return {each.what: each.quantity for each in found if isinstance(each, Line)}


def unknowable(found: list[Line | Unknowable]) -> list[str]:
    return [each.what for each in found if isinstance(each, Unknowable)]


def test_an_endpoint_costs_its_instances_all_month() -> None:
    (line,) = served(instance_count=2)

    assert isinstance(line, Line)
    assert (line.when, line.monthly_usd) == ("always", pytest.approx(2 * 0.115 * 730))


def test_an_endpoint_that_follows_the_load_costs_its_least_capacity() -> None:
    found = served(scaling={"least": 2, "most": 5})

    assert lines(found) == {"line: ml.m5.large": 2}
    assert unknowable(found) == ["line: more capacity"]


def test_an_endpoint_that_sleeps_costs_nothing_for_certain() -> None:
    found = served(mode="asynchronous", scaling={"least": 0, "most": 5})

    assert [each.monthly_usd for each in found if isinstance(each, Line)] == [0.0]


def test_other_variants_and_shadows_have_instances_of_their_own() -> None:
    other = OTHER | {"instance_type": "ml.m5.xlarge"}

    assert lines(served(variants={"other": other})) == {"line: ml.m5.large": 1, "line.other: ml.m5.xlarge": 1}
    assert lines(served(shadow=other)) == {"line: ml.m5.large": 1, "line.shadow: ml.m5.xlarge": 1}


def test_components_share_the_instances_of_their_host() -> None:
    models = {
        "left": MODEL | {"endpoint": {"component": {}, "scaling": {"least": 2, "most": 9}}},
        "right": MODEL | {"endpoint": {"component": {}, "shared_with": "left"}},
    }

    assert lines(list(of_models(environment(models=models)))) == {"left: ml.m5.large": 1}


@pytest.mark.parametrize("mode", ["serverless", "batch"])
def test_what_runs_when_it_is_asked_cannot_be_known(mode: str) -> None:
    found = served(mode=mode)

    assert lines(found) == {}
    assert len(unknowable(found)) == 1


def test_what_is_kept_warm_has_no_price_here_and_is_said_to_be_missing() -> None:
    found = served(mode="serverless", serverless={"provisioned_concurrency": 2})

    estimate = Estimate("dev", "us-east-1", 0, [each for each in found if isinstance(each, Line)], [])
    assert [line.what for line in estimate.without_price] == ["line: provisioned concurrency"]
    assert estimate.at_least() == 0


def test_an_unknown_instance_type_is_named_and_not_guessed() -> None:
    (line,) = served(instance_type="ml.z9.large")

    assert isinstance(line, Line)
    assert (line.what, line.price, line.monthly_usd) == ("line: ml.z9.large", None, None)


def test_the_training_of_a_deployment_is_bounded_by_its_longest_run() -> None:
    training = {"data": "workloads/line/data", "instance_type": "ml.m5.xlarge", "max_runtime_minutes": 30}
    trained = MODEL | {"artifact": {"training": training}}

    (told,) = (
        each for each in of_models(environment(models={"line": trained})) if isinstance(each, Unknowable)
    )

    assert "at most $0.12" in told.because


def test_people_cost_the_hours_that_they_work_and_the_disks_that_they_keep() -> None:
    members = {
        "ada": {"persona": "data-scientist", "spaces": {"more": {"instance_type": "ml.g5.xlarge"}}},
        "emmy": {"persona": "data-scientist", "space": {"instance_type": "ml.m5.xlarge", "storage_gib": 50}},
        "grace": {"persona": "mlops-engineer", "space": None},
    }

    found = list(of_people(environment(teams={"research": {"members": members}}), 100))

    assert lines(found) == {"disks of spaces": 60, "spaces: ml.m5.xlarge": 100, "spaces: ml.t3.medium": 100}
    assert [each.when for each in found if isinstance(each, Line)] == ["always", "working", "working"]


def test_who_has_left_keeps_a_disk_and_works_no_more() -> None:
    left = {"persona": "data-scientist", "left": True}

    found = list(of_people(environment(teams={"research": {"members": {"ada": left}}}), 100))

    assert lines(found) == {"disks of spaces": 5}


def test_nobody_costs_nothing() -> None:
    assert list(of_people(environment(), 100)) == []


def template(**resources: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Some": {"Resources": resources}}


def test_an_interface_endpoint_costs_by_the_zone_and_a_gateway_nothing() -> None:
    endpoint = {"Type": "AWS::EC2::VPCEndpoint"}
    found = of_templates(
        template(
            A=endpoint | {"Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}},
            B=endpoint | {"Properties": {"VpcEndpointType": "Gateway"}},
        ),
        "eu-west-1",
    )

    (line,) = found
    assert isinstance(line, Line)
    assert (line.quantity, line.monthly_usd) == (2, pytest.approx(2 * 0.011 * 730))


def test_a_firewall_costs_itself_its_rules_and_requests() -> None:
    acl = {"Type": "AWS::WAFv2::WebACL", "Properties": {"Rules": [{}, {}, {}]}}

    found = list(of_templates(template(A=acl), "us-east-1"))

    assert [each.monthly_usd for each in found if isinstance(each, Line)] == [5, 3]
    assert unknowable(found) == ["requests that the firewall looks at"]


def test_what_people_launch_cannot_be_known() -> None:
    product = {"Type": "AWS::ServiceCatalog::CloudFormationProduct"}

    found = list(of_templates(template(A=product, B=product), "us-east-1"))

    assert unknowable(found) == ["what people launch for themselves, as long as it runs"]


def test_a_type_that_the_table_says_nothing_of_is_named() -> None:
    found = list(of_templates(template(A={"Type": "AWS::Elastic::Surprise"}), "us-east-1"))

    assert unknowable(found) == ["AWS::Elastic::Surprise"]


def test_the_sum_is_of_what_has_a_price() -> None:
    found = served(variants={"other": OTHER | {"instance_type": "ml.z9.large"}})
    estimate = Estimate("dev", "us-east-1", 0, [each for each in found if isinstance(each, Line)], [])

    assert estimate.at_least() == pytest.approx(0.115 * 730)
    assert estimate.oldest == "2026-09-28"


@pytest.mark.parametrize(("budget", "exceeded"), [(None, False), (83, True), (84, False)])
def test_says_whether_the_least_is_more_than_the_budget(budget: int | None, exceeded: bool) -> None:
    lines_ = [each for each in served() if isinstance(each, Line)]

    assert Estimate("dev", "us-east-1", 0, lines_, [], budget).exceeds_budget is exceeded


@pytest.mark.parametrize("name", ["dev", "showcase"])
def test_every_type_in_the_samples_is_accounted_for(
    name: str, synthesised: Callable[[str], Mapping[str, Path]]
) -> None:
    templates = synthesised(name)
    every = {path.name: json.loads(path.read_text()) for path in (*templates.values(), *nested(templates))}

    told = unknowable(list(of_templates(every, "us-east-1")))

    assert [each for each in told if each.startswith("AWS::")] == []
