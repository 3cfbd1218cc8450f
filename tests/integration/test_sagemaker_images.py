"""Images of every form, run by jobs and endpoints of a running local AWS."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import process
from local_aws.containers import why_not_separated
from local_aws.sagemaker import images
from support.deployed import LocalAws, client_of
from support.sagemaker import Workshop
from support.waiting import AT_ONCE

needs_namespaces = pytest.mark.skipif(
    why_not_separated() is not None, reason=f"no namespaces here: {why_not_separated()}"
)

INSISTS_ON_8080 = """#!/usr/bin/env python3
import http.server, json, os, urllib.error, urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.answer("")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "health":
            url = os.environ["AWS_ENDPOINT_URL"] + "/_ministack/health"
            return self.answer(str(urllib.request.urlopen(url).status))
        self.answer(os.environ["NAME"])

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, "200000000007", tmp_path_factory.mktemp("image")) as made:
        yield made


def push(workshop: Workshop, local_aws: LocalAws, name: str, folder: Path, **config: object) -> str:
    workshop.client("ecr").create_repository(repositoryName=name)
    images.push(workshop.client("ecr"), name, "one", folder, local_aws.state / "images", config)
    return workshop.image.replace("tiny", name)


def process_with(workshop: Workshop, name: str, image: str, *arguments: str) -> str:
    """The status of a processing job of an image, when it has ended."""
    workshop.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=workshop.role,
        AppSpecification={
            "ImageUri": image,
            **({"ContainerArguments": list(arguments)} if arguments else {}),
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    )
    waiter = workshop.sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName=name, WaiterConfig=AT_ONCE)
    return str(workshop.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"])


@needs_namespaces
def test_serves_several_containers_that_insist_on_one_port(
    workshop: Workshop, local_aws: LocalAws, tmp_path: Path
) -> None:
    (tmp_path / "serve").write_text(INSISTS_ON_8080)
    (tmp_path / "serve").chmod(0o755)
    image = push(workshop, local_aws, "insisting", tmp_path)
    for name in ("first", "second"):
        container = {"Image": image, "Environment": {"NAME": name}}
        workshop.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=workshop.role, PrimaryContainer=container
        )
        workshop.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[workshop.variant("AllTraffic", name)]
        )
        assert workshop.serve(name, name)["EndpointStatus"] == "InService"

    assert [workshop.invoke(name, "who") for name in ("first", "second")] == ["first", "second"]
    assert workshop.invoke("first", "health") == "200"
    for name in ("first", "second"):
        workshop.sagemaker.delete_endpoint(EndpointName=name)


@needs_namespaces
def test_runs_a_root_file_system_by_its_entry_point(
    workshop: Workshop, local_aws: LocalAws, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    needed = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=False).stdout.split()
    if not needed:
        pytest.skip("no shell to put into an image")
    for path in ["/bin/sh", *(word for word in needed if word.startswith("/"))]:
        (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path.lstrip("/"))
    for folder in ("etc", "work"):
        (root / folder).mkdir()
    (root / "bin/shell").symlink_to("sh")
    script = 'echo "$GREETING from $(pwd)"; for name in "$@"; do echo "$name"; done; [ ! -e /proc/self/none ]'
    image = push(
        workshop,
        local_aws,
        "rooted",
        root,
        Entrypoint=["/bin/shell", "-c", script, "shell"],
        Cmd=["by", "default"],
        Env=["GREETING=hello"],
        WorkingDir="/work",
    )

    assert process_with(workshop, "rooted", image) == "Completed"
    assert process_with(workshop, "rooted-otherwise", image, "else") == "Completed"

    said = [
        [event["message"] for event in workshop.printed(name, "ProcessingJobs")]
        for name in ("rooted", "rooted-otherwise")
    ]
    assert said == [["hello from /work", "by", "default"], ["hello from /work", "else"]]


def test_pushes_from_the_command_line(workshop: Workshop, local_aws: LocalAws, tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("print('worked')")
    environment = local_aws.environment | {"AWS_ACCESS_KEY_ID": workshop.account}
    command = [sys.executable, "-m", "local_aws.sagemaker.images", str(tmp_path), "pushed:one"]
    command += ["--store", str(local_aws.state / "images"), "--entrypoint", "python3", "work.py"]

    for _ in range(2):
        subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parents[2])

    assert process_with(workshop, "pushed", workshop.image.replace("tiny", "pushed")) == "Completed"
    assert [event["message"] for event in workshop.printed("pushed", "ProcessingJobs")] == ["worked"]


@pytest.fixture(scope="module")
def without_namespaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A server of its own, on a machine whose kernel would refuse."""
    state = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLARY_CONTAINER_NAMESPACES", "off")
        running = process.start(state, port=0)
    local_aws = LocalAws(url=running.url, state=state, pid=running.pid)
    yield Workshop(local_aws, "200000000008", state / "image")
    client_of.cache_clear()
    process.stop(state)


def test_trains_and_serves_without_namespaces(without_namespaces: Workshop) -> None:
    workshop = without_namespaces
    workshop.train("plain", factor="2")

    assert workshop.trained("plain")["TrainingJobStatus"] == "Completed"
    workshop.serve("plain", workshop.configure("plain", factor=3))
    assert workshop.invoke("plain", "7") == "21.0"


def test_corrects_the_arguments_that_insist_on_opt_ml_without_namespaces(
    without_namespaces: Workshop,
) -> None:
    script = """
import json

print(json.load(open("input/config/resourceconfig.json"))["hosts"])
open("model/made", "w")
"""
    without_namespaces.run_script("by-argument", script)

    assert without_namespaces.trained("by-argument")["TrainingJobStatus"] == "Completed"
    assert [event["message"] for event in without_namespaces.printed("by-argument")] == ["['localhost']"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"EnableNetworkIsolation": True}, "network isolation (there are no network namespaces"),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}},
            "a job on several instances (there are no network namespaces",
        ),
    ],
)
def test_refuses_what_needs_namespaces(
    without_namespaces: Workshop, more: dict[str, object], said: str
) -> None:
    client = without_namespaces.sagemaker
    with pytest.raises(client.exceptions.ClientError) as refusal:
        without_namespaces.train("refused", more=more)

    assert said in str(refusal.value)


def test_runs_jobs_again_after_a_reset(without_namespaces: Workshop, tmp_path: Path) -> None:
    address = urllib.parse.urlsplit(without_namespaces.client("s3").meta.endpoint_url)
    connection = http.client.HTTPConnection(str(address.netloc))
    connection.request("POST", "/_ministack/reset")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    fresh = Workshop(without_namespaces.local_aws, "200000000009", tmp_path / "image")

    fresh.train("anew", factor="1")

    assert answer
    assert fresh.trained("anew")["TrainingJobStatus"] == "Completed"
