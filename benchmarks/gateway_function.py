"""The gateway's function beside a plain boto3 handler: start, memory, and the cost of a request.

Both answer the same events of API Gateway in front of the same model, which is a process of its own on
loopback and answers at once. They take turns, each time in a fresh process, so that what else the
machine does falls on both. As on Lambda, the handlers themselves come without bytecode, and are compiled
at each start; Python's library and boto3 come with theirs. Only Clary's looks into JSON before the model
does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path

from clary_constructs._inference_function import KEPT_MEMORY

ROOT = Path(__file__).resolve().parents[1]
PROCESS = Path(__file__).with_name("gateway_function_process.py")
BOTO3_HANDLER = Path(__file__).with_name("gateway_function_boto3.py")
FUNCTIONS = ("boto3", "clary")

MEASURES = {
    "start_ms": "import to first answer, ms",
    "memory_mb": "memory after the first answer, MB",
    "peak_mb": "memory at its peak, MB",
    "csv_1kb_ms": "a request of 1 KB of CSV, ms",
    "csv_1mb_ms": "a request of 1 MB of CSV, ms",
    "json_1mb_ms": "a request of 1 MB of JSON, ms",
    "schema_1mb_ms": "the same, for a model with a schema, ms",
    "csv_1kb_busy_ms": "of 1 KB of CSV: processor time, ms",
    "csv_1mb_busy_ms": "of 1 MB of CSV: processor time, ms",
    "json_1mb_busy_ms": "of 1 MB of JSON: processor time, ms",
    "schema_1mb_busy_ms": "the same, with a schema: processor time, ms",
}


def model() -> None:
    """Answers every request at once; prints its port, and ends with its standard input."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    sys.stdin.read()


def accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer_all, args=(connection,), daemon=True).start()


def answer_all(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = connection.makefile("rb", 256 * 1024)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 8\r\n\r\n29.8014\n"
    while reader.readline():
        length = 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            if name.lower() == b"expect":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        reader.read(length)
        connection.sendall(answer)


def measure(python: str, rounds: int, small: int, large: int) -> dict[str, dict[str, list[float]]]:
    results: dict[str, dict[str, list[float]]] = {name: {key: [] for key in MEASURES} for name in FUNCTIONS}
    serving = [sys.executable, __file__, "--model"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        environment = environment_of(f"http://127.0.0.1:{server.stdout.readline().strip()}")
        # The first round fills the machine's caches, and those of Python's library and of boto3.
        for number in range(rounds + 1):
            asset = Path(folder, "first" if number == 0 else "asset")
            if number < 2:
                copy_handlers(asset)
            if number == 1:
                environment["PYTHONDONTWRITEBYTECODE"] = "1"
            for function in FUNCTIONS:
                variables = environment | (KEPT_MEMORY if function == "clary" else {})
                command = [python, "-s", str(asset / PROCESS.name), function, str(small), str(large)]
                run = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
                if run.returncode:
                    sys.exit(f"the {function} handler failed under {python}:\n{run.stderr}")
                if number > 0:
                    for key, value in json.loads(run.stderr).items():
                        results[function][key].append(value)
        server.stdin.close()
    return results


def copy_handlers(asset: Path) -> None:
    """Both handlers, and the program that measures them, without bytecode."""
    for package in ("inference_gateway", "runtime_common"):
        shutil.copytree(
            ROOT / "lambda" / package, asset / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for program in (PROCESS, BOTO3_HANDLER):
        shutil.copy(program, asset)


def environment_of(url: str) -> dict[str, str]:
    """What Lambda would set, and nothing of this shell's."""
    model = {"endpoint": "clary-bench-housing", "content_types": ["text/csv", "application/json"]}
    row = {"type": "array", "items": {"type": "number"}, "minItems": 10, "maxItems": 10}
    models = {"housing": model, "checked": model | {"schema": {"type": "array", "items": row}}}
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "MODELS": json.dumps(models),
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "clary-bench",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_ENDPOINT_URL": url,
    }


def report(results: dict[str, dict[str, list[float]]]) -> None:
    print(f"{'':44}{'boto3':>9}{'clary':>9}{'ratio':>8}")
    for key, title in MEASURES.items():
        pairs = list(zip(results["boto3"][key], results["clary"][key], strict=True))
        theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(our / their for their, our in pairs)
        print(f"{title:44}{theirs:9.2f}{ours:9.2f}{ratio:8.2f}")


def main() -> None:
    if sys.argv[1:] == ["--model"]:
        model()
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="PROGRAM",
        help="the interpreter that runs the functions (default: this one; AWS has 3.13)",
    )
    parser.add_argument("--rounds", type=int, default=11, help="fresh processes each (default: 11)")
    parser.add_argument("--small", type=int, default=200, help="requests of 1 KB in each (default: 200)")
    parser.add_argument("--large", type=int, default=20, help="requests of 1 MB in each (default: 20)")
    chosen = parser.parse_args()
    version = subprocess.run([chosen.python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, {os.cpu_count()} cores of {platform.machine()}, medians of {chosen.rounds} rounds\n")
    report(measure(chosen.python, chosen.rounds, chosen.small, chosen.large))


if __name__ == "__main__":
    main()
