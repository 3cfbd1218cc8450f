"""One function in a process of its own, for `gateway_function.py`: measures, and prints JSON.

Nothing is imported before the clock starts that Python does not import by itself.
"""

from __future__ import annotations

import sys
import time


class Context:
    """Lambda's, as far as it is used."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def event(content_type: str, body: bytes, model: str = "housing") -> dict[str, object]:
    import binascii

    return {
        "resource": "/models/{model}/invocations",
        "path": f"/models/{model}/invocations",
        "pathParameters": {"model": model},
        "httpMethod": "POST",
        "headers": {"Content-Type": content_type},
        "requestContext": {"requestId": "request-1"},
        "body": binascii.b2a_base64(body, newline=False).decode(),
        "isBase64Encoded": True,
    }


def main(function: str, small: int, large: int) -> None:
    row = b"0.038076,0.050680,0.061696,0.021872,-0.044223\n"
    kilobyte = event("text/csv", (row * 23)[:1000])

    started = time.perf_counter()
    if function == "boto3":
        from gateway_function_boto3 import handler
    else:
        from inference_gateway.handler import handler  # type: ignore[assignment]  # both take an event
    answer = handler(kilobyte, Context())
    measured = {"start_ms": (time.perf_counter() - started) * 1000, "memory_mb": peak_megabytes()}
    assert answer["statusCode"] == 200, answer

    import json
    import statistics

    megabyte = event("text/csv", row * (1_000_000 // len(row)))
    rows = json.dumps([[0.038076] * 10] * 9_800).encode()
    as_json, checked = (event("application/json", rows, model) for model in ("housing", "checked"))
    for name, sent, count in (
        ("csv_1kb", kilobyte, small),
        ("csv_1mb", megabyte, large),
        ("json_1mb", as_json, large),
        ("schema_1mb", checked, large),
    ):
        times, busy = [], []
        for _ in range(count):
            started, worked = time.perf_counter(), time.process_time()
            answer = handler(sent, Context())
            times.append((time.perf_counter() - started) * 1000)
            busy.append((time.process_time() - worked) * 1000)
            assert answer["statusCode"] == 200, answer
        measured[f"{name}_ms"] = statistics.median(times)
        measured[f"{name}_busy_ms"] = statistics.median(busy)
    measured["peak_mb"] = peak_megabytes()
    print(json.dumps(measured), file=sys.stderr)


def peak_megabytes() -> float:
    """Not getrusage's: that one remembers what the process was before it became this program."""
    with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib is not imported, nor shall be
        (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
