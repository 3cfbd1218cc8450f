"""What stands before the program of every Python function: how a call ends, and what ends the process.

Its source is put in front of ministack's own program, which runs it in the function's process; nothing
here is imported there. A call's answer is one line of JSON; what it prints ends with a mark.
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

CLARY_MARK = "\x1eclary-end-of-call\x1e"
CLARY_FAILED = "\x1eclary-failed"
"""The key of an answer that says how a call failed; ministack would end the process of one that it
knows to have failed, and AWS keeps it."""

CLARY_PAYLOAD_BYTES = 6291556
_WATCH_SECONDS = 0.25


class _Calls:
    """The call at hand, for whoever watches the process."""

    answers: TextIO
    running = False


def clary_call(handler: Callable[[Any, Any], Any], event: Any, context: Any, answers: TextIO) -> str:
    """Calls the handler; the line that says what came of it."""
    _Calls.answers, _Calls.running = answers, True
    try:
        return _answer(handler(event, context))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        return _exited(f"exit status {status}", context.aws_request_id)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
        stack = traceback.format_tb(error.__traceback__)[1:]
        name = type(error).__name__
        sys.stderr.write(f"[ERROR] {name}: {error}\nTraceback (most recent call last):\n{''.join(stack)}")
        return _failed(name, str(error), requestId=context.aws_request_id, stackTrace=stack)
    finally:
        _Calls.running = False
        sys.stderr.write(CLARY_MARK + "\n")
        sys.stderr.flush()


def _answer(result: Any) -> str:
    try:
        text = json.dumps(result)
    except (TypeError, ValueError) as error:
        return _failed("Runtime.MarshalError", f"Unable to marshal response: {error}", stackTrace=[])
    if len(text) > CLARY_PAYLOAD_BYTES:
        return _failed(
            "Function.ResponseSizeTooLarge",
            f"Response payload size exceeded maximum allowed payload size ({CLARY_PAYLOAD_BYTES} bytes).",
        )
    return f'{{"status": "ok", "result": {text}}}\n'


def _failed(kind: str, message: str, **more: Any) -> str:
    failure = {"errorMessage": message, "errorType": kind, **more}
    return json.dumps({"status": "ok", "result": {CLARY_FAILED: failure}}) + "\n"


def _exited(how: str, request_id: str) -> str:
    return _failed("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: {how}")


def clary_watch(parent: int) -> None:
    """Ends the process with its parent - a function that is busy when the local AWS is killed does not see
    its input close - and when a call takes more memory than the function has."""

    def watch() -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
            limit = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or 0) * 1024 * 1024
            if limit and _Calls.running:
                with open("/proc/self/statm") as counts:  # noqa: PTH123 - a function's process imports no more than it must
                    resident = int(counts.read().split()[1]) * page
                if resident > limit:
                    _Calls.answers.write(_exited("signal: killed", ""))
                    _Calls.answers.flush()
                    sys.stderr.write(CLARY_MARK + "\n")
                    sys.stderr.flush()
                    os._exit(137)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    # As Lambda does; SDKs say it of themselves to the services that they ask.
    version = ".".join(map(str, sys.version_info[:2]))
    os.environ.setdefault("AWS_EXECUTION_ENV", f"AWS_Lambda_python{version}")


def clary_init_failed(error: BaseException, init: dict[str, Any]) -> str:
    """The line of a process whose module or handler is not there."""
    module, handler = init["module"], init["handler"]
    kind, message = type(error).__name__, str(error)
    if isinstance(error, ImportError):
        kind, message = "Runtime.ImportModuleError", f"Unable to import module '{module}': {error}"
    elif isinstance(error, SyntaxError):
        kind, message = "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}"
    elif isinstance(error, AttributeError) and repr(handler) in message and repr(module) in message:
        kind, message = "Runtime.HandlerNotFound", f"Handler '{handler}' missing on module '{module}'"
    failure = json.dumps({"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []})
    return json.dumps({"status": "error", "error": failure}) + "\n"
