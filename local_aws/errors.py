"""How a service says no."""

from __future__ import annotations


class ServiceError(Exception):
    """A refusal that the caller reads: its code, its words, and what else the service sends along."""

    def __init__(self, code: str, message: str, status: int = 400, **members: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def not_supported(what: str) -> ServiceError:
    """AWS can, this machine cannot: an own code, so that nobody takes it for AWS's answer."""
    return ServiceError(
        "NotSupportedOnLocalAws", f"{what}, on AWS only: the local AWS does not emulate it", 501
    )
