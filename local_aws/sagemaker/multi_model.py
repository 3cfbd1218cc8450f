"""Many models in one container, loaded when they are asked for.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_aws import hooks, metrics
from local_aws.sagemaker import storage
from local_aws.sagemaker.metrics import count, duration
from local_aws.sagemaker.model_server import Answer, ModelServer, NoAnswer, Reply

TARGET_HEADER = "x-amzn-sagemaker-target-model"

_LOADING_SECONDS = 360.0
"""How long a model may take to be downloaded and loaded, whoever is still waiting for it
(https://docs.aws.amazon.com/sagemaker/latest/dg/invoke-multi-model-endpoint.html)."""
_UNLOADING_SECONDS = 60.0
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_LOADED, _ALREADY_LOADED, _NOT_LOADED, _NO_MEMORY = 200, 409, 404, 507


class UnknownModel(Exception):
    """There is no artifact of that name, or the role may not read it: its bucket and its key."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(bucket, key)
        self.bucket = bucket
        self.key = key


class ModelNotReady(Exception):
    """The model is still on its way; it goes on loading."""


@dataclass(frozen=True)
class ModelStore:
    """Where the models are: below `prefix`, fetched by `fetch(uri, folder)`."""

    prefix: str
    fetch: Callable[[str, Path], None]
    cached: bool = True

    def uri(self, target: str) -> str:
        return f"{self.prefix.rstrip('/')}/{target.lstrip('/')}"


@dataclass
class _Model:
    target: str
    life: int
    """The container's life in which it was loaded."""
    name: str = ""
    """What the container knows it by: it must be of one path's part, which targets are not."""
    ready: threading.Event = field(default_factory=threading.Event)
    users: int = 0
    failure: Exception | Answer | None = None

    def __post_init__(self) -> None:
        self.name = hashlib.sha256(self.target.encode()).hexdigest()[:32]


class ModelCache:
    """The models of one container, least recently used first."""

    def __init__(
        self, server: ModelServer, store: ModelStore, measure: Callable[[metrics.Values], None]
    ) -> None:
        self._server = server
        self._store = store
        self._measure = measure
        self._lock = threading.Lock()
        self._models: OrderedDict[str, _Model] = OrderedDict()

    @property
    def loaded(self) -> int:
        with self._lock:
            return sum(model.ready.is_set() and model.failure is None for model in self._models.values())

    def ask(self, target: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Asks a model, which is loaded before where it must be. Raises `UnknownModel`, `ModelNotReady`
        and `NoAnswer`; a container that cannot load it is the one who answers."""
        deadline = time.monotonic() + seconds
        headers = {**headers, TARGET_HEADER: target}
        answer = self._ask(target, body, headers, deadline)
        if answer.status == _NOT_LOADED:
            self._forget(target)  # the container has dropped it, or has been started anew
            answer = self._ask(target, body, headers, deadline)
        if not self._store.cached:
            self._unload_idle(target)
        return answer

    def _ask(self, target: str, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        model = self._wanted(target)
        try:
            began = time.perf_counter()
            if not model.ready.wait(max(0.0, deadline - time.monotonic())):
                raise ModelNotReady
            self._measure({"ModelLoadingWaitTime": duration(time.perf_counter() - began)})
            if isinstance(model.failure, Answer):
                return model.failure
            if model.failure is not None:
                raise model.failure
            left = max(0.001, deadline - time.monotonic())
            reply: Reply = self._server.open("POST", f"/models/{model.name}/invoke", body, headers, left)
            return Answer(reply.status, reply.headers, reply.read())
        finally:
            with self._lock:
                model.users -= 1

    def _wanted(self, target: str) -> _Model:
        """The model, in use from now on, on its way or there."""
        with self._lock:
            model = self._models.get(target)
            hit = model is not None and model.life == self._server.life
            if model is None or not hit:
                model = self._models[target] = _Model(target, self._server.life)
                hooks.request.in_background(self._load, model, name=f"load-{model.name}")
            self._models.move_to_end(target)
            model.users += 1
        self._measure({"ModelCacheHit": count(hit)})
        return model

    def _load(self, model: _Model) -> None:
        try:
            model.failure = self._loaded(model)
        except storage.StorageError:
            model.failure = UnknownModel(*storage.location(self._store.uri(model.target)))
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the model
            model.failure = error
        if model.failure is not None:
            with self._lock:
                if self._models.get(model.target) is model:
                    del self._models[model.target]
        model.ready.set()

    def _loaded(self, model: _Model) -> Answer | None:
        """None when the container has loaded the model, or else what it said."""
        folder = self._server.ml / "models" / model.name / "model"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        began = time.perf_counter()
        self._store.fetch(self._store.uri(model.target), folder)
        fetched = time.perf_counter()
        body = json.dumps({"model_name": model.name, "url": f"/opt/ml/models/{model.name}/model"}).encode()
        headers = {**_JSON, TARGET_HEADER: model.target}
        answer = self._server.ask("POST", "/models", body, headers, _LOADING_SECONDS)
        while answer.status == _NO_MEMORY and self._unload_idle():
            answer = self._server.ask("POST", "/models", body, headers, _LOADING_SECONDS)
        self._measure(
            {
                "ModelDownloadingTime": duration(fetched - began),
                "ModelLoadingTime": duration(time.perf_counter() - fetched),
            }
        )
        return None if answer.status in (_LOADED, _ALREADY_LOADED) else answer

    def _unload_idle(self, target: str | None = None) -> bool:
        """Unloads the least recently used model that nobody uses, or the one that is named."""
        with self._lock:
            idle = [
                model
                for model in self._models.values()
                if model.users == 0 and model.ready.is_set() and target in (None, model.target)
            ]
            if not idle:
                return False
            model = idle[0]
            del self._models[model.target]
        began = time.perf_counter()
        try:
            self._server.ask("DELETE", f"/models/{model.name}", b"", {}, _UNLOADING_SECONDS)
            shutil.rmtree(self._server.ml / "models" / model.name, ignore_errors=True)
        except NoAnswer:
            pass  # a container that is not there has no models either
        self._measure({"ModelUnloadingTime": duration(time.perf_counter() - began)})
        return True

    def _forget(self, target: str) -> None:
        with self._lock:
            self._models.pop(target, None)
