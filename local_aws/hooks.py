"""All that we touch of ministack's private names, and nothing else does.

ministack is pinned exactly: `tests/unit/local_aws/test_hooks.py` names every private name that is used
here and fails when an upgrade has moved it. Whoever adds a hook adds its name to `PRIVATE_NAMES`.
"""

from __future__ import annotations

import asyncio
import html
import importlib
import json
import logging
import os
import queue
import sys
import time
import uuid
from bisect import bisect_left
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Literal

import ministack.app as _app
from ministack.core import concurrency as _concurrency
from ministack.core import iam_actions as _iam_actions
from ministack.core import iam_evaluator as _iam_evaluator
from ministack.core import lambda_runtime as _lambda_runtime
from ministack.core import responses as _responses
from ministack.core import router as _router
from ministack.core import sigv4 as _sigv4
from ministack.services import apigateway as _http_apis
from ministack.services import apigateway_v1 as _apigateway
from ministack.services import cloudformation as _cloudformation
from ministack.services import cloudwatch as _cloudwatch
from ministack.services import cloudwatch_logs as _logs
from ministack.services import cognito as _cognito
from ministack.services import ec2 as _ec2
from ministack.services import efs as _efs
from ministack.services import emr as _emr
from ministack.services import eventbridge as _events
from ministack.services import iam as _iam
from ministack.services import kms as _kms
from ministack.services import lambda_svc as _lambda
from ministack.services import organizations as _organizations
from ministack.services import s3 as _s3
from ministack.services import scheduler as _scheduler
from ministack.services import ssm as _ssm
from ministack.services import sts as _sts
from ministack.services import tagging as _tagging
from ministack.services import waf as _waf
from ministack.services.cloudformation import changesets as _changesets
from ministack.services.cloudformation import custom_resource as _custom_resource
from ministack.services.cloudformation import engine as _engine
from ministack.services.cloudformation import handlers as _handlers
from ministack.services.cloudformation import helpers as _helpers
from ministack.services.cloudformation import provisioners as _provisioners
from ministack.services.cloudformation import stacks as _stacks
from ministack.services.cloudformation import wait_conditions as _wait_conditions

from local_aws import function_logs, function_process

logger = logging.getLogger("local_aws.hooks")

Response = tuple[int, dict[str, Any], bytes]
ServiceHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]]
"""`await handler(method, path, headers, body, query)`; the headers of each answer are a new dict."""

PRIVATE_NAMES: dict[str, tuple[str, ...]] = {
    "ministack.app": (
        "AUTH",
        "SERVICE_HANDLERS",
        "_reset_all_state",
        "app",
        "call_service_handler_sync",
    ),
    "ministack.core.concurrency": ("run_reentrant", "spawn_background"),
    "ministack.core.iam_actions": (
        "SERVICE_TO_IAM_NAMESPACE",
        "access_denied_response",
        "identity_denial_message",
    ),
    "ministack.core.iam_evaluator": (
        "AuthError",
        "CredentialResolutionError",
        "EvalContext",
        "EvalResult",
        "_resource_policy",
        "enforce",
        "evaluate",
        "evaluate_resource_policy",
        "evaluate_trust_policy",
        "parse_policy_document",
        "resolve_credential",
    ),
    "ministack.core.lambda_runtime": (
        "_PYTHON_WORKER_SCRIPT",
        "_lock",
        "_workers",
        "Worker._drain_stderr_bounded",
        "Worker._read_stderr",
        "Worker._spawn",
        "Worker.invoke",
        "execution_credentials",
        "kill_workers",
    ),
    "ministack.core.responses": (
        "AccountRegionScopedDict._data",
        "AccountScopedDict._data",
        "StreamingResponse",
        "_account_from_sts_session",
        "get_account_id",
        "get_region",
        "json_response",
        "request_scope",
    ),
    "ministack.core.router": (
        "SERVICE_PATTERNS",
        "extract_access_key_id",
    ),
    "ministack.core.sigv4": (
        "foreign_authorization_failure",
        "parse_header_signature",
        "parse_query_signature",
    ),
    "ministack.services.apigateway": ("_apis", "find_api_scope"),
    "ministack.services.apigateway_v1": (
        "_account_settings",
        "_api_keys",
        "_authorizers_v1",
        "_create_deployment",
        "_delete_deployment",
        "_delete_rest_api",
        "_deployments_v1",
        "_fetch_jwks",
        "_gateway_responses",
        "_handle_execute_in_scope",
        "_iam_caller_identity",
        "_models",
        "_request_validators",
        "_resolve_api_key",
        "_resources",
        "_rest_apis",
        "_usage_plan_keys",
        "_usage_plans",
        "_usage_plans_for_key",
        "_v1_error",
        "_validate_cognito_authorizer",
        "find_api_scope",
        "find_domain_scope",
        "stages_for_api",
    ),
    "ministack.services.athena": (
        "_empty_relation",
        "_executions",
        "_materialize_table_files",
        "_rewrite_data_paths",
        "_save_query_results",
        "_table_references",
        "_table_relation",
    ),
    "ministack.services.cloudwatch_logs": (
        "_append_log_events",
        "_build_log_record",
        "_create_log_group",
        "_create_log_stream",
        "_event_timestamp",
        "_fanout_to_subscription_filters",
        "_get_log_record",
        "_log_events_lock",
        "_log_groups",
        "_log_records",
        "_metric_filters",
        "_public_log_record",
    ),
    "ministack.services.cognito": (
        "well_known_jwks",
        "_auth_codes",
        "_authorization_codes",
        "_find_pool_by_client_id",
        "_refresh_tokens",
        "_revoked_tokens",
    ),
    "ministack.services.cloudwatch": (
        "_calc_stats",
        "_describe_alarms",
        "_dims_from_list",
        "_dims_key",
        "_dispatch_alarm_actions",
        "_evaluate_alarm",
        "_evaluate_all_alarms",
        "_evaluate_parent_alarms",
        "_evict_old_metrics",
        "_metric_bucket",
        "_metrics",
        "_record_history",
        "_stat_value",
        "record_metric",
    ),
    "ministack.services.ec2": (
        "_ACTION_MAP",
        "_eni_fields_xml",
        "_error",
        "_instances",
        "_internet_gateways",
        "_nat_gateways",
        "_network_acls",
        "_network_interfaces",
        "_p",
        "_parse_filters",
        "_parse_member_list",
        "_route_tables",
        "_rules_match",
        "_security_groups",
        "_subnets",
        "_vpcs",
        "_xml",
        "_default_initialized_scopes",
        "_vpc_endpoints",
        "_vpce_fields_xml",
    ),
    "ministack.services.iam": (
        "_trust_policy_not_principal_error",
        "_group_inline_policies",
        "_groups",
        "_instance_profiles",
        "_lookup_policy",
        "_roles",
        "_user_inline_policies",
        "_users",
    ),
    "ministack.services.glue": ("_tables",),
    "ministack.services.kms": (
        "_grants",
        "_resolve_key",
    ),
    "ministack.services.lambda_svc": (
        "_functions",
        "_emit_lambda_logs",
        "_emit_lambda_metrics",
        "_execute_function_warm",
        "_execute_function_with_config_scope",
        "_execution_record_for_config",
        "_get_func_record_for_ref",
        "_get_func_record_for_ref_in_scope",
        "_probe_peak_memory_mb",
    ),
    "ministack.services.organizations": (
        "_accounts",
        "_attachments",
        "_ensure_org",
        "_orgs",
        "_ous",
        "_policies",
        "_policy_type_enabled",
    ),
    "ministack.services.efs": ("_mount_targets",),
    "ministack.services.emr": ("_clusters",),
    "ministack.services.eventbridge": (
        "_SCHEDULER_TICK_INTERVAL",
        "_archives",
        "_invoke_target",
        "_put_events",
        "_rules",
    ),
    "ministack.services.s3": (
        "_bucket_tags",
        "_buckets",
        "_collect_list_entries",
        "_ensure_bucket",
        "_resolve_sse_write_headers",
        "_stored_sse_headers",
    ),
    "ministack.services.scheduler": ("_SCHEDULE_TICK_INTERVAL", "_schedules", "_tick_schedules"),
    "ministack.services.stepfunctions": (
        "_AWS_SDK_ERROR_CODE_OVERRIDES",
        "_AWS_SDK_ERROR_PREFIX",
        "_AWS_SDK_SERVICE_MAP",
        "_ExecutionError",
        "_SERVICE_DISPATCH",
    ),
    "ministack.services.ssm": ("_public_parameter",),
    "ministack.services.sts": ("_sessions", "validate_policy_document"),
    "ministack.services.tagging": ("resource_tags",),
    "ministack.services.waf": ("_associations", "_resource_store"),
    "ministack.services.cloudformation": ("_exports", "_stack_events", "_stacks"),
    "ministack.services.cloudformation.custom_resource": (
        "_lock",
        "_pending",
        "deliver_response",
        "invoke_custom_resource",
    ),
    "ministack.services.cloudformation.changesets": (
        "_deploy_stack_async",
        "_evaluate_conditions",
        "_resolve_parameters",
        "validate_template_support",
    ),
    "ministack.services.cloudformation.engine": (
        "_check_rules_section",
        "_constraint_error",
        "_evaluate_conditions",
        "_extract_deps",
        "_parse_template",
        "_resolve_dynamic_reference",
        "_resolve_parameters",
        "validate_template_support",
    ),
    "ministack.services.cloudformation.handlers": (
        "_ACTION_HANDLERS",
        "_capabilities_enforced",
        "_delete_stack_async",
        "_deploy_stack_async",
        "_evaluate_conditions",
        "_imported_export_names",
        "_request_problems",
        "_resolve_parameters",
        "_resolve_template",
        "_roll_back_operation",
        "validate_template_support",
    ),
    "ministack.services.cloudformation.helpers": (
        "_error",
        "_extract_members",
        "_resolve_document",
        "_validate_stack_tags",
        "_xml",
    ),
    "ministack.services.cloudformation.provisioners": (
        "_CONDITIONALLY_REPLACING_PROPERTIES",
        "_CUSTOM_NAME_REPLACEMENT",
        "_NAME_SEED",
        "_REPLACING_PROPERTIES",
        "_RESOURCE_HANDLERS",
        "_STACK_TAG_PROPERTY",
        "_delete_resource",
        "_iam_policy_require_valid_document",
        "_physical_name",
        "_provision_resource",
        "_replacing_change",
        "_update_resource",
        "_with_stack_tags",
    ),
    "ministack.services.cloudformation.stacks": (
        "_add_event",
        "_delete_resource",
        "_delete_stack_async",
        "_deploy_stack_async",
        "_evaluate_conditions",
        "_provision_resource",
        "_resolve_refs",
        "_resolve_stack_outputs",
        "_roll_back_operation",
        "_runs_on_worker_thread",
        "_update_resource",
        "_with_stack_tags",
    ),
    "ministack.services.cloudformation.wait_conditions": ("reset",),
}


def application() -> Any:
    """The ASGI application that serves every service on one port."""
    return _app.app


def add_service(name: str, handler: ServiceHandler) -> None:
    """Answers the requests that are signed for the service `name`; an existing one is replaced."""
    _app.SERVICE_HANDLERS[name] = handler
    # A name that the router does not know makes it read the models of all of AWS's services first, which
    # holds up every request for seconds.
    _router.SERVICE_PATTERNS.setdefault(name, {})


def service_names() -> list[str]:
    """All services that requests are answered for, by their signing names."""
    return sorted(_app.SERVICE_HANDLERS)


def service(name: str) -> ServiceHandler:
    """The handler that answers a service's requests now, for whoever wraps it."""
    handler: ServiceHandler = _app.SERVICE_HANDLERS[name]
    return handler


def ask_service(name: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
    """Asks a service as a request would, in the account and region of now, from a thread that may wait."""
    answer: Response = _app.call_service_handler_sync(service(name), method, path, headers, body, {})
    return answer


def account_id() -> str:
    """The account that the request at hand belongs to."""
    return str(_responses.get_account_id())


def region() -> str:
    """The region that the request at hand belongs to."""
    return str(_responses.get_region())


def scope(account: str, region: str) -> AbstractContextManager[None]:
    """What is done inside is done in that account and region: for work outside of any request."""
    return _responses.request_scope(account, region)  # type: ignore[no-any-return]  # ministack is untyped


async def on_own_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Runs what blocks, or calls this server, on a thread of its own in the request's account and region."""
    return await _concurrency.run_reentrant(function, *arguments)


def in_background(function: Callable[..., Any], *arguments: Any, name: str) -> Thread:
    """Starts what nobody waits for, in the request's account and region; its failure is logged."""
    thread: Thread = _concurrency.spawn_background(function, *arguments, thread_name=name)
    return thread


def on_reset(forget: Callable[[], None]) -> None:
    """Calls `forget` when a test asks the server to forget everything: `POST /_ministack/reset`."""
    usual = _app._reset_all_state

    def reset() -> None:
        forget()
        usual()

    _app._reset_all_state = reset


def streamed(chunks: Generator[bytes]) -> Any:
    """The body of a response that is sent piece by piece; each piece may take its time."""

    async def run(send: Callable[[dict[str, Any]], Awaitable[None]], _receive: Any) -> None:
        try:
            while (chunk := await on_own_thread(next, chunks, None)) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await on_own_thread(chunks.close)

    return _responses.StreamingResponse(run)


# --- functions -------------------------------------------------------------------------------------

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


# --- CloudWatch ------------------------------------------------------------------------------------

AlarmDecision = Callable[
    [dict[str, Any], Sequence[Mapping[str, Any]], Callable[..., Any]], tuple[str, str] | None
]
RecordMetric = Callable[[str, Mapping[str, tuple[float, str]], Mapping[str, str]], None]


def keep_metrics_in(kind: type[list[Any]], tidy: Callable[[], None]) -> None:
    """Has each metric's points in a list of that kind, and calls `tidy` at each request to CloudWatch, where
    ministack would copy every point of the account and region to see which are two weeks old."""
    usual = _cloudwatch._metric_bucket

    def bucket(key: Any) -> Any:
        points = usual(key)
        if type(points) is list:  # a new one, or what an earlier server has kept
            points = _cloudwatch._metrics[key] = kind(points)
        return points

    _cloudwatch._metric_bucket = bucket
    _cloudwatch._evict_old_metrics = tidy


def tidy_metrics(kind: type[list[Any]], tidy: Callable[[Any], None]) -> None:
    """Calls `tidy` for each metric's points, in every account and region; a metric without points goes."""
    for key, points in _cloudwatch._metrics.all_items():
        kept = kind(points) if type(points) is list else points
        tidy(kept)
        if kept:
            _cloudwatch._metrics.set_scoped(*key, kept)
        else:
            _cloudwatch._metrics.pop_scoped(*key)


def record_metrics_by(record: RecordMetric) -> None:
    """Has what ministack's own services measure recorded as all else is: `record(namespace, values,
    dimensions)`."""

    def recorded(
        namespace: str,
        name: str,
        value: float,
        unit: str = "None",
        dimensions: Mapping[str, str] | None = None,
    ) -> None:
        record(namespace, {name: (float(value), unit)}, dimensions or {})

    _cloudwatch.record_metric = recorded


def evaluate_alarms_by(decide: AlarmDecision) -> None:
    """Asks `decide(alarm, points, statistic)` for a metric alarm's new state and its reason, or None.

    `points` are of the alarm's metric and dimensions, by time; `statistic(alarm, points)` is the value of
    some of them. Asked when metrics are put, and when somebody looks at alarms.
    """
    usually_described = _cloudwatch._describe_alarms

    def statistic(alarm: dict[str, Any], points: Sequence[Mapping[str, Any]]) -> float | None:
        name = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        value = _cloudwatch._stat_value(_cloudwatch._calc_stats(points), name, points)
        return None if value is None else float(value)

    def evaluate(alarm: dict[str, Any]) -> None:
        if not alarm.get("MetricName"):
            return
        dimensions = _cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
        key = (alarm.get("Namespace"), alarm["MetricName"], _cloudwatch._dims_key(dimensions))
        decided = decide(alarm, _cloudwatch._metrics.get(key) or (), statistic)
        if decided is None:
            return
        before, (after, reason) = alarm["StateValue"], decided
        alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        _cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
        _cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
        _cloudwatch._evaluate_parent_alarms(alarm)

    def describe(*arguments: Any, **options: Any) -> Any:
        _cloudwatch._evaluate_all_alarms()
        return usually_described(*arguments, **options)

    _cloudwatch._evaluate_alarm = evaluate
    _cloudwatch._describe_alarms = describe


# --- CloudFormation --------------------------------------------------------------------------------

ResourceHandlers = dict[str, Any]
"""`create(logical_id, properties, stack)`, `update(physical_id, old, new, stack[, logical_id])` - the
logical id when `update_with_logical_id` is true - and `delete(physical_id, properties)`. The first two
answer the physical id and the attributes; what they raise becomes the resource's status reason."""


def resource_handlers() -> MutableMapping[str, ResourceHandlers]:
    """The handlers of every resource type that templates may use; to be changed in place."""
    handlers: MutableMapping[str, ResourceHandlers] = _provisioners._RESOURCE_HANDLERS
    return handlers


class _Completed(dict[str, Any]):
    """A table of ministack's that works out an entry when it is asked for one that it has not got."""

    def __init__(self, known: Mapping[str, Any], entry: Callable[[str], Any]) -> None:
        super().__init__(known)
        self._entry = entry

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = self._entry(key)
        found = self[key]
        return default if found is None else found


def complete_resource_tables(
    *,
    replacing: Callable[[str], tuple[str, ...] | None],
    conditional: Callable[[str], tuple[str, ...] | None],
    naming: Callable[[str], dict[str, Any] | None],
    tagging: Callable[[str], tuple[str, str] | None],
) -> None:
    """Answers CloudFormation's questions about types that ministack does not know.

    `replacing`: the properties whose change replaces the resource; `conditional`: those of which only some
    changes do, as a change set tells them. `naming`: `name`, the property with a name that a template may
    set, or several that identify a resource together, and `requires_replacement(old, new)` for what
    `replacing` cannot say; a replacement under an unchanged name is refused. `tagging`: the property for
    the stack's tags, and `list` or `map`. None where there is nothing to say.
    """
    for name, entry in (
        ("_REPLACING_PROPERTIES", replacing),
        ("_CONDITIONALLY_REPLACING_PROPERTIES", conditional),
        ("_CUSTOM_NAME_REPLACEMENT", naming),
        ("_STACK_TAG_PROPERTY", tagging),
    ):
        setattr(_provisioners, name, _Completed(getattr(_provisioners, name), entry))


def shape_stack_tags(shape: Callable[[str, dict[str, str]], dict[str, Any]]) -> None:
    """Gives a resource the tags of its stack as `shape(type, tag)` has them, where its type takes a list."""
    usual = _provisioners._with_stack_tags

    def tagged(resource_type: str, properties: dict[str, Any], *arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = usual(resource_type, properties, *arguments)
        if found is properties:
            return found
        name = _provisioners._STACK_TAG_PROPERTY.get(resource_type)[0]
        own = properties.get(name) or []
        if isinstance(own, list) and isinstance(found[name], list):
            found[name] = [tag if tag in own else shape(resource_type, tag) for tag in found[name]]
        return found

    for module in (_provisioners, _stacks):
        module._with_stack_tags = tagged


def run_resources_on_threads(wanted: Callable[[str], bool]) -> None:
    """Lets the handlers of the wanted types block, or call this server."""
    usual = _stacks._runs_on_worker_thread
    _stacks._runs_on_worker_thread = lambda resource_type: wanted(resource_type) or usual(resource_type)


def physical_name(stack: str, logical_id: str, longest: int) -> str:
    """A name for a resource that has none: the same for the same resource until it is replaced."""
    return str(_provisioners._physical_name(stack, logical_id, max_len=longest))


def tell_about_resource(stack_name: str, logical_id: str, resource_type: str, words: str) -> None:
    """Adds an event to those of a resource in progress: `cdk deploy --progress events` prints it."""
    stack = _cloudformation._stacks.get(stack_name)
    if stack is None:
        return
    doing = "UPDATE" if str(stack.get("StackStatus")).startswith("UPDATE") else "CREATE"
    _stacks._add_event(stack["StackId"], stack_name, logical_id, resource_type, f"{doing}_IN_PROGRESS", words)


def check_templates(check: Callable[[dict[str, Any], Mapping[str, bool]], None]) -> None:
    """Asks `check(template, conditions)` of every template; its `ValueError` is the request's answer."""
    usual = _engine.validate_template_support

    def validate(
        template: dict[str, Any], conditions: dict[str, bool], params: dict[str, Any] | None = None
    ) -> None:
        usual(template, conditions, params)
        if params is not None:  # without them, nobody knows which conditions hold
            check(template, conditions)

    for module in (_changesets, _engine, _handlers):
        module.validate_template_support = validate


def check_exports(check: Callable[[str, Mapping[str, str]], None]) -> None:
    """Asks `check(stack id, exports)` when a stack's outputs are known; its `ValueError` fails the stack."""
    usual = _stacks._resolve_stack_outputs

    def resolve(*arguments: Any) -> Any:
        outputs, exports = usual(*arguments)
        check(arguments[-1], {name: export["Value"] for name, export in exports.items()})
        return outputs, exports

    _stacks._resolve_stack_outputs = resolve


def exports() -> dict[str, tuple[str, str]]:
    """The exports of the request's account and region: of which stack (its ARN), and their values."""
    return {
        str(name): (str(export["StackId"]), str(export["Value"]))
        for name, export in _cloudformation._exports.items()
    }


def importers(export: str) -> list[str]:
    """The names of the stacks that import an export."""
    return [
        name
        for name, stack in _cloudformation._stacks.items()
        if not str(stack.get("StackStatus", "")).startswith("DELETE")
        and export in _handlers._imported_export_names(stack, name)
    ]


def mend_importers() -> None:
    """A stack whose creation was rolled back, or is yet to begin, imports nothing."""
    usual = _handlers._imported_export_names

    def imported(stack: dict[str, Any], stack_name: str) -> Any:
        idle = stack.get("StackStatus") in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
        return set() if idle else usual(stack, stack_name)

    _handlers._imported_export_names = imported


def forget_export(name: str) -> None:
    _cloudformation._exports.pop(name, None)


def is_protected(stack_id: str) -> bool:
    """Whether a stack may not be deleted, so that there is another answer."""
    stack = _cloudformation._stacks.get(stack_id.split("/")[1]) or {}
    return bool(stack.get("EnableTerminationProtection"))


StackAction = Callable[[dict[str, Any]], Response]


def wrap_stack_action(action: str, wrapper: Callable[[StackAction, dict[str, Any]], Response]) -> None:
    """Answers one of CloudFormation's actions by `wrapper(the usual answer, parameters)`; a parameter is a
    list of texts."""
    usual: StackAction = _handlers._ACTION_HANDLERS[action]
    _handlers._ACTION_HANDLERS[action] = lambda parameters: wrapper(usual, parameters)


def deletion_given_up(stack_id: str, reason: str) -> Response:
    """A deletion that ends where it began: the stack is as before, and its last event says why."""
    name = stack_id.split("/")[1]
    stack = _cloudformation._stacks[name]
    kind, before = "AWS::CloudFormation::Stack", stack["StackStatus"]
    _stacks._add_event(stack_id, name, name, kind, "DELETE_IN_PROGRESS", "User Initiated", stack_id)
    _stacks._add_event(stack_id, name, name, kind, before, reason, stack_id)
    stack["StackStatusReason"] = reason
    response: Response = _helpers._xml(200, "DeleteStackResponse", "")
    return response


def template_text(parameters: dict[str, Any]) -> str | None:
    """The template that a request brings along or says where it is; None where it does not, or where the
    request is refused for other reasons."""
    if _handlers._request_problems(parameters, (parameters.get("StackName") or [""])[0]) is not None:
        return None
    text, refusal = _handlers._resolve_template(parameters)
    return text if refusal is None and text else None


def given_parameters(parameters: dict[str, Any]) -> dict[str, bool]:
    """The template's parameters that a request names, and whether with a value: or with that of before."""
    given = _helpers._extract_members(parameters, "Parameters")
    return {str(one["Key"]): not one["UsePreviousValue"] for one in given}


def stack_refusal(code: str, message: str, status: int = 400) -> Response:
    """CloudFormation's answer to a request that it refuses."""
    response: Response = _helpers._error(code, message, status)
    return response


def stack_status(stack_name: str) -> str:
    """The status of a stack of the request's account and region; empty where there is none."""
    return str((_cloudformation._stacks.get(stack_name) or {}).get("StackStatus", ""))


def ask_for_capabilities() -> None:
    """Has IAM's resources and macros in templates acknowledged: ministack asks only where it enforces IAM."""
    _handlers._capabilities_enforced = lambda: True


def reword_parameter_faults(
    constraint: Callable[[str, Mapping[str, Any], str], str],
    reword: Callable[[str, Mapping[str, Any]], str],
) -> None:
    """Says in other words why a parameter has not the value that it may have.

    `constraint(name, definition, reason)` of a constraint; `reword(message, template)` of all else.
    """
    usual = _engine._resolve_parameters
    _engine._constraint_error = lambda *arguments: ValueError(constraint(*arguments))

    def resolve(template: dict[str, Any], *arguments: Any) -> Any:
        try:
            return usual(template, *arguments)
        except ValueError as error:
            raise ValueError(reword(str(error), template)) from error

    for module in (_changesets, _engine, _handlers):
        module._resolve_parameters = resolve


def reword_unresolved(reword: Callable[[str], str]) -> None:
    """Says in other words why a property cannot be resolved while a stack is deployed."""
    usual = _stacks._resolve_refs

    def resolve(*arguments: Any) -> Any:
        try:
            return usual(*arguments)
        except ValueError as error:
            raise ValueError(reword(str(error))) from error

    _stacks._resolve_refs = resolve


def rewrite_template_urls(rewrite: Callable[[str], str]) -> None:
    """Lets templates lie at addresses that ministack does not read as they are."""
    usual = _helpers._resolve_document

    def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> Any:
        if params.get(url_key):
            params = {**params, url_key: [rewrite(str(params[url_key][0]))]}
        return usual(params, body_key, url_key, label)

    _helpers._resolve_document = resolve


def stack_identifier(stack_name: str) -> str:
    """The ARN of a stack of the request's account and region."""
    return str((_cloudformation._stacks.get(stack_name) or {}).get("StackId", ""))


def answer_custom_resources(
    answer: Callable[..., tuple[str, dict[str, Any]] | None],
) -> None:
    """Asks `answer(request type, logical id, properties, stack name, resource type, physical id, previous
    properties)` first; where it answers None, the function behind the service token is run.

    A function that fails without having answered is told of at once. AWS waits for an hour, and then says
    the first sentence of it.
    """
    usual = _custom_resource.invoke_custom_resource

    def invoke(
        request_type: str,
        logical_id: str,
        props: dict[str, Any],
        stack_name: str,
        stack_id: str,
        resource_type: str,
        physical_id: str | None = None,
        old_props: dict[str, Any] | None = None,
    ) -> Any:
        answered = answer(request_type, logical_id, props, stack_name, resource_type, physical_id, old_props)
        if answered is not None:
            return answered
        return usual(
            request_type, logical_id, props, stack_name, stack_id, resource_type, physical_id, old_props
        )

    _custom_resource.invoke_custom_resource = invoke
    execute = _lambda._execute_function_with_config_scope

    def run(function: dict[str, Any], event: dict[str, Any]) -> Any:
        url = str(event.get("ResponseURL", "")) if isinstance(event, dict) else ""
        if "/cfn-response/" not in url:
            return execute(function, event)
        try:
            result = execute(function, event)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody answers any more
            result = {"error": True, "body": {"errorMessage": str(error)}}
        if isinstance(result, dict) and result.get("error"):
            reason = (
                "CloudFormation did not receive a response from your custom resource. Its function failed: "
                f"{_error_message(result.get('body'))}"
            )
            _custom_resource.deliver_response(url.rpartition("/")[2], {"Status": "FAILED", "Reason": reason})
        return result

    _lambda._execute_function_with_config_scope = run


_NO_JAVASCRIPT_SDK = (
    " (the local AWS brings no AWS SDK for JavaScript: install the package with npm and start it with"
    " NODE_PATH set to that node_modules folder)"
)


def _error_message(body: Any) -> str:
    if isinstance(body, bytes | str):
        try:
            body = json.loads(body)
        except ValueError:
            return str(body)
    message = str(body.get("errorMessage", body)) if isinstance(body, dict) else str(body)
    return message + (_NO_JAVASCRIPT_SDK if "@aws-sdk/" in message else "")


def function_configuration(reference: str) -> dict[str, Any] | None:
    """What is configured of a function, by its name or ARN; None where there is none."""
    _, configuration, _ = _lambda._get_func_record_for_ref(reference)
    found: dict[str, Any] | None = configuration
    return found


def replace_physical_name() -> None:
    """From here on, the resource at hand gets another name: it is being replaced."""
    _provisioners._NAME_SEED.set(uuid.uuid4().hex[:8])


def mend_conditions() -> None:
    """Evaluates `Fn::Join` in conditions.

    ministack compares the function itself: CDK's bootstrap template then takes its empty list of
    policies for a list of one, the empty string.
    """
    usual = _engine._evaluate_conditions

    def evaluate(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
        conditions = _joined(template.get("Conditions", {}), parameters)
        evaluated: dict[str, bool] = usual({**template, "Conditions": conditions}, parameters)
        return evaluated

    for module in (_changesets, _engine, _handlers, _stacks):
        module._evaluate_conditions = evaluate


def _joined(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_joined(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        delimiter, items = value["Fn::Join"]
        if isinstance(items, dict) and items.get("Ref") in parameters:
            items = [item.strip() for item in str(parameters[items["Ref"]]["Value"]).split(",")]
        if isinstance(items, list):
            texts = [
                parameters[item["Ref"]]["Value"]
                if isinstance(item, dict) and item.get("Ref") in parameters
                else item
                for item in items
            ]
            if all(isinstance(text, str) for text in texts):
                return str(delimiter).join(texts)
    return {key: _joined(item, parameters) for key, item in value.items()}


# --- EC2 -------------------------------------------------------------------------------------------


def mend_vpc_endpoints() -> None:
    """Answers what ministack keeps of a VPC endpoint and does not tell: policy, groups, private names; and
    keeps the policy that an endpoint is created with."""
    usual = _ec2._vpce_fields_xml
    usually_created = _ec2._ACTION_MAP["CreateVpcEndpoint"]

    def create(parameters: dict[str, Any]) -> Any:
        before = set(_ec2._vpc_endpoints)
        answer = usually_created(parameters)
        for identifier in set(_ec2._vpc_endpoints) - before:
            policy = parameters.get("PolicyDocument")
            if policy:
                text = policy[0] if isinstance(policy, list) else policy
                _ec2._vpc_endpoints[identifier]["PolicyDocument"] = text
        return answer

    def fields(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(
            f"<item><groupId>{group}</groupId></item>" for group in endpoint.get("SecurityGroupIds", ())
        )
        private = str(endpoint.get("PrivateDnsEnabled", False)).lower()
        policy = endpoint.get("PolicyDocument")
        more = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>" + (
            f"<policyDocument>{html.escape(policy)}</policyDocument>" if policy else ""
        )
        opened, _, _ = str(usual(endpoint, tag)).rpartition(f"</{tag}>")
        return f"{opened}{more}</{tag}>"

    _ec2._vpce_fields_xml = fields
    _ec2._ACTION_MAP["CreateVpcEndpoint"] = create


def mend_group_rules() -> None:
    """Takes a group's rule for the same with the group's owner and without, as EC2 describes them."""
    usual = _ec2._rules_match

    def matches(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return bool(usual(_without_owners(one), _without_owners(other)))

    _ec2._rules_match = matches


def _without_owners(rule: dict[str, Any]) -> dict[str, Any]:
    kept = ("GroupId", "GroupName", "Description")
    pairs = [
        {
            name: value
            for name, value in pair.items()
            if name in kept and not (name == kept[1] and kept[0] in pair)
        }
        for pair in rule.get("UserIdGroupPairs", ())
    ]
    return {**rule, "UserIdGroupPairs": pairs}


def guard_ec2(action: str, parameter: str, refusal: Callable[[str], tuple[str, str] | None]) -> None:
    """Refuses an action of EC2's with the code and the message that `refusal` answers for the resource
    whose identifier the parameter has."""
    usual = _ec2._ACTION_MAP[action]

    def guarded(parameters: dict[str, Any]) -> Any:
        found = refusal(str(_ec2._p(parameters, parameter)))
        return usual(parameters) if found is None else _ec2._error(*found, 400)

    _ec2._ACTION_MAP[action] = guarded


def ec2_records(kind: str) -> list[dict[str, Any]]:
    """What ministack keeps of this account and region: VPCs, subnets, ... (`_EC2_RECORDS`)."""
    return list(_EC2_RECORDS[kind].values())


_EC2_RECORDS: dict[str, Any] = {
    "instances": _ec2._instances,
    "interfaces": _ec2._network_interfaces,
    "internet gateways": _ec2._internet_gateways,
    "NAT gateways": _ec2._nat_gateways,
    "network ACLs": _ec2._network_acls,
    "route tables": _ec2._route_tables,
    "security groups": _ec2._security_groups,
    "subnets": _ec2._subnets,
    "VPC endpoints": _ec2._vpc_endpoints,
    "VPCs": _ec2._vpcs,
}


def mount_targets() -> list[dict[str, Any]]:
    """EFS's mount targets in this account and region."""
    return list(_efs._mount_targets.values())


def functions() -> list[dict[str, Any]]:
    """The configurations of the functions of this account and region."""
    module = sys.modules.get("ministack.services.lambda_svc")
    return [record["config"] for record in module._functions.values()] if module else []


def list_network_interfaces(
    found: Callable[[Sequence[str], Mapping[str, Sequence[str]]], Iterable[dict[str, Any]]],
) -> None:
    """Answers DescribeNetworkInterfaces with what `found(identifiers, filters)` does."""

    def describe(parameters: dict[str, Any]) -> Any:
        identifiers = _ec2._parse_member_list(parameters, "NetworkInterfaceId")
        filters = _ec2._parse_filters(parameters)
        items = "".join(_ec2._eni_fields_xml(one) for one in found(identifiers, filters))
        content = f"<networkInterfaceSet>{items}</networkInterfaceSet>"
        return _ec2._xml(200, "DescribeNetworkInterfacesResponse", content)

    _ec2._ACTION_MAP["DescribeNetworkInterfaces"] = describe


# --- Systems Manager -------------------------------------------------------------------------------


def add_public_parameters(value_of: Callable[[str], str | None]) -> None:
    """Answers parameters that every account can read by `value_of(name)`; None leaves them to ministack."""
    usual = _ssm._public_parameter

    def public(name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = usual(name)
        value = value_of(name) if found is None else None
        if value is None:
            return found
        arn = f"arn:aws:ssm:{region()}::parameter{name}"
        return {
            "Name": name,
            "Type": "String",
            "Value": value,
            "Version": 1,
            "LastModifiedDate": _PUBLISHED,
            "DataType": "aws:ec2:image" if value.startswith("ami-") else "text",
            "ARN": arn,
        }

    _ssm._public_parameter = public


_PUBLISHED = 1_735_689_600
"""When the public parameters here were written last: the clock changes none of them."""


# --- S3 --------------------------------------------------------------------------------------------

_ENCRYPTION = "x-amz-server-side-encryption"
_ENCRYPTION_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def keep_objects_in(kind: type, keys_with: Callable[[Any, str], list[str]]) -> None:
    """Has each bucket's objects in a mapping of that kind, and asks it which keys begin with a prefix;
    ministack looks at every key of the bucket."""
    bucket_of, listed = _s3._ensure_bucket, _s3._collect_list_entries

    def bucket(name: str) -> Any:
        found = bucket_of(name)
        if found is not None and type(found["objects"]) is dict:  # a new one, or kept by an earlier server
            found["objects"] = kind(found["objects"])
        return found

    def entries(objects: Any, prefix: str, *more: Any) -> Any:
        return listed(keys_with(objects, prefix), prefix, *more)

    _s3._ensure_bucket = bucket
    _s3._collect_list_entries = entries


def set_bucket_tags(bucket: str, tags: Mapping[str, str]) -> None:
    """Gives a bucket these tags and no others, as PutBucketTagging and DeleteBucketTagging do."""
    if tags:
        _s3._bucket_tags[bucket] = dict(tags)
    else:
        _s3._bucket_tags.pop(bucket, None)


def mend_managed_key() -> None:
    """Encrypts an object with AWS's own key where a request asks for KMS and names no key.

    CDK's command line uploads assets so; ministack refuses it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (`SSEKMSKeyId`)
    """
    usual = _s3._resolve_sse_write_headers

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(_ENCRYPTION) == "aws:kms" and not headers.get(_ENCRYPTION_KEY):
            key = f"arn:aws:kms:{region()}:{account_id()}:alias/aws/s3"
            headers = {**headers, _ENCRYPTION_KEY: key}
        return usual(headers, bucket)

    _s3._resolve_sse_write_headers = resolve


# --- API Gateway -----------------------------------------------------------------------------------

RestApiFront = Callable[..., Awaitable[Response]]


def replace_rest_api_front(front: RestApiFront) -> None:
    """Answers requests to REST APIs by `await front(api_id, stage, method, path, headers, body, query,
    account, region)`, which runs in that account and region."""
    _apigateway._handle_execute_in_scope = front


def find_apis_in_every_account() -> None:
    """A request to an API is for the account that has it: an unsigned one does not name any, and ministack
    looks for the API in its default account only."""
    for module, apis in ((_apigateway, _apigateway._rest_apis), (_http_apis, _http_apis._apis)):
        usual = module.find_api_scope

        def find(api_id: str, usual: Any = usual, apis: Any = apis) -> tuple[str, str] | None:
            found: tuple[str, str] | None = usual(api_id)
            if found is None:
                owners = (
                    (account, region) for (account, region, known), _ in apis.all_items() if known == api_id
                )
                found = next(owners, None)
            return found

        module.find_api_scope = find


def stage_of(api_id: str, stage_name: str) -> dict[str, Any] | None:
    """A REST API's stage, wherever the request's account is."""
    found: dict[str, Any] | None = _apigateway.stages_for_api(api_id).get(stage_name)
    return found


def stages_of(api_id: str) -> Mapping[str, dict[str, Any]]:
    """A REST API's stages by name."""
    found: Mapping[str, dict[str, Any]] = _apigateway.stages_for_api(api_id)
    return found


def rest_api_definition(api_id: str) -> dict[str, Any]:
    """All that a deployment of the API keeps, as it is now: not copied, not to be changed."""
    return {
        "api": _apigateway._rest_apis.get(api_id) or {},
        "resources": _apigateway._resources.get(api_id) or {},
        "authorizers": _apigateway._authorizers_v1.get(api_id) or {},
        "models": _apigateway._models.get(api_id) or {},
        "validators": _apigateway._request_validators.get(api_id) or {},
        "gateway_responses": _apigateway._gateway_responses.get(api_id) or {},
    }


def watch_deployments(
    refuse: Callable[[str], tuple[str, str, int] | None],
    made: Callable[[str, str], None],
    gone: Callable[[str, str | None], None],
) -> None:
    """Stands around the deployments of REST APIs, whoever makes them.

    `refuse(api_id)` answers the code, message and status of a refusal; `made(api_id, deployment_id)` and
    `gone(api_id, deployment_id)` are told afterwards, the latter with None when the whole API goes.
    """
    create, delete, delete_api = (
        _apigateway._create_deployment,
        _apigateway._delete_deployment,
        _apigateway._delete_rest_api,
    )

    def created(api_id: str, data: dict[str, Any]) -> Any:
        refusal = refuse(api_id) if api_id in _apigateway._rest_apis else None
        if refusal:
            return _apigateway._v1_error(*refusal)
        answer = create(api_id, data)
        if answer[0] == 201:
            made(api_id, json.loads(answer[2])["id"])
        return answer

    def deleted(api_id: str, deployment_id: str) -> Any:
        answer = delete(api_id, deployment_id)
        gone(api_id, deployment_id)
        return answer

    def deleted_api(api_id: str) -> Any:
        answer = delete_api(api_id)
        gone(api_id, None)
        return answer

    _apigateway._create_deployment = created
    _apigateway._delete_deployment = deleted
    _apigateway._delete_rest_api = deleted_api


def rest_api_deployments(api_id: str) -> Mapping[str, Any]:
    """A REST API's deployments by their ids."""
    found: Mapping[str, Any] = _apigateway._deployments_v1.get(api_id) or {}
    return found


def api_key(key_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _apigateway._api_keys.get(key_id)
    return found


def api_key_of(value: str) -> dict[str, Any] | None:
    """The enabled API key of that value."""
    found: dict[str, Any] | None = _apigateway._resolve_api_key(value)
    return found


def usage_plans_of(key_id: str, api_id: str, stage: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The usage plans that let a key into a stage: the plan's id, the plan, and its entry of the stage."""
    return list(_apigateway._usage_plans_for_key(key_id, api_id, stage))


def usage_plan(plan_id: str) -> tuple[dict[str, Any], list[str]] | None:
    """A usage plan and the ids of its keys."""
    plan = _apigateway._usage_plans.get(plan_id)
    return None if plan is None else (plan, list(_apigateway._usage_plan_keys.get(plan_id) or ()))


def api_gateway_log_role() -> str | None:
    """The role that API Gateway writes logs with in the request's account and region."""
    settings = _apigateway._account_settings.get("settings") or {}
    return settings.get("cloudwatchRoleArn") or None


def is_custom_domain(name: str) -> bool:
    return "." in name and _apigateway.find_domain_scope(name) is not None


def caller_of(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """Who signed a request, in the words of `requestContext.identity`; nobody that IAM does not know."""
    found: dict[str, Any] | None = _apigateway._iam_caller_identity(headers, query)
    return found


def signature_fault(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[str, str] | None:
    """Why the signature of a request is none, as code and message; whose it is, is another question."""
    if not headers.get("authorization"):
        found = _sigv4.parse_query_signature(query)
    elif headers["authorization"].startswith("AWS4-HMAC-SHA256"):
        found = _sigv4.parse_header_signature(headers)
    else:
        found = _sigv4.foreign_authorization_failure(headers)
    if type(found) is tuple:  # a signature that is one has a class of its own
        return found[0], str(found[1])
    return None


async def user_pool_claims(
    authorizer: Mapping[str, Any],
    method: Mapping[str, Any],
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    stage: Mapping[str, Any],
) -> tuple[dict[str, Any], str | None]:
    """The claims of a user pool's token, once its signature, its issuer, its times and its scopes are
    checked; or the type of the gateway response that refuses it."""
    claims, error = await _apigateway._validate_cognito_authorizer(authorizer, method, headers, query, stage)
    return claims or {}, None if error is None else str(error.response_type)


def read_user_pool_keys_here() -> None:
    """Takes the public keys of user pools from this server without asking it over HTTP: whether it
    speaks TLS does not matter then, and no keys of a pool that is gone are remembered."""
    usual = _apigateway._fetch_jwks

    async def fetch(url: str) -> dict[str, Any]:
        pool, separator, rest = url.partition("/.well-known/jwks.json")
        if not separator or rest or "_" not in pool.rsplit("/", 1)[-1]:
            found: dict[str, Any] = await usual(url)
            return found
        _, _, keys = _cognito.well_known_jwks(pool.rsplit("/", 1)[-1])
        return dict(json.loads(keys))

    _apigateway._fetch_jwks = fetch


def let_people_return(places: Callable[[str], Iterable[str]]) -> None:
    """People may come back to a page by the addresses that it has here, besides its own on AWS."""
    usual = _cognito._find_pool_by_client_id

    def find(client_id: str) -> tuple[Any, Any, Any]:
        pool_id, pool, client = usual(client_id)
        if client is None:
            return pool_id, pool, client
        pages = {name: client.get(name) or [] for name in ("CallbackURLs", "LogoutURLs")}
        here = {
            name: [*urls, *(place for url in urls for place in places(url))] for name, urls in pages.items()
        }
        return pool_id, pool, {**client, **here}

    _cognito._find_pool_by_client_id = find


# --- policies of resources -------------------------------------------------------------------------


def decide_by_resource_policy(
    policy: str | Mapping[str, Any],
    action: str,
    resource: str,
    *,
    principal: str = "*",
    service: str | None = None,
    source_ip: str = "127.0.0.1",
    context: Mapping[str, str] | None = None,
) -> str:
    """`Allow`, `Deny` or `ImplicitDeny`: what a resource's own policy says to a caller or a service of AWS.

    The names of `context` are condition keys in lower case.
    """
    asked = _iam_evaluator.EvalContext(principal, "Anonymous", "", action, resource, region())
    asked.source_ip = source_ip
    asked.service_context = dict(context or {})
    return str(_iam_evaluator.evaluate_resource_policy(policy, asked, service).decision)


def decide_by_policy(policy: Mapping[str, Any], action: str, resource: str) -> str:
    """`Allow`, `Deny` or `ImplicitDeny`: what a policy without principals says."""
    asked = _iam_evaluator.EvalContext("*", "Anonymous", "", action, resource, region())
    statements = _iam_evaluator.parse_policy_document(dict(policy))
    return str(_iam_evaluator.evaluate(asked, [statements]).decision)


# --- functions that services call ------------------------------------------------------------------


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


def log_group_exists(name: str) -> bool:
    """Whether there is a log group of that name in the request's account and region."""
    return name in _logs._log_groups


_log_groups_lock = Lock()


def append_log_lines(group: str, stream: str, lines: Sequence[str]) -> None:
    """Writes lines of now from any thread; makes what is not there."""
    with _log_groups_lock:
        if group not in _logs._log_groups:
            _logs._create_log_group({"logGroupName": group})
        if stream not in _logs._log_groups[group]["streams"]:
            _logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
        found = _logs._log_groups[group]["streams"][stream]
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines]
    _logs._append_log_events(found, events)
    _logs._fanout_to_subscription_filters(group, stream, events)


def log_groups() -> list[tuple[str, str, dict[str, Any]]]:
    """Account, region and record of each log group."""
    return [(account, where, group) for (account, where, _), group in _logs._log_groups.all_items()]


def drop_log_events(group: Mapping[str, Any], before: float) -> None:
    """Forgets what is older, in milliseconds. Whoever reads a stream just now has the old list."""
    with _logs._log_events_lock:
        for stream in list(group["streams"].values()):
            events = stream["events"]
            first = bisect_left(events, before, key=_logs._event_timestamp)
            if first:
                stream["events"] = events[first:]


def watch_log_appends(appended: Callable[[], None]) -> None:
    """Calls `appended` after events were kept, on whatever thread."""
    usual = _logs._append_log_events

    def append(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
        usual(stream, events)
        appended()

    _logs._append_log_events = append


class _NoRecords(_responses.AccountRegionScopedDict):  # type: ignore[misc]  # ministack is untyped
    """In place of a second copy of each event, for GetLogRecord; queries make what they miss."""

    __slots__ = ()

    def __setitem__(self, key: str, value: Any) -> None:
        """The stream has it."""


def find_log_records_in_streams() -> None:
    """Has GetLogRecord look for the event when it is asked."""
    refused = _logs._get_log_record

    def get(data: dict[str, Any]) -> Any:
        record = _log_record(data.get("logRecordPointer"))
        if record is None:
            return refused(data)
        return _responses.json_response({"logRecord": _logs._public_log_record(record)})

    _logs._log_records = _NoRecords()
    _logs._get_log_record = get


def _log_record(pointer: str | None) -> dict[str, Any] | None:
    for group_name, group in _logs._log_groups.items():
        for stream_name, stream in list(group["streams"].items()):
            event = next((one for one in stream["events"] if one.get("eventId", "") == pointer), None)
            if event is not None:
                made: dict[str, Any] = _logs._build_log_record(
                    ptr=pointer,
                    timestamp_ms=event["timestamp"],
                    message=event["message"],
                    log_group=group_name,
                    log_stream=stream_name,
                )
                return made
    return None


def watch_log_events(tell: Callable[[list[Mapping[str, Any]], Iterable[str]], None]) -> None:
    """Tells of what is logged where there are metric filters: the group's filters, and the lines."""
    usual = _logs._fanout_to_subscription_filters

    def watched(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
        filters = [each for (group, _), each in _logs._metric_filters.items() if group == group_name]
        if filters:
            tell(filters, (str(event.get("message", "")) for event in events))
        usual(group_name, stream_name, events)

    _logs._fanout_to_subscription_filters = watched


# --- WAF -------------------------------------------------------------------------------------------


def web_acl_arn_of(resource_arn: str) -> str | None:
    """The web ACL that a resource of the request's account and region is associated with."""
    found: str | None = _waf._associations.get(resource_arn)
    return found


def waf_resource(kind: str, arn: str) -> dict[str, Any] | None:
    """A web ACL, rule group, IP set or pattern set (`webacl`, `rulegroup`, …) by its ARN."""
    store = _waf._resource_store(kind)
    account_region = arn.split(":")
    found: dict[str, Any] | None = store.get_scoped(
        account_region[4], account_region[3], arn.rsplit("/", 1)[-1]
    )
    return found


def waf_resources(kind: str) -> list[dict[str, Any]]:
    """All of a kind in the request's account and region."""
    return list(_waf._resource_store(kind).values())


def waf_associations() -> dict[str, str]:
    """The web ACLs' ARNs by those of the resources that they protect, in the request's account and region."""
    return dict(_waf._associations.items())


# --- what is kept beyond the server's life ----------------------------------------------------------

_SERVICES = "ministack.services."
_SCOPED = (_responses.AccountScopedDict, _responses.AccountRegionScopedDict)
_STORE_DATA = {kind: kind._data for kind in _SCOPED}
_PLAIN_STORES = {
    "ministack.services.cognito": (
        "_auth_codes",
        "_authorization_codes",
        "_refresh_tokens",
        "_revoked_tokens",
    ),
    "ministack.services.ec2": ("_default_initialized_scopes",),
}
"""State that ministack's services do not keep in its scoped dictionaries."""


@dataclass(frozen=True)
class ServiceStore:
    """A dictionary, or a set, in which a service of ministack keeps its state."""

    name: str
    """The module and the variable: `ministack.services.s3:_buckets`."""
    store: Any

    @property
    def watched(self) -> bool:
        """Whether `watch_stores` tells when somebody looks into it."""
        return isinstance(self.store, _SCOPED)

    @property
    def content(self) -> Any:
        """The dictionary or set itself, of all accounts and regions; looking into it is not told."""
        for kind, data in _STORE_DATA.items():
            if isinstance(self.store, kind):
                return data.__get__(self.store)
        return self.store


def service_modules() -> list[str]:
    """The services that are in use, by their modules' names."""
    # A copy: other threads import meanwhile, those that warm up at the start above all.
    return sorted(name for name in list(sys.modules) if name.startswith(_SERVICES))


def service_stores(module_names: Iterable[str]) -> list[ServiceStore]:
    """Where these services keep their state; a module that is not imported yet is imported."""
    found = []
    for name in module_names:
        module = importlib.import_module(name)
        found += [
            ServiceStore(f"{name}:{variable}", value)
            for variable, value in sorted(vars(module).items())
            if isinstance(value, _SCOPED) or variable in _PLAIN_STORES.get(name, ())
        ]
    return found


def watch_stores(looked_into: Callable[[int], None]) -> None:
    """Tells the `id` of a store whenever anybody looks into it, and may therefore change it."""
    for kind in _SCOPED:
        kind._data = property(_telling(_STORE_DATA[kind], looked_into), _STORE_DATA[kind].__set__)


def _telling(data: Any, looked_into: Callable[[int], None]) -> Callable[[Any], Any]:
    def get(store: Any) -> Any:
        looked_into(id(store))
        return data.__get__(store)

    return get


def take_up_services(module_names: Iterable[str]) -> None:
    """Lets services do what ministack does with state that it has loaded: indexes, pollers, schedules."""
    for name in module_names:
        module = importlib.import_module(name)
        if hasattr(module, "load_persisted_state"):
            module.load_persisted_state(module.get_state())


StackOperation = Literal["deploy", "roll back", "delete"]
_STACK_OPERATIONS: dict[StackOperation, str] = {
    "deploy": "_deploy_stack_async",
    "roll back": "_roll_back_operation",
    "delete": "_delete_stack_async",
}


def wrap_stack_operations(
    wrapper: Callable[[StackOperation, Callable[..., Coroutine[Any, Any, None]]], Callable[..., Any]],
) -> None:
    """Puts a function around each operation on a stack.

    `deploy(stack_name, stack_id, template, parameters, disable_rollback, tags, is_update, previous_stack,
    retain_except_on_create, imports)`, the last four by keyword; `roll back(stack_name, stack_id, stack,
    operation)`; `delete(stack_name, stack_id, retained, force)`. They are called while the request is
    answered, and what they return is awaited afterwards.
    """
    for operation, name in _STACK_OPERATIONS.items():
        wrapped = wrapper(operation, getattr(_stacks, name))
        for module in (_stacks, _handlers, _changesets):
            if hasattr(module, name):
                setattr(module, name, wrapped)


def stack_operation(operation: StackOperation) -> Callable[..., Coroutine[Any, Any, None]]:
    """The function that does an operation, as `wrap_stack_operations` tells."""
    found: Callable[..., Coroutine[Any, Any, None]] = getattr(_stacks, _STACK_OPERATIONS[operation])
    return found


def wrap_resource_operations(
    creating: Callable[[Callable[..., Any]], Callable[..., Any]],
    updating: Callable[[Callable[..., Any]], Callable[..., Any]],
    deleting: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    """Puts functions around what CloudFormation does with a resource, of whatever type.

    `create(type, logical_id, properties, stack_name)` and `update(type, physical_id, old, new, stack_name,
    logical_id[, attributes])` answer the physical id and the attributes; `delete(type, physical_id,
    properties[, stack_name, logical_id])`.
    """
    wrappers = {"_provision_resource": creating, "_update_resource": updating, "_delete_resource": deleting}
    for name, wrapper in wrappers.items():
        wrapped = wrapper(getattr(_provisioners, name))
        for module in (_provisioners, _stacks):
            setattr(module, name, wrapped)


def delete_once() -> None:
    """Lets a deletion of a stack that is being deleted do nothing, as on AWS.

    ministack would delete its resources twice at a time, each deletion failing on what the other has just
    deleted, or not yet.
    """
    under_way: set[str] = set()

    async def nothing() -> None:
        return None

    def wrapper(operation: StackOperation, usual: Callable[..., Any]) -> Callable[..., Any]:
        def begin(stack_name: str, stack_id: str, *arguments: Any, **named: Any) -> Coroutine[Any, Any, None]:
            if stack_id in under_way:
                return nothing()
            under_way.add(stack_id)
            operation_itself = usual(stack_name, stack_id, *arguments, **named)

            async def run() -> None:
                try:
                    await operation_itself
                finally:
                    under_way.discard(stack_id)

            return run()

        return begin if operation == "delete" else usual

    wrap_stack_operations(wrapper)


def delete_nested_stacks_as_others() -> None:
    """Deletes a nested stack as any other: what is to be retained stays, what fails fails its parent.

    ministack deletes all that is in it, whatever its deletion policy, and passes over what cannot be deleted.
    """

    def delete(physical_id: str, _: Any) -> None:
        known = ((name, one) for name, one in _cloudformation._stacks.items())
        name, stack = next(((n, s) for n, s in known if physical_id in (n, s["StackId"])), ("", None))
        if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
            return
        # ministack calls this on a thread of its own, which has no event loop
        asyncio.run(_stacks._delete_stack_async(name, stack["StackId"]))
        if stack["StackStatus"] != "DELETE_COMPLETE":
            reason = stack.get("StackStatusReason", "")
            raise RuntimeError(f"Embedded stack {stack['StackId']} was not successfully deleted: {reason}")

    _provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"]["delete"] = delete


def spare_what_is_needed() -> None:
    """A stack's deletion spares what a resource needs that could not be deleted, and says nothing of it.

    ministack deletes it all the same: a custom resource that has failed would lose its function and its
    rights, and the next attempt could never succeed. AWS deletes nothing that something in the stack still
    depends on, also when it is told to go on:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-delete-stack.html
    """
    tell, delete = _stacks._add_event, _stacks._delete_resource
    failed = "DELETE_FAILED"

    def needed(stack: Mapping[str, Any], logical_id: str) -> bool:
        definitions = (stack.get("_template") or {}).get("Resources", {})
        return any(
            logical_id in _engine._extract_deps(definitions[other], {logical_id})
            for other, resource in stack.get("_resources", {}).items()
            if resource.get("ResourceStatus") == failed and other != logical_id and other in definitions
        )

    def remove(kind: str, physical_id: str, properties: Any, *more: Any, **named: Any) -> Any:
        stack = _cloudformation._stacks.get(more[0]) if len(more) > 1 else None
        if stack and stack["StackStatus"] == "DELETE_IN_PROGRESS" and needed(stack, more[1]):
            raise RuntimeError(f"{more[1]} is needed by what could not be deleted")
        return delete(kind, physical_id, properties, *more, **named)

    def add_event(
        stack_id: str, stack_name: str, logical_id: str, kind: str, status: str, *more: Any, **named: Any
    ) -> None:
        stack = _cloudformation._stacks.get(stack_name) or {}
        if status in ("DELETE_IN_PROGRESS", failed) and stack.get("StackStatus") == "DELETE_IN_PROGRESS":
            if needed(stack, logical_id):
                return
        elif status == failed and logical_id == stack_name:
            left = stack.get("_resources", {})
            tried = [name for name, resource in left.items() if resource.get("ResourceStatus") == failed]
            spared = [name for name in tried if needed(stack, name)]
            for name in spared:
                left[name]["ResourceStatus"] = "CREATE_COMPLETE"
            names = ", ".join(sorted(set(tried) - set(spared)))
            reason = f"The following resource(s) failed to delete: [{names}]. "
            stack["StackStatusReason"] = reason
            more = (reason, *more[1:])
        tell(stack_id, stack_name, logical_id, kind, status, *more, **named)

    _stacks._delete_resource = remove
    _stacks._add_event = add_event


def on_resources_done(done: Callable[[str], None]) -> None:
    """Calls `done(stack_id)` when a deployment has made all resources, and goes on to remove old ones."""
    usual = _stacks._resolve_stack_outputs

    def resolve(*arguments: Any) -> Any:
        resolved = usual(*arguments)
        done(arguments[-1])
        return resolved

    _stacks._resolve_stack_outputs = resolve


TellEvent = Callable[..., None]
"""`tell(stack id, stack name, logical id, type, status, reason="", physical id="")`."""


def wrap_events(wrapper: Callable[[TellEvent], TellEvent]) -> None:
    """Puts a function around the telling of a stack's events."""
    _stacks._add_event = wrapper(_stacks._add_event)


def tell_event(*event: str) -> None:
    """Tells an event of a stack, as `TellEvent` has them."""
    _stacks._add_event(*event)


def change_stack_status(stack_id: str, status: str, reason: str = "") -> None:
    """Puts a stack into another status, and tells so."""
    name = stack_id.split("/")[1]
    _cloudformation._stacks[name].update(StackStatus=status, StackStatusReason=reason)
    _stacks._add_event(stack_id, name, name, "AWS::CloudFormation::Stack", status, reason, stack_id)


def stack_resources(stack_name: str) -> dict[str, dict[str, Any]]:
    """The resources of a stack of the request's account and region by their logical ids."""
    found: dict[str, dict[str, Any]] = (_cloudformation._stacks.get(stack_name) or {}).get("_resources", {})
    return found


def events_of(stack_id: str) -> list[dict[str, Any]]:
    """What a stack's events tell, oldest first."""
    found: list[dict[str, Any]] = _cloudformation._stack_events.get(stack_id) or []
    return found


def explain_stack(stack_name: str, reason: str) -> None:
    """Says why a stack is in the state that it is in."""
    _cloudformation._stacks[stack_name]["StackStatusReason"] = reason


def is_nested(stack_name: str) -> bool:
    return "ParentId" in (_cloudformation._stacks.get(stack_name) or {})


def stacks() -> list[tuple[str, str, dict[str, Any]]]:
    """Account, region and record of all stacks there are."""
    from ministack.services.cloudformation import _stacks as records

    return [(account, region, stack) for (account, region, _), stack in records.all_items()]


def parse_template(text: str) -> dict[str, Any]:
    """A template in JSON or YAML, with short functions written out. Raises `ValueError` for anything else."""
    template: dict[str, Any] = _engine._parse_template(text)
    return template


def check_rules(rules: dict[str, Any]) -> None:
    """Raises `ValueError`, in CloudFormation's words, for rules that no template could have."""
    _engine._check_rules_section({"Rules": rules})


_GIVEN: list[Callable[[str], str | None]] = []


def give_templates(find: Callable[[str], str | None]) -> None:
    """Reads the template of a request at its URL by `find`, where that knows it."""
    _GIVEN.append(find)
    usual = _handlers._resolve_template

    def resolve(parameters: dict[str, Any]) -> Any:
        url = (parameters.get("TemplateURL") or [""])[0]
        found = find(url) if isinstance(url, str) else None
        return (found, None) if found is not None else usual(parameters)

    _handlers._resolve_template = resolve


def is_given_template(url: str) -> bool:
    """Whether a service of our own has the template at a URL, which is then in no bucket."""
    return any(find(url) is not None for find in _GIVEN)


def allow_system_tags(allowed: Callable[[str, str], bool]) -> None:
    """Lets stacks have the tags, by key and value, that AWS's services give them and nobody else may."""
    usual = _helpers._validate_stack_tags

    def validate(tags: list[dict[str, str]]) -> Any:
        return usual([tag for tag in tags if not allowed(tag["Key"], tag["Value"])])

    _helpers._validate_stack_tags = validate


# --- identity --------------------------------------------------------------------------------------

Enforce = Callable[..., Any]
"""`enforce(access_key, action, service, region, resource_arn="*", service_context=None)`: None where the
request is allowed, or the refusal."""


def enforcing() -> bool:
    """Whether requests are authenticated and authorised."""
    return bool(_app.AUTH)


def replace_enforcement(wrapper: Callable[[Enforce], Enforce]) -> None:
    """Puts a function around ministack's authentication and authorisation of one action."""
    _iam_evaluator.enforce = wrapper(_iam_evaluator.enforce)


def name_actions(namespaces: Mapping[str, str]) -> None:
    """Lets requests to these services be authorised by their operations' names, in these namespaces."""
    _iam_actions.SERVICE_TO_IAM_NAMESPACE.update(namespaces)


def is_authentication_failure(refusal: Any) -> bool:
    """Whether a refusal is about who the caller is, and not about what they may do."""
    return isinstance(refusal, _iam_evaluator.AuthError)


def policy_refusal(principal_arn: str, *, explicit: bool, resource_policy_of: str = "") -> Any:
    """What `enforce` answers for somebody who may not; the resource whose own policy denies, if one does."""
    return _iam_evaluator.EvalResult(
        "Deny" if explicit else "ImplicitDeny",
        principal_arn=principal_arn,
        resource_policy_arn=resource_policy_of,
    )


def word_refusals(words: Callable[[str, str], str | None]) -> None:
    """Lets `words(service, action)` say why the refusal at hand was made; None leaves ministack's words."""
    respond = _iam_actions.access_denied_response
    usual = _iam_actions.identity_denial_message

    def response(service: str, action: str, *arguments: Any, **options: Any) -> Response:
        if not options.get("error_code"):
            options["message"] = words(service, action) or options.get("message", "")
        return respond(service, action, *arguments, **options)  # type: ignore[no-any-return]  # untyped

    def message(action: str, *arguments: Any) -> str:
        return words(action.partition(":")[0], action) or str(usual(action, *arguments))

    _iam_actions.access_denied_response = response
    _iam_actions.identity_denial_message = message


def replace_trust_evaluation(trusted: Callable[[Any, Any], bool]) -> None:
    """Lets `trusted(document, context)` decide who may assume a role; the context says who and what for."""

    def evaluate(document: Any, caller_arn: str, context: Any = None) -> bool:  # noqa: ARG001 - ministack's
        return trusted(document, context)

    _iam_evaluator.evaluate_trust_policy = evaluate


def replace_policy_validation(
    fault: Callable[[Any], str | None], trust_fault: Callable[[Any], str | None]
) -> None:
    """Lets these say what is wrong with a policy of a template or a session, and with a trust policy."""

    def require_valid(properties: Mapping[str, Any]) -> None:
        wrong = fault(properties.get("PolicyDocument", {}))
        if wrong:
            raise ValueError(wrong)

    _provisioners._iam_policy_require_valid_document = require_valid
    _sts.validate_policy_document = fault
    _iam._trust_policy_not_principal_error = trust_fault


def wrap_resource_policy_evaluation(prepare: Callable[[Any, Any], Any]) -> None:
    """Lets `prepare(document, context)` write a resource's policy in words that ministack understands."""
    usual = _iam_evaluator.evaluate_resource_policy

    def evaluate(document: Any, context: Any, *arguments: Any, **options: Any) -> Any:
        return usual(prepare(document, context), context, *arguments, **options)

    _iam_evaluator.evaluate_resource_policy = evaluate


def access_key_of(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> str:
    """The access key that a request is signed with, as it says; empty where it is not signed."""
    return str(_router.extract_access_key_id(headers, query))


def credential(access_key: str, account: str) -> Any:
    """Whose key it is (`account_id`, `principal_arn`, `principal_id`, `principal_type`, `principal_name`);
    None for a key that nobody has, or has any more."""
    owner = _responses._account_from_sts_session(access_key) or account
    found = _iam_evaluator.resolve_credential(access_key, owner)
    return None if isinstance(found, _iam_evaluator.CredentialResolutionError) else found


def session(access_key: str) -> dict[str, Any]:
    """What is known of temporary credentials; empty for others."""
    found: dict[str, Any] = _sts._sessions.get(access_key) or {}
    return found


def iam_role(account: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _iam._roles.get_scoped(account, None, name)
    return found


def iam_roles_of_profile(account: str, name: str) -> list[str]:
    """The ARNs of the roles in an instance profile."""
    profile = _iam._instance_profiles.get_scoped(account, None, name) or {}
    found = [iam_role(account, role) for role in profile.get("Roles", ())]
    return [str(role["Arn"]) for role in found if role is not None]


def iam_user(account: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _iam._users.get_scoped(account, None, name)
    return found


def iam_user_policies(account: str, name: str) -> dict[str, Any]:
    """A user's inline policies by name."""
    found: dict[str, Any] = _iam._user_inline_policies.get_scoped(account, None, name) or {}
    return found


def iam_groups_of(account: str, user: str) -> list[dict[str, Any]]:
    """The groups that a user is in, each with its inline policies as `InlinePolicies`."""
    with scope(account, region()):
        return [
            {**group, "InlinePolicies": _iam._group_inline_policies.get(name) or {}}
            for name, group in _iam._groups.items()
            if user in group.get("Users", ())
        ]


def iam_managed_policy(account: str, arn: str) -> Any:
    """The document of a managed policy's default version; None where there is no such policy."""
    with scope(account, region()):
        found = _iam._lookup_policy(arn)
    if not found:
        return None
    return found.get("Versions", {}).get(found.get("DefaultVersionId", "v1"), {}).get("Document")


def resource_policy_of(service: str, arn: str) -> tuple[Any, str] | None:
    """The policy of a resource, and its account; None for a resource that has none by its nature."""
    found: tuple[Any, str] | None = _iam_evaluator._resource_policy(service, arn)
    return found


def tags_of(arn: str) -> dict[str, str]:
    """The tags of a resource; none of one that is not there."""
    if arn.startswith("arn:aws:elasticmapreduce:"):  # which ministack does not know by their tags
        cluster = _emr._clusters.get(arn.rpartition("/")[2]) or {}
        return {str(tag["Key"]): str(tag.get("Value", "")) for tag in cluster.get("Tags", [])}
    found: dict[str, str] = _tagging.resource_tags(arn) or {}
    return found


def emr_cluster(cluster_id: str) -> dict[str, Any] | None:
    """The record of a cluster, as DescribeCluster answers it."""
    found: dict[str, Any] | None = _emr._clusters.get(cluster_id)
    return found


def organization_of(account: str) -> tuple[str, dict[str, Any]] | None:
    """The organization that an account is in: the account that manages it, and `id`, `targets` - the root,
    the units and the account, from the outside in - and `policies`: the documents attached to each."""
    for owner, member in [(account, account), *_organizations._accounts.to_dict()]:
        if member != account or _organizations._accounts.get_scoped(owner, None, account) is None:
            continue
        with scope(owner, region()):
            return owner, _organization(account)
    return None


def _organization(account: str) -> dict[str, Any]:
    targets = [account]
    while (parent := _parent_of(targets[0])) is not None:
        targets.insert(0, parent)
    attached = {
        target: [
            (policy["Id"], policy["_Content"])
            for policy in _organizations._policies.values()
            if policy["Type"] == "SERVICE_CONTROL_POLICY"
            and target in (_organizations._attachments.get(policy["Id"]) or ())
        ]
        for target in targets
    }
    enabled = _organizations._policy_type_enabled("SERVICE_CONTROL_POLICY")
    return {
        "id": _organizations._orgs["self"]["Id"],
        "targets": targets,
        "policies": attached if enabled else {},
    }


def _parent_of(target: str) -> str | None:
    record = _organizations._accounts.get(target) or _organizations._ous.get(target) or {}
    parent = record.get("_ParentId") or record.get("ParentId")
    return str(parent) if parent else None


def make_organization() -> bool:
    """Makes the account's organization; False where it is in one already."""
    if "self" in _organizations._orgs:
        return False
    _organizations._ensure_org()
    return True


def kms_key(identifier: str) -> dict[str, Any] | None:
    """The key of an identifier, an ARN or an alias, with its `Arn` and its grants as `Grants`."""
    found = _kms._resolve_key(identifier)
    if found is None:
        return None
    grants = [grant for grant in _kms._grants.values() if grant["KeyId"] == found["Arn"]]
    return {**found, "Grants": grants}


def s3_encryption_of(bucket: str, key: str) -> Mapping[str, str]:
    """The encryption headers of an object as it is kept; none of one that is not there."""
    objects = (_s3._buckets.get(bucket) or {}).get("objects", {})
    found: Mapping[str, str] = _s3._stored_sse_headers(objects[key]) if key in objects else {}
    return found


def s3_encryption_for(headers: Mapping[str, str], bucket: str) -> Mapping[str, str]:
    """The encryption headers that a new object gets, by its request or by its bucket."""
    found, _ = _s3._resolve_sse_write_headers(dict(headers), bucket)
    return found or {}


def vpc_endpoint(identifier: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _ec2._vpc_endpoints.get(identifier)
    return found


def wrap_resource_lifecycle(
    create: Callable[[str, str, Mapping[str, Any], str], None],
    update: Callable[[str, str, Mapping[str, Any], Mapping[str, Any]], None],
    delete: Callable[[str, str, Mapping[str, Any]], None],
) -> None:
    """Asks before CloudFormation makes, changes or removes a resource: whoever raises stops it.

    `create(type, logical_id, properties, stack_name)`, `update(type, physical_id, old, new)`,
    `delete(type, physical_id, properties)`. A replacement is a creation and a deletion.
    """
    provision, change, remove = (
        _provisioners._provision_resource,
        _provisioners._update_resource,
        _provisioners._delete_resource,
    )
    within_update: ContextVar[bool] = ContextVar("within_update", default=False)

    def provisioned(kind: str, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        if not within_update.get():
            create(kind, logical_id, properties, stack)
        return provision(kind, logical_id, properties, stack)

    def changed(
        kind: str, physical_id: str, old: dict[str, Any], new: dict[str, Any], *more: Any, **options: Any
    ) -> Any:
        replaced = _provisioners._replacing_change(kind, old, new)
        if old != new and not replaced:
            update(kind, physical_id, old, new)
        token = within_update.set(not replaced)
        try:
            return change(kind, physical_id, old, new, *more, **options)
        finally:
            within_update.reset(token)

    def removed(kind: str, physical_id: str, properties: dict[str, Any], *more: Any, **options: Any) -> Any:
        delete(kind, physical_id, properties)
        return remove(kind, physical_id, properties, *more, **options)

    for module in (_provisioners, _stacks):
        module._provision_resource = provisioned
        module._update_resource = changed
        module._delete_resource = removed


def wrap_dynamic_references(ask: Callable[[str, str], None]) -> None:
    """Asks before a template's `{{resolve:service:what}}` is looked up: whoever raises stops it."""
    look_up = _engine._resolve_dynamic_reference

    def looked_up(literal: str) -> str:
        service, _, what = literal.strip("{}").removeprefix("resolve:").partition(":")
        ask(service, what)
        return str(look_up(literal))

    _engine._resolve_dynamic_reference = looked_up


# --- events and schedules --------------------------------------------------------------------------


def expects_events() -> bool:
    """Whether anything in the account and region of now would do something with a service's event."""
    return any(True for store in (_events._rules, _events._archives) for _ in store)


def put_service_event(source: str, detail_type: str, resources: Sequence[str], detail: Any) -> None:
    """Puts what a service of AWS's has to tell on the default bus, from where rules take it."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Resources": list(resources),
        "Detail": json.dumps(detail),
    }
    _events._put_events({"Entries": [entry]}, allow_aws_source=True)


def keep_schedules(keep: Callable[[], None], seconds: float) -> None:
    """Calls `keep` so often, in place of what looks after EventBridge Scheduler's schedules; rules with a
    schedule are looked at as often."""
    _scheduler._tick_schedules = keep
    _scheduler._SCHEDULE_TICK_INTERVAL = seconds
    _events._SCHEDULER_TICK_INTERVAL = seconds


def schedules() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Account, region, key and record of EventBridge Scheduler's schedules, in every account."""
    return [(*key, record) for key, record in list(_scheduler._schedules._data.items())]


def remove_schedule(account: str, in_region: str, key: str) -> None:
    _scheduler._schedules._data.pop((account, in_region, key), None)


def add_state_tasks(
    services: Mapping[str, tuple[str, str, str]],
    codes: Mapping[str, Mapping[str, str]],
    tasks: Mapping[str, Callable[[str, Any], Any]],
) -> None:
    """What state machines may call beyond what ministack lets them.

    `services`: by the name in `aws-sdk:<name>:…`, the service's own, the prefix of its targets and that of
    its errors; `codes`: what its errors are called; `tasks`: by the beginning of a resource,
    `task(resource, parameters)`, which raises what `task_failure` makes.
    """
    states = importlib.import_module("ministack.services.stepfunctions")  # heavy: not before it is used
    for name, (service_name, target, prefix) in services.items():
        known = {"target_prefix": target, "protocol": "json", "service_key": service_name}
        states._AWS_SDK_SERVICE_MAP[name] = known
        states._AWS_SDK_ERROR_PREFIX[name] = prefix
    states._AWS_SDK_ERROR_CODE_OVERRIDES.update(codes)
    states._SERVICE_DISPATCH.update(tasks)


def task_failure(error: str, cause: str) -> Exception:
    """What ends a task of a state machine, to be retried or caught by its name."""
    states = importlib.import_module("ministack.services.stepfunctions")
    failure: Exception = states._ExecutionError(error, cause)
    return failure


# --- queries ---------------------------------------------------------------------------------------


def place_query_results() -> None:
    """Lets a query's answer lie where GetQueryExecution says: ministack takes that for a folder."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    usual = athena._save_query_results

    async def saved(query: str) -> None:
        result = athena._executions[query]["ResultConfiguration"]
        place = result["OutputLocation"]
        result["OutputLocation"] = place.rpartition("/")[0]
        try:
            await usual(query)
        finally:
            result["OutputLocation"] = place

    athena._save_query_results = saved


def workgroup_of(query: str) -> str | None:
    """Of a query that Athena was asked."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    execution = athena._executions.get(query)
    return None if execution is None else str(execution["WorkGroup"])


def complete_athena(
    relation: Callable[[Mapping[str, Any], list[str], Callable[[], str]], str],
    check_reading: Callable[[str], None],
    expand: Callable[[str, str], str],
) -> None:
    """Lets `relation(table, files, usual)` say what a table is, of copies of its files: `usual()` is what
    these are in the engine's words. `check_reading(location)` refuses, for whoever asks, by raising, and
    `expand(query, database)` says what a query is without views."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    usual, copied = athena._table_relation, athena._materialize_table_files
    rewrite = athena._rewrite_data_paths

    async def rewritten(query: str, database: str, catalog: str | None = None) -> Any:
        return await rewrite(expand(query, database or "default"), database, catalog)

    def of_table(table: Mapping[str, Any], files: list[str]) -> str:
        return relation(table, files, lambda: str(usual(table, files)))

    def of_empty_table(table: Mapping[str, Any]) -> str:
        return relation(table, [], lambda: "")

    def at(location: str, folders: Any) -> Any:
        check_reading(location)
        return copied(location, folders)

    athena._table_relation, athena._empty_relation = of_table, of_empty_table
    athena._materialize_table_files = at
    athena._rewrite_data_paths = rewritten


def tables_of_query(query: str) -> list[Any]:
    """The tables of the catalog of Glue's that a query names, as ministack finds them."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    found = athena._table_references(query)
    return [one for one in found if (one.catalog or "awsdatacatalog").lower() == "awsdatacatalog"]


def glue_table(database: str, name: str) -> Mapping[str, Any] | None:
    glue: Any = importlib.import_module("ministack.services.glue")
    found: Mapping[str, Any] | None = glue._tables.get(f"{database}/{name}")
    return found


def invoke_event_target(
    target: Mapping[str, Any], event: Mapping[str, Any], schedule: Mapping[str, Any]
) -> None:
    """Sends an event to a function, a queue, a topic or a state machine, as a rule does."""
    _events._invoke_target(target, event, schedule)
