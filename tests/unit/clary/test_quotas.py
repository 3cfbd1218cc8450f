"""What an environment needs of quotas, and what is said when an account has less."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary import quotas
from clary.environment import loader
from clary.environment.model import Environment
from clary.finding import Verdict
from clary.quotas import Need, Quota

ROOT = Path(__file__).parents[3]
_ENDPOINTS = Need("ml.m5.large for endpoint usage", 3, 6, "serving housing", "updating it", "ml.m5.large")


@pytest.fixture(scope="module")
def prod() -> Environment:
    return loader.load(loader.find("prod", ROOT))


def _judged(value: float, *, requested: float = 0, adjustable: bool = True) -> quotas.Finding:
    quota = Quota("ml.m5.large for endpoint usage", "L-9614C779", value, adjustable)
    return quotas.judge(_ENDPOINTS, {quotas.plain(quota.name): quota}, {quota.code: requested}, "eu-west-1")


def test_counts_the_instances_of_endpoints_and_the_new_ones_of_an_update(prod: Environment) -> None:
    (need,) = [each for each in quotas.needs(prod) if "endpoint" in each.quota]

    assert (need.quota, need.least, need.comfortable) == ("ml.m5.large for endpoint usage", 3, 6)


def test_needs_no_training_quota_where_nothing_is_trained(prod: Environment) -> None:
    assert [each for each in quotas.needs(prod) if "training" in each.quota] == []


def test_counts_private_spaces_by_what_they_run_on(prod: Environment) -> None:
    spaces = {
        each.instance_type: each.comfortable for each in quotas.needs(prod) if "JupyterLab" in each.quota
    }

    assert spaces == {"ml.m5.xlarge": 1, "ml.t3.medium": 3}


def test_counts_what_people_open_by_default_though_nobody_has_a_space_on_it(prod: Environment) -> None:
    editors = {each.quota: each.least_for for each in quotas.needs(prod) if "CodeEditor" in each.quota}

    assert editors == {
        "Studio CodeEditor Apps running on ml.t3.medium instance": (
            "opening Code Editor as a data-scientist and mlops-engineer does by default"
        )
    }


def test_a_quota_of_nothing_blocks_and_the_request_names_the_code() -> None:
    finding = _judged(0)

    assert finding.verdict is Verdict.BLOCKED
    assert finding.remedy is not None
    assert "--quota-code L-9614C779 --desired-value 6 --region eu-west-1" in finding.remedy


def test_a_quota_that_suffices_until_the_first_update_is_tight() -> None:
    finding = _judged(4)

    assert finding.verdict is Verdict.TIGHT
    assert "6 for updating it" in finding.message


def test_a_quota_that_suffices_is_fine() -> None:
    assert _judged(6).verdict is Verdict.FINE


def test_what_has_been_requested_is_not_requested_again() -> None:
    assert _judged(0, requested=6).remedy == "6 have been requested: wait for AWS's answer"


def test_a_quota_that_cannot_be_raised_is_said_to_be_one() -> None:
    remedy = _judged(0, adjustable=False).remedy

    assert remedy is not None
    assert "cannot be raised" in remedy


def test_a_quota_that_is_not_listed_is_unknown_and_not_fine() -> None:
    finding = quotas.judge(_ENDPOINTS, {}, {}, "eu-west-1")

    assert finding.verdict is Verdict.UNKNOWN
    assert "may not offer ml.m5.large" in finding.message


def test_names_are_the_same_with_and_without_an_s_at_the_end() -> None:
    one = "Studio JupyterLab Apps running on ml.t3.medium instance"

    assert quotas.plain(one) == quotas.plain(f"{one}s")
