"""Containers as processes, where the kernel gives them namespaces and where it does not."""

from __future__ import annotations

import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

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


IMAGE = Path(__file__).parent
"""A folder of programs; the shell is this machine's."""


def shell(script: str, *, isolated: bool = False, **environment: str) -> containers.Program:
    return containers.Program(["/bin/sh", "-c", script], IMAGE, environment, isolated)


def python(script: str, **more: Any) -> containers.Program:
    return containers.Program([sys.executable, "-c", script], IMAGE, {}, **more)


def echo(server: socket.socket) -> None:
    with server.accept()[0] as connection:
        connection.sendall(connection.recv(100))


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


@needs_namespaces
def test_knows_the_names_that_it_is_given(home: containers.ContainerHome) -> None:
    program = replace(shell("cat /etc/hosts; uname -n"), hostname="algo-1", hosts={"algo-1": "127.0.0.1"})

    assert run(program, home) == (0, "127.0.0.1 localhost\n127.0.0.1 algo-1\nalgo-1\n")


SERVES_A_PORT = """
import socket
with socket.create_server(("", 8080)) as server:
    print("ready", flush=True)
    server.accept()[0].sendall(b"hello from NAME")
"""


@needs_namespaces
def test_lets_two_containers_listen_on_one_port_side_by_side(tmp_path: Path) -> None:
    answers = []
    with ExitStack() as stack:
        running = []
        for name in ("one", "two"):
            program = python(SERVES_A_PORT.replace("NAME", name), own_network=True)
            container = containers.start(program, containers.ContainerHome(tmp_path))
            stack.callback(container.kill)
            stack.enter_context(container.output)
            assert container.output.readline() == b"ready\n"
            running.append(container)
        for container in running:
            with container.connect(8080, seconds=10) as connection:
                answers.append(connection.recv(100))

    assert answers == [b"hello from one", b"hello from two"]


@needs_namespaces
def test_reaches_this_server_and_nothing_else_from_a_network_of_its_own(
    home: containers.ContainerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("GATEWAY_PORT", str(server.getsockname()[1]))
        script = f"""
import socket
with socket.create_connection(("127.0.0.1", {server.getsockname()[1]})) as connection:
    connection.sendall(b"hello")
    connection.shutdown(socket.SHUT_WR)
    print(connection.recv(100).decode())
print(socket.socket().connect_ex(("127.0.0.1", {other.getsockname()[1]})) != 0)
"""
        answers = threading.Thread(target=echo, args=(server,))
        answers.start()

        assert run(python(script, own_network=True), home) == (0, "hello\nTrue\n")
        answers.join()


@needs_namespaces
def test_finds_the_other_containers_of_its_network_by_name(tmp_path: Path) -> None:
    try:
        network = containers.Network(["algo-1", "algo-2"])
    except containers.CannotStart as error:
        pytest.skip(str(error))
    with ExitStack() as stack:
        stack.callback(network.close)
        program = python(SERVES_A_PORT, place=network.places["algo-1"], hosts=network.hosts)
        server = containers.start(program, containers.ContainerHome(tmp_path))
        stack.callback(server.kill)
        stack.enter_context(server.output)
        assert server.output.readline() == b"ready\n"
        script = "import socket; print(socket.create_connection(('algo-1', 8080)).recv(100).decode())"
        program = python(script, place=network.places["algo-2"], hosts=network.hosts)

        assert run(program, containers.ContainerHome(tmp_path)) == (0, "hello from NAME\n")


@pytest.fixture
def root_file_system(tmp_path: Path) -> Path:
    """A shell and what it needs, and a marker."""
    shell_path = shutil.which("sh")
    linked = shutil.which("ldd")
    if shell_path is None or linked is None:
        pytest.skip("no shell to put into an image")
    root = tmp_path / "image"
    needed = subprocess.run([linked, shell_path], capture_output=True, text=True, check=False).stdout.split()
    for path in [Path(shell_path), *(Path(word) for word in needed if word.startswith("/"))]:
        target = root / ("bin/sh" if path == Path(shell_path) else str(path).lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (root / "etc").mkdir()
    (root / "etc/marker").write_text("of the image\n")
    return root


@needs_namespaces
def test_sees_only_the_files_of_its_image(home: containers.ContainerHome, root_file_system: Path) -> None:
    (home.ml / "hello").write_text("from outside\n")
    script = """
        read marker < /etc/marker; read hello < /opt/ml/hello; read self rest < /proc/self/stat
        echo "$marker, $hello, $(pwd)"
        [ -e "$1" ] || echo "not the host's files"
        echo written > /etc/marker && echo lost > /dev/null && echo back > /opt/ml/answer
    """
    program = containers.Program(["sh", "-c", script, "sh", __file__], root_file_system, {})

    code, printed = run(program, home)

    assert (code, printed) == (0, "of the image, from outside, /\nnot the host's files\n")
    assert (home.ml / "answer").read_text() == "back\n"
    assert (root_file_system / "etc/marker").read_text() == "of the image\n"


@pytest.mark.usefixtures("without_namespaces")
def test_does_not_run_a_root_file_system_without_namespaces(
    home: containers.ContainerHome, root_file_system: Path
) -> None:
    with pytest.raises(containers.CannotStart, match="a root file system needs namespaces"):
        containers.start(containers.Program(["sh"], root_file_system, {}), home)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_answers_the_programs_exit_code(home: containers.ContainerHome, script: str, code: int) -> None:
    assert run(shell(script), home)[0] == code


def test_says_why_a_program_does_not_start(home: containers.ContainerHome) -> None:
    missing = containers.Program(["/no/such/program"], IMAGE, {})

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


def test_passes_an_interruption_on(home: containers.ContainerHome) -> None:
    container = containers.start(shell("trap 'exit 5' INT; echo ready; while :; do sleep 0.01; done"), home)
    with container.output:
        container.output.readline()
        container.terminate(signal.SIGINT)

        assert container.wait(60) == 5
    container.kill()


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
