"""How SageMaker says no: as every service does that is modelled here."""

from local_aws.errors import ServiceError, invalid, not_supported

__all__ = ["ServiceError", "invalid", "not_supported"]
