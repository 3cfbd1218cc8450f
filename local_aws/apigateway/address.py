"""Where this server answers for an address of API Gateway's."""

from __future__ import annotations

import os
import re

_PAGE = re.compile(
    r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([A-Za-z0-9_-]+)(/.*|)"
)


def here(url: str) -> list[str]:
    """`https://<api>.execute-api.<region>.amazonaws.com/<stage>/…` by the names of this machine."""
    found = _PAGE.fullmatch(url)
    if found is None:
        return []
    path = f"restapis/{found[1]}/{found[2]}/_user_request_{found[3]}"
    port = os.environ["GATEWAY_PORT"]
    return [
        f"{scheme}://{host}:{port}/{path}"
        for scheme in ("http", "https")
        for host in ("localhost", "127.0.0.1")
    ]
