"""Names for what can only be replaced: unchanged content keeps its name, changed content gets a new one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack

from constructs import IConstruct

_LONGEST_NAME = 63
_DIGEST_LENGTH = 12


def content_name(scope: IConstruct, stem: str, properties: Mapping[str, Any]) -> str:
    """`stem`, and a hash of `properties` as they stand in the template.

    SageMaker's models and endpoint configurations cannot be changed, and a fixed name collides with
    the one that is still there while its successor is made.
    """
    content = json.dumps(Stack.of(scope).resolve(dict(properties)), sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{stem[: _LONGEST_NAME - _DIGEST_LENGTH - 1].rstrip('-')}-{digest}"
