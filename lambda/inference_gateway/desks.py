"""Where orders for later are taken, with AWS behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from inference_gateway.adapters import AsynchronousEndpoint, SageMaker, Transform
from inference_gateway.catalogue import Model
from inference_gateway.jobs import Jobs
from inference_gateway.ports import Runner
from inference_gateway.quota import Meter
from inference_gateway.store import ObjectStore
from runtime_common.connection import KeptConnection
from runtime_common.signature_v4 import Credentials


class AwsDesks:
    def __init__(
        self,
        sagemaker: SageMaker,
        *,
        bucket: str,
        connection: KeptConnection,
        region: str,
        credentials: Credentials,
        name_prefix: str,
        key_id: str | None,
        new_id: Callable[[], str],
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._new_id = new_id
        self._sagemaker = sagemaker
        self._store = ObjectStore(connection, bucket, region=region, credentials=credentials)
        self._name_prefix = name_prefix
        self._key_id = key_id

    def jobs(self, model: Model) -> Jobs:
        assert model.endpoint is not None
        return self._desk("job", model, AsynchronousEndpoint(self._sagemaker, model.endpoint, self._store))

    def batches(self, model: Model) -> Jobs:
        assert model.batch is not None
        runner = Transform(
            self._sagemaker,
            model.batch,
            self._store,
            name_prefix=self._name_prefix,
            key_id=self._key_id,
        )
        return self._desk("batch", model, runner)

    def _desk(self, kind: Literal["job", "batch"], model: Model, runner: Runner) -> Jobs:
        return Jobs(
            kind, model.name, runner, self._store, now=time.time, new_id=self._new_id, meter=self._meter
        )
