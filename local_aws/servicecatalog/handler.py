"""Service Catalog over HTTP; AppRegistry's requests arrive under the same signing name."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from local_aws import hooks
from local_aws.errors import ServiceError, not_supported
from local_aws.json_protocol import Answer, parsed, refusal, success
from local_aws.servicecatalog import (  # noqa: F401 - importing them registers their operations
    constraints,
    operations,
    portfolios,
    products,
    provisioned_products,
    rights,
    service_actions,
    shares,
    tag_options,
    views,
)
from local_aws.servicecatalog.access import caller_of

logger = logging.getLogger("local_aws.servicecatalog")

_TARGET = "AWS242ServiceCatalogService."


async def handle(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
) -> Answer:
    """Every request has a thread of its own: what it does may call this server back."""
    answer: Answer = await hooks.request.on_own_thread(
        _answer, method, path, dict(headers), body, dict(query)
    )
    return answer


def _answer(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
) -> Answer:
    target = headers.get("x-amz-target", "")
    try:
        if not target.startswith(_TARGET):
            raise not_supported(f"AppRegistry's API ({method} {path}; its resource types deploy)")
        caller = caller_of(hooks.rights.access_key_of(headers, query))
        name, members = target.removeprefix(_TARGET), parsed(body)
        rights.require(name, members, caller)
        found = operations.call(name, members, caller)
        return success(found)
    except ServiceError as error:
        return refusal(error)
    except Exception:
        logger.exception("%s %s failed", method, target or path)
        return refusal(ServiceError("InternalFailure", "the local AWS failed, see its log", 500))
