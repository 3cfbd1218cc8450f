"""What runs in each space when it starts, run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from clary_constructs import StartupScript
from clary_constructs import _studio_startup as startup

PROGRAM = Path(startup.__file__).parent / "startup" / "idle_kernels.py"


def activity(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


class Jupyter(BaseHTTPRequestHandler):
    """As much of Jupyter Server's API as kernels and terminals need, with its guard against forgery."""

    kernels: ClassVar[list[dict[str, Any]]] = []
    terminals: ClassVar[list[dict[str, Any]]] = []
    closed: ClassVar[list[str]] = []
    counted_as_use: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path, _, query = self.path.removeprefix("/jupyterlab/default").partition("?")
        if path.startswith("/api/") and query != "no_track_activity=1":
            self.counted_as_use.append(path)
        body = {"/api/kernels": self.kernels, "/api/terminals": self.terminals}.get(path, [])
        self.send_response(200)
        if path == "/lab":
            self.send_header("Set-Cookie", "_xsrf=secret; Path=/")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_DELETE(self) -> None:
        allowed = self.headers.get("X-XSRFToken") == "secret" and "_xsrf=secret" in self.headers["Cookie"]
        if allowed:
            self.closed.append(self.path.removeprefix("/jupyterlab/default/api/"))
        self.send_response(204 if allowed else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def jupyter() -> Iterator[str]:
    for state in (Jupyter.kernels, Jupyter.terminals, Jupyter.closed, Jupyter.counted_as_use):
        state.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Jupyter)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jupyterlab/default"
    server.shutdown()
    thread.join()
    server.server_close()


def reap(url: str) -> str:
    run = subprocess.run(
        [sys.executable, str(PROGRAM), "--url", url, "--minutes", "120", "--every", "0"],
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


def test_closes_what_has_been_idle_for_long_and_nothing_else(jupyter: str) -> None:
    Jupyter.kernels += [
        {"id": "idle", "execution_state": "idle", "last_activity": activity(121)},
        {"id": "computes", "execution_state": "busy", "last_activity": activity(9000)},
        {"id": "in-use", "execution_state": "idle", "last_activity": activity(119)},
    ]
    Jupyter.terminals += [
        {"name": "1", "last_activity": activity(121)},
        {"name": "2", "last_activity": activity(1)},
    ]

    said = reap(jupyter)

    assert Jupyter.closed == ["kernels/idle", "terminals/1"]
    assert said == "closed kernel idle\nclosed terminal 1\n"


def test_is_no_use_of_the_space_itself(jupyter: str) -> None:
    reap(jupyter)

    assert Jupyter.counted_as_use == []


def test_outlives_a_jupyter_that_is_not_up_yet() -> None:
    assert "URLError" in reap("http://127.0.0.1:1/jupyterlab/default")


FULL = StartupScript(
    stop_kernels_after_idle_minutes=120,
    packages=["polars==1.30.0", "x[y]>=1"],
    package_index="https://packages.example.org/simple",
    repositories=["https://git.example.org/research/note-books.git"],
    code_sample=True,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with programs that write down how they were called instead of doing something."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "python3"):
        tool = tools / name
        tool.write_text(f'#!/bin/bash\necho "{name} $*" >>"$HOME/called"\n')
        tool.chmod(0o755)
    return tmp_path


def start(script: str, home: Path) -> list[str]:
    """Runs a script to its end, and waits for what it left running beside it."""
    bash = shutil.which("bash")
    assert bash is not None
    # `wait` does not know of a shell's own background jobs once it is gone: the script is sourced
    subprocess.run(
        [bash, "-c", f"{script.replace('exit 0', 'wait')}"],
        env={"HOME": str(home), "PATH": f"{home / 'bin'}:/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    called = home / "called"
    return called.read_text().splitlines() if called.is_file() else []


def test_installs_clones_and_watches(home: Path) -> None:
    called = start(FULL.text("JupyterLab"), home)

    assert called == [
        "python3 -m pip install --quiet --disable-pip-version-check"
        " --index-url https://packages.example.org/simple polars==1.30.0 x[y]>=1",
        f"git clone https://git.example.org/research/note-books.git {home}/note-books",
        f"python3 {home}/.clary/idle_kernels.py --minutes 120",
    ]
    assert (home / ".clary" / "idle_kernels.py").read_text() == PROGRAM.read_text()


def test_leaves_what_people_have_changed_alone(home: Path) -> None:
    (home / "note-books").mkdir()
    (home / "first_steps.py").write_text("mine\n")

    called = start(FULL.text("JupyterLab"), home)

    assert not [line for line in called if line.startswith("git")]
    assert (home / "first_steps.py").read_text() == "mine\n"


def test_starts_the_space_whatever_fails(home: Path) -> None:
    for tool in (home / "bin").iterdir():
        tool.write_text("#!/bin/bash\nexit 1\n")

    run = subprocess.run(
        ["/bin/bash", "-c", FULL.text("JupyterLab")],
        env={"HOME": str(home), "PATH": f"{home / 'bin'}:/usr/bin:/bin"},
        check=False,
    )

    assert run.returncode == 0


def test_the_first_steps_say_as_whom(home: Path) -> None:
    aws = home / "bin" / "aws"
    aws.write_text('#!/bin/bash\necho \'{"Arn": "arn:aws:sts::111122223333:assumed-role/ada/SageMaker"}\'\n')
    aws.chmod(0o755)
    start(FULL.text("CodeEditor"), home)

    run = subprocess.run(
        [sys.executable, str(home / "first_steps.py")],
        env={"PATH": f"{home / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout == "I work as arn:aws:sts::111122223333:assumed-role/ada/SageMaker.\n"


def test_watches_no_kernels_in_code_editor() -> None:
    assert "idle_kernels" not in FULL.text("CodeEditor")


def test_has_a_script_where_there_is_nothing_to_do() -> None:
    # a configuration that is always there never has to be taken away
    assert StartupScript().text("CodeEditor") == "#!/bin/bash\nexit 0\n"


def test_quotes_what_a_shell_would_take_for_its_own() -> None:
    script = StartupScript(packages=["a; rm -rf /"]).text("JupyterLab")

    assert "'a; rm -rf /'" in script


def test_another_script_has_another_name() -> None:
    def name(script: StartupScript) -> Any:
        stack = cdk.Stack()
        script.attach(stack, "JupyterLab", "clary-dev")
        (config,) = assertions.Template.from_stack(stack).to_json()["Resources"].values()
        return config["Properties"]["StudioLifecycleConfigName"]

    assert name(FULL) == name(FULL)
    assert name(FULL) != name(StartupScript())
    assert name(FULL).startswith("clary-dev-jupyter-lab-")


def test_refuses_a_script_that_sagemaker_would_not_take() -> None:
    long = StartupScript(packages=[f"package-number-{number}-{'x' * 80}" for number in range(200)])

    with pytest.raises(ValueError, match="characters in base64, SageMaker takes 16384"):
        long.attach(cdk.Stack(), "JupyterLab", "clary-dev")
