"""The function as Lambda sets it up, in front of a service that a test scripts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from support.scripted_service import Service, reply


@pytest.fixture
def service() -> Iterator[Service]:
    """SageMaker, as a script."""
    listener = socket.socket()
    # A small window, so that a long body is not wholly underway before it is read.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    service = Service(listener)
    service.on("InvokeEndpoint", reply(200, b"29.8014\n", "text/csv"))
    service.on("DescribeEndpoint", reply(200, {"EndpointStatus": "InService"}))
    service.start()
    yield service
    service.stop()
