"""What ministack's own resource handlers drop, put right; one module per service."""

from __future__ import annotations

from importlib import import_module

_SERVICES = (
    "apigateway",
    "budgets",
    "dynamodb",
    "ec2",
    "emr",
    "events",
    "iam",
    "kinesis",
    "lambda_",
    "network",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "wafv2",
)


def install() -> None:
    """Registers the reconcilers, the guards and the behaviours of every service here."""
    for name in _SERVICES:
        import_module(f"{__name__}.{name}")
