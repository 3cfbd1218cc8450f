"""What runs on this machine, as tests look at it: a process may end while it is being looked at."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_PATIENCE_SECONDS = 10


def children_of(pid: int) -> list[psutil.Process]:
    """All that run below a process."""
    return [child for child in psutil.Process(pid).children(recursive=True) if _runs(child)]


def processes_of(state: Path) -> list[psutil.Process]:
    """The others that have anything to do with a state folder: their command or environment names it."""
    others = (process for process in psutil.process_iter() if process.pid != os.getpid())
    return [process for process in others if str(state) in _told_of(process)]


def left_of(processes: Iterable[psutil.Process]) -> list[str]:
    """The commands of those that do not end within ten seconds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    left = [process for process in processes if _runs(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if _runs(process)]
    return [f"{process.pid} {_told_of(process)}" for process in left]


def free_port() -> int:
    """Below those that systems give to whoever asks for any: nobody takes it before it is used.

    Linux and macOS give 32768 and upwards (https://man7.org/linux/man-pages/man7/ip.7.html).
    """
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def _runs(process: psutil.Process) -> bool:
    """One that only waits to be counted by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _told_of(process: psutil.Process) -> str:
    try:
        return " ".join([*process.cmdline(), *process.environ().values()])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
