"""What `clary catalog` tells of products and launches, and asks for before anything is launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from clary.catalog import Catalog, Form
from clary.catalog_field import fields_of
from clary.commands import catalog as commands
from clary.environment.model import Environment
from clary.errors import ClaryError

LONG = "research-project-workspace-" + "of-a-name-that-no-narrow-terminal-holds-" * 3 + "x"
FILES = f"s3://a-bucket/research/projects/{LONG}/"
PRODUCT = "clary-dev-research-project-workspace"


class ServiceCatalog:
    """A product that asks for a name, a size and a choice of tags, and what was launched from it."""

    def __init__(self, *launched: tuple[str, str], products: Sequence[str] = (PRODUCT,)) -> None:
        self._launched, self._products = launched, products

    def search_products(self, **_: Any) -> Mapping[str, Any]:
        found = [{"ProductId": "prod-1", "Name": name} for name in self._products]
        return {"ProductViewSummaries": found}

    def describe_product(self, **_: Any) -> Mapping[str, Any]:
        return {"ProvisioningArtifacts": [{"Id": "pa-1", "CreatedTime": 1}]}

    def list_launch_paths(self, **_: Any) -> Mapping[str, Any]:
        return {"LaunchPathSummaries": [{"Id": "lpv-1"}]}

    def describe_provisioning_parameters(self, **_: Any) -> Mapping[str, Any]:
        sizes = {"AllowedValues": ["small", "large"]}
        size = {"ParameterKey": "Size", "Description": "How large", "DefaultValue": "small"}
        asked = [{"ParameterKey": "Name"}, size | {"ParameterConstraints": sizes}]
        tags = [{"Key": "purpose", "Values": ["course", "trial"]}]
        return {"ProvisioningArtifactParameters": asked, "TagOptions": tags}

    def search_provisioned_products(self, **_: Any) -> Mapping[str, Any]:
        found = [
            {
                "Id": name,
                "Name": name,
                "ProductName": PRODUCT,
                "Status": status,
                "StatusMessage": f"is {status}",
            }
            for name, status in self._launched
        ]
        return {"ProvisionedProducts": found}

    def get_provisioned_product_outputs(self, **asked: Any) -> Mapping[str, Any]:
        assert asked["ProvisionedProductId"] == LONG, "a launch that failed has no outputs to ask for"
        return {"Outputs": [{"OutputKey": "Files", "OutputValue": FILES}]}


def told(monkeypatch: pytest.MonkeyPatch, client: ServiceCatalog, *words: str) -> str:
    given = {"name": "dev", "account": "111122223333", "region": "eu-west-1", "teams": {"research": {}}}
    seen = Catalog(client, Environment.model_validate(given))
    monkeypatch.setattr(commands, "_seen", lambda *_: seen)
    monkeypatch.setenv("COLUMNS", "40")
    done = CliRunner().invoke(commands.catalog, [*words, "dev"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_status_tells_whole_names_and_what_each_launch_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(monkeypatch, ServiceCatalog((LONG, "AVAILABLE")), "status").splitlines()

    assert lines[0] == LONG
    assert f"    Files: {FILES}" in lines


def test_the_status_says_why_a_launch_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "  ERROR: is ERROR\n" in told(monkeypatch, ServiceCatalog(("a", "ERROR")), "status")


def test_the_list_tells_fields_their_defaults_and_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(monkeypatch, ServiceCatalog(), "list").splitlines()

    assert "    Name=…" in lines
    assert "    Size=small: How large; one of: small, large" in lines
    assert "    --tag purpose=…: one of: course, trial" in lines


@pytest.mark.parametrize("command", ["list", "status"])
def test_whoever_has_nothing_is_told_so(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(monkeypatch, ServiceCatalog(products=()), command)

    assert "see whose rights these are" in " ".join(words.split())


FORM = Form(fields_of([]), {"purpose": ["course", "trial"], "only": ["one"]})


@pytest.mark.parametrize("given", [{"purpose": "trial"}, {"purpose": "course", "only": "one", "mine": "x"}])
def test_a_choice_of_tags_that_was_made_is_let_through(given: Mapping[str, str]) -> None:
    FORM.check_tags(given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "a launch has a tag 'purpose', give --tag purpose=course or --tag purpose=trial"),
        ({"purpose": "beer"}, "the tag 'purpose' is 'beer', give --tag purpose=course or"),
        ({"purpose": "trial", "only": "two"}, "the tag 'only' is 'two', give --tag only=one"),
    ],
)
def test_a_choice_of_tags_is_asked_for_before_anything_is_launched(
    given: Mapping[str, str], words: str
) -> None:
    with pytest.raises(ClaryError) as refusal:
        FORM.check_tags(given)

    assert words in str(refusal.value)


def test_a_launch_asks_for_its_tags() -> None:
    given = {"name": "dev", "account": "111122223333", "region": "eu-west-1", "teams": {"research": {}}}
    seen = Catalog(ServiceCatalog(), Environment.model_validate(given))

    with pytest.raises(ClaryError, match="a launch has a tag 'purpose'"):
        seen.launch(seen.product("research-project-workspace"), {"Name": "a"}, name=None, tags={})
