"""All that we touch of ministack's private names, and nothing else does: a module for each subject.

ministack is pinned exactly: `tests/unit/local_aws/test_hooks.py` fails when an upgrade has moved a name that
is used here. Whoever adds a hook adds its name to the `PRIVATE_NAMES` of the module.
"""

from local_aws.hooks import (
    apis,
    custom_resources,
    encryption,
    firewalls,
    functions,
    logs,
    metrics,
    networks,
    objects,
    parameters,
    principals,
    queries,
    request,
    resources,
    rights,
    schedules,
    server,
    stacks,
    stores,
    templates,
)

__all__ = [
    "apis",
    "custom_resources",
    "encryption",
    "firewalls",
    "functions",
    "logs",
    "metrics",
    "networks",
    "objects",
    "parameters",
    "principals",
    "queries",
    "request",
    "resources",
    "rights",
    "schedules",
    "server",
    "stacks",
    "stores",
    "templates",
]
