"""Service Catalog's own model, as botocore has it: what requests and answers look like."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, StructureShape


@cache
def operation(name: str) -> OperationModel | None:
    """An operation of the service; None when it has none of that name."""
    return _service().operation_model(name) if name in _service().operation_names else None


def shaped(shape: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a record that answers of a shape have: {"Id": …} as a `PortfolioDetail`."""
    members = _shape(shape).members
    return {name: record[name] for name in members if record.get(name) is not None}


@cache
def tokens(name: str) -> tuple[str, ...]:
    """The members by which an operation is made once only: `IdempotencyToken`, `ProvisionToken`."""
    model = operation(name)
    return tuple(model.idempotent_members) if model else ()


@cache
def _shape(name: str) -> StructureShape:
    shape = _service().shape_for(name)
    assert isinstance(shape, StructureShape)
    return shape


@cache
def _service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("servicecatalog")
