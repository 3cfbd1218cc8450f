"""People who sign in: a user pool, a REST API and an HTTP API that ask for its tokens, keys, a firewall."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_wafv2 as wafv2


class IdentityApi(cdk.Stack):
    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "identity-api")
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=True,
            sign_in_aliases=cognito.SignInAliases(email=True),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(sms=False, otp=True),
            password_policy=cognito.PasswordPolicy(min_length=12),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        scope_ = cognito.ResourceServerScope(scope_name="read", scope_description="to read")
        server = pool.add_resource_server("Server", identifier="notes", scopes=[scope_])
        client = pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.resource_server(server, scope_)],
                callback_urls=["https://example.com/back"],
            ),
        )
        pool.add_domain("Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix="notes-example"))
        cognito.CfnUserPoolGroup(self, "Admins", user_pool_id=pool.user_pool_id, group_name="admins")
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline("def handler(event, context): return {'statusCode': 204}"),
        )
        api = apigateway.RestApi(
            self, "Api", endpoint_types=[apigateway.EndpointType.REGIONAL], cloud_watch_role=True
        )
        api.root.add_resource("notes").add_method(
            "GET",
            apigateway.LambdaIntegration(function),
            authorizer=apigateway.CognitoUserPoolsAuthorizer(self, "Signed", cognito_user_pools=[pool]),
            authorization_type=apigateway.AuthorizationType.COGNITO,
            api_key_required=True,
        )
        plan = api.add_usage_plan("Plan", throttle=apigateway.ThrottleSettings(rate_limit=10, burst_limit=2))
        plan.add_api_stage(stage=api.deployment_stage)
        plan.add_api_key(api.add_api_key("Key"))
        acl = wafv2.CfnWebACL(
            self,
            "Firewall",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=wafv2.CfnWebACL.VisibilityConfigProperty(
                cloud_watch_metrics_enabled=True, metric_name="notes", sampled_requests_enabled=True
            ),
            rules=[
                wafv2.CfnWebACL.RuleProperty(
                    name="rate",
                    priority=1,
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            limit=1000, aggregate_key_type="IP"
                        )
                    ),
                    visibility_config=wafv2.CfnWebACL.VisibilityConfigProperty(
                        cloud_watch_metrics_enabled=True, metric_name="rate", sampled_requests_enabled=True
                    ),
                )
            ],
        )
        wafv2.CfnWebACLAssociation(
            self, "Guard", web_acl_arn=acl.attr_arn, resource_arn=api.deployment_stage.stage_arn
        )
        web = http.HttpApi(self, "HttpApi", cors_preflight=http.CorsPreflightOptions(allow_origins=["*"]))
        web.add_routes(
            path="/notes",
            methods=[http.HttpMethod.GET],
            integration=integrations.HttpLambdaIntegration("Notes", function),
            authorizer=authorizers.HttpUserPoolAuthorizer("Jwt", pool, user_pool_clients=[client]),
        )
        cdk.CfnOutput(self, "NotesUrl", value=web.url or "")
