"""EventBridge Scheduler: schedules that act, in their time zone, on any operation of AWS's.

What is kept of them, and its API, is ministack's: `control` refuses what no time or no target is, `keeper`
says what is due, and `targets` does it.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

_SECONDS = 1.0
"""How often schedules are looked at, and rules that have one: "60 second precision" on AWS."""


def install() -> None:
    """Makes schedules act. What takes time to load is loaded when there is one."""
    from local_aws import hooks

    usual = hooks.server.service("scheduler")

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method in ("POST", "PUT") and path.startswith("/schedules/"):
            from local_aws.scheduler import control

            refusal = await hooks.request.on_own_thread(control.refusal, body)
            if refusal is not None:
                return refusal
        return await usual(method, path, headers, body, query)

    hooks.server.add_service("scheduler", handle)
    hooks.schedules.keep_schedules(partial(_keep, time.time()), _SECONDS)
    hooks.server.on_reset(_forget)


def _keep(started: float) -> None:
    from local_aws import hooks

    if hooks.schedules.schedules():
        from local_aws.scheduler import keeper

        keeper.keep(time.time(), started)


def _forget() -> None:
    known = sys.modules.get("local_aws.scheduler.keeper")
    if known is not None:
        known.forget()
