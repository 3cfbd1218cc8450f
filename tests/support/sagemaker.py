"""An account in which models can be trained and served: a role, a bucket, a tiny image."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from local_aws.sagemaker import images
from support.deployed import LocalAws
from support.identity import trusting
from support.waiting import AT_ONCE, eventually

_TRAIN = """#!/usr/bin/env python3
import json, os, pathlib, signal, socket, sys, urllib.parse

ml = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
asked = json.loads((ml / "input/config/hyperparameters.json").read_text())
print("training with", sys.argv[1:], flush=True)
if "say" in asked:
    (ml / "output/failure").write_text(asked["say"])
    sys.exit(1)
if "forever" in asked:
    (ml / "model/model.json").write_text("{}")
    print("waiting", flush=True)
    signal.pause()
if "connect" in asked:
    address = urllib.parse.urlsplit(asked["connect"])
    socket.create_connection((address.hostname, address.port)).close()
rows = sorted(path.read_text() for path in (ml / "input/data/training").rglob("*.csv"))
seen = {"factor": float(asked["factor"]), "rows": rows, "role": os.environ.get("AWS_ACCESS_KEY_ID", "")[:4]}
(ml / "model/model.json").write_text(json.dumps(seen))
"""

_SERVE = """#!/usr/bin/env python3
import http.server, json, os, sys

model = json.load(open(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml") + "/model/model.json"))
if model["factor"] == 0:
    sys.exit("a factor of 0 is of no use")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", self.headers.get(ATTRIBUTES, ""))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "die":
            os._exit(3)
        if body == "environment":
            return self.answer(200, json.dumps(dict(os.environ)))
        if self.headers["Content-Type"] != "text/csv":
            return self.answer(415, "only text/csv")
        self.answer(200, str(float(body) * model["factor"]))

    def log_message(self, *args):
        pass


ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
print("serving", sys.argv[1:], flush=True)
port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""

_IN_ML = """import os
os.chdir(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
"""


def push_image(ecr: Any, repository: str, tag: str, folder: Path, state: Path) -> None:
    """Pushes the tiny image, which trains and serves, to a repository of a local AWS."""
    folder.mkdir(exist_ok=True)
    for name, program in (("train", _TRAIN), ("serve", _SERVE)):
        (folder / name).write_text(program)
        (folder / name).chmod(0o755)
    images.push(ecr, repository, tag, folder, state / "images")


def packed_model(factor: float) -> bytes:
    """The artifact of a model that multiplies."""
    content = json.dumps({"factor": factor}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("model.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Workshop:
    """What a test needs around SageMaker, in an account of its own."""

    def __init__(self, local_aws: LocalAws, account: str, folder: Path) -> None:
        self.local_aws = local_aws
        self.account = account
        self.bucket = f"workshop-{account}"
        self.sagemaker = self.client("sagemaker")
        self.client("s3").create_bucket(Bucket=self.bucket)
        self.client("s3").put_object(Bucket=self.bucket, Key="data/a.csv", Body=b"1,2\n")
        self.client("s3").put_object(Bucket=self.bucket, Key="data/deeper/b.csv", Body=b"3,4\n")
        self.client("ecr").create_repository(repositoryName="tiny")
        push_image(self.client("ecr"), "tiny", "one", folder, local_aws.state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends what serves and runs here: it takes memory for as long as it is there."""
        pages = self.sagemaker.get_paginator
        for page in pages("list_inference_components").paginate():
            for each in page["InferenceComponents"]:
                self.sagemaker.delete_inference_component(
                    InferenceComponentName=each["InferenceComponentName"]
                )
        eventually(lambda: not self.sagemaker.list_inference_components()["InferenceComponents"])
        for page in pages("list_endpoints").paginate():
            for each in page["Endpoints"]:
                if self.settled(each["EndpointName"])["EndpointStatus"] != "Deleting":
                    self.sagemaker.delete_endpoint(EndpointName=each["EndpointName"])
        for page in pages("list_training_jobs").paginate(StatusEquals="InProgress"):
            for each in page["TrainingJobSummaries"]:
                self.sagemaker.stop_training_job(TrainingJobName=each["TrainingJobName"])

    def client(self, service: str) -> Any:
        return self.local_aws.client(service, self.account)

    @property
    def image(self) -> str:
        return f"{self.account}.dkr.ecr.us-east-1.amazonaws.com/tiny:one"

    @cached_property
    def role(self) -> str:
        trust = trusting({"Service": "sagemaker.amazonaws.com"})
        made = self.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=trust)
        return str(made["Role"]["Arn"])

    def train(
        self,
        name: str,
        seconds: int = 60,
        isolated: bool = False,
        more: Mapping[str, Any] | None = None,
        **hyperparameters: str,
    ) -> None:
        """Starts a training job; `more` are members of the request that it shall have in addition, or
        instead."""
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/data"}
        request = {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": self.image, "TrainingInputMode": "File"},
            "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
            "HyperParameters": hyperparameters,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
            "EnableNetworkIsolation": isolated,
        }
        self.sagemaker.create_training_job(**request | dict(more or {}))

    def run_script(
        self, name: str, script: str, more: Mapping[str, Any] | None = None, **specification: Any
    ) -> None:
        """Starts a training job of a Python program, given as its text; it has a channel of its own."""
        request = {**self.script(name, script), **(more or {})}
        request["AlgorithmSpecification"] |= specification
        request["InputDataConfig"] = [
            *request.get("InputDataConfig", [self.channel("training", "data")]),
            self.channel("code", f"code/{name}/"),
        ]
        self.train(name, more=request)

    def script(self, name: str, script: str) -> dict[str, Any]:
        """Puts a program into S3 that starts in /opt/ml; returns what makes a training job of it."""
        body = f"{_IN_ML}{script}".encode()
        self.client("s3").put_object(Bucket=self.bucket, Key=f"code/{name}/main.py", Body=body)
        return {
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", "-u", "/opt/ml/input/data/code/main.py"],
            }
        }

    def channel(self, name: str, key: str, **source: Any) -> dict[str, Any]:
        found = {"S3DataType": "S3Prefix", **source, "S3Uri": f"s3://{self.bucket}/{key}"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": found}}

    def read(self, key: str) -> bytes:
        return bytes(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        found = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in found]

    def set(self, **settings: Any) -> None:
        """What `local_aws.settings` knows, for this account."""
        request = urllib.request.Request(
            f"{self.local_aws.url}/_local_aws/settings?account={self.account}",
            json.dumps(settings).encode(),
            method="PUT",
        )
        urllib.request.urlopen(request).close()

    def trained(self, name: str) -> dict[str, Any]:
        """The description of a job that has ended."""
        waiter = self.sagemaker.get_waiter("training_job_completed_or_stopped")
        waiter.wait(TrainingJobName=name, WaiterConfig=AT_ONCE)
        found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return found

    def ended(self, name: str) -> dict[str, Any]:
        """The description of a job that has ended, however it did."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            return None if found["TrainingJobStatus"] == "InProgress" else found

        return eventually(look)

    def begun(self, name: str) -> None:
        """Returns when the program of a job that lasts forever is running."""
        eventually(lambda: any(event["message"] == "waiting" for event in self.printed(name)))

    def printed(self, name: str, jobs: str = "TrainingJobs") -> list[dict[str, Any]]:
        """What a job's program has printed so far."""
        logs = self.client("logs")
        group = f"/aws/sagemaker/{jobs}"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event
            for stream in streams
            for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
                "events"
            ]
        ]

    def artifact(self, factor: float) -> str:
        """The URI of a model that multiplies."""
        key = f"models/{factor}/model.tar.gz"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=packed_model(factor))
        return f"s3://{self.bucket}/{key}"

    def configure(self, name: str, factor: float, isolated: bool = False, **variant: Any) -> str:
        """A model that multiplies, and an endpoint configuration for it; returns its name."""
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self.role,
            PrimaryContainer={"Image": self.image, "ModelDataUrl": self.artifact(factor)},
            EnableNetworkIsolation=isolated,
        )
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[self.variant("AllTraffic", name) | variant]
        )
        return name

    def variant(self, name: str, model: str) -> dict[str, Any]:
        return {
            "VariantName": name,
            "ModelName": model,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }

    def serve(self, name: str, configuration: str) -> dict[str, Any]:
        """Creates an endpoint and waits until it has become what it will be."""
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration)
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
            return None if found["EndpointStatus"] in ("Creating", "Updating", "RollingBack") else found

        return eventually(look, 600)

    def invoke(self, endpoint: str, body: str, content_type: str = "text/csv", **more: Any) -> str:
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=body.encode(), ContentType=content_type, **more
        )
        return str(answer["Body"].read().decode())
