"""What starts first in a container, a program of its own: `python -I -S container_init.py SETTINGS`.

It is run by its path and imports next to nothing: its start is a part of every container's start.
Three processes come of it. The first stays outside, holds one end of the control socket, and ends the
others when the server goes, however it goes. The second is process 1 of the container: it reaps what
the program leaves behind, as `docker run --init` does, and opens connections to the program's ports
for the server; when it ends, the kernel ends everything else in the container. The third becomes the
program. Where that has a network of its own, a fourth stays with the first and carries what it sends
to the server.
"""

from __future__ import annotations

import ctypes
import errno
import marshal
import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, NoReturn, TypedDict

    class Settings(TypedDict):
        """Handed over as one argument: marshalled, because JSON's import would take half of the start."""

        control: int
        """The descriptor of the socket whose other end the server holds for as long as it wants this."""
        connector: int
        """The descriptor of the socket on which the server asks for connections: two bytes, a port."""
        folder: str
        """The container's own, with `ml`, `hosts` and places to mount on."""
        root: str | None
        """The image's root file system; None for a program that sees this machine's files."""
        working_folder: str
        program: list[str]
        namespaces: bool
        hostname: str | None
        network: str
        """`host`, `own`, or `given`: the descriptors below."""
        network_namespace: int
        user_namespace: int
        """Descriptors, or -1."""
        server_port: int
        """Where in a network of its own the container finds the server; 0 where it shall not."""


CANNOT_START = 125
"""The exit code that says: it was us, not the program. Docker uses the same one."""

_NEW_MOUNTS, _NEW_NAMES = 0x00020000, 0x04000000
_NEW_USERS, _NEW_PROCESSES, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_BIND, _MOVE, _RECURSIVE, _PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
_NO_SUID, _NO_DEVICES, _NO_PROGRAMS = 0x2, 0x4, 0x8
_SET_PARENT_DEATH_SIGNAL = 1
_SET_INTERFACE_FLAGS, _INTERFACE_UP = 0x8914, 0x1
_PASSED_ON = (signal.SIGINT, signal.SIGTERM)
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_CHUNK = 1 << 16


def main() -> NoReturn:
    settings: Settings = marshal.loads(bytes.fromhex(sys.argv[1]))  # noqa: S302 - the server's own words
    relay = _start_relay(settings) if settings["server_port"] else None
    try:
        if settings["namespaces"]:
            _leave(settings)
    except OSError as error:
        _refuse(f"cannot make a container's namespaces: {error}")
    wake_up = _signals_as_bytes()
    child = os.fork()
    if child == 0:
        os.close(settings["control"])
        _be_first(settings, relay)
    os.close(settings["connector"])
    if relay is not None:
        relay.close()
    _stay_outside(settings["control"], wake_up, child)


def _stay_outside(control: int, wake_up: int, child: int) -> NoReturn:
    while True:
        ready, _, _ = select.select([control, wake_up], [], [])
        if wake_up in ready:
            for number in os.read(wake_up, 64):
                if number in _PASSED_ON:
                    os.kill(child, number)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                os._exit(_exit_code(status))
        if control in ready:  # the server is gone, or wants this ended
            for end in (os.killpg, os.kill):
                _try(end, child, signal.SIGKILL)
            os._exit(_exit_code(os.waitpid(child, 0)[1]))


def _be_first(settings: Settings, relay: Any) -> NoReturn:
    os.setpgid(0, 0)
    _end_with_parent()
    connector = settings["connector"]
    os.set_inheritable(connector, False)
    try:
        _join_network(settings, relay)
        if settings["namespaces"]:
            _mount_files(settings)
        if settings["hostname"] is not None:
            name = settings["hostname"].encode()
            _check(_libc().sethostname(name, len(name)), "sethostname")
    except OSError as error:
        _refuse(f"cannot make a container's files and network: {error}")
    wake_up = _signals_as_bytes()
    child = os.fork()
    if child == 0:
        _become(settings["working_folder"], settings["program"])
    watched = [wake_up, connector]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if connector in ready and not _connect(connector):
            watched.remove(connector)
        if wake_up in ready:
            for number in os.read(wake_up, 64):
                if number in _PASSED_ON:
                    os.kill(child, number)
            _reap(child)


def _reap(program: int) -> None:
    """Collects what has ended; when that is the program, the container has."""
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended == program:
            os._exit(_exit_code(status))
        if not ended:
            return


def _become(working_folder: str, program: list[str]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, *_PASSED_ON):
        signal.signal(number, signal.SIG_DFL)
    _end_with_parent()
    try:
        os.chdir(working_folder)
        os.execvp(program[0], program)  # noqa: S606 - no shell: that is the point
    except OSError as error:
        os.write(2, f"exec {program[0]}: {error.strerror}\n".encode())
        os._exit(127 if error.errno == errno.ENOENT else 126)  # as a shell and Docker answer


def _signals_as_bytes() -> int:
    """A descriptor from which the numbers of signals can be read, as they come in."""
    wake_up, on_signal = os.pipe()
    os.set_blocking(on_signal, False)
    signal.set_wakeup_fd(on_signal)
    for number in (signal.SIGCHLD, *_PASSED_ON):
        signal.signal(number, lambda *_: None)
    return wake_up


# --- namespaces ------------------------------------------------------------------------------------


def _leave(settings: Settings) -> None:
    """Into namespaces of its own: as root where root may, otherwise as the root of a user namespace.

    The network's comes later: the first process stays where the server is.
    """
    if settings["user_namespace"] >= 0:
        _check(_libc().setns(settings["user_namespace"], _NEW_USERS), "setns")
    wanted = _NEW_MOUNTS | _NEW_PROCESSES | _NEW_NAMES
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(wanted) != 0:
        _check(_libc().unshare(wanted | _NEW_USERS), "unshare")
        _write("/proc/self/setgroups", "deny")  # the kernel's condition for an unprivileged gid_map
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")


# --- the network -----------------------------------------------------------------------------------


def _join_network(settings: Settings, relay: Any) -> None:
    if settings["network"] == "host":
        return
    if settings["network"] == "own":
        _check(_libc().unshare(_NEW_NETWORK), "unshare")
        _raise_loopback()
    else:
        _check(_libc().setns(settings["network_namespace"], _NEW_NETWORK), "setns")
    if relay is not None:
        import socket

        # A socket belongs to the network in which it was made, whoever accepts from it.
        with relay, socket.create_server(("127.0.0.1", settings["server_port"])) as listener:
            socket.send_fds(relay, [b"L"], [listener.fileno()])


def _connect(connector: int) -> bool:
    """Hands the server a connection to a port of the container's own network, which it cannot reach."""
    request = os.read(connector, 2)
    if not request:
        return False
    import socket

    with socket.socket(fileno=os.dup(connector)) as channel, socket.socket() as connection:
        problem = connection.connect_ex(("127.0.0.1", int.from_bytes(request, "big")))
        descriptors = [] if problem else [connection.fileno()]
        socket.send_fds(channel, [problem.to_bytes(2, "big")], descriptors)
    return True


def _start_relay(settings: Settings) -> Any:
    """A process in the server's network; it is told through the socket where to accept connections."""
    import socket

    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        for descriptor in (settings["control"], settings["connector"]):
            os.close(descriptor)
        _end_with_parent()
        _relay(theirs, settings["server_port"])
    theirs.close()
    return ours


def _relay(channel: socket.socket, port: int) -> NoReturn:
    """Carries connections from the container's network to the server."""
    import socket
    import threading

    def carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(_CHUNK):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, target):
                _try(one.shutdown, socket.SHUT_RDWR)

    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    if not descriptors:
        os._exit(0)  # the container has failed, and says why itself
    listener = socket.socket(fileno=descriptors[0])
    while True:
        inside, _ = listener.accept()
        try:
            outside = socket.create_connection(("127.0.0.1", port))
        except OSError:
            inside.close()
            continue
        for source, target in ((inside, outside), (outside, inside)):
            threading.Thread(target=carry, args=(source, target), daemon=True).start()


def _raise_loopback() -> None:
    import fcntl
    import socket

    with socket.socket() as any_socket:
        request = b"lo".ljust(16, b"\0") + _INTERFACE_UP.to_bytes(2, sys.byteorder) + bytes(22)
        fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, request)


# --- files -----------------------------------------------------------------------------------------


def _mount_files(settings: Settings) -> None:
    """Puts the container's `ml` at /opt/ml; of what is mounted here, the host sees nothing."""
    folder, root = settings["folder"], settings["root"]
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    if root is not None:
        _enter_root(folder, root)
        return
    if os.path.isdir("/opt/ml"):  # noqa: PTH112 - pathlib takes longer to import than all of this
        _mount(f"{folder}/ml", "/opt/ml", None, _BIND | _RECURSIVE)
    else:
        _replace_opt(f"{folder}/opt", f"{folder}/ml")
    if os.path.exists("/etc/hosts"):  # noqa: PTH110 - as above
        _mount(f"{folder}/hosts", "/etc/hosts", None, _BIND)
    # Programs that look at /proc see their own processes. In a container whose own /proc is masked the
    # kernel refuses a new one: then they see more than they should, and nothing else changes.
    _mount_processes("/proc")


def _replace_opt(stage: str, files: str) -> None:
    """Leaves the rest of /opt as it is."""
    _mount("none", stage, "tmpfs", _NO_SUID | _NO_DEVICES)
    for entry in os.scandir("/opt"):
        copy = f"{stage}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), copy)  # noqa: PTH211, PTH115 - no pathlib, as above
            continue
        _bind(entry.path, copy)
    _bind(files, f"{stage}/ml")
    _mount(stage, "/opt", None, _BIND | _RECURSIVE)


def _enter_root(folder: str, root: str) -> None:
    """Makes the image's root file system this process's, with a layer above it for what is written."""
    stage = f"{folder}/root"
    _overlay(root, folder, stage)
    for name in ("dev", "etc", "opt", "proc", "sys", "tmp"):
        os.makedirs(f"{stage}/{name}", exist_ok=True)  # noqa: PTH103 - as above
    _bind(f"{folder}/ml", f"{stage}/opt/ml")
    for name in ("hosts", "resolv.conf"):
        _copy(f"{folder}/hosts" if name == "hosts" else f"/etc/{name}", f"{stage}/etc/{name}")
    # Not the usual 1777: Linux refuses to open others' devices for writing in a sticky folder.
    _mount("none", f"{stage}/dev", "tmpfs", _NO_SUID | _NO_PROGRAMS, "mode=755")
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{stage}/dev/{name}")
    os.mkdir(f"{stage}/dev/shm", 0o1777)  # noqa: PTH102, S108 - as above; a container's own
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{stage}/dev/{name}")  # noqa: PTH211 - as above
    if not _mount_processes(f"{stage}/proc"):
        _mount("/proc", f"{stage}/proc", None, _BIND | _RECURSIVE)
    # What reads how many processors there are, reads it here; without it, it guesses.
    _libc().mount(b"/sys", f"{stage}/sys".encode(), None, ctypes.c_ulong(_BIND | _RECURSIVE), None)
    # What is imported from here on is not found any more: `_connect` and `os.execvp` need these.
    import socket  # noqa: F401
    import warnings  # noqa: F401

    os.chdir(stage)
    _mount(stage, "/", None, _MOVE)
    os.chroot(".")
    os.chdir("/")


def _overlay(root: str, folder: str, stage: str) -> None:
    """The upper layer is in the container's folder, or in memory where its file system cannot be one."""
    problem = OSError()
    for upper in (f"{folder}/upper", f"{folder}/scratch"):
        if upper.endswith("scratch"):
            _mount("none", upper, "tmpfs", _NO_DEVICES)
        for name in ("changes", "work"):
            os.makedirs(f"{upper}/{name}", exist_ok=True)  # noqa: PTH103 - as above
        layers = f"lowerdir={_escaped(root)},upperdir={upper}/changes,workdir={upper}/work"
        for options in (f"{layers},userxattr", layers):
            try:
                _mount("overlay", stage, "overlay", 0, options)
            except OSError as error:
                problem = error
            else:
                return
    raise OSError(problem.errno, f"an image with a root file system needs overlays: {problem.strerror}")


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _bind(source: str, target: str) -> None:
    """Shows a file or a folder in another place, too, which is made for it."""
    if os.path.isdir(source):  # noqa: PTH112 - as above
        os.makedirs(target, exist_ok=True)  # noqa: PTH103 - as above
    else:
        os.close(os.open(target, os.O_CREAT))
    _mount(source, target, None, _BIND | _RECURSIVE)


def _copy(source: str, target: str) -> None:
    try:
        file = os.open(source, os.O_RDONLY)
    except FileNotFoundError:
        return
    content = os.read(file, _CHUNK)
    os.close(file)
    _try(os.unlink, target)  # it may be a link to nowhere
    file = os.open(target, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(file, content)
    os.close(file)


def _mount_processes(target: str) -> bool:
    flags = ctypes.c_ulong(_NO_SUID | _NO_DEVICES | _NO_PROGRAMS)
    return bool(_libc().mount(b"proc", target.encode(), b"proc", flags, None) == 0)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    source_, target_, kind_, options_ = (
        None if text is None else text.encode() for text in (source, target, kind, options)
    )
    _check(_libc().mount(source_, target_, kind_, ctypes.c_ulong(flags), options_), f"mount {target}")


# --- the rest --------------------------------------------------------------------------------------


def _end_with_parent() -> None:
    if sys.platform == "linux":
        _check(_libc().prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")


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


def _try(function: Any, *arguments: Any) -> None:
    """`contextlib.suppress(OSError)`, without the import."""
    try:
        function(*arguments)
    except OSError:
        return


def _refuse(reason: str) -> NoReturn:
    os.write(2, f"{reason}\n".encode())
    os._exit(CANNOT_START)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
