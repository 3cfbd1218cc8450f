"""What nobody uses is swept, and what is beyond a cap is refused and stopped, with IAM enforced.

The functions run as they are deployed, once; and then with the rights of their own roles, at times that this
test chooses, against the local AWS: weeks pass within seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.environment import loader
from clary.environment.model import Environment
from spending_cap.handler import looked
from stacks.spending import cap_settings
from stacks.sweeping import sweeper_settings
from support.checkout import ACCOUNT, Checkout, enforcing
from support.identity import EnforcingAws, Somebody, document, statement
from support.waiting import eventually
from sweeper.handler import swept

_FILE = """\
name: local
account: "000000000000"
region: us-east-1
data: {on_destroy: delete, delete_confirmed_for: local}
teams:
  research:
    members:
      ada: data-scientist
      emmy: data-scientist
  platform:
    members: {grace: administrator}
costs:
  sweeper: {mode: act, notebook_instances: {age_hours: 24}}
  cap: {mode: act, teams: {research: 10}, people: {research-ada: 2}}
"""
HOUR = timedelta(hours=1)
_SWEEPER, _CAP = "Sweeper", "SpendingCap"


@dataclass
class World:
    """The environment, deployed, and who is in it."""

    checkout: Checkout
    aws: EnforcingAws
    environment: Environment
    people: dict[str, Somebody]

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    @property
    def domain_id(self) -> str:
        return str(self.client("sagemaker").list_domains()["Domains"][0]["DomainId"])

    def function(self, which: str) -> Mapping[str, Any]:
        every = self.client("lambda").list_functions()["Functions"]
        (found,) = (each for each in every if f"-{which}" in each["FunctionName"])
        return dict(found)

    def invoke(self, which: str) -> Mapping[str, int]:
        answer = self.client("lambda").invoke(FunctionName=self.function(which)["FunctionName"])
        said = answer["Payload"].read()
        assert "FunctionError" not in answer, said
        return dict(json.loads(said))

    def somebody(self, role: str, name: str | None = None) -> Somebody:
        """A session of a role that only a service assumes: here the trust is the account's."""
        trust = statement(["sts:AssumeRole", "sts:SetSourceIdentity"], Principal={"AWS": ACCOUNT})
        trust.pop("Resource")
        self.client("iam").update_assume_role_policy(
            RoleName=role.rpartition("/")[2], PolicyDocument=document(trust)
        )
        service = self.aws.user(statement(["sts:AssumeRole", "sts:SetSourceIdentity"]))
        identity = {} if name is None else {"SourceIdentity": name}
        return self.aws.session(role, by=service, RoleSessionName="SageMaker", **identity)

    def at(self, which: str) -> Callable[[datetime], Any]:
        """One of the functions, with its own rights and settings, at any time."""
        found = self.function(which)
        who = self.somebody(found["Role"])
        variables = found["Environment"]["Variables"]
        costs = self.environment.costs
        assert costs.sweeper is not None
        assert costs.cap is not None
        if which == _SWEEPER:
            sweeping = sweeper_settings(self.environment, costs.sweeper)
            return lambda now: swept(sweeping, variables, who.client, now)
        capping = cap_settings(self.environment, costs.cap)
        return lambda now: looked(capping, variables, who.client, now)

    def open(self, name: str) -> None:
        """What Studio does when somebody opens their space."""
        self.people[name].client("sagemaker").create_app(
            DomainId=self.domain_id, SpaceName=name, AppType="JupyterLab", AppName="default"
        )

    def apps(self) -> set[str]:
        every = self.client("sagemaker").list_apps(DomainIdEquals=self.domain_id)["Apps"]
        return {each["SpaceName"] for each in every if each["Status"] == "InService"}

    def close(self) -> None:
        """Ends whatever is open."""
        for name in self.apps():
            self.client("sagemaker").delete_app(
                DomainId=self.domain_id, SpaceName=name, AppType="JupyterLab", AppName="default"
            )
        eventually(lambda: not self.apps())

    def spaces(self) -> set[str]:
        every = self.client("sagemaker").list_spaces(DomainIdEquals=self.domain_id)["Spaces"]
        return {each["SpaceName"] for each in every}

    def read(self, key: str) -> Any:
        s3 = self.client("s3")
        (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if "databucket" in each["Name"])
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def refused(self, name: str) -> bool:
        try:
            self.open(name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return True
        self.close()
        return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with enforcing(tmp_path_factory.mktemp("spending"), _FILE) as (checkout, aws):
        done = checkout("deploy", "local", timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        found = World(checkout, aws, loader.load(checkout.file), {})
        role = f"arn:aws:iam::{ACCOUNT}:role/clary/local/clary-local-research-data-scientist"
        for name in ("research-ada", "research-emmy"):
            found.people[name] = found.somebody(role, name)
        yield found


def test_a_month_of_sweeping_stops_compute_and_nothing_else(world: World) -> None:
    sagemaker, emr = world.client("sagemaker"), world.client("emr")
    role = world.client("iam").get_role(RoleName="clary-local-research-data-scientist")["Role"]["Arn"]
    ours, theirs = {"clary:environment": "local", "clary:team": "research"}, {"clary:environment": "other"}

    def tags(values: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in values.items()]

    for name, more in (
        ("research--forgotten", {}),
        ("research--kept", {}),
        ("elsewhere", theirs),
    ):
        sagemaker.create_notebook_instance(
            NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=role, Tags=tags(more)
        )
    sagemaker.create_mlflow_tracking_server(
        TrackingServerName="experiments",
        ArtifactStoreUri="s3://somewhere/else",
        RoleArn=role,
        Tags=tags(ours),
    )
    clusters = {
        name: emr.run_job_flow(
            Name=name,
            Instances={"KeepJobFlowAliveWhenNoSteps": True, "TerminationProtected": name == "protected"},
            Tags=tags(theirs if name == "foreign" else ours),
        )["JobFlowId"]
        for name in ("idle", "dark", "protected", "foreign")
    }
    world.open("research-emmy")
    start = datetime.now(UTC)
    kept = sagemaker.describe_notebook_instance(NotebookInstanceName="research--kept")
    until = (start + timedelta(days=20)).date().isoformat()
    sagemaker.add_tags(ResourceArn=kept["NotebookInstanceArn"], Tags=tags({"clary:keep-until": until}))
    hours = [start.replace(minute=0, second=0, microsecond=0) + each * HOUR for each in range(24 * 30)]
    for name in ("idle", "protected", "foreign"):
        dimensions = [{"Name": "JobFlowId", "Value": clusters[name]}]
        data = [
            {"MetricName": "IsIdle", "Dimensions": dimensions, "Timestamp": hour, "Value": 1.0}
            for hour in hours
        ]
        for first in range(0, len(data), 500):
            world.client("cloudwatch").put_metric_data(
                Namespace="AWS/ElasticMapReduce", MetricData=data[first : first + 500]
            )

    sweep = world.at(_SWEEPER)
    stopped: dict[str, int] = {}
    for day in range(30):
        found = sweep(start + timedelta(days=day))
        stopped |= dict.fromkeys(found.stopped, day)
        assert dict(found.failed) == {}

    by_name = {name.split(" ")[0]: day for name, day in stopped.items()}
    assert by_name == {
        "research--forgotten": 2,
        "idle": 2,
        "research-emmy/JupyterLab/default": 5,
        "experiments": 8,
        "research--kept": 22,
    }
    states = {
        each["NotebookInstanceName"]: each["NotebookInstanceStatus"]
        for each in sagemaker.list_notebook_instances()["NotebookInstances"]
    }
    assert states["research--forgotten"] in ("Stopping", "Stopped")
    assert states["elsewhere"] == "InService"
    live = {
        name: emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]
        for name, cluster in clusters.items()
    }
    assert {name for name, state in live.items() if state.startswith("TERMINAT")} == {"idle"}
    server = sagemaker.describe_mlflow_tracking_server(TrackingServerName="experiments")
    assert server["TrackingServerStatus"] in ("Stopping", "Stopped")
    assert {"research-ada", "research-emmy"} <= world.spaces(), "spaces and their disks stay"
    report = world.read("operations--sweeper/reports/latest.json")
    told = {each["name"].split(" ")[0]: each for each in report["things"]}
    assert told["dark"]["verdict"] == "not seen"
    assert "measurements for 0 of 4 hours" in told["dark"]["reason"]
    assert told["protected"]["verdict"] == "left alone"
    assert "foreign" not in told
    assert "elsewhere" not in told


def test_the_sweeper_runs_as_it_is_deployed_and_counts_what_it_has_done(world: World) -> None:
    counts = world.invoke(_SWEEPER)

    assert counts["Runs"] == 1
    assert counts["Failed"] == 0
    alarms = world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {each["MetricName"] for each in alarms if each["Namespace"] == "Clary/Operations"} == {
        "Failed",
        "NotSeen",
        "Runs",
    }


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ("delete_space", {"SpaceName": "research-ada"}),
        ("delete_user_profile", {"UserProfileName": "research-ada"}),
        ("delete_domain", {}),
    ],
)
@pytest.mark.parametrize("which", [_SWEEPER, _CAP])
def test_neither_may_delete_what_somebody_keeps_something_in(
    world: World, which: str, action: str, named: dict[str, str]
) -> None:
    who = world.somebody(world.function(which)["Role"])

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(who.client("sagemaker"), action)(DomainId=world.domain_id, **named)


def test_a_cap_refuses_and_stops_and_an_administrator_lifts_it(world: World) -> None:
    assert world.invoke(_CAP)["NotSeen"] == 0
    look = world.at(_CAP)
    now = datetime.now(UTC)
    world.close()
    world.open("research-ada")
    world.open("research-emmy")

    # an hour of ml.t3.medium is 5 cents: ada's two dollars last 40 hours, the team's ten 160 of both
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    first = month + timedelta(days=32)
    first = first.replace(day=1)
    stopped = [name for hour in range(42) for name in look(first + hour * HOUR).stopped]
    assert stopped == ["research-ada/JupyterLab/default"]
    assert world.refused("research-ada")
    eventually(lambda: world.apps() == {"research-emmy"})
    assert world.spaces() >= {"research-ada", "research-emmy"}

    for hour in range(42, 200, 2):
        found = look(first + hour * HOUR)
    assert {each.account[1] for each in found.standing if each.over} == {"research", "research-ada"}
    eventually(lambda: world.apps() == set())
    assert world.refused("research-emmy")

    until = (first + timedelta(days=20)).date().isoformat()
    lifted = world.checkout("cap", "lift", "local", "--team", "research", "--until", until)
    assert lifted.returncode == 0, lifted.stderr
    assert f"lifted until {until}" in lifted.stdout
    look(first + 200 * HOUR)
    assert not world.refused("research-emmy")
    assert world.refused("research-ada"), "hers is not lifted"


def test_the_day_the_meter_breaks_new_compute_is_refused_by_itself_and_let_through_when_it_is_back(
    world: World,
) -> None:
    look = world.at(_CAP)
    now = datetime.now(UTC)
    world.close()
    look(now - 2 * HOUR)  # and then nobody looks any more
    assert world.refused("research-emmy")

    look(now)
    assert not world.refused("research-emmy")

    ledger = f"operations--cap/{now:%Y-%m}.json"
    s3 = world.client("s3")
    (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if "databucket" in each["Name"])
    s3.put_object(Bucket=bucket, Key=ledger, Body=b"{")
    with pytest.raises(ValueError, match="Expecting"):
        look(now + HOUR)
    answer = world.client("lambda").invoke(FunctionName=world.function(_CAP)["FunctionName"])
    assert answer["FunctionError"] == "Unhandled", "an alarm looks at the function's errors"


def test_what_writes_gates_writes_no_other_policy(world: World) -> None:
    who = world.somebody(world.function(_CAP)["Role"])
    policies = world.client("iam").list_policies(Scope="Local")["Policies"]
    gates = [each for each in policies if "-cap-" in each["PolicyName"]]
    others = [each for each in policies if each not in gates]
    anything = document(statement("*"))

    assert [each["PolicyName"] for each in gates] == ["clary-local-cap-research"]
    for each in others:
        with pytest.raises(ClientError, match="AccessDenied"):
            who.client("iam").create_policy_version(
                PolicyArn=each["Arn"], PolicyDocument=anything, SetAsDefault=True
            )
