"""The local AWS as a process: one port on loopback, one state folder, nothing outside of either."""

from __future__ import annotations

import asyncio
import asyncio.constants
import fcntl
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from local_aws.process import DEFAULT_PORT, HOST, LOCK_FILE, RECORD_FILE

if TYPE_CHECKING:
    from local_aws.persistence import Keeper
    from local_aws.tls import Material

logger = logging.getLogger("local_aws")

_PORT_TAKEN = 2
_STATE_TAKEN = 3
_CANNOT_RESTORE = 4
_LOCK_ATTEMPTS = 5
_LOCK_SECONDS = 0.05
_FAREWELL_SECONDS = 0.5
_COLLECT_AFTER = 20_000
"""New objects, net. A full collection looks at all that is kept, while every request waits: models and
schemas alone are 300,000 objects, and Python's own 700 begin one every few seconds under load."""


def serve(port: int | None, state: Path, *, persist: bool = False, enforce_iam: bool = False) -> int:
    """Serves in the foreground until SIGTERM or SIGINT, and answers the exit code.

    `port` is 0 for any free one; None takes 4566, or any free one when that is taken. With `persist`
    what is answered is kept in the state folder, and taken up by the next start that persists. With
    `enforce_iam` every request is authenticated and authorised, over TLS.
    """
    state.mkdir(parents=True, exist_ok=True)
    state = state.resolve()
    with ExitStack() as cleanup:
        lock = _lock(state)
        if lock is None:
            print(f"a local AWS is running with the state folder '{state}', stop it first", file=sys.stderr)
            return _STATE_TAKEN
        cleanup.enter_context(lock)
        try:
            listener = cleanup.enter_context(_listen(port))
        except OSError as error:
            print(f"port {port} of {HOST} is not free ({error.strerror}), choose another", file=sys.stderr)
            return _PORT_TAKEN
        bound = int(listener.getsockname()[1])
        secured = _secured(state, cleanup) if enforce_iam else None
        _prepare_environment(secured.inside.getsockname()[1] if secured else bound, state, enforce_iam)
        record = state / RECORD_FILE
        told = {"pid": os.getpid(), "port": bound, "persists": persist}
        _write(record, told | ({"ca": str(secured.files.authority)} if secured else {}))
        cleanup.callback(record.unlink, missing_ok=True)
        cleanup.callback(shutil.rmtree, state / "tmp", ignore_errors=True)
        # Only now: ministack must find its environment prepared.
        from local_aws import sagemaker
        from local_aws.persistence import CannotRestore, Keeper

        try:
            if persist:
                sagemaker.keep_in(state)
            asyncio.run(_serve(listener, secured, Keeper(state) if persist else None))
        except CannotRestore as error:
            print(
                f"the state in '{state}' cannot be taken up: {error}; `clary local reset` removes it, a start"
                " without --persist leaves it where it is",
                file=sys.stderr,
            )
            return _CANNOT_RESTORE
    return 0


@dataclass(frozen=True)
class _Secured:
    """What a server has beyond its listener when it enforces IAM."""

    files: Material
    inside: socket.socket
    """Where its own services, functions and containers come in, without TLS."""


def _secured(state: Path, cleanup: ExitStack) -> _Secured:
    from local_aws.tls import material

    return _Secured(material(state), cleanup.enter_context(_listen(0)))


def _lock(state: Path) -> TextIO | None:
    """The lock that says a server lives with this state; the kernel drops it whichever way we end."""
    file = (state / LOCK_FILE).open("w")
    for _ in range(_LOCK_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_SECONDS)  # somebody may just be looking whether we are there
        else:
            return file
    file.close()
    return None


def _listen(port: int | None) -> socket.socket:
    """A bound socket: whether the port is free is known before anything else is started."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, DEFAULT_PORT if port is None else port))
        # Two sockets may be bound to one port with SO_REUSEADDR; only one of them may listen.
        listener.listen(128)
    except OSError:
        listener.close()
        if port is None:
            return _listen(0)
        raise
    return listener


def _prepare_environment(port: int, state: Path, enforce_iam: bool) -> None:
    """ministack reads its settings while it is imported, and hands the environment on to functions.

    So this comes first, and takes out whatever would lead a function to another AWS than this one.
    """
    temporary = state / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name in list(os.environ):
        if name.startswith(("AWS_", "LAMBDA_", "LOCALSTACK_", "MINISTACK_")):
            del os.environ[name]
    for name in ("AUTH", "EDGE_PORT", "SERVICES", "SMTP_HOST", "USE_SSL"):
        os.environ.pop(name, None)
    os.environ.update(
        AUTH="true" if enforce_iam else "false",
        AWS_CONFIG_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        BIND_HOST=HOST,
        # There is no Docker here even where there is one: ministack would tidy up its containers.
        DOCKER_HOST=f"unix://{temporary}/no-docker.sock",
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="WARNING",
        NO_PROXY=",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"])),
        PERSIST_STATE="0",
        S3_DATA_DIR=str(temporary / "s3"),
        S3_PERSIST="0",
        SFTP_ENABLED="0",
        STATE_DIR=str(temporary / "ministack"),
        TMPDIR=str(temporary),
    )


def _write(file: Path, record: Mapping[str, int | str]) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(record))
    partial.replace(file)


async def _serve(listener: socket.socket, secured: _Secured | None, keeper: Keeper | None) -> None:
    # Only now: ministack must find its environment prepared.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from hypercorn.utils import LifespanFailureError

    from local_aws import (
        alarms,
        apigateway,
        athena,
        cloudformation,
        connections,
        ec2_rules,
        emr,
        front,
        functions,
        hooks,
        log_events,
        metric_filters,
        metrics,
        object_keys,
        sagemaker,
        scaling,
        scheduler,
        servicecatalog,
        settings,
        state_machines,
        wafv2,
    )
    from local_aws.cloudformation import recovery
    from local_aws.identity import grammar
    from local_aws.persistence import kept

    logger.setLevel(logging.INFO)
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    hooks.functions.mend_functions()
    connections.let_go_of_closed()
    if keeper is not None:
        recovery.install()
    cloudformation.install()
    ec2_rules.install()
    object_keys.install()
    metrics.install()
    alarms.install()
    log_events.install()
    metric_filters.install()
    apigateway.install()
    wafv2.install()
    athena.install()
    emr.install()
    functions.install()
    sagemaker.install()
    scaling.install()
    scheduler.install()
    state_machines.install()
    servicecatalog.install()
    grammar.install()
    front.add_page(settings.PATH, settings.answer)
    hooks.server.on_reset(settings.forget)

    config = Config()
    # hypercorn closes the descriptor it is given: it gets one of its own.
    config.bind = [f"fd://{os.dup(listener.fileno())}"]
    config.h11_pass_raw_headers = True  # `front.with_header_names` is for them
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def end_programs() -> None:
        hooks.functions.stop_waiting()
        hooks.functions.stop_functions()
        sagemaker.shut_down()

    def take_up() -> None:
        # Endpoints first: a stack's rollback waits for them.
        sagemaker.take_up()
        scaling.take_up()
        state_machines.prepare()  # an event may start one before anybody asks for one
        recovery.take_up()
        servicecatalog.take_up()

    async def until_stopped() -> None:
        await stop.wait()
        if keeper is not None:
            keeper.close()
        # Requests in flight are waited for, and busy programs would keep them there: those end first.
        await asyncio.to_thread(end_programs)

    application = front.with_own_pages(apigateway.remember_requests(hooks.server.application()))
    if secured is not None:
        from local_aws import identity

        # A client that keeps its connection does not answer TLS's farewell; the default is half a minute.
        asyncio.constants.SSL_SHUTDOWN_TIMEOUT = _FAREWELL_SECONDS
        config.certfile, config.keyfile = str(secured.files.certificate), str(secured.files.key)
        config.insecure_bind = [f"fd://{os.dup(secured.inside.fileno())}"]
        identity.install()
        application = identity.remember_requests(application, secured.inside.getsockname()[1])
    if keeper is not None:
        application = kept(application, keeper, take_up)
    try:
        await serve(front.with_header_names(application), config, shutdown_trigger=until_stopped)
    except LifespanFailureError:
        if keeper is None or keeper.refusal is None:
            raise
        raise keeper.refusal from None  # the log has the whole of it
    finally:
        end_programs()
