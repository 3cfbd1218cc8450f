"""The resources of an API, and the methods that a function answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._api_client import Authorization
from clary_constructs._user_pool import ApiUserPool
from constructs import Construct

_MODEL = "{model}"
_NO_PEOPLE: Mapping[Authorization, str] = {
    "api-key": "the clients are programs without AWS credentials that the environment file names: each"
    " method asks for an API key, behind a usage plan and a firewall",
    "iam": "the clients are AWS principals: each method asks for their signature, user pools are for people",
}


class ApiRoutes(Construct):
    """Every method is the function's, which knows which ones a path takes, and says so with its 405.

    `{model}` stands for all models. Those of `own_resources` have the same paths once more, with their name
    in its place: usage plans limit methods of resources, and not values of a parameter. `limited` are the
    methods that cost something, by model.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        api: apigateway.RestApi,
        function: lambda_.IFunction,
        routes: Sequence[str],
        authorization: Authorization,
        keys: bool,
        user_pool: ApiUserPool | None,
        preflights: bool,
        own_resources: Sequence[str],
    ) -> None:
        super().__init__(scope, "Routes")
        self._api = api
        self._authorization = authorization
        self._keys = keys
        self._preflights = preflights
        self._user_pool = user_pool
        self._integration = apigateway.LambdaIntegration(
            function,
            timeout=Duration.seconds(29),
            # One permission for the whole API: a function's policy has no room for one of each method.
            scope_permission_to_method=False,
        )
        self._authorizer = None
        if user_pool is not None:
            self._authorizer = apigateway.CognitoUserPoolsAuthorizer(
                self,
                "Tokens",
                cognito_user_pools=[user_pool.pool],
                # What was taken is not taken for five minutes more when it has expired.
                results_cache_ttl=Duration.seconds(0),
            )
        self._validator = api.add_request_validator("Validator", validate_request_parameters=True)
        for path in dict.fromkeys(routes):
            self._add(path)
        self.limited = {
            model: [
                method
                for path in dict.fromkeys(routes)
                if _MODEL in path
                for method in self._add(path.replace(_MODEL, model), limited=path.count("/") == 3)
            ]
            for model in own_resources
        }

    def _add(self, path: str, *, limited: bool = False) -> list[apigateway.Method]:
        """POST by itself where it is to be limited: a plan names methods, and ANY is none."""
        resource = self._api.root.resource_for_path(path)
        self._method(resource, "ANY")
        if self._preflights:
            self._add_preflight(resource)
        return [self._method(resource, "POST")] if limited else []

    def _method(self, resource: apigateway.IResource, verb: str) -> apigateway.Method:
        pool, kinds = self._user_pool, apigateway.AuthorizationType
        method = resource.add_method(
            verb,
            self._integration,
            api_key_required=self._keys,
            authorization_type={"api-key": kinds.NONE, "iam": kinds.IAM, "cognito": kinds.COGNITO}[
                self._authorization
            ],
            authorizer=self._authorizer,
            # Any of them will do: which models a token is for is the function's business, or a refusal
            # would tell which there are.
            authorization_scopes=None if pool is None else pool.scopes,
            request_validator=self._validator,
        )
        if self._authorization != "cognito":
            acknowledge(method, "AwsSolutions-COG4", reason=_NO_PEOPLE[self._authorization])
        if self._authorization == "api-key":
            acknowledge(method, "AwsSolutions-APIG4", reason=_NO_PEOPLE[self._authorization])
        return method

    def _add_preflight(self, resource: apigateway.IResource) -> None:
        """Answered by the function: a mock cannot read a request whose type is one of the binary ones."""
        preflight = resource.add_method(
            "OPTIONS",
            self._integration,
            authorization_type=apigateway.AuthorizationType.NONE,
            request_validator=self._validator,
        )
        acknowledge(
            preflight,
            "AwsSolutions-APIG4",
            reason="a browser sends its preflight without credentials, and is told which methods there are",
        )
