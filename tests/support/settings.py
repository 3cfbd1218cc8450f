"""What a test sets of a running local AWS, for one account."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from support.deployed import LocalAws


class Settings:
    def __init__(self, local_aws: LocalAws, account: str) -> None:
        self._url = f"{local_aws.url}/_local_aws/settings?account={account}"

    def put(self, **settings: Any) -> None:
        self._ask("PUT", json.dumps(settings).encode())

    def reset(self) -> None:
        self._ask("DELETE", None)

    def _ask(self, method: str, body: bytes | None) -> None:
        request = urllib.request.Request(self._url, data=body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
