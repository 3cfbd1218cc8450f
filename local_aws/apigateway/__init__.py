"""REST APIs as API Gateway serves them."""

from local_aws.apigateway.front import install, remember_headers

__all__ = ["install", "remember_headers"]
