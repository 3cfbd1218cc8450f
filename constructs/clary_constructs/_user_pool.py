"""Where programs and people get tokens for models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._api_client import ApiClient
from constructs import Construct

SCOPES_OF = "models"
"""The resource server: the scope of a model is `models/<model>`."""
_LAUNCHED_BY = "launched"
"""Another one: the scope of what a team's people launch is `launched/<team>`."""
_MOST_SCOPES = 100
"""https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html"""


class ApiUserPool(Construct):
    """A Cognito user pool: a scope for each of `models`, one for what each of `teams` launches, and an app
    client for each of `clients`.

    A client without `return_to` is a program: Cognito makes its secret. One with it is for people, who sign
    in on a page of Cognito's (code and PKCE, no secret) and have to be in the group of the client's name,
    where an administrator puts them. Nobody signs up. By default people are kept when the stack goes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        models: Sequence[str],
        clients: Mapping[str, ApiClient],
        domain_prefix: str,
        teams: Sequence[str] = (),
        token_validity: Duration | None = None,
        second_factor: bool = True,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        if len(models) > _MOST_SCOPES:
            raise ValueError(f"a user pool has scopes for {_MOST_SCOPES} models, these are {len(models)}")
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True, email=True),
            sign_in_case_sensitive=False,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_digits=True,
                require_lowercase=True,
                require_symbols=True,
                require_uppercase=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=cognito.Mfa.REQUIRED if second_factor else cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=removal_policy == RemovalPolicy.RETAIN,
            removal_policy=removal_policy,
        )
        acknowledge(
            self.pool,
            "AwsSolutions-COG8",
            reason="the plus plan is billed by the person; nobody signs up here, passwords are long, and a"
            " second factor is asked for",
        )
        if not second_factor:
            acknowledge(
                self.pool,
                "AwsSolutions-COG2",
                reason="the environment file says that a second factor is optional",
            )
        self.domain = self.pool.add_domain(
            "Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=domain_prefix)
        )
        of_models = self._scopes("Models", SCOPES_OF, {each: f"To ask {each}" for each in models})
        of_teams = self._scopes(
            "Launched", _LAUNCHED_BY, {each: f"To ask what {each} has launched" for each in teams}
        )
        self.scopes = [
            *(f"{SCOPES_OF}/{each}" for each in models),
            *(f"{_LAUNCHED_BY}/{each}" for each in teams),
        ]
        self.clients = {
            name: self._add(
                name,
                client,
                [
                    *(of_models[each] for each in (models if client.models is None else client.models)),
                    *(of_teams[each] for each in client.launched),
                ],
                token_validity or Duration.minutes(15),
            )
            for name, client in clients.items()
        }
        self.people = {name: self.clients[name] for name, client in clients.items() if client.return_to}
        self._pages = {name: list(clients[name].return_to) for name in self.people}

    def _scopes(
        self, construct_id: str, server: str, described: Mapping[str, str]
    ) -> Mapping[str, cognito.OAuthScope]:
        if not described:
            return {}
        scopes = {
            name: cognito.ResourceServerScope(scope_name=name, scope_description=text)
            for name, text in described.items()
        }
        made = self.pool.add_resource_server(construct_id, identifier=server, scopes=list(scopes.values()))
        return {name: cognito.OAuthScope.resource_server(made, scope) for name, scope in scopes.items()}

    def return_to(self, page: str) -> None:
        """Lets people come back to one page more, whichever client they sign in with."""
        for name, app in self.people.items():
            self._pages[name].append(page)
            made = app.node.default_child
            assert isinstance(made, cognito.CfnUserPoolClient)
            made.callback_ur_ls = self._pages[name]
            made.logout_ur_ls = self._pages[name]

    def _add(
        self,
        name: str,
        client: ApiClient,
        scopes: Sequence[cognito.OAuthScope],
        token_validity: Duration,
    ) -> cognito.UserPoolClient:
        people = bool(client.return_to)
        part = Construct(self, "".join(word.capitalize() for word in name.split("-")))
        pages = list(client.return_to)
        made = cognito.UserPoolClient(
            part,
            "Client",
            user_pool=self.pool,
            generate_secret=not people,
            auth_flows=cognito.AuthFlow(),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(
                    authorization_code_grant=people, client_credentials=not people, implicit_code_grant=False
                ),
                scopes=[*([cognito.OAuthScope.OPENID] if people else []), *scopes],
                callback_urls=pages or None,
                logout_urls=pages or None,
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            access_token_validity=token_validity,
            id_token_validity=token_validity,
            refresh_token_validity=Duration.hours(12),
            enable_token_revocation=True,
            prevent_user_existence_errors=True,
        )
        if people:
            cognito.UserPoolGroup(
                part,
                "Group",
                user_pool=self.pool,
                group_name=name,
                description=f"May ask the models of {name} in {Stack.of(self).stack_name}",
            )
        return made
