"""An environment in daily use: edits, what they would do, what is refused, what was changed by hand.

In a checkout of its own, because environment files are edited here.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from support.checkout import Checkout
from support.deployed import client_of
from support.processes import free_port, left_of, processes_of

_FILE = """\
name: local
account: "000000000000"
region: us-east-1
data: {on_destroy: delete, delete_confirmed_for: local}
teams:
  research:
    members:
      ada: data-scientist # the first
      grace: {persona: mlops-engineer, space: null}
"""
_LAB = "Studio JupyterLab Apps running on ml.t3.medium instances"
_INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root, state = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("state")
    found = Checkout.made(root, state, free_port())
    found.file.write_text(_FILE)
    started = found("local", "start", "--port", str(found.port))
    assert started.returncode == 0, started.stderr
    done = found("deploy", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    yield found
    assert found("down").returncode == 0
    client_of.cache_clear()
    assert left_of(processes_of(state)) == []


def _findings(done: subprocess.CompletedProcess[str]) -> list[Mapping[str, str]]:
    found: list[Mapping[str, str]] = json.loads(done.stdout)
    return found


def test_somebody_joins_and_leaves_by_two_edits_that_are_told_before_they_are_made(
    checkout: Checkout,
) -> None:
    added = checkout("users", "add", "local", "emmy", "--persona", "mlops-engineer")
    told = checkout("diff", "local")
    deployed = checkout("deploy", "local")
    sagemaker, domain = checkout.client("sagemaker"), checkout.domain_id
    profile = sagemaker.describe_user_profile(DomainId=domain, UserProfileName="research-emmy")
    tags = sagemaker.list_tags(ResourceArn=profile["UserProfileArn"])["Tags"]
    # what somebody makes and runs is in the way of nobody's leaving
    sagemaker.create_space(
        DomainId=domain,
        SpaceName="made-by-emmy",
        OwnershipSettings={"OwnerUserProfileName": "research-emmy"},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab"},
    )
    sagemaker.create_app(DomainId=domain, SpaceName="research-emmy", AppType="JupyterLab", AppName="default")
    removed = checkout("users", "remove", "local", "emmy")
    told_of_removal = checkout("diff", "local", "--json")
    left = checkout("deploy", "local")

    assert "+      emmy: mlops-engineer" in added.stdout
    assert "emmy joins research as mlops-engineer: a profile and a private space are made" in told.stdout
    assert (told.returncode, deployed.returncode, left.returncode) == (2, 0, 0)
    assert {"Key": "clary:owner", "Value": "environment-file"} in tags
    assert removed.returncode == 0
    assert checkout.file.read_text() == _FILE
    sentence = "research-emmy leaves: the profile and the private space are deleted, with its disk"
    assert sentence in json.loads(told_of_removal.stdout)["sentences"]
    profiles = sagemaker.list_user_profiles(DomainIdEquals=domain)["UserProfiles"]
    assert {each["UserProfileName"] for each in profiles} == {"research-ada", "research-grace"}
    spaces = sagemaker.list_spaces(DomainIdEquals=domain)["Spaces"]
    assert [each["SpaceName"] for each in spaces] == ["research-ada"]
    assert checkout("diff", "local").returncode == 0


def _with_identity_center(text: str) -> str:
    text = text.replace("ada: data-scientist", "ada: {persona: data-scientist, user_name: ada}")
    text = text.replace("space: null}", "space: null, user_name: grace}")
    return text + "studio: {authentication: identity-center}\n"


def test_an_edit_that_would_replace_the_domain_is_refused_and_nothing_changes(checkout: Checkout) -> None:
    before = checkout.domain_id
    with checkout.edited(_with_identity_center):
        told, tried = checkout("diff", "local"), checkout("deploy", "local")

    assert told.returncode == 3
    assert "refused: the Studio domain 'clary-local'" in told.stdout
    assert tried.returncode == 1
    assert "nothing was changed" in tried.stderr
    assert checkout.domain_id == before


def test_another_network_takes_the_domain_with_it_and_is_refused(checkout: Checkout) -> None:
    with checkout.edited(lambda text: text + "network: {cidr: 10.99.0.0/16}\n"):
        told = checkout("diff", "local", "--json")

    assert told.returncode == 3
    (refusal,) = json.loads(told.stdout)["refusals"]
    assert refusal.startswith("the VPC")
    assert "so would the Studio domain" in refusal


def test_cloudformation_refuses_the_replacement_whoever_deploys(checkout: Checkout) -> None:
    cloudformation, before = checkout.client("cloudformation"), checkout.domain_id
    template = json.loads(
        json.dumps(cloudformation.get_template(StackName="clary-local-studio")["TemplateBody"])
    )
    (domain,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::SageMaker::Domain")
    domain["Properties"]["AuthMode"] = "SSO"

    cloudformation.update_stack(
        StackName="clary-local-studio",
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_rollback_complete").wait(
        StackName="clary-local-studio", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )

    events = cloudformation.describe_stack_events(StackName="clary-local-studio")["StackEvents"]
    assert any("does not allow [Update:Replace]" in each.get("ResourceStatusReason", "") for each in events)
    assert checkout.domain_id == before


def test_compares_two_versions_of_a_file_without_any_aws(checkout: Checkout, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.yaml"
    earlier.write_text(_FILE.replace("      ada: data-scientist # the first\n", ""))

    done = checkout("diff", "local", "--against", str(earlier))

    assert done.returncode == 2, done.stderr
    assert "ada joins research as data-scientist: a profile and a private space are made" in done.stdout


def test_the_doctor_finds_a_quota_that_is_too_small_and_says_what_to_request(checkout: Checkout) -> None:
    url = f"http://127.0.0.1:{checkout.port}/_local_aws/settings?account=000000000000"
    healthy = checkout("doctor", "local", "--json")
    body = json.dumps({"quotas": {_LAB: 0}}).encode()
    for method, content in (("PUT", body), ("DELETE", None)):
        request = urllib.request.Request(url, data=content, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
        if method == "PUT":
            ill = checkout("doctor", "local", "--json")

    assert healthy.returncode == 0, healthy.stdout
    assert ill.returncode == 3
    (blocked,) = [each for each in _findings(ill) if each["verdict"] == "blocked"]
    assert blocked["subject"].startswith(_LAB)
    assert "request-service-quota-increase" in blocked["remedy"]


def test_drift_tells_what_was_done_by_hand_and_whose_it_is(checkout: Checkout) -> None:
    sagemaker, iam, domain = checkout.client("sagemaker"), checkout.client("iam"), checkout.domain_id
    role = "clary-local-research-data-scientist"
    before = checkout("drift", "local")
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=json.dumps(_INLINE))
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="mallory")
    owner = [{"Key": "clary:owner", "Value": "catalog"}]
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="guest", Tags=owner)
    sagemaker.update_user_profile(
        DomainId=domain,
        UserProfileName="research-ada",
        UserSettings={"StudioWebPortalSettings": {"HiddenMlTools": ["JumpStart"]}},
    )

    after = checkout("drift", "local", "--json")

    iam.delete_role_policy(RoleName=role, PolicyName="more")
    for name in ("mallory", "guest"):
        sagemaker.delete_user_profile(DomainId=domain, UserProfileName=name)
    assert before.returncode == 0, before.stdout
    assert after.returncode == 2
    kinds = {each["subject"]: each["kind"] for each in _findings(after)}
    assert kinds == {
        f"role {role}": "drift",
        "profile mallory": "drift",
        "profile guest": "note",
        "profile research-ada": "drift",
    }
