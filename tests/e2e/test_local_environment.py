"""From one YAML file to a prediction over HTTP, as a person does it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import boto3
import pytest

from support.outside import ROOT, Api, Command

UNITS = ("network", "data", "access", "studio", "serving", "gateway", "operations")
STACKS = {f"clary-local-{unit}" for unit in UNITS}


def test_prints_a_prediction(
    first_up: subprocess.CompletedProcess[str], api: Api, outputs: dict[str, Any]
) -> None:
    example = outputs["models"]["housing"]["example"].encode()

    answer = api("POST", "/models/housing/invocations", example, {"content-type": "text/csv"})

    assert answer.status == 200
    assert answer.body.decode().strip() in first_up.stdout
    float(answer.body)


def test_prints_what_was_made(first_up: subprocess.CompletedProcess[str], outputs: dict[str, Any]) -> None:
    made = [
        outputs["api"]["url"],
        outputs["api"]["page"],
        outputs["studio"]["domain_id"],
        *outputs["studio"]["user_profiles"],
    ]
    made += [model["endpoint_name"] for model in outputs["models"].values()]

    assert [word for word in made if word not in first_up.stdout] == []


def test_the_page_that_it_names_is_there_for_everybody(outputs: dict[str, Any]) -> None:
    answer = Api(outputs["api"]["page"].removesuffix("/"), {})("GET", "/")

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>Try a model</title>" in answer.body
    assert b"housing" not in answer.body


def test_curl_gets_the_same_answer_with_what_the_outputs_say(
    outputs: dict[str, Any], command: Command
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    model = outputs["models"]["housing"]
    words = ["curl", "-sS", model["url"], "--data-binary", model["example"], "-H", "content-type: text/csv"]
    for name, value in outputs["api"]["headers"].items():
        words += ["-H", f"{name}: {value}"]

    by_curl = subprocess.run(words, capture_output=True, text=True, check=True).stdout

    assert by_curl.strip() == command("predict", "housing").stdout.strip()


def test_a_second_up_changes_nothing(command: Command, outputs: dict[str, Any]) -> None:
    before = len(command.cdk_log())

    again = command.up()

    assert again.returncode == 0, again.stdout + again.stderr
    said = command.cdk_log()[before:]
    assert set(re.findall(r"✅\s+\w+ \((\S+)\) \(no changes\)", said)) == STACKS
    assert "was done" in again.stdout
    assert command.outputs() == outputs


def test_the_domain_its_profiles_and_spaces_are_there(outputs: dict[str, Any]) -> None:
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=outputs["aws_endpoint_url"],
        region_name=outputs["region"],
        aws_access_key_id=outputs["account"],
        aws_secret_access_key="any",
    )
    domain = outputs["studio"]["domain_id"]

    profiles = sagemaker.list_user_profiles(DomainIdEquals=domain)["UserProfiles"]
    spaces = sagemaker.list_spaces(DomainIdEquals=domain)["Spaces"]

    assert sagemaker.describe_domain(DomainId=domain)["AppNetworkAccessType"] == "VpcOnly"
    assert {p["UserProfileName"] for p in profiles} == {"research-ada", "research-grace"}
    assert {s["SpaceName"] for s in spaces} == {"research-ada", "research-grace"}


def test_status_shows_every_stack_and_endpoint(command: Command, outputs: dict[str, Any]) -> None:
    said = command("status").stdout

    assert said.count("_COMPLETE") == len(STACKS)
    assert "InService" in said


def test_help_comes_without_a_node_process_or_heavy_imports(command: Command) -> None:
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-X", "importtime", "-m", "clary", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported.isdisjoint({"aws_cdk", "jsii", "boto3", "pydantic", "ministack", "cfnlint"})


def test_predicts_what_is_given(command: Command, outputs: dict[str, Any]) -> None:
    example = outputs["models"]["housing"]["example"]

    two = command("predict", "housing", "--data", f"{example}\n{example}\n").stdout.split()

    assert len(two) == 2
    assert two[0] == two[1]


def test_says_which_models_there_are(command: Command, outputs: dict[str, Any]) -> None:
    done = command("predict", "sentiment")

    assert done.returncode == 1
    assert "no model 'sentiment', choose one of: housing" in done.stderr


@pytest.mark.parametrize("words", [("outputs",), ("predict", "housing"), ("status",)])
def test_says_that_the_local_aws_is_not_running(words: tuple[str, ...], tmp_path: Any) -> None:
    done = Command(tmp_path, 1)(*words)

    assert done.returncode == 1
    assert "the local AWS is not running, start it with `clary up`" in done.stderr
