"""Whatever is killed, and whenever: the next `clary up` gets there, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from support.outside import CLARY, Command
from support.processes import free_port, left_of, processes_of

_PATIENCE_SECONDS = 120


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits for a moment of a deployment: bounded, and over at once when the process has ended."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, "it ended before the moment came"
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.005)


def _interrupted_up(
    command: Command, moment: str, interrupt: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    """Starts `clary up` and interrupts it when its CDK has just said `moment`."""
    log = command.state / "local" / "cdk.log"
    before = len(log.read_text()) if log.exists() else 0
    with subprocess.Popen(
        [CLARY, "up", "--port", str(command.port)],
        cwd=command.state,
        env=command.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C reaches it also where these tests run in the background of a shell, which ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        _until(lambda: log.exists() and moment in log.read_text()[before:], process)
        interrupt(process)
        process.wait(timeout=60)
    assert process.returncode != 0


def _kill_the_local_aws(command: Command) -> Callable[[subprocess.Popen[bytes]], None]:
    def kill(_: subprocess.Popen[bytes]) -> None:
        said = command("local", "status").stdout
        os.kill(int(said.rpartition("process ")[2].rstrip(")\n")), signal.SIGKILL)

    return kill


def _kill_clary(process: subprocess.Popen[bytes]) -> None:
    process.kill()


def _let_domains_take_their_time(command: Command) -> None:
    """So that there is time to interrupt, also on a machine that is busy with other things."""
    url = f"http://127.0.0.1:{command.port}/_local_aws/settings"
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("PUT", url, json={"state_seconds_of": {"Domain": 5}}, timeout=10.0)
    assert answer.status == 200, answer.data


def _press_ctrl_c(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)


@pytest.fixture
def killed_command(tmp_path: Path) -> Iterator[Command]:
    """Stops what is left when a test has failed on its way."""
    command = Command(tmp_path, free_port())
    yield command
    command("local", "stop")


def test_converges_after_the_local_aws_was_killed_three_times(killed_command: Command) -> None:
    for moment in ("AWS::KMS::Key", "AWS::SageMaker::Domain", "AWS::SageMaker::Endpoint"):
        _interrupted_up(killed_command, moment, _kill_the_local_aws(killed_command))

    done = killed_command.up()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "answer" in done.stdout
    assert killed_command("down").returncode == 0
    assert left_of(processes_of(killed_command.state)) == []


def test_converges_after_clary_was_killed_three_times(killed_command: Command) -> None:
    _interrupted_up(killed_command, "AWS::EC2::VPC", _kill_clary)
    _let_domains_take_their_time(killed_command)
    _interrupted_up(killed_command, "AWS::SageMaker::Domain", _press_ctrl_c)
    # What went on without clary may have deployed all of it by now: the last step begins in any case.
    _interrupted_up(killed_command, "$ cdk deploy --all", _kill_clary)

    done = killed_command.up()  # waits for a CDK that outlived its clary

    assert done.returncode == 0, done.stdout + done.stderr
    assert "answer" in done.stdout
    assert killed_command("down").returncode == 0
    assert left_of(processes_of(killed_command.state)) == []
