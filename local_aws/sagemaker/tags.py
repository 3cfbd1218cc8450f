"""Tags of SageMaker's resources.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import listing, resources
from local_aws.sagemaker.families import families
from local_aws.store import Record

Request = Mapping[str, Any]

_MOST = 50
_PAGE = 50
_RESERVED = "aws:"


def check(tags: Iterable[Mapping[str, str]]) -> None:
    """Refuses what nobody may tag a resource with."""
    keys = [tag["Key"] for tag in tags]
    if any(key.lower().startswith(_RESERVED) for key in keys):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")
    if len(set(keys)) > _MOST:
        raise invalid(f"The number of tags exceeds the limit of {_MOST} tags for a resource.")


def replace(record: Record, tags: Iterable[Mapping[str, str]]) -> None:
    """Of several tags with one key, the last one counts."""
    values = {tag["Key"]: tag["Value"] for tag in tags}
    record["Tags"] = [{"Key": key, "Value": value} for key, value in values.items()]


def add(request: Request) -> dict[str, Any]:
    record = _tagged(request["ResourceArn"])
    check(request["Tags"])
    together = [*record.get("Tags", []), *request["Tags"]]
    # what AWS itself has written on a resource does not count, and is in nobody's way
    check(tag for tag in together if not tag["Key"].lower().startswith(_RESERVED))
    replace(record, together)
    return {"Tags": record["Tags"]}


def list_(request: Request) -> dict[str, Any]:
    tags = _tagged(request["ResourceArn"]).get("Tags", [])
    return listing.page("Tags", tags, int(request.get("MaxResults", _PAGE)), request.get("NextToken"))


def delete(request: Request) -> dict[str, Any]:
    record = _tagged(request["ResourceArn"])
    record["Tags"] = [tag for tag in record.get("Tags", []) if tag["Key"] not in request["TagKeys"]]
    return {}


def _tagged(arn: str) -> Record:
    parts = arn.split(":", 5)
    if len(parts) == 6 and (parts[2] != "sagemaker" or parts[3] != hooks.request.region()):
        raise invalid(f"Invalid ARN: {arn}")
    for family in families().values():
        record = resources.by_arn(family, arn)
        if record is not None:
            if "Tags" not in family.accepted:
                raise invalid(f"Resource {arn} does not support tagging.")
            return record
    raise ServiceError("ValidationException", f"Requested resource {arn} does not exist.")
