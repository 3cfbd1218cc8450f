"""What starts first in a container, a program of its own: `python -I -S container_init.py ...`.

It is run by its path and imports next to nothing: its start is a part of every container's start.
Three processes come of it. The first stays outside, holds one end of the control socket and ends the
others when the server goes, however it goes. The second is process 1 of the container and reaps what
the program leaves behind, as `docker run --init` does; when it ends, the kernel ends everything else
in the container. The third becomes the program.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

CANNOT_START = 125
"""The exit code that says: it was us, not the program. Docker uses the same one."""
CONNECT = b"C"
"""On the control socket, followed by a port in two bytes: asks for a connection inside the container."""

_NEW_MOUNTS, _NEW_USERS, _NEW_PROCESSES, _NEW_NETWORK = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_NO_SUID, _NO_DEVICES, _NO_PROGRAMS = 0x2, 0x4, 0x8
_SET_PARENT_DEATH_SIGNAL = 1
_SET_INTERFACE_FLAGS, _INTERFACE_UP = 0x8914, 0x1


def main() -> NoReturn:
    """Arguments: the control socket's descriptor, the container's folder, which namespaces it gets
    (`none`, `own` or `own+network`), the working folder, and the program with its arguments."""
    control, folder, namespaces, working_folder, *program = sys.argv[1:]
    try:
        if namespaces != "none":
            _leave(network=namespaces == "own+network")
    except OSError as error:
        _refuse(f"cannot make a container's namespaces: {error}")
    wake_up, on_signal = os.pipe()
    os.set_blocking(on_signal, False)
    signal.set_wakeup_fd(on_signal)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # its number comes through the pipe
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        os.close(int(control))
        _be_first(folder, working_folder, program, own_files=namespaces != "none")
    _stay_outside(int(control), wake_up, child)


def _stay_outside(control: int, wake_up: int, child: int) -> NoReturn:
    while True:
        ready, _, _ = select.select([control, wake_up], [], [])
        if wake_up in ready:
            if signal.SIGTERM in os.read(wake_up, 64):
                os.kill(child, signal.SIGTERM)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                os._exit(_exit_code(status))
        if control in ready:
            request = os.read(control, 3)
            if not request:  # the server is gone, or wants this ended
                os.killpg(child, signal.SIGKILL)
                os._exit(_exit_code(os.waitpid(child, 0)[1]))
            _connect(control, int.from_bytes(request[1:], "big"))


def _connect(control: int, port: int) -> None:
    """Hands the server a connection to a port of the container's own network, which it cannot reach."""
    import socket

    with socket.socket(fileno=os.dup(control)) as channel, socket.socket() as connection:
        problem = connection.connect_ex(("127.0.0.1", port))
        descriptors = [] if problem else [connection.fileno()]
        socket.send_fds(channel, [problem.to_bytes(2, "big")], descriptors)


def _be_first(folder: str, working_folder: str, program: list[str], *, own_files: bool) -> NoReturn:
    os.setpgid(0, 0)
    _end_with_parent()
    if own_files:
        try:
            _mount_files(folder)
        except OSError as error:
            _refuse(f"cannot mount /opt/ml: {error}")
    child = os.fork()
    if child == 0:
        _become(working_folder, program)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(_exit_code(status))


def _become(working_folder: str, program: list[str]) -> NoReturn:
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    _end_with_parent()
    try:
        os.chdir(working_folder)
        os.execvp(program[0], program)  # noqa: S606 - no shell: that is the point
    except OSError as error:
        os.write(2, f"exec {program[0]}: {error.strerror}\n".encode())
        os._exit(127 if error.errno == errno.ENOENT else 126)  # as a shell and Docker answer


def _leave(*, network: bool) -> None:
    """Into namespaces of its own: as root where root may, otherwise as the root of a user namespace."""
    wanted = _NEW_MOUNTS | _NEW_PROCESSES | (_NEW_NETWORK if network else 0)
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(wanted) != 0:
        _check(_libc().unshare(wanted | _NEW_USERS), "unshare")
        _write("/proc/self/setgroups", "deny")  # the kernel's condition for an unprivileged gid_map
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    if network:
        _raise_loopback()


def _raise_loopback() -> None:
    import fcntl
    import socket

    with socket.socket() as any_socket:
        request = b"lo".ljust(16, b"\0") + _INTERFACE_UP.to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, request)


def _mount_files(folder: str) -> None:
    """Puts the container's `ml` at /opt/ml and leaves the rest of /opt as it is; the host sees nothing."""
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    if os.path.isdir("/opt/ml"):  # noqa: PTH112 - pathlib takes longer to import than all of this
        _mount(f"{folder}/ml", "/opt/ml", None, _BIND | _RECURSIVE)
    else:
        _replace_opt(f"{folder}/opt", f"{folder}/ml")
    # Programs that look at /proc see their own processes. In a container whose own /proc is masked the
    # kernel refuses a new one: then they see more than they should, and nothing else changes.
    _libc().mount(b"proc", b"/proc", b"proc", _NO_SUID | _NO_DEVICES | _NO_PROGRAMS, None)


def _replace_opt(stage: str, files: str) -> None:
    _mount("none", stage, "tmpfs", _NO_SUID | _NO_DEVICES)
    for entry in os.scandir("/opt"):
        copy = f"{stage}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), copy)  # noqa: PTH211, PTH115 - no pathlib, as above
            continue
        if entry.is_dir():
            os.mkdir(copy)  # noqa: PTH102 - no pathlib, as above
        else:
            os.close(os.open(copy, os.O_CREAT))
        _mount(entry.path, copy, None, _BIND | _RECURSIVE)
    os.mkdir(f"{stage}/ml")  # noqa: PTH102 - no pathlib, as above
    _mount(files, f"{stage}/ml", None, _BIND | _RECURSIVE)
    _mount(stage, "/opt", None, _BIND | _RECURSIVE)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        _check(_libc().prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    arguments = [None if text is None else text.encode() for text in (source, target, kind)]
    _check(_libc().mount(*arguments, ctypes.c_ulong(flags), None), f"mount {target}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _refuse(reason: str) -> NoReturn:
    os.write(2, f"{reason}\n".encode())
    os._exit(CANNOT_START)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
