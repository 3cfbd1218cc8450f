"""Folders of containers that are kept in S3 while the containers run: checkpoints, results as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_aws import hooks
from local_aws.sagemaker import storage

_SECONDS = 0.1
"""Between two looks. AWS does not say how often it looks."""

_Version = tuple[int, int]


class Mirror:
    """Uploads each file below a folder when it is new or has changed, and has been left alone between
    two looks; the last look takes everything. Nothing is deleted in S3."""

    def __init__(
        self,
        folder: Path,
        client: Any,
        uri: str,
        key_id: str | None = None,
        uploaded: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._client = client
        self._uri = uri.rstrip("/")
        self._key_id = key_id
        self._uploaded = uploaded
        self._sent: dict[str, _Version] = {}
        self._seen: dict[str, _Version] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def restore(self) -> None:
        """Begins with what S3 has, if it has anything."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if storage.exists(self._client, f"{self._uri}/"):
            storage.download_prefix(self._client, f"{self._uri}/", self._folder)
        self._sent = {name: _version(path) for path, name in storage.files(self._folder)}

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread = hooks.request.in_background(self._watch, name=f"mirror-{self._uri}")

    def finish(self) -> None:
        """Uploads what is left. Raises `StorageError`."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self._look(last=True)

    def _watch(self) -> None:
        while not self._ending.wait(_SECONDS):
            try:
                self._look(last=False)
            except (OSError, storage.StorageError):
                return  # files come and go, and the last look tells what is wrong with S3

    def _look(self, *, last: bool) -> None:
        changed = False
        for path, name in storage.files(self._folder):
            version = _version(path)
            if self._sent.get(name) == version:
                continue
            if last or self._seen.get(name) == version:
                storage.upload(self._client, path, f"{self._uri}/{name}", self._key_id)
                self._sent[name] = version
                changed = True
            self._seen[name] = version
        if changed:
            self._uploaded()


def _version(path: Path) -> _Version:
    found = path.stat()
    return found.st_mtime_ns, found.st_size
