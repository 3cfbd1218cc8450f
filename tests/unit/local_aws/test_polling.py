"""What is there to read is found behind descriptors of any number."""

from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Iterator

import pytest

from local_aws.polling import readable

_BEYOND_SELECT = 1024


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Its reading end has a number that `select.select` refuses."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= _BEYOND_SELECT + 8:
        pytest.skip("this process may not have so many files open")
    low, writing = os.pipe()
    reading = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _BEYOND_SELECT)
    os.close(low)
    yield reading, writing
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_says_that_there_is_nothing_and_that_there_is_something(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    before = readable(reading, 0)
    os.write(writing, b"x")

    assert (before, readable(reading, 60)) == (False, True)


def test_an_end_is_something_to_read_too() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        assert readable(reading, 60)
    finally:
        os.close(reading)
