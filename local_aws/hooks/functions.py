"""Lambda's functions: how they are called, what they print, and where they run."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import sys
import time
from collections.abc import Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime as _lambda_runtime
from ministack.services import lambda_svc as _lambda
from ministack.services.cloudformation import custom_resource as _custom_resource
from ministack.services.cloudformation import wait_conditions as _wait_conditions

from local_aws import function_logs, function_process
from local_aws.hooks.logs import append_log_lines
from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.request import on_own_thread
from local_aws.hooks.rights import decide_by_resource_policy

logger = logging.getLogger("local_aws.hooks")

PRIVATE_NAMES: PrivateNames = {
    "ministack.core.lambda_runtime": (
        "_PYTHON_WORKER_SCRIPT",
        "_lock",
        "_workers",
        "Worker._drain_stderr_bounded",
        "Worker._spawn",
        "Worker.invoke",
        "execution_credentials",
        "kill_workers",
    ),
    "ministack.services.lambda_svc": (
        "_emit_lambda_logs",
        "_emit_lambda_metrics",
        "_execute_function_warm",
        "_execute_function_with_config_scope",
        "_execution_record_for_config",
        "_functions",
        "_get_func_record_for_ref",
        "_get_func_record_for_ref_in_scope",
        "_probe_peak_memory_mb",
    ),
    "ministack.services.cloudformation.custom_resource": ("_lock", "_pending"),
    "ministack.services.cloudformation.wait_conditions": ("reset",),
}


_FUNCTION_CALL = """result = handler_fn(event, context)
            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")"""
_FUNCTION_INIT = """_real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")"""
_MARK = function_process.CLARY_MARK
_LAST_LINE_SECONDS = 0.25
_failure: ContextVar[dict[str, Any] | None] = ContextVar("failure", default=None)
"""How the call at hand failed, in Lambda's words."""
_log_stream: ContextVar[str | None] = ContextVar("log_stream", default=None)
"""Of the process that runs, or has run, the call at hand."""


def mend_functions() -> None:
    """Has the processes of Python functions run `function_process`, and reads what it says.

    They end with the server, and when they take too much memory; a call's answer is there as soon as its
    last line is (ministack waits up to 50 ms whether there is one); a call that failed says how, and does
    not end its process. Each has a log stream of its own.
    """
    ours = Path(function_process.__file__).read_text()
    script = _lambda_runtime._PYTHON_WORKER_SCRIPT.replace(
        _FUNCTION_CALL, "_real_stdout.write(clary_call(handler_fn, event, context, _real_stdout))"
    ).replace(_FUNCTION_INIT, "_real_stdout.write(clary_init_failed(e, init))")
    _lambda_runtime._PYTHON_WORKER_SCRIPT = f"{ours}\nclary_watch({os.getpid()})\n{script}"
    drain, invoke = _lambda_runtime.Worker._drain_stderr_bounded, _lambda_runtime.Worker.invoke

    def drained(worker: Any) -> str:
        python = str(worker.config.get("Runtime", "")).startswith("python")
        return _until_mark(worker._stderr_queue) if python else str(drain(worker))

    def invoked(worker: Any, event: Any, request_id: str, **more: Any) -> dict[str, Any]:
        try:
            response: dict[str, Any] = invoke(worker, event, request_id, **more)
        finally:
            _log_stream.set(getattr(worker, "log_stream", None))
        if response.get("cold_start"):
            notice = _runtime_notice(str(worker.config.get("Runtime", "")))
            response["log"] = "\n".join(filter(None, [notice, response.get("log", "")]))
        result = response.get("result")
        if isinstance(result, dict) and function_process.CLARY_FAILED in result:
            failure = result[function_process.CLARY_FAILED]
            _failure.set(failure)
            if failure["errorType"] == "Runtime.ExitError" and worker._proc is not None:
                worker._proc.kill()
                worker._proc.wait()  # the next call finds it ended, and starts another
            return {**response, "status": "error", "error": failure["errorMessage"], "trace": ""}
        return response

    execute = _lambda._execute_function_warm

    def executed(function: Any, event: Any, request_id: str) -> dict[str, Any]:
        _failure.set(None)
        _log_stream.set(None)
        result: dict[str, Any] = execute(function, event, request_id)
        if result.get("error"):
            body = result.get("body") or {}
            failure = _failure.get() or _failure_of(str(body.get("errorMessage", "")), request_id)
            if failure is not None:
                message = failure["errorMessage"].replace("RequestId:  ", f"RequestId: {request_id} ")
                result["body"] = {**failure, "errorMessage": message}
        return result

    _lambda_runtime.Worker._drain_stderr_bounded = drained
    _lambda_runtime.Worker.invoke = invoked
    _lambda._execute_function_warm = executed
    _give_log_streams()


def _give_log_streams() -> None:
    """A process knows the stream that its calls are logged in, from its environment."""
    spawn, credentials = _lambda_runtime.Worker._spawn, _lambda_runtime.execution_credentials
    log = _lambda._emit_lambda_logs

    def spawned(worker: Any) -> None:
        worker.log_stream = function_logs.new_stream(worker.config)
        _log_stream.set(worker.log_stream)
        spawn(worker)

    def of_process(configuration: dict[str, Any]) -> dict[str, str]:
        environment = {"AWS_LAMBDA_LOG_GROUP_NAME": function_logs.group_of(configuration)}
        if (stream := _log_stream.get()) is not None:
            environment["AWS_LAMBDA_LOG_STREAM_NAME"] = stream
        return {**credentials(configuration), **environment}

    def logged(
        function: Any, request_id: str, printed: str, error: bool, milliseconds: int, **more: Any
    ) -> None:
        stream = _log_stream.get()
        if stream is None:  # no process that is kept: each call is an environment of its own
            log(function, request_id, printed, error, milliseconds, **more)
            return
        configuration = function.get("config") or function
        megabytes = _lambda._probe_peak_memory_mb(function)
        lines = function_logs.lines(configuration, request_id, printed, milliseconds, megabytes)
        try:
            append_log_lines(function_logs.group_of(configuration), stream, lines)
        except Exception:  # a call that was made is answered, whatever becomes of its log
            logger.exception("the call %s is not logged", request_id)

    _lambda_runtime.Worker._spawn = spawned
    _lambda_runtime.execution_credentials = of_process
    _lambda._emit_lambda_logs = logged


def _failure_of(message: str, request_id: str) -> dict[str, Any] | None:
    """Lambda's words for what ministack says of a process."""
    if message.startswith("Task timed out"):
        return {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: {message}"}
    if message == "Worker process died":
        words = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {"errorType": "Runtime.ExitError", "errorMessage": words}
    _, init_failed, told = message.partition("Worker init failed: ")
    if not init_failed:
        return None
    try:
        failure: dict[str, Any] = json.loads(told)
    except ValueError:  # only our own process for Python tells it as Lambda does
        return {"errorType": "Error", "errorMessage": told}
    return failure


def _runtime_notice(runtime: str) -> str:
    """What the log says of a function whose runtime is not the one that runs it."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not runtime.startswith("python") or runtime == here:
        return ""
    return f"[local AWS] the function asks for {runtime}, this machine runs it with {here}"


def _until_mark(printed: queue.Queue[str]) -> str:
    """The lines up to the mark; those that are there when a process that died has left none."""
    lines: list[str] = []
    try:
        while not (lines and lines[-1].endswith(_MARK)):
            lines.append(printed.get(timeout=_LAST_LINE_SECONDS))
    except queue.Empty:
        pass
    return "\n".join(line.removesuffix(_MARK) for line in lines if line != _MARK)


def stop_functions() -> None:
    """Ends every function's processes and removes their folders."""
    with _lambda_runtime._lock:
        workers = [worker for pool in _lambda_runtime._workers.values() for worker in pool]
        _lambda_runtime._workers.clear()
    _lambda_runtime.kill_workers(workers)


def stop_waiting() -> None:
    """Ends what waits, for up to hours, for an answer or a signal: nobody will give one any more."""
    with _custom_resource._lock:
        for waiting in _custom_resource._pending.values():
            waiting["event"].set()
    _wait_conditions.reset()


def function_configuration(reference: str) -> dict[str, Any] | None:
    """What is configured of a function, by its name or ARN; None where there is none."""
    _, configuration, _ = _lambda._get_func_record_for_ref(reference)
    found: dict[str, Any] | None = configuration
    return found


def functions() -> list[dict[str, Any]]:
    """The configurations of the functions of this account and region."""
    module = sys.modules.get("ministack.services.lambda_svc")
    return [record["config"] for record in module._functions.values()] if module else []


@dataclass(frozen=True)
class CallableFunction:
    """A function, or a version or alias of one, that a service of AWS may call."""

    arn: str
    record: Mapping[str, Any]

    def allows(self, service: str, source_arn: str) -> bool:
        """Whether the function's policy lets the service call it for that resource."""
        account = source_arn.split(":")[4]
        keys = {"aws:sourcearn": source_arn, "aws:sourceaccount": account}
        policy = self.record.get("policy") or {}
        decision = decide_by_resource_policy(
            policy, "lambda:InvokeFunction", self.arn, principal="nobody", service=service, context=keys
        )
        return decision == "Allow"

    async def invoke(self, event: Any) -> dict[str, Any]:
        """The result: `body`, and `error` or `throttle` where it failed."""
        started = time.time()
        result: dict[str, Any] = await on_own_thread(
            _lambda._execute_function_with_config_scope, dict(self.record), event
        )
        _lambda._emit_lambda_metrics(
            self.record["config"]["FunctionName"],
            duration_ms=float(f"{(time.time() - started) * 1000:.2g}"),
            error=bool(result.get("error")),
            throttle=bool(result.get("throttle")),
        )
        return result


def function_of(reference: str, account: str, in_region: str) -> CallableFunction | None:
    """The function that a name or an ARN stands for."""
    function, config, _ = _lambda._get_func_record_for_ref_in_scope(
        reference, account_id=account, region=in_region
    )
    if function is None or config is None:
        return None
    arn = reference if reference.startswith("arn:") else config["FunctionArn"]
    return CallableFunction(arn, _lambda._execution_record_for_config(function, config))


_running: set[asyncio.Task[Any]] = set()


def keep_running(work: Coroutine[Any, Any, Any]) -> None:
    """Starts what nobody waits for on the event loop."""
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
