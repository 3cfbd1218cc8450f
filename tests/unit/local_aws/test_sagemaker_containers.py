"""Containers as processes, where the kernel gives them namespaces and where it does not."""

from __future__ import annotations

import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import containers

needs_namespaces = pytest.mark.skipif(
    containers.why_not_separated() is not None, reason=f"no namespaces here: {containers.why_not_separated()}"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[containers.ContainerHome]:
    made = containers.ContainerHome(tmp_path)
    yield made
    made.remove()


@pytest.fixture
def without_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "why_not_separated", lambda: "the kernel refuses")


def shell(script: str, *, isolated: bool = False, **environment: str) -> containers.Program:
    return containers.Program(["/bin/sh", "-c", script], Path("/"), environment, isolated)


def run(program: containers.Program, home: containers.ContainerHome) -> tuple[int, str]:
    """The exit code, and what was printed."""
    container = containers.start(program, home)
    with container.output:
        printed = container.output.read().decode()
    code = container.wait()
    container.kill()
    return code, printed


@needs_namespaces
def test_sees_its_own_files_at_opt_ml(home: containers.ContainerHome) -> None:
    (home.ml / "hello").write_text("from outside")

    code, printed = run(shell("cat /opt/ml/hello && echo back > /opt/ml/answer"), home)

    assert (code, printed) == (0, "from outside")
    assert (home.ml / "answer").read_text() == "back\n"


@needs_namespaces
def test_keeps_the_rest_of_opt(home: containers.ContainerHome) -> None:
    outside = sorted({entry.name for entry in Path("/opt").iterdir()} | {"ml"})

    _, printed = run(shell("ls /opt"), home)

    assert sorted(printed.split()) == outside


@needs_namespaces
def test_sees_no_processes_but_its_own(home: containers.ContainerHome) -> None:
    _, printed = run(shell("echo $$; ls -d /proc/[0-9]* | wc -l"), home)

    own_pid, processes = map(int, printed.split())
    assert own_pid == 2
    assert processes <= 5


@needs_namespaces
def test_takes_along_what_it_left_in_the_background(home: containers.ContainerHome) -> None:
    _, printed = run(shell("(trap '' TERM HUP; sleep 1000) & echo started"), home)

    # The output ends only when the last process that could write to it has gone.
    assert printed == "started\n"


@needs_namespaces
def test_has_a_network_of_its_own_when_isolated(home: containers.ContainerHome) -> None:
    _, printed = run(shell("tail -n +3 /proc/net/dev", isolated=True), home)

    assert [line.split(":")[0].strip() for line in printed.splitlines()] == ["lo"]


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_answers_the_programs_exit_code(home: containers.ContainerHome, script: str, code: int) -> None:
    assert run(shell(script), home)[0] == code


def test_says_why_a_program_does_not_start(home: containers.ContainerHome) -> None:
    missing = containers.Program(["/no/such/program"], Path("/"), {})

    assert run(missing, home) == (127, "exec /no/such/program: No such file or directory\n")


def test_starts_with_a_clean_environment(
    home: containers.ContainerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")

    _, printed = run(shell("env", GREETING="hello"), home)

    names = {line.partition("=")[0] for line in printed.splitlines()}
    assert {"GREETING", "HOME", "LANG", "PATH", "TMPDIR"} <= names
    assert "SECRET_OF_THE_SERVER" not in names


def test_ends_at_once_when_it_is_asked_to(home: containers.ContainerHome) -> None:
    container = containers.start(shell("echo ready; sleep 1000"), home)
    with container.output:
        container.output.readline()

        assert container.stop(seconds=60) == 128 + 15


def test_ends_when_it_does_not_listen(home: containers.ContainerHome) -> None:
    container = containers.start(shell("trap '' TERM; echo ready; while :; do sleep 1; done"), home)
    with container.output:
        container.output.readline()

        assert container.stop(seconds=0.05) == 128 + 9


@pytest.mark.usefixtures("without_namespaces")
def test_says_where_its_files_are_without_namespaces(home: containers.ContainerHome) -> None:
    (home.ml / "hello").write_text("from outside")

    assert run(shell('cat "$SAGEMAKER_BASE_DIR/hello"'), home) == (0, "from outside")


@pytest.mark.usefixtures("without_namespaces")
def test_does_not_pretend_to_isolate_without_namespaces(home: containers.ContainerHome) -> None:
    with pytest.raises(containers.CannotStart, match="network isolation needs namespaces"):
        containers.start(shell("true", isolated=True), home)


@pytest.mark.usefixtures("without_namespaces")
def test_ends_with_its_server_without_namespaces(home: containers.ContainerHome) -> None:
    container = containers.start(shell("echo ready; sleep 1000"), home)
    with container.output:
        container.output.readline()
        container.kill()
        ended, _, _ = select.select([container.output], [], [], 10)

        assert ended
        assert container.output.read() == b""
