"""How Service Catalog says no."""

from __future__ import annotations

from local_aws.errors import ServiceError


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)


def wrong(message: str) -> ServiceError:
    return ServiceError("InvalidParametersException", message)


def in_use(message: str) -> ServiceError:
    return ServiceError("ResourceInUseException", message)


def duplicate(message: str) -> ServiceError:
    return ServiceError("DuplicateResourceException", message)


def limit_exceeded(message: str) -> ServiceError:
    return ServiceError("LimitExceededException", message)
