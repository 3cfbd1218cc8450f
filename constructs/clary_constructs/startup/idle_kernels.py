"""Closes kernels and terminals that have done nothing for a while.

Studio takes a space for used as long as one is open, however idle, and would never stop it.
https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-idle-shutdown.html
"""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from typing import Any


class Jupyter:
    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def listed(self, kind: str) -> Any:
        # looking does not count as using: https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html
        return json.load(self._ask("GET", f"/api/{kind}?no_track_activity=1"))

    def close(self, kind: str, name: str) -> None:
        # who changes something shows the cookie that came with the page
        self._ask("GET", "/lab")
        token = next((cookie.value for cookie in self._cookies if cookie.name == "_xsrf"), None) or ""
        self._ask("DELETE", f"/api/{kind}/{name}", {"X-XSRFToken": token})
        print(f"closed {kind[:-1]} {name}", flush=True)

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - this space's own Jupyter
            self._url + path, method=method, headers=headers or {}
        )
        return self._opener.open(request, timeout=30)


def close_idle(jupyter: Jupyter, since: datetime) -> None:
    """Closes what has been idle since then. What computes is left alone, however long it takes."""
    for kernel in jupyter.listed("kernels"):
        if kernel["execution_state"] == "idle" and moment(kernel["last_activity"]) < since:
            jupyter.close("kernels", kernel["id"])
    for terminal in jupyter.listed("terminals"):
        if moment(terminal["last_activity"]) < since:
            jupyter.close("terminals", terminal["name"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://localhost:8888/jupyterlab/default")
    parser.add_argument("--minutes", type=int, required=True)
    parser.add_argument("--every", type=int, default=60, help="seconds; 0 looks once")
    given = parser.parse_args()
    jupyter = Jupyter(given.url)
    while True:
        since = datetime.now(UTC) - timedelta(minutes=given.minutes)
        try:
            close_idle(jupyter, since)
        except (OSError, ValueError, KeyError) as error:  # it is not up yet, or closed one itself meanwhile
            print(f"{type(error).__name__}: {error}", flush=True)
        if not given.every:
            return
        time.sleep(given.every)


main()
