"""The local AWS beside ministack alone: start, memory, deployments, endpoints, requests through an API.

Both are started in turns, in fresh folders, on free ports, by one Python; ministack without the listeners
for SFTP and MQTT, which the local AWS does not open either. Each is asked the same by the same client.
ministack has no SageMaker: endpoints have nothing beside them.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import http.client
import io
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from clary import cdk  # noqa: E402 - benchmarks are programs, not modules
from local_aws.sagemaker import images  # noqa: E402 - benchmarks are programs, not modules

ACCOUNT = "000000000000"
SERVERS = ("ministack", "local AWS", "local AWS, --persist")
RESOURCES = 300
REQUESTS = 2000
CLIENTS = 8
INVOCATIONS = 300
IDLE_SECONDS = 6.0
"""After which all that is loaded in the background is there."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
FUNCTION = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hi'}\n"
SERVE = """#!/usr/bin/env python3
import http.server, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, text):
        head = f"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: {len(text)}\\r\\n\\r\\n"
        self.wfile.write(head.encode() + text)

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        began = time.perf_counter()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(str(time.perf_counter() - began).encode())

    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    disable_nagle_algorithm = True

Server(("127.0.0.1", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler).serve_forever()
"""
GOALS = {
    "start to healthy, s": "at most 1.5",
    "idle memory, MB": "at most 200",
    "300 resources deployed, s": "at most twice ministack's",
    "300 resources by cdk deploy, s": "at most twice ministack's",
    "8 clients through API and function, requests a second": "300",
    "invoke_endpoint beyond the model, ms": "at most 5",
}


@dataclass(frozen=True)
class Server:
    url: str
    pid: int
    state: Path
    start_seconds: float

    def client(self, service: str) -> Any:
        return botocore.session.get_session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="any",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )


@contextlib.contextmanager
def running(name: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="clary-benchmark-") as folder:
        port = free_port()
        command, environment = [sys.executable, "-m", "ministack"], ministack_environment(folder, port)
        if name != "ministack":
            command = [sys.executable, "-m", "local_aws", "--port", str(port), "--state", folder]
            command += ["--persist"] if name.endswith("--persist") else []
            environment = dict(os.environ)
        with (Path(folder) / "log").open("wb") as log:
            began = time.perf_counter()
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            while not healthy(port):
                if process.poll() is not None:
                    sys.exit(f"{name} did not start:\n{(Path(folder) / 'log').read_text()}")
                time.sleep(0.005)
            took = time.perf_counter() - began
            yield Server(f"http://127.0.0.1:{port}", process.pid, Path(folder), took)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ministack_environment(folder: str, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "S3_DATA_DIR": f"{folder}/s3",
        "SFTP_ENABLED": "0",
        "STATE_DIR": f"{folder}/state",
        "TMPDIR": folder,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def memory(server: Server) -> float:
    time.sleep(IDLE_SECONDS)
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def template() -> str:
    """Of types that ministack has, too."""
    trust = {**TRUST, "Statement": TRUST["Statement"][:1]}
    kinds = [
        {"Type": "AWS::S3::Bucket"},
        {"Type": "AWS::SNS::Topic"},
        {"Type": "AWS::SQS::Queue"},
        {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        {"Type": "AWS::Logs::LogGroup"},
        {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}},
    ]
    return json.dumps({"Resources": {f"R{n}": kinds[n % len(kinds)] for n in range(RESOURCES)}})


def deployment(server: Server) -> float:
    """The second of two stacks, asked for as often as it can be."""
    cloudformation = server.client("cloudformation")
    took = 0.0
    for stack in ("first", "second"):
        began = time.perf_counter()
        cloudformation.create_stack(StackName=stack, TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])
        status = "CREATE_IN_PROGRESS"
        while status == "CREATE_IN_PROGRESS":
            time.sleep(0.005)
            status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        took = time.perf_counter() - began
        if status != "CREATE_COMPLETE":
            sys.exit(f"the stack ended in {status}")
    return took


def cdk_deploy(server: Server) -> float:
    """A third stack of them by the CDK's command line, its own start included."""
    assembly = server.state / "cdk.out"
    assembly.mkdir()
    (assembly / "third.template.json").write_text(template())
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{ACCOUNT}/us-east-1",
        "properties": {"templateFile": "third.template.json"},
    }
    (assembly / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": {"third": stack}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_HOME": str(server.state),
    }
    words = ["deploy", "--app", str(assembly), "--require-approval=never", "--ci", "--no-notices"]
    began = time.perf_counter()
    done = subprocess.run(
        [*cdk.command(), *words], cwd=server.state, env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"cdk deploy failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def small_requests(server: Server) -> float:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="benchmark")
    return 1000 * median_of(200, lambda: s3.put_object(Bucket="benchmark", Key="key", Body=b"x" * 1000))


def through_the_api(server: Server) -> float:
    """Requests a second of eight clients that keep their connections."""
    role = server.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", FUNCTION)
    functions = server.client("lambda")
    function = functions.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": archive.getvalue()},
    )
    functions.add_permission(
        FunctionName="f",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    gateway = server.client("apigateway")
    api = gateway.create_rest_api(name="a")
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="NONE")
    uri = (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function['FunctionArn']}/invocations"
    )
    gateway.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api["id"], stageName="stage")
    path = f"/restapis/{api['id']}/stage/_user_request_/"
    port = int(server.url.rpartition(":")[2])

    def ask(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for _ in range(count):
            connection.request("GET", path)
            response = connection.getresponse()
            if (response.status, response.read()) != (200, b"hi"):
                sys.exit(f"the API answered {response.status}")
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask, [10] * CLIENTS))  # the functions' processes start
        began = time.perf_counter()
        list(clients.map(ask, [REQUESTS // CLIENTS] * CLIENTS))
        return REQUESTS / (time.perf_counter() - began)


def endpoint(server: Server) -> dict[str, float]:
    """Medians in ms, by boto3's client and by one that does nothing but HTTP, less what the model says that
    it took itself."""
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    role = server.client("iam").create_role(RoleName="m", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    s3.create_bucket(Bucket="models")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz"):
        pass
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=packed.getvalue())
    folder = server.state / "image"
    folder.mkdir()
    (folder / "serve").write_text(SERVE)
    (folder / "serve").chmod(0o755)
    server.client("ecr").create_repository(repositoryName="tiny")
    images.push(server.client("ecr"), "tiny", "one", folder, server.state / "images")
    container = {
        "Image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/tiny:one",
        "ModelDataUrl": "s3://models/model.tar.gz",
    }
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role["Arn"], PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    while sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Creating":
        time.sleep(0.01)
    runtime = server.client("sagemaker-runtime")
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)
    headers = {
        "Content-Type": "text/csv",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/sagemaker/aws4_request,"
        " SignedHeaders=host, Signature=0",
    }

    def by_boto3() -> float:
        answer = runtime.invoke_endpoint(EndpointName="e", Body=b"1", ContentType="text/csv")
        return float(answer["Body"].read())

    def plain() -> float:
        connection.request("POST", "/endpoints/e/invocations", b"1", headers)
        return float(connection.getresponse().read())

    return {
        "invoke_endpoint beyond the model, ms": 1000 * beyond(INVOCATIONS, by_boto3),
        "the same without boto3's own time, ms": 1000 * beyond(INVOCATIONS, plain),
    }


def beyond(count: int, call: Callable[[], float]) -> float:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        own = call()
        taken.append(time.perf_counter() - began - own)
    return statistics.median(taken)


def median_of(count: int, call: Callable[[], object]) -> float:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def measure(name: str) -> dict[str, float]:
    with running(name) as server:
        found = {"start to healthy, s": server.start_seconds, "idle memory, MB": memory(server)}
        found["put_object of 1 KB, ms"] = small_requests(server)
        found["8 clients through API and function, requests a second"] = through_the_api(server)
        if name != "ministack":
            found |= endpoint(server)
        found["300 resources deployed, s"] = deployment(server)
        found["300 resources by cdk deploy, s"] = cdk_deploy(server)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in range(1, runs + 1):
        for name in SERVERS:
            for what, value in measure(name).items():
                found[what][name].append(value)
        print(f"run {run} of {runs}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, medians of {runs} (lowest to highest)\n"
    )
    print(f"{'':54}" + "".join(f"{name:>28}" for name in SERVERS) + "   goal")
    for what, values in found.items():
        cells = "".join(f"{_cell(values.get(name)):>28}" for name in SERVERS)
        print(f"{what:54}{cells}   {GOALS.get(what, '')}")


def _cell(values: list[float] | None) -> str:
    if not values:
        return "-"
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
