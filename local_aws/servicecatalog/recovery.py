"""Launches that a killed server has left half done: they have failed, and can be terminated or updated.

Their stacks are rolled back by CloudFormation's own recovery.
"""

from __future__ import annotations

from local_aws.servicecatalog.catalog import PROVISIONED, RECORD
from local_aws.store import STORE

_REASON = "The local AWS ended while the operation was under way"
_UNDER_WAY = ("CREATED", "IN_PROGRESS", "IN_PROGRESS_IN_ERROR")


def take_up() -> None:
    for _, _, _, record in STORE.everywhere(RECORD):
        if record["Status"] in _UNDER_WAY:
            error = {"Code": "InternalFailure", "Description": _REASON}
            record.update(Status="FAILED", RecordErrors=[error])
    records = {record["RecordId"]: record for _, _, _, record in STORE.everywhere(RECORD)}
    for _, _, _, product in STORE.everywhere(PROVISIONED):
        if product["Status"] == "UNDER_CHANGE":
            first = records[product["LastRecordId"]]["RecordType"] == "PROVISION_PRODUCT"
            product.update(Status="ERROR" if first else "TAINTED", StatusMessage=_REASON)
