"""The API of examples/inference-api, deployed in front of models that do what a test asks for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import urllib3

from local_aws.sagemaker import images
from support.cdk_command import Cdk
from support.deployed import LocalAws
from support.outside import Answer, Api
from support.serving import Hall
from support.waiting import eventually

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "inference-api"
REGION = "us-east-1"
ORIGIN = "https://shop.example"

_APP = """
import sys

import aws_cdk as cdk

sys.path.insert(0, {example!r})
import app as example
from clary_constructs import LookedUpFeatures, ServedBatch, ServedModel

ROWS = {{"type": "array", "minItems": 1, "items": {{"type": "array", "items": {{"type": "number"}}}}}}
MODELS = {{
    "rows": ServedModel("rows", ("application/json", "application/jsonlines"), "[[1, 2]]", schema=ROWS),
    "table": ServedModel("table", ("text/csv", "application/octet-stream"), "1,2\\n"),
    "known": ServedModel(
        "table", ("text/csv",), "p1,2\\n",
        features=LookedUpFeatures("patients", "patient", {{"visits": "integral", "bmi": "fractional"}}),
    ),
    "missing": ServedModel("no-such-endpoint", ("text/csv",)),
    "broken": ServedModel("broken", ("text/csv",)),
    "small": ServedModel("small", ("text/csv",), mode="serverless"),
    "many": ServedModel("many", ("text/csv",), "2", targets=True),
    "later": ServedModel(
        "later", ("text/csv", "application/json"), "1,2\\n", mode="asynchronous", schema=ROWS,
    ),
    "nightly": ServedModel(
        None, ("text/csv",), "1,2\\n", mode="batch",
        batch=ServedBatch("nightly", "ml.m5.large"),
    ),
}}
app = cdk.App()
stack = cdk.Stack(app, "Predictions", env=cdk.Environment(account={account!r}, region={region!r}))
example.inference_api(stack, models=MODELS, origins=[{origin!r}], timeout=cdk.Duration.seconds(6))
app.synth()
"""

_SERVE = """#!/usr/bin/env python3
import http.server, json, os, time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"", "text/plain")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"].partition(";")[0]
        secret = b"Traceback: /opt/ml/model/secret.joblib at 10.0.0.7"
        if body.startswith(b"answer:"):
            return self.answer(int(body[7:10]), secret, "text/plain")
        if body == b"die":
            os._exit(3)
        if body == b"hang up":
            self.close_connection = True
            return
        if body == b"wait":
            time.sleep(30)
        if body == b"large":
            return self.answer(200, b"1" * 5_000_000, kind)
        if body.startswith(b"pause:"):
            time.sleep(float(body[6:]))
            return self.answer(200, b"awake", "text/plain")
        if body == b"types":
            said = json.dumps([self.headers["Content-Type"], self.headers["Accept"]])
            return self.answer(200, said.encode(), "application/json")
        if kind == "application/json":
            return self.answer(200, json.dumps([sum(row) for row in json.loads(body)]).encode(), kind)
        if kind == "application/jsonlines":
            rows = [json.loads(line) for line in body.splitlines()]
            return self.answer(200, "".join(f"{len(row)}\\n" for row in rows).encode(), kind)
        if kind == "application/octet-stream":
            return self.answer(200, body[::-1], kind)
        try:
            sums = [sum(map(float, line.split(b","))) for line in body.splitlines()]
        except ValueError:
            return self.answer(400, secret, "text/plain")
        self.answer(200, "".join(f"{each}\\n" for each in sums).encode(), "text/csv")

    def log_message(self, *args):
        pass


address = os.environ["CLARY_BIND_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


class ServedApi:
    """Everything is made by `deploy`, and gone after `destroy`."""

    def __init__(self, local_aws: LocalAws, account: str, folder: Path) -> None:
        self.hall = Hall(local_aws, account, folder)
        self.aws = replace(local_aws, account=account)
        app = folder / "api.py"
        app.write_text(_APP.format(example=str(EXAMPLE), account=account, region=REGION, origin=ORIGIN))
        self._cdk = Cdk(folder, self.aws, f"{sys.executable} {app}")
        self._push(folder / "answering")

    def deploy(self) -> None:
        for done in (self._cdk.run("bootstrap", f"aws://{self.aws.account}/{REGION}"), self._cdk.deploy()):
            assert done.returncode == 0, done.stdout
        self.outputs = self._cdk.outputs["Predictions"]
        key = self.hall.client("apigateway").get_api_key(apiKey=self.outputs["ApiKeyId"], includeValue=True)
        self.key = str(key["value"])
        self.url = f"{self.aws.url}/restapis/{self.outputs['ApiId']}/v1/_user_request_"
        self.ask = Api(self.url, {"x-api-key": self.key})
        self.bucket = str(self.outputs["JobsBucketName"])
        self._serve()

    def another_client(self) -> Api:
        """With a key of its own, in the same plan."""
        gateway = self.hall.client("apigateway")
        (plan,) = gateway.get_usage_plans()["items"]
        key = gateway.create_api_key(name="another", enabled=True)
        gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        return Api(self.url, {"x-api-key": key["value"]})

    def destroy(self) -> None:
        for name in ("rows", "table", "broken", "small", "later", "many"):
            self.hall.sagemaker.delete_endpoint(EndpointName=name)
        s3 = self.hall.client("s3")
        self.hall.sagemaker.delete_feature_group(FeatureGroupName="patients")
        while listed := s3.list_objects_v2(Bucket=self.bucket).get("Contents"):
            for each in listed:
                s3.delete_object(Bucket=self.bucket, Key=each["Key"])
        done = self._cdk.run("destroy", "--force")
        assert done.returncode == 0, done.stdout

    def _push(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in ("serve", "train"):
            (folder / name).write_text(_SERVE)
            (folder / name).chmod(0o755)
        ecr = self.hall.client("ecr")
        ecr.create_repository(repositoryName="answering")
        images.push(ecr, "answering", "one", folder, self.aws.state / "images")

    def _serve(self) -> None:
        hall = self.hall
        container = {"Image": f"{self.aws.account}.dkr.ecr.{REGION}.amazonaws.com/answering:one"}
        for name in ("rows", "table", "broken", "small", "later", "nightly"):
            hall.model(name, container)
        for name in ("rows", "table", "broken"):
            hall.serve(name, hall.variant(name))
        serverless = {
            "VariantName": "main",
            "ModelName": "small",
            "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
        }
        hall.serve("small", serverless)
        place = f"s3://{self.bucket}/jobs/later"
        many = {"Mode": "MultiModel", "ModelDataUrl": f"s3://{hall.bucket}/many/"}
        hall.put_model("many/three.tar.gz", 3)
        hall.serve("many", hall.variant(hall.model("many", hall.container(**many))))
        self._remember({"patient": "p1", "at": "2026-02-13T09:30:00Z", "visits": "3", "bmi": "21.5"})
        output = {"OutputConfig": {"S3OutputPath": f"{place}/output", "S3FailurePath": f"{place}/failure"}}
        hall.serve("later", hall.variant("later"), AsyncInferenceConfig=output)

    def _remember(self, record: Mapping[str, str]) -> None:
        """In a feature group with nothing else in it."""
        sagemaker = self.hall.sagemaker
        sagemaker.create_feature_group(
            FeatureGroupName="patients",
            RecordIdentifierFeatureName="patient",
            EventTimeFeatureName="at",
            FeatureDefinitions=[
                {"FeatureName": "patient", "FeatureType": "String"},
                {"FeatureName": "at", "FeatureType": "String"},
                {"FeatureName": "visits", "FeatureType": "Integral"},
                {"FeatureName": "bmi", "FeatureType": "Fractional"},
            ],
            OnlineStoreConfig={"EnableOnlineStore": True},
        )

        def made() -> bool:
            status = sagemaker.describe_feature_group(FeatureGroupName="patients")["FeatureGroupStatus"]
            return bool(status == "Created")

        eventually(made)
        self.hall.client("sagemaker-featurestore-runtime").put_record(
            FeatureGroupName="patients",
            Record=[{"FeatureName": name, "ValueAsString": value} for name, value in record.items()],
        )


def send_form(upload: dict[str, Any], content: bytes, **changed: str) -> Answer:
    """What a browser does with a form: its fields, and the file last."""
    fields = [*(upload["fields"] | changed).items(), ("file", ("input", content))]
    with urllib3.PoolManager(retries=False) as pool:
        response = pool.request("POST", upload["url"], fields=fields, timeout=30.0)
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.data)


def fetch(url: str) -> Answer:
    """Without any credentials."""
    with urllib3.PoolManager(retries=False) as pool:
        response = pool.request("GET", url, timeout=30.0)
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.data)


def read(answer: Answer) -> Any:
    return json.loads(answer.body)
