"""The local AWS as a process: one per state folder, side by side with others, and nothing left behind."""

from __future__ import annotations

import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.exceptions import ClientError, HTTPClientError

from local_aws import process
from local_aws.process import LocalAwsFailed, Running
from support.deployed import LocalAws
from support.processes import left_of, processes_of
from support.waiting import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.stop(tmp_path)


def test_is_found_started_once_and_stopped(state: Path) -> None:
    started = process.start(state, port=0)

    assert process.running(state) == started
    assert process.start(state) == started
    assert process.stop(state) is True
    assert process.running(state) is None
    assert process.stop(state) is False


def test_a_record_left_behind_is_not_a_running_one(state: Path) -> None:
    (state / process.LOCK_FILE).touch()
    (state / process.RECORD_FILE).write_text(f'{{"pid": {os.getpid()}, "port": 1}}')

    assert process.running(state) is None


def test_two_run_side_by_side_and_share_nothing(state: Path, local_aws: LocalAws) -> None:
    running = process.start(state, port=0)
    other = LocalAws(url=running.url, state=state, pid=running.pid)
    other.client("s3").create_bucket(Bucket="only-in-one")

    names = [found["Name"] for found in local_aws.client("s3").list_buckets()["Buckets"]]

    assert running.port != int(local_aws.url.rsplit(":", 1)[1])
    assert "only-in-one" not in names


def test_a_port_that_is_taken_is_told_in_one_line(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "local_aws", "--port", str(port), "--state", str(state)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        with pytest.raises(LocalAwsFailed, match=f"port {port} of 127.0.0.1 is not free"):
            process.start(state, port)

    assert ended.returncode == 2
    assert ended.stderr == (
        f"port {port} of 127.0.0.1 is not free (Address already in use), choose another\n"
    )


def test_lets_go_of_a_connection_that_its_client_has_closed(local_aws: LocalAws) -> None:
    server = psutil.Process(local_aws.pid)
    place = urlsplit(local_aws.url)
    ports: set[int] = set()
    for _ in range(20):
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        connection.request("GET", "/_local_aws/settings")
        assert connection.getresponse().read()
        ports.add(connection.sock.getsockname()[1])
        connection.close()

    def still_open() -> set[int]:
        return ports & {each.raddr.port for each in server.net_connections("tcp") if each.raddr}

    eventually(lambda: not still_open(), seconds=50)


def test_keeps_its_files_below_its_state_folder_and_removes_them(state: Path) -> None:
    process.start(state, port=0)
    process.stop(state)

    assert sorted(path.name for path in state.iterdir()) == ["local-aws.lock", "local-aws.log"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_function_outlives_it_even_a_busy_one(state: Path, number: signal.Signals) -> None:
    running = process.start(state, port=0)
    call = call_function_that_never_answers(running, state)
    there = processes_of(state)

    os.kill(running.pid, number)

    assert len(there) >= 2  # the server and the function, and whatever else it started
    assert left_of(there) == []
    call.join()


def call_function_that_never_answers(running: Running, state: Path) -> threading.Thread:
    """The call's thread, once the function is at work."""
    at_work = state / "at-work"
    os.mkfifo(at_work)
    code = f"def handler(event, context):\n open({str(at_work)!r}, 'w').close()\n while True: pass"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", code)
    functions = LocalAws(url=running.url, state=state, pid=running.pid).client("lambda")
    functions.create_function(
        FunctionName="busy",
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/busy",
        Code={"ZipFile": archive.getvalue()},
        Timeout=60,
    )

    def call() -> None:
        with suppress(HTTPClientError, ClientError):  # whichever way the server went
            functions.invoke(FunctionName="busy")

    thread = threading.Thread(target=call)
    thread.start()
    at_work.read_bytes()
    return thread
