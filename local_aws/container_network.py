"""Makes a network for containers that find each other: `python -I -S container_network.py CHANNEL SIZE`.

A bridge with one network namespace for each container, at 10.0.0.1 and up. Their descriptors, and the
bridge's own, go through the socket `CHANNEL`; the network lives for as long as somebody holds them,
and this program ends. Nothing of it is in the host's own network. As root where root may, otherwise
in a user namespace, whose descriptor comes first then.

Messages and structures: rtnetlink(7), veth(4), netdevice(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

ADDRESS = "10.0.0.{}"
_MASK = "255.255.255.0"

_NEW_USERS, _NEW_NETWORK = 0x10000000, 0x40000000
_ADD_BRIDGE, _ADD_TO_BRIDGE = 0x89A0, 0x89A2
_SET_FLAGS, _SET_ADDRESS, _SET_MASK = 0x8914, 0x8916, 0x891C
_UP = 0x1
_NEW_LINK = 16
_REQUEST_CREATE_ACKNOWLEDGE = 0x1 | 0x400 | 0x4
_NAME, _LINK_INFO, _NAMESPACE_DESCRIPTOR = 3, 18, 28
_KIND, _DATA, _PEER = 1, 2, 1
_INTERFACE_INFO = bytes(16)


def main() -> None:
    channel, size = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    descriptors = _leave()
    bridge = _own_network()
    with socket.socket() as here:
        fcntl.ioctl(here, _ADD_BRIDGE, _named("bridge"))
        _raise(here, "bridge")
    descriptors.append(bridge)
    for number in range(1, size + 1):
        _enter(_NEW_NETWORK)
        descriptors.append(_own_network())
        _wire(number, bridge)
        _check(_libc().setns(bridge, _NEW_NETWORK), "setns")
        with socket.socket() as here:
            index = socket.if_nametoindex(f"port{number}")
            fcntl.ioctl(here, _ADD_TO_BRIDGE, _named("bridge", struct.pack("i", index)))
            _raise(here, f"port{number}")
    socket.send_fds(channel, [b"N"], descriptors)


def _leave() -> list[int]:
    """Into a network of its own; the descriptor of the user namespace that this took, if it did."""
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(_NEW_NETWORK) == 0:
        return []
    _enter(_NEW_NETWORK | _NEW_USERS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib is slow to import
            file.write(text)
    return [os.open("/proc/self/ns/user", os.O_RDONLY)]


def _wire(number: int, bridge: int) -> None:
    """Connects this network namespace with the bridge's, and gives it its address."""
    peer = _INTERFACE_INFO + _attribute(_NAME, f"port{number}\0".encode())
    peer += _attribute(_NAMESPACE_DESCRIPTOR, struct.pack("I", bridge))
    link = _attribute(_KIND, b"veth\0") + _attribute(_DATA, _attribute(_PEER, peer))
    body = _INTERFACE_INFO + _attribute(_NAME, b"eth0\0") + _attribute(_LINK_INFO, link)
    header = struct.pack("IHHII", 16 + len(body), _NEW_LINK, _REQUEST_CREATE_ACKNOWLEDGE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as kernel:
        kernel.send(header + body)
        (problem,) = struct.unpack_from("i", kernel.recv(1 << 16), 16)
    if problem:
        raise OSError(-problem, f"veth: {os.strerror(-problem)}")
    with socket.socket() as here:
        for request, address in ((_SET_ADDRESS, ADDRESS.format(number)), (_SET_MASK, _MASK)):
            packed = struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(here, request, _named("eth0", packed))
        _raise(here, "lo")
        _raise(here, "eth0")


def _attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


def _named(name: str, more: bytes = b"") -> bytes:
    """A `struct ifreq`."""
    return (name.encode().ljust(16, b"\0") + more).ljust(40, b"\0")


def _raise(any_socket: socket.socket, name: str) -> None:
    fcntl.ioctl(any_socket, _SET_FLAGS, _named(name, _UP.to_bytes(2, sys.byteorder)))


def _own_network() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def _enter(namespaces: int) -> None:
    _check(_libc().unshare(namespaces), "unshare")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"cannot make a network for containers: {error}")
