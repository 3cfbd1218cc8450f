"""Who may call an API, as it is written into templates: keys, tokens, limits, places, and what is watched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_sns as sns

from clary_constructs import (
    DYNAMODB_PREFIX_LISTS,
    S3_PREFIX_LISTS,
    ApiAlarms,
    ApiClient,
    ApiDashboard,
    ApiDomain,
    ApiLimit,
    ApiQuota,
    ApiUserPool,
    InferenceApi,
    InferenceFunction,
    PrivateApiEndpoint,
    QuotaAlarm,
    QuotaTable,
    ServedModel,
)
from clary_constructs._inference_function import _clients
from inference_gateway.client import parse
from inference_gateway.problem import NOT_COUNTED
from inference_gateway.quota import Quota
from inference_gateway.routes import ROUTES

ACCOUNT = "111122223333"
MODELS = ("housing", "churn")
PROGRAM = ApiClient(10, 20, models=("housing",))
PEOPLE = ApiClient(10, 20, models=("housing", "churn"), return_to=("https://page.example/",))
LIMITED = ApiClient(
    10,
    20,
    models=MODELS,
    quota=ApiQuota(1000, "week"),
    limits={"churn": ApiLimit(requests_per_second=2, burst=4)},
)
ROLE = iam.ArnPrincipal(f"arn:aws:iam::{ACCOUNT}:role/nightly-batch")
FUNCTIONS = Path(__file__).parents[3] / "lambda"


class Made:
    """A stack, and what is in it."""

    def __init__(self) -> None:
        self.stack = cdk.Stack(env=cdk.Environment(account=ACCOUNT, region="eu-west-1"))
        self.key = kms.Key.from_key_arn(self.stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/a-key")
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self.stack,
            "Vpc",
            vpc_id="vpc-1",
            availability_zones=["eu-west-1a"],
            isolated_subnet_ids=["subnet-1"],
            isolated_subnet_route_table_ids=["rtb-1"],
        )
        self.group = ec2.SecurityGroup.from_security_group_id(self.stack, "Group", "sg-1")

    def quotas(self, *, own_network: bool = True) -> QuotaTable:
        return QuotaTable(
            self.stack,
            "Quotas",
            encryption_key=self.key,
            vpc=self.vpc,
            security_group=self.group,
            prefix_list="pl-6fa54006",
            subnets=ec2.SubnetSelection(subnets=self.vpc.isolated_subnets) if own_network else None,
        )

    def users(self, clients: Mapping[str, ApiClient], **settings: Any) -> ApiUserPool:
        given = {"models": MODELS, "clients": clients, "domain_prefix": "clary-dev"}
        return ApiUserPool(self.stack, "Users", **(given | settings))

    def api(self, authorization: Any, clients: Mapping[str, ApiClient], **settings: Any) -> InferenceApi:
        function = lambda_.Function.from_function_attributes(
            self.stack,
            "Function",
            function_arn=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:inference",
            same_environment=True,
        )
        return InferenceApi(
            self.stack,
            "Api",
            function=function,
            routes=[route.path for route in ROUTES],
            authorization=authorization,
            clients=clients,
            encryption_key=self.key,
            **settings,
        )

    def function(
        self,
        clients: Mapping[str, ApiClient] | None,
        own: Sequence[str] = (),
        quotas: QuotaTable | None = None,
    ) -> InferenceFunction:
        return InferenceFunction(
            self.stack,
            "Inference",
            models={name: ServedModel(name, ("text/csv",)) for name in MODELS},
            source=FUNCTIONS,
            encryption_key=self.key,
            vpc=self.vpc,
            subnets=ec2.SubnetSelection(subnets=self.vpc.isolated_subnets),
            security_groups=[self.group],
            clients=clients,
            own_resources=own,
            quotas=quotas,
        )

    @property
    def template(self) -> assertions.Template:
        return assertions.Template.from_stack(self.stack)

    def all_of(self, kind: str) -> list[dict[str, Any]]:
        return [each["Properties"] for each in self.template.find_resources(kind).values()]

    def one_of(self, kind: str) -> dict[str, Any]:
        (found,) = self.all_of(kind)
        return found


@pytest.fixture
def made() -> Made:
    return Made()


class TestTokens:
    def test_there_is_a_scope_for_each_model(self, made: Made) -> None:
        made.users({"planner": PROGRAM})

        server = made.one_of("AWS::Cognito::UserPoolResourceServer")

        assert (server["Identifier"], [scope["ScopeName"] for scope in server["Scopes"]]) == (
            "models",
            ["housing", "churn"],
        )

    def test_there_is_a_scope_for_what_a_team_launches(self, made: Made) -> None:
        lab = ApiClient(10, 20, models=(), launched=("research",))

        users = made.users({"lab": lab, "planner": PROGRAM}, teams=["research"])

        servers = {
            each["Identifier"]: each["Scopes"] for each in made.all_of("AWS::Cognito::UserPoolResourceServer")
        }
        apps = made.all_of("AWS::Cognito::UserPoolClient")
        asked = [json.dumps(each["AllowedOAuthScopes"]) for each in apps]
        assert [scope["ScopeName"] for scope in servers["launched"]] == ["research"]
        assert [scopes.count("/research") for scopes in asked] == [1, 0]
        assert users.scopes == ["models/housing", "models/churn", "launched/research"]

    def test_a_program_has_a_secret_and_asks_for_its_own_scopes(self, made: Made) -> None:
        made.users({"planner": PROGRAM})

        app = made.one_of("AWS::Cognito::UserPoolClient")

        assert (app["GenerateSecret"], app["AllowedOAuthFlows"]) == (True, ["client_credentials"])
        (scope,) = app["AllowedOAuthScopes"]
        assert scope["Fn::Join"][1][-1] == "/housing"

    def test_people_have_codes_and_no_secret_and_are_in_a_group(self, made: Made) -> None:
        made.users({"analysts": PEOPLE})

        app, group = (made.one_of(f"AWS::Cognito::UserPool{kind}") for kind in ("Client", "Group"))

        assert (app["GenerateSecret"], app["AllowedOAuthFlows"]) == (False, ["code"])
        assert app["CallbackURLs"] == ["https://page.example/"]
        assert len(app["AllowedOAuthScopes"]) == 3
        assert group["GroupName"] == "analysts"

    def test_nobody_signs_up_and_everybody_has_a_second_factor(self, made: Made) -> None:
        made.users({"analysts": PEOPLE})

        pool = made.one_of("AWS::Cognito::UserPool")

        assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
        assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("ON", ["SOFTWARE_TOKEN_MFA"])

    @pytest.mark.parametrize(
        ("policy", "kept"), [(cdk.RemovalPolicy.RETAIN, "Retain"), (cdk.RemovalPolicy.DESTROY, "Delete")]
    )
    def test_people_are_kept_as_the_data_is(self, made: Made, policy: cdk.RemovalPolicy, kept: str) -> None:
        made.users({"analysts": PEOPLE}, removal_policy=policy)

        (pool,) = made.template.find_resources("AWS::Cognito::UserPool").values()

        assert pool["DeletionPolicy"] == kept
        assert pool["Properties"].get("DeletionProtection") == ("ACTIVE" if kept == "Retain" else "INACTIVE")

    def test_every_method_takes_a_token_for_any_model_and_no_other(self, made: Made) -> None:
        clients = {"planner": PROGRAM}
        made.api("cognito", clients, user_pool=made.users(clients))

        methods = made.all_of("AWS::ApiGateway::Method")

        assert {one["AuthorizationType"] for one in methods} == {"COGNITO_USER_POOLS"}
        assert {tuple(one["AuthorizationScopes"]) for one in methods} == {("models/housing", "models/churn")}
        assert made.one_of("AWS::ApiGateway::Authorizer")["AuthorizerResultTtlInSeconds"] == 0

    def test_a_pool_goes_with_tokens_only(self, made: Made) -> None:
        with pytest.raises(ValueError, match="a user pool goes with the authorization 'cognito'"):
            made.api("cognito", {"planner": PROGRAM})

    def test_a_pool_has_room_for_so_many_models(self, made: Made) -> None:
        with pytest.raises(ValueError, match="has scopes for 100 models, these are 101"):
            made.users({}, models=[f"model-{number}" for number in range(101)])


class TestLimits:
    def test_a_plan_keeps_a_quota_and_limits_of_what_a_model_does(self, made: Made) -> None:
        made.api("api-key", {"shop": LIMITED}, own_resources=["churn"])

        plan = made.one_of("AWS::ApiGateway::UsagePlan")

        assert plan["Quota"] == {"Limit": 1000, "Period": "WEEK"}
        assert plan["ApiStages"][0]["Throttle"] == {
            f"/models/churn/{way}/POST": {"BurstLimit": 4, "RateLimit": 2}
            for way in ("invocations", "jobs", "batches")
        }

    def test_a_limited_model_has_every_route_of_the_others(self, made: Made) -> None:
        made.api("api-key", {"shop": LIMITED}, own_resources=["churn"])
        resources = made.template.find_resources("AWS::ApiGateway::Resource")

        def path(logical_id: str) -> str:
            properties = resources[logical_id]["Properties"]
            parent = properties["ParentId"].get("Ref")
            return f"{path(parent) if parent else ''}/{properties['PathPart']}"

        any_verb = {
            path(method["ResourceId"]["Ref"])
            for method in made.all_of("AWS::ApiGateway::Method")
            if method["HttpMethod"] == "ANY"
        }

        general = {route.path for route in ROUTES}
        assert any_verb == general | {each.replace("{model}", "churn") for each in general}

    def test_a_metered_api_asks_for_a_key_besides_the_signature(self, made: Made) -> None:
        client = ApiClient(10, 20, ROLE, quota=ApiQuota(5, "day"))
        api = made.api("iam", {"nightly-batch": client}, metered=True)

        methods = made.all_of("AWS::ApiGateway::Method")

        assert {(one["AuthorizationType"], one["ApiKeyRequired"]) for one in methods} == {("AWS_IAM", True)}
        assert api.api_keys.keys() == {"nightly-batch"}

    def test_refuses_to_count_what_has_no_key(self, made: Made) -> None:
        with pytest.raises(ValueError, match="nightly-batch have quotas or limits of models"):
            made.api("iam", {"nightly-batch": ApiClient(10, 20, ROLE, quota=ApiQuota(5, "day"))})

    def test_a_client_that_comes_changes_no_others_key(self) -> None:
        before, after = Made(), Made()
        before.api("api-key", {"shop": PROGRAM})
        after.api("api-key", {"shop": PROGRAM, "kiosk": PROGRAM})

        keys, now = (each.template.find_resources("AWS::ApiGateway::ApiKey") for each in (before, after))

        assert keys.items() <= now.items()
        assert len(now) == 2


class TestFunction:
    def test_knows_clients_by_name_and_their_ids_when_they_are_made(
        self, made: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: dict[str, str] = {}
        monkeypatch.setattr(
            "clary_constructs._inference_function.python_code",
            lambda _source, _packages, files: written.update(files) or lambda_.Code.from_inline("0"),
        )
        shop = replace(PROGRAM, launched=["research"])
        clients = {"shop": shop, "batch": ApiClient(1, 1, ROLE), "analysts": PEOPLE}
        inference = made.function(clients, ["churn"])
        users = made.users({"analysts": PEOPLE})
        inference.recognise({}, users.clients)

        variables = made.one_of("AWS::Lambda::Function")["Environment"]["Variables"]
        known = parse(written["clients.json"], json.dumps({"shop": "k1"}), json.dumps({"analysts": "a1"}))

        assert "API_KEYS" not in variables
        assert variables["APP_CLIENTS"]["Fn::Join"][1][0] == '{"analysts":"'
        assert (known.keys["k1"].models, known.keys["k1"].launched) == ({"housing"}, {"research"})
        assert known.apps["a1"].launched == set()
        assert known.apps["a1"].people
        assert known.own_resources == {"churn"}
        assert known.of_principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly-batch") is not None

    def test_refuses_more_clients_than_its_environment_holds(self, made: Made) -> None:
        with pytest.raises(ValueError, match="of its 2 models and 99 clients takes"):
            made.function({f"client-{number}": PROGRAM for number in range(99)})


RATIONED = ApiClient(10, 20, models=MODELS, model_quotas={"churn": ApiQuota(5, "day")})


class TestQuotasOfModels:
    def test_a_table_counts_and_forgets_and_is_encrypted_with_the_key(self, made: Made) -> None:
        made.quotas()

        table = made.one_of("AWS::DynamoDB::Table")

        assert table["SSESpecification"]["KMSMasterKeyId"].endswith("key/a-key")
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"

    def test_the_way_there_leads_to_this_table_and_nowhere_else(self, made: Made) -> None:
        made.quotas()

        (statement,) = made.one_of("AWS::EC2::VPCEndpoint")["PolicyDocument"]["Statement"]
        assert (statement["Action"], statement["Resource"]) == (
            "dynamodb:UpdateItem",
            {"Fn::GetAtt": [next(iter(made.template.find_resources("AWS::DynamoDB::Table"))), "Arn"]},
        )
        rule = made.one_of("AWS::EC2::SecurityGroupEgress")
        assert (rule["GroupId"], rule["DestinationPrefixListId"]) == ("sg-1", "pl-6fa54006")

    def test_a_networks_owner_keeps_its_endpoints(self, made: Made) -> None:
        made.quotas(own_network=False)

        assert made.all_of("AWS::EC2::VPCEndpoint") == []
        assert len(made.all_of("AWS::EC2::SecurityGroupEgress")) == 1

    def test_the_function_may_count_and_nothing_else_of_the_table(self, made: Made) -> None:
        made.function({"shop": RATIONED}, quotas=made.quotas())

        statements = made.one_of("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
        of_tables = [one for one in statements if "dynamodb" in json.dumps(one["Action"])]
        assert [one["Action"] for one in of_tables] == ["dynamodb:UpdateItem"]
        assert "QUOTA_TABLE" in made.one_of("AWS::Lambda::Function")["Environment"]["Variables"]

    def test_the_function_knows_them_in_its_own_words(self) -> None:
        known = parse(
            _clients({"shop": RATIONED, "kiosk": PROGRAM}, ()), '{"shop": "k1", "kiosk": "k2"}', "{}"
        )

        shop, kiosk = (known.of_key(key) for key in ("k1", "k2"))
        assert shop is not None
        assert kiosk is not None
        assert (shop.quotas, kiosk.quotas) == ({"churn": Quota("shop", "churn", 5, "day")}, {})

    def test_nothing_is_made_for_clients_without_quotas_of_models(self, made: Made) -> None:
        made.function({"shop": LIMITED})

        assert "QUOTA_TABLE" not in made.one_of("AWS::Lambda::Function")["Environment"]["Variables"]
        assert "dynamodb" not in json.dumps(made.one_of("AWS::IAM::ManagedPolicy"))

    def test_refuses_quotas_that_nobody_counts(self, made: Made) -> None:
        with pytest.raises(ValueError, match="counted in a table, give 'quotas'"):
            made.function({"shop": RATIONED})

    def test_somebody_is_told_of_the_first_request_that_cannot_be_counted(self, made: Made) -> None:
        function = made.function({"shop": RATIONED}, quotas=made.quotas())
        QuotaAlarm(made.stack, "Alarm", function=function, topic=sns.Topic(made.stack, "Topic"))

        alarm, counted = made.one_of("AWS::CloudWatch::Alarm"), made.one_of("AWS::Logs::MetricFilter")

        assert (alarm["Threshold"], alarm["Statistic"], alarm["TreatMissingData"]) == (
            1,
            "Sum",
            "notBreaching",
        )
        assert alarm["MetricName"] == counted["MetricTransformations"][0]["MetricName"]
        assert f'"{NOT_COUNTED.name}"' in counted["FilterPattern"]

    def test_every_region_with_a_way_to_s3_has_one_to_the_table(self) -> None:
        assert DYNAMODB_PREFIX_LISTS.keys() == S3_PREFIX_LISTS.keys()


class TestPlace:
    def test_a_private_api_is_called_through_its_endpoint_and_nowhere_else(self, made: Made) -> None:
        endpoint = PrivateApiEndpoint(
            made.stack,
            "FromVpc",
            vpc=made.vpc,
            subnets=ec2.SubnetSelection(subnets=made.vpc.isolated_subnets),
            callers=ec2.Peer.ipv4("10.0.0.0/16"),
        ).endpoint
        made.api("iam", {"nightly-batch": ApiClient(1, 1, ROLE)}, vpc_endpoints=[endpoint])

        api, group = made.one_of("AWS::ApiGateway::RestApi"), made.one_of("AWS::EC2::SecurityGroup")

        assert api["EndpointConfiguration"]["Types"] == ["PRIVATE"]
        assert [one["Sid"] for one in api["Policy"]["Statement"]] == [
            "Clients",
            "NobodyElse",
            "NotFromElsewhere",
        ]
        (ingress,) = group["SecurityGroupIngress"]
        assert (ingress["CidrIp"], ingress["FromPort"]) == ("10.0.0.0/16", 443)

    @pytest.mark.parametrize(
        ("authorization", "clients", "let_in"),
        [("api-key", {"shop": PROGRAM}, "WhoIsLetIn"), ("iam", {}, "ThisAccount")],
    )
    def test_a_private_api_says_whom_it_lets_in(
        self, made: Made, authorization: str, clients: Mapping[str, ApiClient], let_in: str
    ) -> None:
        endpoint = ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
            made.stack, "Given", vpc_endpoint_id="vpce-1", port=443
        )
        made.api(authorization, clients, vpc_endpoints=[endpoint])

        allow, deny = made.one_of("AWS::ApiGateway::RestApi")["Policy"]["Statement"]

        assert (allow["Sid"], deny["Effect"]) == (let_in, "Deny")
        assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}}

    def test_a_name_leads_to_the_stage_and_has_its_record(self, made: Made) -> None:
        domain = ApiDomain(
            made.stack,
            "Domain",
            domain_name="models.example.com",
            certificate=acm.Certificate.from_certificate_arn(
                made.stack, "Certificate", f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/a"
            ),
            hosted_zone=route53.HostedZone.from_hosted_zone_attributes(
                made.stack, "Zone", hosted_zone_id="Z1", zone_name="example.com"
            ),
        )
        domain.lead("iam", made.api("iam", {}).stage)

        assert made.one_of("AWS::ApiGateway::BasePathMapping")["BasePath"] == "iam"
        assert made.one_of("AWS::Route53::RecordSet")["Name"] == "models.example.com."
        assert made.one_of("AWS::ApiGateway::DomainName")["SecurityPolicy"].startswith("SecurityPolicy_TLS13")


class TestAlarms:
    def test_tells_of_failed_slow_and_throttled_requests(self, made: Made) -> None:
        api = made.api("iam", {})
        topic = sns.Topic.from_topic_arn(made.stack, "Topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms")
        watched = ApiAlarms(made.stack, "Watch", api=api, topic=topic, server_errors_percent=2)
        ApiDashboard(made.stack, "Overview", apis=[(api, watched)])

        alarms = {one["MetricName"]: one["Threshold"] for one in made.all_of("AWS::CloudWatch::Alarm")}

        assert alarms == {"5XXError": 0.02, "Latency": 10_000, "Throttled/Default-iam": 100}
        assert made.one_of("AWS::Logs::MetricFilter")["FilterPattern"] == '{ $.status = "429" }'
        made.template.resource_count_is("AWS::CloudWatch::Dashboard", 1)
