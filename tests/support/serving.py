"""A container for endpoints of every kind, and an account to run it in."""

from __future__ import annotations

import datetime
import io
import json
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from local_aws.sagemaker import images
from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import eventually

_SERVE = """#!/usr/bin/env python3
import http.server, json, os, pathlib, time, uuid

LIMIT = int(os.environ.get("LIMIT", "100"))
models = {}


def factor_below(folder):
    file = pathlib.Path(folder, "model.json")
    return json.loads(file.read_text())["factor"] if file.exists() else float(os.environ.get("FACTOR", "1"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text, kind="text/csv"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, "")

    def do_DELETE(self):
        self.answer(200 if models.pop(self.path.split("/")[-1], None) is not None else 404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/models":
            asked = json.loads(body)
            if len(models) >= LIMIT:
                return self.answer(507, "no memory")
            models[asked["model_name"]] = factor_below(asked["url"])
            return self.answer(200, "")
        if self.path == "/invocations":
            return self.predict(body, FACTOR)
        name = self.path.split("/")[2]
        if name not in models:
            return self.answer(404, "not loaded")
        if body == "loaded":
            return self.answer(200, str(len(models)))
        self.predict(body, models[name])

    def predict(self, body, factor):
        if body.startswith("hold:"):
            while not pathlib.Path(body[5:]).exists():
                time.sleep(0.005)
            return self.answer(200, "held")
        if body == "stream":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in ("one ", "two ", "three"):
                self.wfile.write(f"{len(piece):x}\\r\\n{piece}\\r\\n".encode())
                self.wfile.flush()
            return self.wfile.write(b"0\\r\\n\\r\\n")
        if body == "who":
            return self.answer(200, ME)
        if os.environ.get("BROKEN"):
            return self.answer(500, "broken")
        try:
            self.answer(200, str(float(body) * factor))
        except ValueError:
            self.answer(400, "not a number: " + body)

    def log_message(self, *args):
        pass


FACTOR = factor_below("/opt/ml/model")
ME = uuid.uuid4().hex
address = os.environ["CLARY_BIND_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


class Hall:
    """What tests of endpoints need around them, in an account of its own."""

    def __init__(self, local_aws: LocalAws, account: str, folder: Path) -> None:
        self.workshop = Workshop(local_aws, account, folder / "tiny")
        self.url = local_aws.url
        self.account = account
        self.bucket = self.workshop.bucket
        self.role = self.workshop.role
        self.sagemaker = self.workshop.sagemaker
        self.runtime = self.client("sagemaker-runtime")
        image = folder / "rich"
        image.mkdir(parents=True)
        for name in ("serve", "train"):
            (image / name).write_text(_SERVE)
            (image / name).chmod(0o755)
        self.client("ecr").create_repository(repositoryName="rich")
        images.push(self.client("ecr"), "rich", "one", image, local_aws.state / "images")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.workshop.__exit__()

    @property
    def image(self) -> str:
        return f"{self.account}.dkr.ecr.us-east-1.amazonaws.com/rich:one"

    def client(self, service: str) -> Any:
        return self.workshop.client(service)

    def put_model(self, key: str, factor: float) -> str:
        """A model's archive in the bucket."""
        content = json.dumps({"factor": factor}).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            member = tarfile.TarInfo("model.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=packed.getvalue())
        return f"s3://{self.bucket}/{key}"

    def container(self, factor: float = 1, **more: Any) -> dict[str, Any]:
        environment = {"FACTOR": str(factor), **more.pop("Environment", {})}
        return {"Image": self.image, "Environment": environment, **more}

    def model(self, name: str, *containers: dict[str, Any], **more: Any) -> str:
        definition: dict[str, Any] = (
            {"PrimaryContainer": containers[0]} if len(containers) == 1 else {"Containers": list(containers)}
        )
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, **definition, **more)
        return name

    def variant(
        self, model: str, name: str = "main", instances: int = 1, weight: float = 1
    ) -> dict[str, Any]:
        return {
            "VariantName": name,
            "ModelName": model,
            "InitialInstanceCount": instances,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": weight,
        }

    def configure(self, name: str, *variants: dict[str, Any], **more: Any) -> str:
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=list(variants), **more
        )
        return name

    def serve(self, name: str, *variants: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An endpoint and its configuration of the same name, in service or failed."""
        return self.workshop.serve(name, self.configure(name, *variants, **more))

    def settled(self, name: str) -> dict[str, Any]:
        return self.workshop.settled(name)

    def ask(self, endpoint: str, body: str = "1", **more: Any) -> str:
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=body.encode(), ContentType="text/csv", **more
        )
        return str(answer["Body"].read().decode())

    def object(self, uri: str) -> bytes:
        """An object that is or will be there."""
        key = uri.removeprefix(f"s3://{self.bucket}/")
        s3 = self.client("s3")
        eventually(lambda: "Contents" in s3.list_objects_v2(Bucket=self.bucket, Prefix=key))
        return bytes(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def metric(self, name: str, statistic: str = "Sum", **dimensions: str) -> float:
        """What CloudWatch has of a metric so far."""
        now = datetime.datetime.now(datetime.UTC)
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - datetime.timedelta(hours=1),
            EndTime=now + datetime.timedelta(minutes=1),
            Period=7200,
            Statistics=[statistic],
        )["Datapoints"]
        return float(sum(point[statistic] for point in points))

    @contextmanager
    def time_scale(self, scale: float) -> Iterator[None]:
        """AWS's waiting times pass faster in this account, while inside."""
        address = f"{self.url}/_local_aws/settings?account={self.account}"
        body = json.dumps({"time_scale": scale}).encode()
        _send(urllib.request.Request(address, body, method="PUT"))
        yield
        _send(urllib.request.Request(address, method="DELETE"))


def _send(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
