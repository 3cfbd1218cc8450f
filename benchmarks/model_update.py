"""How long it takes from a changed model, or a changed `serve`, to the new answer through the endpoint.

Trains the housing container on its own data, serves it on a local AWS of its own, and then, in turn:

  bare process   `serve` with the model in a folder, from its start to its first answer
  new model      from a new model.tar.gz on this disk: upload, model, configuration, UpdateEndpoint, until the
                 endpoint gives the new answer
  edited serve   the same from an edited `serve`: push, model, configuration, UpdateEndpoint

Prints medians in seconds, and the ratio to the bare process, pair by pair.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from local_aws import process  # noqa: E402 - the path comes first
from local_aws.sagemaker import images  # noqa: E402 - the same

CONTAINER = ROOT / "workloads/housing/container"
DATA = ROOT / "workloads/housing/data"
ROW = b"59,2,32.1,101,157,93.2,38,4,4.8598,87\n"
ACCOUNT, REGION = "000000000000", "us-east-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--estimator",
        action="store_true",
        help="leave out the model's plain weights, so that `serve` loads the estimator with scikit-learn",
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clary-benchmark-") as scratch:
        state = Path(scratch) / "state"
        running = process.start(state, _free_port())
        try:
            _measure(Bench(running.url, Path(scratch), state / "images", asked.estimator), asked.rounds)
        finally:
            process.stop(state)


def _measure(bench: Bench, rounds: int) -> None:
    bench.prepare()
    taken: dict[str, list[float]] = {"bare process": [], "new model": [], "edited serve": []}
    for number in range(rounds):
        taken["bare process"].append(bench.bare(number))
        taken["new model"].append(bench.new_model(number))
        taken["edited serve"].append(bench.edited_serve(number))
    for what, seconds in taken.items():
        ratios = [ours / bare for ours, bare in zip(seconds, taken["bare process"], strict=True)]
        print(
            f"{what:14} {statistics.median(seconds):7.3f} s  ({min(seconds):.3f} to {max(seconds):.3f})"
            f"  {statistics.median(ratios):5.2f} times the bare process"
        )


@dataclass
class Bench:
    url: str
    scratch: Path
    images: Path
    estimator: bool

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        )

    def prepare(self) -> None:
        """Two models that answer differently, and an endpoint that serves the first."""
        self.s3, self.sagemaker = self.client("s3"), self.client("sagemaker")
        self.runtime, self.ecr = self.client("sagemaker-runtime"), self.client("ecr")
        self.s3.create_bucket(Bucket="models")
        self.uri = self.ecr.create_repository(repositoryName="housing")["repository"]["repositoryUri"]
        iam = self.client("iam")
        self.role = iam.create_role(RoleName="serving", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
            "Arn"
        ]
        images.push(self.ecr, "housing", "first", CONTAINER, self.images)
        self.tag = "first"
        self.models = [self._train(seed) for seed in (1, 2)]
        for model in self.models:
            self._archive(model).rename(model / "model.tar.gz")
        self.answers = [self._bare_answer(model)[1] for model in self.models]
        assert self.answers[0] != self.answers[1]
        self.s3.upload_file(str(self.models[0] / "model.tar.gz"), "models", "start.tar.gz")
        configuration = self._configuration("start", "start.tar.gz")
        self.sagemaker.create_endpoint(EndpointName="housing", EndpointConfigName=configuration)
        self._until(lambda answer: answer == self.answers[0])

    def bare(self, number: int) -> float:
        return self._bare_answer(self.models[number % 2])[0]

    def new_model(self, number: int) -> float:
        """The model that the endpoint does not serve now takes the place of the one that it does."""
        which = (number + 1) % 2
        started = time.perf_counter()
        key = f"{number}.tar.gz"
        self.s3.upload_file(str(self.models[which] / "model.tar.gz"), "models", key)
        self._update(self._configuration(f"model-{number}", key))
        self._until(lambda answer: answer == self.answers[which])
        self.key = key
        return time.perf_counter() - started

    def edited_serve(self, number: int) -> float:
        """`serve` is edited to add something to every answer."""
        more = 1000.0 * (number + 1)
        edited = self.scratch / f"edited-{number}"
        shutil.copytree(CONTAINER, edited)
        serve = edited / "serve"
        serve.write_text(serve.read_text().replace(_BEFORE, _EDIT.format(before=_BEFORE, more=more)))
        started = time.perf_counter()
        self.tag = f"edited-{number}"
        images.push(self.ecr, "housing", self.tag, edited, self.images)
        self._update(self._configuration(f"serve-{number}", self.key))
        self._until(lambda answer: more < float(answer) < more + 1000)
        took = time.perf_counter() - started
        self.tag = "first"
        return took

    def _configuration(self, name: str, key: str) -> str:
        container = {"Image": f"{self.uri}:{self.tag}", "ModelDataUrl": f"s3://models/{key}"}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {
            "VariantName": "main",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def _update(self, configuration: str) -> None:
        self.sagemaker.update_endpoint(EndpointName="housing", EndpointConfigName=configuration)

    def _until(self, expected: Callable[[bytes], bool]) -> None:
        """Asks until the answer is as expected; the endpoint answers all the while."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            try:
                answer = self.runtime.invoke_endpoint(
                    EndpointName="housing", ContentType="text/csv", Body=ROW
                )
            except self.runtime.exceptions.ClientError:
                time.sleep(0.005)
                continue
            if expected(answer["Body"].read()):
                return
            time.sleep(0.002)
        sys.exit("the endpoint never gave the new answer")

    def _bare_answer(self, model: Path) -> tuple[float, bytes]:
        """What the same `serve` takes by itself, as anybody would start it: unpack, start, ask."""
        started = time.perf_counter()
        base = Path(tempfile.mkdtemp(dir=self.scratch))
        (base / "model").mkdir()
        with tarfile.open(model / "model.tar.gz") as archive:
            archive.extractall(base / "model", filter="data")
        port = _free_port()
        environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": str(port)}
        environment |= {
            "CLARY_BIND_HOST": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        with subprocess.Popen(
            [CONTAINER / "serve", "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as serving:
            try:
                answer = _ask(port)
                took = time.perf_counter() - started
            finally:
                serving.terminate()
        return took, answer

    def _train(self, seed: int) -> Path:
        base = self.scratch / f"trained-{seed}"
        (base / "input/config").mkdir(parents=True)
        (base / "model").mkdir()
        (base / "input/data").mkdir()
        shutil.copytree(DATA, base / "input/data/training")
        hyperparameters = {"target": "target", "random-state": str(seed)}
        (base / "input/config/hyperparameters.json").write_text(json.dumps(hyperparameters))
        environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base)}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run([CONTAINER / "train", "train"], env=environment, check=True, stdout=subprocess.DEVNULL)
        if self.estimator:
            (base / "model/scoring.json").unlink()
        return base

    def _archive(self, base: Path) -> Path:
        file = base / "packed"
        with tarfile.open(file, "w:gz") as archive:
            archive.add(base / "model", arcname=".")
        return file


_BEFORE = 'if __name__ == "__main__":'
_EDIT = """import housing.serving as serving

load = serving.load


class Edited:
    def __init__(self, model):
        self.model = model

    def predict(self, rows):
        return [{more} + answer for answer in self.model.predict(rows)]


serving.load = lambda path: Edited(load(path))

{before}"""


def _ask(port: int) -> bytes:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", "/invocations", ROW, {"content-type": "text/csv"})
            response = connection.getresponse()
            body = response.read()
            connection.close()
            if response.status == 200:
                return body
        except OSError:
            pass
        time.sleep(0.002)
    sys.exit("the bare process never answered")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
