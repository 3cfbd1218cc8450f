"""The CDK command line, unmodified, with AWS_ENDPOINT_URL alone, and somebody else's app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clary import cdk
from support.deployed import LocalAws

_ACCOUNT = "220000000003"
_APP = """
import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda, aws_s3, aws_sagemaker, aws_sns

mode = sys.argv[1]
app = cdk.App(outdir=sys.argv[2]) if sys.argv[2:] else cdk.App()
stack = cdk.Stack(app, "Somebodys", env=cdk.Environment(account="220000000003", region="us-east-1"))
bucket = aws_s3.Bucket(stack, "Bucket", removal_policy=cdk.RemovalPolicy.DESTROY)
topic = aws_sns.Topic(stack, "Topic", display_name="first" if mode == "first" else "second")
function = aws_lambda.Function(
    stack,
    "Function",
    runtime=aws_lambda.Runtime.PYTHON_3_13,
    handler="index.handler",
    code=aws_lambda.Code.from_asset("function"),
    environment={"BUCKET": bucket.bucket_name},
)
bucket.grant_read(function)
if mode == "broken":
    group = aws_sagemaker.CfnModelPackageGroup(stack, "Group", model_package_group_name="not allowed")
    group.node.add_dependency(topic)
cdk.CfnOutput(stack, "FunctionName", value=function.function_name)
cdk.CfnOutput(stack, "TopicArn", value=topic.topic_arn)
app.synth()
"""

Cdk = Callable[..., str]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(_APP)
    # Without what the command line alone adds to templates: it cannot compare with such as have it not.
    plain = {"assetMetadata": False, "pathMetadata": False, "versionReporting": False}
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "python app.py first", **plain}))
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "index.py").write_text(
        "import os\n\ndef handler(event, context):\n    return os.environ['BUCKET']\n"
    )
    return tmp_path


@pytest.fixture
def run_cdk(local_aws: LocalAws, app: Path) -> Cdk:
    """Runs `cdk ...` and returns all that it said; `code` is how it is to end."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(cdk.node().parent), os.environ["PATH"]])
    environment = local_aws.environment | {
        "AWS_ACCESS_KEY_ID": _ACCOUNT,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_HOME": str(app / "home"),
        "CDK_VALIDATION": "false",  # of the templates, before they are sent: it triples the time
        "NO_COLOR": "1",
        "PATH": path,
    }

    def run(*words: str, code: int = 0) -> str:
        command = [*cdk.command(), *words, "--ci", "--no-notices"]
        done = subprocess.run(
            command, cwd=app, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_bootstraps_compares_deploys_rolls_back_and_destroys(
    run_cdk: Cdk, app: Path, local_aws: LocalAws
) -> None:
    cloudformation = local_aws.client("cloudformation", _ACCOUNT)

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName="Somebodys")["Stacks"][0]["StackStatus"])

    def display_name(outputs: dict[str, Any]) -> str:
        sns = local_aws.client("sns", _ACCOUNT)
        return str(sns.get_topic_attributes(TopicArn=outputs["TopicArn"])["Attributes"]["DisplayName"])

    synthesis = [
        subprocess.Popen([sys.executable, "app.py", mode, f"out-{mode}"], cwd=app)
        for mode in ("second", "broken")
    ]
    run_cdk("synth", "--quiet", "--output", "out-first")
    assert [process.wait() for process in synthesis] == [0, 0]
    run_cdk("bootstrap", f"aws://{_ACCOUNT}/us-east-1", "--app", "out-first")
    new = run_cdk("diff", "--app", "out-first")
    run_cdk("deploy", "--app", "out-first", "--require-approval=never", "--outputs-file", "outputs.json")
    outputs = json.loads((app / "outputs.json").read_text())["Somebodys"]
    answer = local_aws.client("lambda", _ACCOUNT).invoke(FunctionName=outputs["FunctionName"])

    assert "[+] AWS::SNS::Topic Topic" in new
    assert json.load(answer["Payload"]).startswith("somebodys-bucket")
    assert "(no changes)" in run_cdk("deploy", "--app", "out-first")

    changed = run_cdk("diff", "--app", "out-second", "--fail", code=1)
    refused = run_cdk("deploy", "--app", "out-broken", "--require-approval=never", "--no-rollback", code=1)

    assert "[~] AWS::SNS::Topic Topic" in changed
    assert "#/ModelPackageGroupName" in refused
    assert (status(), display_name(outputs)) == ("UPDATE_FAILED", "second")

    run_cdk("rollback", "--app", "out-first")

    assert (status(), display_name(outputs)) == ("UPDATE_ROLLBACK_COMPLETE", "first")

    run_cdk("deploy", "--app", "out-second", "--require-approval=never")

    assert (status(), display_name(outputs)) == ("UPDATE_COMPLETE", "second")

    run_cdk("destroy", "--app", "out-second", "--force")

    assert _stacks(cloudformation) == ["CDKToolkit"]


def _stacks(cloudformation: Any) -> list[str]:
    return [stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]]
