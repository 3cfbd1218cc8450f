"""Whoever signed the request at hand, for what SageMaker does on their behalf: a project's launch."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from local_aws import hooks
from local_aws.identity import source

if TYPE_CHECKING:
    from local_aws.servicecatalog.access import Caller

_access_key: ContextVar[str | None] = ContextVar("sagemaker_access_key", default=None)


def remember(headers: Mapping[str, str]) -> None:
    _access_key.set(hooks.rights.access_key_of(headers, {}))


def source_identity() -> str | None:
    """Who the caller is, whatever role they are in; None where nobody has said."""
    key = _access_key.get()
    return None if key is None else source.of_session(key)


def acting() -> Caller:
    """Who asked SageMaker; whoever deploys the stack, where a stack makes the resource."""
    from local_aws.servicecatalog import stack_callers
    from local_aws.servicecatalog.access import caller_of

    key = _access_key.get()
    return stack_callers.acting() if key is None else caller_of(key)
