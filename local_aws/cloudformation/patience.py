"""Answers about a busy stack wait until there is news.

CDK's command line asks how a stack or a change set is, and when it is not done looks again five seconds
later. Most stacks take less than one here: each would cost the five.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs

from local_aws import hooks

_FUNCTION = "exec-env/AWS_Lambda"
_LONGEST_SECONDS = 4.0
_STEP_SECONDS = 0.01
_BUSY = {
    # A stack that waits for its change set to be executed is in review, whoever looks how often.
    "DescribeStacks": re.compile(rb"<StackStatus>(?!REVIEW_)\w+_IN_PROGRESS</StackStatus>"),
    "DescribeChangeSet": re.compile(rb"<Status>CREATE_(PENDING|IN_PROGRESS)</Status>"),
}


def install() -> None:
    answer = hooks.server.service("cloudformation")

    async def answer_when_done(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        # a function that asks has little time, and may be what its stack waits for
        busy = None if _FUNCTION in headers.get("user-agent", "") else _busy(body, query)
        response = await answer(method, path, headers, body, query)
        if busy is None:
            return response
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_SECONDS
        while busy.search(response[2]) and loop.time() < deadline:
            await asyncio.sleep(_STEP_SECONDS)
            response = await answer(method, path, headers, body, query)
        return response

    hooks.server.add_service("cloudformation", answer_when_done)


def _busy(body: bytes, query: dict[str, list[str]]) -> re.Pattern[bytes] | None:
    """What a busy answer looks like, for a question about one stack; None for any other request."""
    asked = {**query, **parse_qs(body.decode("utf-8", "replace"))}
    if "StackName" not in asked:
        return None
    return _BUSY.get(asked.get("Action", [""])[0])
