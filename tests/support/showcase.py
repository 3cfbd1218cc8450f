"""environments/showcase.yaml deployed: asked over HTTP as its clients ask it, and changed under load."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from support.checkout import Checkout
from support.outside import Answer, Api
from support.processes import free_port, left_of, processes_of
from support.waiting import eventually

NAME = "showcase"
CSV = {"content-type": "text/csv"}
_PATIENCE_SECONDS = 900
"""For one command, on a machine that is busy with other things."""
_PAUSE_SECONDS = 0.02
"""Between two requests of one client: a load, and not all that two processors can do."""


@dataclass(frozen=True)
class Showcase:
    checkout: Checkout

    @cached_property
    def api(self) -> Api:
        """With the visitor's key."""
        said = self.clary("outputs", "-e", NAME, "--json")
        assert said.returncode == 0, said.stderr
        shown = json.loads(said.stdout)["api"]
        return Api(shown["url"], shown["headers"])

    def clary(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.checkout(*words, timeout=_PATIENCE_SECONDS)

    def deploy(self) -> subprocess.CompletedProcess[str]:
        return self.clary("deploy", NAME)

    def client(self, service: str) -> Any:
        return self.checkout.client(service)

    # --- asking

    def invoke(self, model: str, target: str | None = None, body: bytes = b"2") -> Answer:
        which = "" if target is None else f"?target={target}"
        return self.api("POST", f"/models/{model}/invocations{which}", body, CSV)

    def ask(self, model: str, target: str | None = None) -> str:
        answer = self.invoke(model, target)
        assert answer.status == 200, answer
        return answer.body.decode().strip()

    def finished(self, answer: Answer) -> Any:
        """What becomes of a job or a batch that was taken."""
        assert answer.status == 202, answer
        taken, seen = json.loads(answer.body), [{"state": "in-progress"}]
        (way,) = taken.keys() & {"job", "batch"}
        path = f"/models/{taken['model']}/{way}{'es' if way == 'batch' else 's'}/{taken[way]}"

        def over() -> bool:
            seen.append(json.loads(self.api("GET", path).body))
            return seen[-1]["state"] != "in-progress"

        eventually(over)
        return seen[-1]

    # --- looking behind the API

    def served(self, model: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("sagemaker").describe_endpoint(
            EndpointName=f"clary-{NAME}-{model}"
        )
        return found

    def instances(self, model: str) -> int:
        """How many there are, when nothing is under way."""
        described = self.served(model)
        (variant,) = described["ProductionVariants"]
        return int(variant["CurrentInstanceCount"]) if described["EndpointStatus"] == "InService" else 0

    def alarms(self, model: str) -> list[str]:
        """The model's own that are going off."""
        own = f"clary-{NAME}-serving-{model.capitalize()}Alarms"
        found = self.client("cloudwatch").describe_alarms(StateValue="ALARM", AlarmNamePrefix=own)
        return [alarm["AlarmName"] for alarm in found["MetricAlarms"]]

    def bucket(self, kind: str) -> str:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=f"clary-{NAME}-data")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return str(outputs[f"{kind}BucketName"])

    def keys(self, kind: str, prefix: str) -> list[str]:
        found = self.client("s3").list_objects_v2(Bucket=self.bucket(kind), Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def content(self, kind: str, key: str) -> bytes:
        return bytes(self.client("s3").get_object(Bucket=self.bucket(kind), Key=key)["Body"].read())

    # --- changing

    @property
    def file(self) -> Path:
        return self.checkout.root / "environments" / f"{NAME}.yaml"

    @contextmanager
    def edited(self, *edits: Callable[[str], str]) -> Iterator[None]:
        before = self.file.read_text()
        for edit in edits:
            text = self.file.read_text()
            assert edit(text) != text
            self.file.write_text(edit(text))
        try:
            yield
        finally:
            self.file.write_text(before)

    @contextmanager
    def load(self, *models: str, clients: int = 2) -> Iterator[Mapping[str, Load]]:
        """Clients that ask these models over and over, until it ends."""
        seen = {model: Load() for model in models}
        with ExitStack() as running:
            for model, of_it in seen.items():
                for _ in range(clients):
                    running.enter_context(self._asking(model, of_it))
            yield seen

    @contextmanager
    def _asking(self, model: str, seen: Load) -> Iterator[None]:
        ended = threading.Event()

        def go() -> None:
            while not ended.wait(_PAUSE_SECONDS):
                try:
                    answer = self.invoke(model, TARGETS.get(model))
                except Exception as error:  # noqa: BLE001 - every failure counts
                    seen.failures.append(repr(error))
                else:
                    told = seen.answers if answer.status == 200 else seen.failures
                    told.append(answer.body.decode().strip())

        thread = threading.Thread(target=go)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@dataclass
class Load:
    """What clients got."""

    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


TARGETS = {"many": "ada.tar.gz"}
"""Which of many models is asked, where there are many."""


def variables(model: str, **wanted: str) -> Callable[[str], str]:
    """An edit that gives a model's container these environment variables."""

    def edit(text: str) -> str:
        head, found, rest = text.partition(f"  {model}:\n    team: research\n")
        return f"{head}{found}    environment: {json.dumps(wanted)}\n{rest}"

    return edit


@contextmanager
def deployed(folder: Path) -> Iterator[Showcase]:
    """The sample environment, deployed where AWS's minutes are seconds."""
    checkout = Checkout.made(folder / "repository", folder / "state", free_port())
    showcase = Showcase(checkout)
    # the load of these tests is for updates: nobody should scale or be throttled meanwhile, and a busy
    # machine is slow, too
    showcase.file.write_text(
        showcase.file.read_text()
        .replace("target: 600", "target: 1000000")
        .replace("bake_minutes: 1", "bake_minutes: 6")
        .replace("latency_ms: 500", "latency_ms: 2900")
        .replace("models: all}", "models: all, requests_per_second: 10000, burst: 5000}")
    )
    started = checkout("local", "start", "--port", str(checkout.port))
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        settings = json.dumps({"time_scale": 60}).encode()
        request = urllib.request.Request(f"{checkout.url}/_local_aws/settings", settings, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        done = showcase.deploy()
        assert done.returncode == 0, done.stdout + done.stderr
        yield showcase
    finally:
        checkout("local", "stop")
    assert left_of(processes_of(checkout.state)) == []
