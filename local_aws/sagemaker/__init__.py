"""SageMaker on this machine: its control plane from botocore's service model, its endpoints and
training jobs as real processes.

`families` and `validation` read the model, `control` answers its operations over the one store,
`behaviours/` says family by family what happens beyond that, `hosting` and `runtime` serve endpoints,
and `cloudformation` is the same resources from a template.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

logger = logging.getLogger("local_aws.sagemaker")


def install() -> None:
    """Makes this server answer for SageMaker. Cheap: what takes time is done in the background."""
    from local_aws import ec2_rules, front, hooks
    from local_aws.sagemaker import resource_types

    hooks.server.add_service("sagemaker", _handle)
    hooks.server.add_service("servicequotas", _handle_quotas)
    front.add_page("/_local_aws/studio", _studio_page)
    resource_types.install()
    ec2_rules.add_interfaces(_interfaces)
    hooks.server.on_reset(_forget)
    hooks.request.in_background(_warm_up, name="sagemaker-warm-up")


def keep_in(folder: Path) -> None:
    """Lets a server that keeps what it answers keep feature groups' records there."""
    from local_aws.sagemaker.feature_store import database

    database.keep_in(folder)


def shut_down() -> None:
    """Ends every endpoint's and every job's container."""
    from local_aws import containers

    containers.kill_all()


def take_up() -> None:
    """Lets the resources that an earlier server has left in the store go on with what they did."""
    from local_aws import hooks
    from local_aws.store import STORE

    records = STORE.records()
    if not records:
        return
    # Only now: it takes longer than all else at the start.
    from local_aws.sagemaker.behaviours import behaviour

    for (account, region, family, _), record in records.items():
        with hooks.request.scope(account, region):
            behaviour(family).resume(record)


def _forget() -> None:
    """Ends what runs, and forgets every resource of the services that are added here."""
    from local_aws import containers
    from local_aws.sagemaker.feature_store import database, group
    from local_aws.store import STORE

    containers.end_all()
    if database.in_use():
        database.database().clear()
    group.forget()
    endpoints = sys.modules.get("local_aws.sagemaker.behaviours.endpoint")
    if endpoints is not None:  # or else there has never been one
        endpoints.stop_all()
    STORE.clear()


def _interfaces() -> Any:
    """Asked whenever something of EC2's is deleted: without SageMaker's model while nobody uses it."""
    from local_aws.store import STORE

    if not STORE.all("App") and not STORE.all("NotebookInstance"):
        return ()
    from local_aws.sagemaker import interfaces

    return interfaces.interfaces()


def _studio_page(*request: Any) -> Any:
    from local_aws.sagemaker import studio_page

    return studio_page.page(*request)


async def _handle(*request: Any) -> Any:
    from local_aws.sagemaker.handler import handle

    return await handle(*request)


async def _handle_quotas(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:  # noqa: ARG001 - all is in the body
    from local_aws import hooks, service_quotas

    return await hooks.request.on_own_thread(service_quotas.answer, headers.get("x-amz-target", ""), body)


def _warm_up() -> None:
    """Loads the service model, and finds out how containers run here, before anybody waits for it."""
    from local_aws import containers
    from local_aws.sagemaker import clients, families, handler  # noqa: F401 - importing it is the work

    families.operations()
    clients.warm_up()
    reason = containers.why_not_separated()
    if reason is not None:
        logger.warning("containers are plain processes, and /opt/ml is SAGEMAKER_BASE_DIR: %s", reason)
