"""The table of prices: each figure has a page and a date, and what is not in it has no price."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from clary.pricing import table

CONTENT = json.loads((Path(table.__file__).parent / "prices.json").read_text())


def test_every_source_is_a_page_and_a_day() -> None:
    for source in CONTENT["sources"].values():
        assert source["page"].startswith("https://")
        assert date.fromisoformat(source["as_of"])
        assert len(source["seen"].split()) > 3


def test_every_figure_has_a_source_that_is_used() -> None:
    used = {each["source"] for each in (*CONTENT["instances"], *CONTENT["others"])}

    assert used == CONTENT["sources"].keys()


def test_no_figure_is_there_twice() -> None:
    figures = [
        (each["region"], each["use"], instance_type)
        for each in CONTENT["instances"]
        for instance_type in each["usd_per_hour"]
    ]
    figures += [(each["region"], each["what"], "") for each in CONTENT["others"]]

    assert len(figures) == len(set(figures))


def test_every_figure_is_an_amount_of_an_instance_type() -> None:
    for each in CONTENT["instances"]:
        for instance_type, usd in each["usd_per_hour"].items():
            assert re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", instance_type)
            assert 0 < usd < 200


def test_knows_an_hour_of_an_instance_by_its_use() -> None:
    found = table.instance("us-east-1", "hosting", "ml.m5.large")

    assert found is not None
    assert (found.usd, found.per, found.monthly_usd) == (0.115, "hour", pytest.approx(83.95))


def test_invents_nothing_for_another_use_size_or_region() -> None:
    assert table.instance("us-east-1", "transform", "ml.m5.large") is None
    assert table.instance("us-east-1", "hosting", "ml.m5.24xlarge") is None
    assert table.instance("ap-south-2", "hosting", "ml.m5.large") is None


def test_knows_what_costs_the_same_everywhere() -> None:
    assert table.thing("ap-south-2", "key") == table.thing("us-east-1", "key")
    assert table.thing("ap-south-2", "interface-endpoint") is None
