"""A web ACL in front of a stage, over HTTP: what it lets through, what it stops, what it tells."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.rest_api import Answer, RestApi
from support.waiting import eventually

VISIBLE = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "test"}
NONE = [{"Priority": 0, "Type": "NONE"}]
AGENT = [("User-Agent", "a test")]
Rules = list[dict[str, Any]]


def rule(
    name: str, statement: dict[str, Any], action: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A rule that blocks; groups of rules have their own actions."""
    group = next(iter(statement)) in ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")
    decides = {"OverrideAction": {"None": {}}} if group else {"Action": action or {"Block": {}}}
    visible = VISIBLE | {"MetricName": name}
    return {
        "Name": name,
        "Priority": 0,
        "Statement": statement,
        "VisibilityConfig": visible,
        **decides,
        **more,
    }


def contains(text: str, part: dict[str, Any], *transformations: str) -> dict[str, Any]:
    return {
        "ByteMatchStatement": {
            "SearchString": text.encode(),
            "FieldToMatch": part,
            "TextTransformations": [
                {"Priority": number, "Type": kind} for number, kind in enumerate(transformations or ("NONE",))
            ],
            "PositionalConstraint": "CONTAINS",
        }
    }


def managed(name: str, **options: Any) -> dict[str, Any]:
    return {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": name, **options}}


class Firewall:
    """An API that answers everything, behind whatever rules a test chooses."""

    def __init__(self, local_aws: LocalAws) -> None:
        self.local_aws = local_aws
        self.waf = local_aws.client("wafv2")
        self.api = RestApi.make(local_aws)
        self.api.mock("/{proxy+}", "open")
        self.api.deploy()
        self.arns: list[str] = []

    def protect(self, rules: Rules, **settings: Any) -> str:
        """The ARN of a web ACL of its own; the rules come in their order."""
        ordered = [{**each, "Priority": number} for number, each in enumerate(rules)]
        made = self.waf.create_web_acl(
            **{
                "Name": f"acl-{uuid.uuid4().hex[:8]}",
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "Rules": ordered,
                "VisibilityConfig": VISIBLE,
                **settings,
            }
        )["Summary"]
        self.waf.associate_web_acl(ResourceArn=self.api.stage_arn, WebACLArn=made["ARN"])
        self.arns.append(made["ARN"])
        return str(made["ARN"])

    def ask(self, path: str = "page", **request: Any) -> Answer:
        return self.api.ask(path, **{"headers": AGENT, **request})

    def is_open(self, path: str = "page", **request: Any) -> bool:
        answer = self.ask(path, **request)
        assert answer.status in (200, 403)
        return answer.status == 200


@pytest.fixture(scope="module")
def firewall(local_aws: LocalAws) -> Iterator[Firewall]:
    made = Firewall(local_aws)
    yield made
    made.waf.disassociate_web_acl(ResourceArn=made.api.stage_arn)
    for arn in made.arns:
        name, identifier = arn.split("/")[-2:]
        where = {"Name": name, "Id": identifier, "Scope": "REGIONAL"}
        made.waf.delete_web_acl(**where, LockToken=made.waf.get_web_acl(**where)["LockToken"])
    made.api.delete()


class TestStatements:
    @pytest.mark.parametrize(
        ("part", "request_"),
        [
            ({"UriPath": {}}, {"path": "a/evil/page"}),
            ({"QueryString": {}}, {"path": "page?a=evil"}),
            ({"SingleQueryArgument": {"Name": "A"}}, {"path": "page?a=evil"}),
            ({"AllQueryArguments": {}}, {"path": "page?b=1&evil=2"}),
            ({"SingleHeader": {"Name": "x-one"}}, {"headers": [*AGENT, ("X-One", "so evil")]}),
            (
                {
                    "Headers": {
                        "MatchPattern": {"All": {}},
                        "MatchScope": "VALUE",
                        "OversizeHandling": "CONTINUE",
                    }
                },
                {"headers": [*AGENT, ("X-Any", "evil")]},
            ),
            (
                {
                    "Cookies": {
                        "MatchPattern": {"IncludedCookies": ["id"]},
                        "MatchScope": "ALL",
                        "OversizeHandling": "CONTINUE",
                    }
                },
                {"headers": [*AGENT, ("Cookie", "other=1; id=evil")]},
            ),
            ({"Body": {"OversizeHandling": "CONTINUE"}}, {"method": "POST", "body": b"an evil body"}),
            (
                {"JsonBody": {"MatchPattern": {"IncludedPaths": ["/a/0"]}, "MatchScope": "VALUE"}},
                {"method": "POST", "body": b'{"a": ["evil"], "b": "good"}'},
            ),
        ],
        ids=lambda value: next(iter(value)),
    )
    def test_a_text_is_found_in_every_part(
        self, firewall: Firewall, part: dict[str, Any], request_: dict[str, Any]
    ) -> None:
        firewall.protect([rule("evil", contains("evil", part))])

        assert not firewall.is_open(**request_)
        assert firewall.is_open("page?b=good", headers=[*AGENT, ("X-One", "good")])

    def test_what_is_hidden_is_found_after_its_transformations(self, firewall: Firewall) -> None:
        hidden = contains("evil", {"QueryString": {}}, "URL_DECODE", "LOWERCASE")
        firewall.protect([rule("evil", hidden)])

        assert not firewall.is_open("page?a=%45V%49L")

    def test_a_body_counts_up_to_what_is_inspected(self, firewall: Firewall) -> None:
        body = b"x" * (16 * 1024) + b"evil"
        for handling, opened in (("CONTINUE", True), ("MATCH", False), ("NO_MATCH", True)):
            firewall.protect([rule("evil", contains("evil", {"Body": {"OversizeHandling": handling}}))])
            assert firewall.is_open(method="POST", body=body) is opened, handling

        more = {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_32"}}}
        firewall.protect(
            [rule("evil", contains("evil", {"Body": {"OversizeHandling": "CONTINUE"}}))],
            AssociationConfig=more,
        )
        assert not firewall.is_open(method="POST", body=body)

    def test_statements_combine(self, firewall: Firewall) -> None:
        one, other = contains("one", {"UriPath": {}}), contains("other", {"UriPath": {}})
        both = {"AndStatement": {"Statements": [one, {"NotStatement": {"Statement": other}}]}}
        firewall.protect([rule("both", both)])

        assert not firewall.is_open("one")
        assert firewall.is_open("one/other")

    def test_sizes_and_expressions_are_compared(self, firewall: Firewall) -> None:
        long = {
            "SizeConstraintStatement": {
                "FieldToMatch": {"QueryString": {}},
                "ComparisonOperator": "GT",
                "Size": 10,
                "TextTransformations": NONE,
            }
        }
        number = {
            "RegexMatchStatement": {
                "RegexString": r"^/v1/\d+$",
                "FieldToMatch": {"UriPath": {}},
                "TextTransformations": NONE,
            }
        }
        firewall.protect([rule("long", long), rule("number", number)])

        assert not firewall.is_open("page?12345678901")
        assert firewall.is_open("page?1234567890")
        assert not firewall.is_open("123")
        assert firewall.is_open("123a")

    def test_an_address_is_looked_up_in_its_set(self, firewall: Firewall) -> None:
        made = firewall.waf.create_ip_set(
            Name="here", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["127.0.0.0/8", "192.0.2.1/32"]
        )["Summary"]
        firewall.protect(
            [rule("here", {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": made["ARN"]}}}})]
        )

        assert firewall.is_open()
        assert firewall.is_open(headers=[*AGENT, ("X-Forwarded-For", "192.0.2.1")])
        assert not firewall.is_open(headers=[*AGENT, ("X-Forwarded-For", "192.0.2.2")])
        with pytest.raises(ClientError, match="WAFAssociatedItemException"):
            firewall.waf.delete_ip_set(
                Name="here", Scope="REGIONAL", Id=made["Id"], LockToken=made["LockToken"]
            )

    def test_a_set_holds_several_expressions(self, firewall: Firewall) -> None:
        made = firewall.waf.create_regex_pattern_set(
            Name="expressions",
            Scope="REGIONAL",
            RegularExpressionList=[{"RegexString": "^/v1/one$"}, {"RegexString": "tw[o0]"}],
        )["Summary"]
        listed = {
            "RegexPatternSetReferenceStatement": {
                "ARN": made["ARN"],
                "FieldToMatch": {"UriPath": {}},
                "TextTransformations": NONE,
            }
        }
        firewall.protect([rule("listed", listed)])

        assert [firewall.is_open(path) for path in ("one", "tw0", "ones")] == [False, False, True]

    def test_a_forwarded_address_is_looked_up_where_the_rule_says(self, firewall: Firewall) -> None:
        made = firewall.waf.create_ip_set(
            Name="forwarded", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["198.51.100.0/24"]
        )["Summary"]
        for position, opened in (("FIRST", True), ("LAST", True), ("ANY", False)):
            config = {"HeaderName": "X-Client", "FallbackBehavior": "MATCH", "Position": position}
            forwarded = {"ARN": made["ARN"], "IPSetForwardedIPConfig": config}
            firewall.protect([rule("forwarded", {"IPSetReferenceStatement": forwarded})])
            addresses = "192.0.2.1, 198.51.100.1, 192.0.2.2"
            assert firewall.is_open(headers=[*AGENT, ("X-Client", addresses)]) is opened, position
            assert not firewall.is_open(headers=[*AGENT, ("X-Client", "nowhere")])
            assert firewall.is_open()

    def test_where_somebody_comes_from_is_unknown(self, firewall: Firewall) -> None:
        firewall.protect([rule("place", {"GeoMatchStatement": {"CountryCodes": ["US", "DE"]}})])

        assert firewall.is_open()

    @pytest.mark.parametrize(
        ("statement", "attack", "harmless"),
        [
            ("XssMatchStatement", "%3Cscript%3Ealert(1)%3C/script%3E", "a%20%3C%20b"),
            ("XssMatchStatement", "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E", "img"),
            ("SqliMatchStatement", "1'%20OR%20'1'='1", "O'Brien"),
            ("SqliMatchStatement", "1%20UNION%20SELECT%20password%20FROM%20users", "union%20of%20states"),
        ],
    )
    def test_an_attack_is_told_from_what_is_harmless(
        self, firewall: Firewall, statement: str, attack: str, harmless: str
    ) -> None:
        looks = {statement: {"FieldToMatch": {"AllQueryArguments": {}}, "TextTransformations": NONE}}
        firewall.protect([rule("attack", looks)])

        assert not firewall.is_open(f"page?q={attack}")
        assert firewall.is_open(f"page?q={harmless}")


class TestActions:
    def test_the_first_rule_that_decides_is_the_last(self, firewall: Firewall) -> None:
        firewall.protect(
            [
                rule("counted", contains("page", {"UriPath": {}}), {"Count": {}}),
                rule("friend", contains("friend", {"QueryString": {}}), {"Allow": {}}),
                rule("all", contains("page", {"UriPath": {}})),
            ]
        )

        assert firewall.is_open("page?friend")
        assert not firewall.is_open("page")

    def test_a_blocked_request_gets_the_gateway_s_answer(self, firewall: Firewall) -> None:
        firewall.protect([rule("all", contains("page", {"UriPath": {}}))])

        answer = firewall.ask()

        assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
        assert answer.headers["x-amzn-errortype"] == "ForbiddenException"

    def test_a_rule_may_have_an_answer_of_its_own(self, firewall: Firewall) -> None:
        answers = {
            "ResponseCode": 418,
            "CustomResponseBodyKey": "tea",
            "ResponseHeaders": [{"Name": "x-pot", "Value": "tea"}],
        }
        firewall.protect(
            [rule("all", contains("page", {"UriPath": {}}), {"Block": {"CustomResponse": answers}})],
            CustomResponseBodies={"tea": {"ContentType": "TEXT_PLAIN", "Content": "no coffee"}},
        )

        answer = firewall.ask()

        assert (answer.status, answer.body, answer.headers["x-pot"]) == (418, b"no coffee", "tea")

    def test_nobody_has_a_token_to_show(self, firewall: Firewall) -> None:
        firewall.protect([rule("all", contains("page", {"UriPath": {}}), {"Captcha": {}})])

        answer = firewall.ask()

        assert (answer.status, answer.headers["x-amzn-waf-action"]) == (405, "captcha")

    def test_labels_tell_later_rules(self, firewall: Firewall) -> None:
        marked = rule(
            "mark", contains("odd", {"UriPath": {}}), {"Count": {}}, RuleLabels=[{"Name": "seen:odd"}]
        )
        labelled = {"LabelMatchStatement": {"Scope": "LABEL", "Key": "seen:odd"}}
        in_namespace = {"LabelMatchStatement": {"Scope": "NAMESPACE", "Key": "seen:"}}
        for statement in (labelled, in_namespace):
            firewall.protect([marked, rule("odd", statement)])
            assert not firewall.is_open("odd")
            assert firewall.is_open("even")


class TestRates:
    LIMIT = 10

    def rate(self, **options: Any) -> dict[str, Any]:
        return {"RateBasedStatement": {"Limit": self.LIMIT, "AggregateKeyType": "IP", **options}}

    def test_an_address_is_let_in_up_to_the_limit(self, firewall: Firewall) -> None:
        arn = firewall.protect([rule("rate", self.rate())])

        opened = [firewall.is_open() for _ in range(self.LIMIT + 2)]

        assert opened == [True] * self.LIMIT + [False] * 2
        assert firewall.is_open(headers=[*AGENT, ("X-Forwarded-For", "192.0.2.7")])
        name, identifier = arn.split("/")[-2:]
        kept = firewall.waf.get_rate_based_statement_managed_keys(
            Scope="REGIONAL", WebACLName=name, WebACLId=identifier, RuleName="rate"
        )
        assert kept["ManagedKeysIPV4"]["Addresses"] == ["127.0.0.1/32"]

    def test_only_what_is_in_scope_counts(self, firewall: Firewall) -> None:
        firewall.protect([rule("rate", self.rate(ScopeDownStatement=contains("login", {"UriPath": {}})))])

        assert all(firewall.is_open() for _ in range(self.LIMIT + 2))
        assert [firewall.is_open("login") for _ in range(self.LIMIT + 1)][-1] is False
        assert firewall.is_open()

    def test_a_forwarded_address_is_counted_by_itself(self, firewall: Firewall) -> None:
        config = {"HeaderName": "X-Client", "FallbackBehavior": "NO_MATCH"}
        forwarded = self.rate(AggregateKeyType="FORWARDED_IP", ForwardedIPConfig=config)
        firewall.protect([rule("rate", forwarded)])

        one, other = ([*AGENT, ("X-Client", f"192.0.2.{number}")] for number in (1, 2))

        assert [firewall.is_open(headers=one) for _ in range(self.LIMIT + 1)][-1] is False
        assert firewall.is_open(headers=other)
        assert all(firewall.is_open() for _ in range(self.LIMIT + 2))

    def test_a_key_may_be_made_of_what_requests_send(self, firewall: Firewall) -> None:
        keys = [{"Header": {"Name": "x-user", "TextTransformations": NONE}}]
        firewall.protect([rule("rate", self.rate(AggregateKeyType="CUSTOM_KEYS", CustomKeys=keys))])

        one, other = [*AGENT, ("X-User", "one")], [*AGENT, ("X-User", "other")]

        assert [firewall.is_open(headers=one) for _ in range(self.LIMIT + 1)][-1] is False
        assert firewall.is_open(headers=other)
        assert all(firewall.is_open() for _ in range(self.LIMIT + 2))


class TestGroups:
    @pytest.mark.parametrize(
        ("group", "request_"),
        [
            ("AWSManagedRulesCommonRuleSet", {"headers": []}),
            ("AWSManagedRulesCommonRuleSet", {"path": "page?file=../../etc/passwd"}),
            ("AWSManagedRulesCommonRuleSet", {"path": "page?url=http://169.254.169.254/latest/meta-data"}),
            ("AWSManagedRulesCommonRuleSet", {"method": "POST", "body": b"<script>alert(1)</script>"}),
            ("AWSManagedRulesCommonRuleSet", {"method": "POST", "body": b"x" * 8193}),
            ("AWSManagedRulesCommonRuleSet", {"headers": [*AGENT, ("Cookie", "a=<script>")]}),
            ("AWSManagedRulesCommonRuleSet", {"path": f"page?{'x' * 2049}"}),
            (
                "AWSManagedRulesKnownBadInputsRuleSet",
                {"headers": [*AGENT, ("X-Api", "${jndi:ldap://evil/a}")]},
            ),
            ("AWSManagedRulesKnownBadInputsRuleSet", {"headers": [*AGENT, ("Host", "localhost")]}),
            ("AWSManagedRulesKnownBadInputsRuleSet", {"method": "PROPFIND"}),
            ("AWSManagedRulesSQLiRuleSet", {"path": "page?id=1%27%20OR%201=1--"}),
        ],
    )
    def test_the_managed_groups_know_the_plain_cases(
        self, firewall: Firewall, group: str, request_: dict[str, Any]
    ) -> None:
        firewall.protect([rule("group", managed(group))])

        assert not firewall.is_open(**request_)
        assert firewall.is_open("models?page=2", method="POST", body=b'{"instances": [[1.0, 2.0]]}')

    def test_a_rule_of_a_group_may_be_overridden(self, firewall: Firewall) -> None:
        size = {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}
        body = b"x" * 8193
        firewall.protect(
            [rule("common", managed("AWSManagedRulesCommonRuleSet", RuleActionOverrides=[size]))]
        )
        assert firewall.is_open(method="POST", body=body)

        excluded = managed("AWSManagedRulesCommonRuleSet", ExcludedRules=[{"Name": "SizeRestrictions_BODY"}])
        firewall.protect([rule("common", excluded)])
        assert firewall.is_open(method="POST", body=body)

        counting = rule("common", managed("AWSManagedRulesCommonRuleSet")) | {"OverrideAction": {"Count": {}}}
        firewall.protect([counting])
        assert firewall.is_open(method="POST", body=body)

    def test_the_labels_of_a_managed_group_tell_later_rules(self, firewall: Firewall) -> None:
        label = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"
        size = {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}
        unless = {
            "AndStatement": {
                "Statements": [
                    {"LabelMatchStatement": {"Scope": "LABEL", "Key": label}},
                    {"NotStatement": {"Statement": contains("upload", {"UriPath": {}})}},
                ]
            }
        }
        group = rule("common", managed("AWSManagedRulesCommonRuleSet", RuleActionOverrides=[size]))
        firewall.protect([group, rule("size", unless)])

        assert firewall.is_open("upload", method="POST", body=b"x" * 8193)
        assert not firewall.is_open("page", method="POST", body=b"x" * 8193)

    def test_a_group_of_one_s_own_decides(self, firewall: Firewall) -> None:
        made = firewall.waf.create_rule_group(
            Name="own",
            Scope="REGIONAL",
            Capacity=20,
            Rules=[rule("evil", contains("evil", {"UriPath": {}}), RuleLabels=[{"Name": "evil"}])],
            VisibilityConfig=VISIBLE,
        )["Summary"]
        firewall.protect([rule("own", {"RuleGroupReferenceStatement": {"ARN": made["ARN"]}})])

        assert not firewall.is_open("evil")
        assert firewall.is_open("good")


class TestTelling:
    def test_a_record_says_what_decided(self, firewall: Firewall) -> None:
        group = f"aws-waf-logs-{uuid.uuid4().hex[:8]}"
        logs = firewall.local_aws.client("logs")
        logs.create_log_group(logGroupName=group)
        arn = firewall.protect(
            [
                rule("counted", contains("page", {"UriPath": {}}), {"Count": {}}),
                rule("common", managed("AWSManagedRulesCommonRuleSet")),
            ]
        )
        destination = f"arn:aws:logs:us-east-1:{firewall.local_aws.account}:log-group:{group}"
        configuration = {
            "ResourceArn": arn,
            "LogDestinationConfigs": [destination],
            "RedactedFields": [{"SingleHeader": {"Name": "authorization"}}],
        }
        firewall.waf.put_logging_configuration(LoggingConfiguration=configuration)

        answer = firewall.ask("page?f=../../x", headers=[*AGENT, ("Authorization", "secret")])

        events = logs.filter_log_events(logGroupName=group)["events"]
        (record,) = [json.loads(event["message"]) for event in events]
        assert record["webaclId"] == arn
        assert (record["action"], record["terminatingRuleId"]) == ("BLOCK", "common")
        assert record["terminatingRuleType"] == "MANAGED_RULE_GROUP"
        assert record["nonTerminatingMatchingRules"][0]["ruleId"] == "counted"
        (rules,) = record["ruleGroupList"]
        assert rules["ruleGroupId"] == "AWS#AWSManagedRulesCommonRuleSet"
        assert rules["terminatingRule"]["ruleId"] == "GenericLFI_QUERYARGUMENTS"
        assert record["labels"] == [{"name": "awswaf:managed:aws:core-rule-set:GenericLFI_QueryArguments"}]
        assert record["httpSourceName"] == "APIGW"
        assert record["httpSourceId"] == f"{firewall.local_aws.account}:{firewall.api.id}:v1"
        request = record["httpRequest"]
        assert (request["uri"], request["args"]) == ("/v1/page", "f=../../x")
        assert request["requestId"] == answer.request_id
        assert {"name": "authorization", "value": "REDACTED"} in request["headers"]
        assert (
            firewall.waf.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"] == configuration
        )
        listed = firewall.waf.list_logging_configurations(Scope="REGIONAL")["LoggingConfigurations"]
        assert configuration in listed

    def test_only_what_the_filter_keeps_is_recorded(self, firewall: Firewall) -> None:
        group = f"aws-waf-logs-{uuid.uuid4().hex[:8]}"
        logs = firewall.local_aws.client("logs")
        logs.create_log_group(logGroupName=group)
        arn = firewall.protect([rule("evil", contains("evil", {"UriPath": {}}))])
        blocked = {
            "Behavior": "KEEP",
            "Requirement": "MEETS_ANY",
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
        }
        firewall.waf.put_logging_configuration(
            LoggingConfiguration={
                "ResourceArn": arn,
                "LogDestinationConfigs": [f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"],
                "LoggingFilter": {"DefaultBehavior": "DROP", "Filters": [blocked]},
            }
        )

        firewall.ask("good")
        firewall.ask("evil")

        events = logs.filter_log_events(logGroupName=group)["events"]
        assert [json.loads(event["message"])["httpRequest"]["uri"] for event in events] == ["/v1/evil"]

    def test_requests_are_counted_and_sampled(self, firewall: Firewall) -> None:
        name = f"acl{uuid.uuid4().hex[:8]}"
        arn = firewall.protect(
            [rule("evil", contains("evil", {"UriPath": {}}))], VisibilityConfig=VISIBLE | {"MetricName": name}
        )
        now = time.time()
        firewall.ask("evil")
        firewall.ask("good")

        def sum_of(metric: str, of_rule: str) -> float:
            points = firewall.local_aws.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/WAFV2",
                MetricName=metric,
                Dimensions=[
                    {"Name": "WebACL", "Value": name},
                    {"Name": "Region", "Value": "us-east-1"},
                    {"Name": "Rule", "Value": of_rule},
                ],
                StartTime=now - 60,
                EndTime=now + 60,
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
            return sum(float(point["Sum"]) for point in points)

        assert eventually(lambda: sum_of("BlockedRequests", "evil")) == 1
        assert sum_of("AllowedRequests", "ALL") == 1
        sampled = firewall.waf.get_sampled_requests(
            WebAclArn=arn,
            RuleMetricName="evil",
            Scope="REGIONAL",
            TimeWindow={"StartTime": now - 60, "EndTime": now + 60},
            MaxItems=10,
        )
        (sample,) = sampled["SampledRequests"]
        assert (sample["Action"], sample["Request"]["URI"]) == ("BLOCK", "/v1/evil")


class TestRefusals:
    @pytest.mark.parametrize(
        ("rules", "code"),
        [
            ([rule("a", contains("x", {"UriPath": {}})), rule("a", contains("y", {"UriPath": {}}))], "RULE"),
            (
                [
                    rule(
                        "a", {**contains("x", {"UriPath": {}}), "GeoMatchStatement": {"CountryCodes": ["US"]}}
                    )
                ],
                "STATEMENT",
            ),
            ([rule("a", managed("AWSManagedRulesCommonRuleSet"), Action={"Block": {}})], "RULE_ACTION"),
            ([rule("a", {"AndStatement": {"Statements": [contains("x", {"UriPath": {}})]}})], "AndStatement"),
            (
                [rule("a", {"NotStatement": {"Statement": managed("AWSManagedRulesCommonRuleSet")}})],
                "STATEMENT",
            ),
            (
                [rule("a", {"RateBasedStatement": {"Limit": 10, "AggregateKeyType": "FORWARDED_IP"}})],
                "FORWARDED_IP",
            ),
            (
                [
                    rule(
                        "a",
                        contains("x", {"UriPath": {}}),
                        {"Block": {"CustomResponse": {"ResponseCode": 429, "CustomResponseBodyKey": "none"}}},
                    )
                ],
                "CUSTOM_RESPONSE_BODY",
            ),
            (
                [rule("a", managed("AWSManagedRulesCommonRuleSet", ExcludedRules=[{"Name": "Nothing"}]))],
                "EXCLUDED_RULE",
            ),
        ],
    )
    def test_a_rule_that_cannot_be_is_refused(self, firewall: Firewall, rules: Rules, code: str) -> None:
        with pytest.raises(ClientError, match=f"WAFInvalidParameterException.*{code}"):
            firewall.protect(rules)

    def test_a_group_that_does_not_exist_is_missed(self, firewall: Firewall) -> None:
        with pytest.raises(ClientError, match="WAFNonexistentItemException"):
            firewall.protect([rule("a", managed("AWSManagedRulesNothing"))])

    def test_a_stale_change_is_refused(self, firewall: Firewall) -> None:
        arn = firewall.protect([])
        name, identifier = arn.split("/")[-2:]
        where = {"Name": name, "Id": identifier, "Scope": "REGIONAL"}

        with pytest.raises(ClientError, match="WAFOptimisticLockException"):
            firewall.waf.update_web_acl(
                **where,
                DefaultAction={"Allow": {}},
                VisibilityConfig=VISIBLE,
                LockToken=str(uuid.uuid4()),
            )

    def test_a_web_acl_in_use_stays(self, firewall: Firewall) -> None:
        arn = firewall.protect([])
        name, identifier = arn.split("/")[-2:]
        where = {"Name": name, "Id": identifier, "Scope": "REGIONAL"}

        with pytest.raises(ClientError, match="WAFAssociatedItemException"):
            firewall.waf.delete_web_acl(**where, LockToken=firewall.waf.get_web_acl(**where)["LockToken"])

    def test_a_stage_that_does_not_exist_cannot_be_protected(self, firewall: Firewall) -> None:
        arn = firewall.protect([])

        with pytest.raises(ClientError, match="WAFNonexistentItemException"):
            firewall.waf.associate_web_acl(ResourceArn=f"{firewall.api.stage_arn}x", WebACLArn=arn)

    def test_logs_go_to_groups_of_the_right_name(self, firewall: Firewall) -> None:
        arn = firewall.protect([])
        destination = "arn:aws:logs:us-east-1:000000000000:log-group:elsewhere"

        with pytest.raises(ClientError, match="WAFInvalidParameterException"):
            firewall.waf.put_logging_configuration(
                LoggingConfiguration={"ResourceArn": arn, "LogDestinationConfigs": [destination]}
            )


class TestTemplates:
    def template(self, api_id: str, search: str = "evil") -> dict[str, Any]:
        match = {
            "SearchString": search,
            "FieldToMatch": {"UriPath": {}},
            "TextTransformations": NONE,
            "PositionalConstraint": "CONTAINS",
        }
        own = {
            "Type": "AWS::WAFv2::IPSet",
            "Properties": {"Scope": "REGIONAL", "IPAddressVersion": "IPV4", "Addresses": ["192.0.2.0/24"]},
        }
        group_log = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"aws-waf-logs-{api_id}"}}
        acl = {
            "Type": "AWS::WAFv2::WebACL",
            "Properties": {
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": VISIBLE,
                "Rules": [
                    rule("evil", {"ByteMatchStatement": match}),
                    rule(
                        "there",
                        {"IPSetReferenceStatement": {"Arn": {"Fn::GetAtt": ["Own", "Arn"]}}},
                        Priority=1,
                    ),
                ],
            },
        }
        association = {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {
                "ResourceArn": f"arn:aws:apigateway:us-east-1::/restapis/{api_id}/stages/v1",
                "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]},
            },
        }
        logging = {
            "Type": "AWS::WAFv2::LoggingConfiguration",
            "Properties": {
                "ResourceArn": {"Fn::GetAtt": ["Acl", "Arn"]},
                "LogDestinationConfigs": [{"Fn::GetAtt": ["Log", "Arn"]}],
            },
        }
        return {"Own": own, "Acl": acl, "Log": group_log, "Association": association, "Logging": logging}

    def test_a_web_acl_protects_a_stage_until_the_stack_is_gone(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        api = RestApi.make(local_aws)
        api.mock("/{proxy+}", "open")
        api.deploy()
        template = self.template(api.id)

        stack = stacks.deploy(template, name="firewall")
        waf = local_aws.client("wafv2")
        assert [api.ask(path).status for path in ("evil", "good", "bad")] == [403, 200, 200]
        assert api.ask("good", headers=[("X-Forwarded-For", "192.0.2.9")]).status == 403
        found = waf.get_web_acl_for_resource(ResourceArn=api.stage_arn)["WebACL"]
        stage = api.gateway.get_stage(restApiId=api.id, stageName="v1")
        assert stage["webAclArn"] == found["ARN"]
        assert found["Capacity"] == 11
        assert waf.get_logging_configuration(ResourceArn=found["ARN"])

        stacks.deploy(self.template(api.id, "bad"), name="firewall")
        assert [api.ask(path).status for path in ("evil", "good", "bad")] == [200, 200, 403]

        local_aws.client("cloudformation").delete_stack(StackName=stack.name)
        eventually(lambda: api.ask("bad").status == 200)
        assert "WebACL" not in waf.get_web_acl_for_resource(ResourceArn=api.stage_arn)
        api.delete()

    def test_what_waf_refuses_fails_the_stack(self, stacks: Stacks, local_aws: LocalAws) -> None:
        api = RestApi.make(local_aws)
        api.mock("/")
        api.deploy()
        template = self.template(api.id)
        template["Acl"]["Properties"]["Rules"][1]["Priority"] = 0

        with pytest.raises(DeploymentFailed, match=r"Acl: .*Error reason: .*Service: Wafv2"):
            stacks.deploy(template)
        api.delete()
