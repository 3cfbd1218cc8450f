"""AWS's managed rule groups: their rules by name, and the plain cases of what they match.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_aws.wafv2 import patterns
from local_aws.wafv2.request import HEADER_BYTES, Request

Matcher = Callable[[Request], bool]


@dataclass(frozen=True)
class ManagedRule:
    name: str
    label: str
    matches: Matcher
    action: str = "Block"


@dataclass(frozen=True)
class ManagedGroup:
    name: str
    namespace: str
    capacity: int
    rules: tuple[ManagedRule, ...]
    description: str

    @property
    def label_namespace(self) -> str:
        return f"awswaf:managed:aws:{self.namespace}:"


APPROXIMATE: Mapping[str, str] = {
    "AWSManagedRulesAdminProtectionRuleSet": "paths of well-known administration pages",
    "AWSManagedRulesCommonRuleSet": "no user agent, names of well-known scanners, sizes, 169.254.169.254, "
    "`../`, well-known system files, addresses in URLs, extensions such as .log and .ini, script tags and "
    "handlers",
    "AWSManagedRulesKnownBadInputsRuleSet": "`${jndi:`, serialised Java objects, the host localhost, "
    "PROPFIND, paths such as /.env and /.git/",
    "AWSManagedRulesLinuxRuleSet": "`../` and well-known system files",
    "AWSManagedRulesSQLiRuleSet": "tautologies, UNION SELECT, stacked statements, comments behind a quote, "
    "functions that wait or read files",
    "AWSManagedRulesAmazonIpReputationList": "nothing: the lists are not public",
    "AWSManagedRulesAnonymousIpList": "nothing: the lists are not public",
    "AWSManagedRulesPHPRuleSet": "nothing",
    "AWSManagedRulesUnixRuleSet": "nothing",
    "AWSManagedRulesWindowsRuleSet": "nothing",
    "AWSManagedRulesWordPressRuleSet": "nothing",
    "AWSManagedRulesBotControlRuleSet": "nothing: there are no tokens of browsers here",
    "AWSManagedRulesATPRuleSet": "nothing: there are no stolen credentials to compare with here",
    "AWSManagedRulesACFPRuleSet": "nothing: there are no stolen credentials to compare with here",
}
"""Which plain cases the managed rule groups match here; AWS's own rules match more, and less."""


def _nothing(request: Request) -> bool:  # noqa: ARG001 - every rule's signature
    return False


def _query(found: Callable[[bytes], bool]) -> Matcher:
    return lambda request: any(found(value.encode()) for _, value in request.arguments)


def _query_string(found: Callable[[bytes], bool]) -> Matcher:
    return lambda request: found(request.query.encode())


def _body(found: Callable[[bytes], bool]) -> Matcher:
    return lambda request: found(request.body[: request.body_limit])


def _path(found: Callable[[bytes], bool]) -> Matcher:
    return lambda request: found(request.path.encode())


def _cookies(found: Callable[[bytes], bool]) -> Matcher:
    return lambda request: any(found(value.encode()) for _, value in request.cookies)


def _headers(found: Callable[[bytes], bool]) -> Matcher:
    def matches(request: Request) -> bool:
        left = HEADER_BYTES
        for name, values in request.headers.items():
            for value in values:
                left -= len(name) + len(value)
                if left < 0:
                    return False
                if found(value.encode("latin-1", "replace")):
                    return True
        return False

    return matches


def _header(name: str, found: Callable[[bytes], bool]) -> Matcher:
    return lambda request: found((request.header(name) or "").encode("latin-1", "replace"))


_COMMON = (
    ManagedRule("NoUserAgent_HEADER", "NoUserAgent_Header", lambda request: not request.header("user-agent")),
    ManagedRule("UserAgent_BadBots_HEADER", "BadBots_Header", _header("user-agent", patterns.scanner)),
    ManagedRule(
        "SizeRestrictions_QUERYSTRING",
        "SizeRestrictions_QueryString",
        lambda request: len(request.query) > 2048,
    ),
    ManagedRule(
        "SizeRestrictions_Cookie_HEADER",
        "SizeRestrictions_Cookie_Header",
        lambda request: sum(map(len, request.headers.get("cookie", ()))) > 10240,
    ),
    ManagedRule("SizeRestrictions_BODY", "SizeRestrictions_Body", lambda request: len(request.body) > 8192),
    ManagedRule(
        "SizeRestrictions_URIPATH", "SizeRestrictions_URIPath", lambda request: len(request.path) > 1024
    ),
    ManagedRule("EC2MetaDataSSRF_BODY", "EC2MetaDataSSRF_Body", _body(patterns.metadata_service)),
    ManagedRule("EC2MetaDataSSRF_COOKIE", "EC2MetaDataSSRF_Cookie", _cookies(patterns.metadata_service)),
    ManagedRule("EC2MetaDataSSRF_URIPATH", "EC2MetaDataSSRF_URIPath", _path(patterns.metadata_service)),
    ManagedRule(
        "EC2MetaDataSSRF_QUERYARGUMENTS", "EC2MetaDataSSRF_QueryArguments", _query(patterns.metadata_service)
    ),
    ManagedRule("GenericLFI_QUERYARGUMENTS", "GenericLFI_QueryArguments", _query(patterns.traversal)),
    ManagedRule("GenericLFI_URIPATH", "GenericLFI_URIPath", _path(patterns.traversal)),
    ManagedRule("GenericLFI_BODY", "GenericLFI_Body", _body(patterns.traversal)),
    ManagedRule(
        "RestrictedExtensions_URIPATH", "RestrictedExtensions_URIPath", _path(patterns.restricted_extension)
    ),
    ManagedRule(
        "RestrictedExtensions_QUERYARGUMENTS",
        "RestrictedExtensions_QueryArguments",
        _query(patterns.restricted_extension),
    ),
    ManagedRule("GenericRFI_QUERYARGUMENTS", "GenericRFI_QueryArguments", _query(patterns.remote_file)),
    ManagedRule("GenericRFI_BODY", "GenericRFI_Body", _body(patterns.remote_file)),
    ManagedRule("GenericRFI_URIPATH", "GenericRFI_URIPath", _path(patterns.remote_file)),
    ManagedRule("CrossSiteScripting_COOKIE", "CrossSiteScripting_Cookie", _cookies(patterns.xss)),
    ManagedRule(
        "CrossSiteScripting_QUERYARGUMENTS", "CrossSiteScripting_QueryArguments", _query(patterns.xss)
    ),
    ManagedRule("CrossSiteScripting_BODY", "CrossSiteScripting_Body", _body(patterns.xss)),
    ManagedRule("CrossSiteScripting_URIPATH", "CrossSiteScripting_URIPath", _path(patterns.xss)),
)
_BAD_INPUTS = (
    ManagedRule(
        "JavaDeserializationRCE_HEADER", "JavaDeserializationRCE_Header", _headers(patterns.java_object)
    ),
    ManagedRule("JavaDeserializationRCE_BODY", "JavaDeserializationRCE_Body", _body(patterns.java_object)),
    ManagedRule(
        "JavaDeserializationRCE_URIPATH", "JavaDeserializationRCE_URIPath", _path(patterns.java_object)
    ),
    ManagedRule(
        "JavaDeserializationRCE_QUERYSTRING",
        "JavaDeserializationRCE_QueryString",
        _query_string(patterns.java_object),
    ),
    ManagedRule(
        "Host_localhost_HEADER",
        "Host_Localhost_Header",
        # With a port it is this machine's address, which every client of the local AWS sends.
        lambda request: (request.header("host") or "").lower() == "localhost",
    ),
    ManagedRule("PROPFIND_METHOD", "Propfind_Method", lambda request: request.method.upper() == "PROPFIND"),
    ManagedRule("ExploitablePaths_URIPATH", "ExploitablePaths_URIPath", _path(patterns.exploitable_path)),
    ManagedRule("Log4JRCE_HEADER", "Log4JRCE_Header", _headers(patterns.log4j)),
    ManagedRule("Log4JRCE_QUERYSTRING", "Log4JRCE_QueryString", _query_string(patterns.log4j)),
    ManagedRule("Log4JRCE_BODY", "Log4JRCE_Body", _body(patterns.log4j)),
    ManagedRule("Log4JRCE_URIPATH", "Log4JRCE_URIPath", _path(patterns.log4j)),
)
_SQL = (
    ManagedRule("SQLi_QUERYARGUMENTS", "SQLi_QueryArguments", _query(patterns.sqli)),
    ManagedRule("SQLiExtendedPatterns_QUERYARGUMENTS", "SQLiExtendedPatterns_QueryArguments", _nothing),
    ManagedRule("SQLi_BODY", "SQLi_Body", _body(patterns.sqli)),
    ManagedRule("SQLiExtendedPatterns_BODY", "SQLiExtendedPatterns_Body", _nothing),
    ManagedRule("SQLi_COOKIE", "SQLi_Cookie", _cookies(patterns.sqli)),
    ManagedRule("SQLi_URIPATH", "SQLi_URIPath", _path(patterns.sqli)),
)
_LINUX = (
    ManagedRule("LFI_URIPATH", "LFI_URIPath", _path(patterns.traversal)),
    ManagedRule("LFI_QUERYSTRING", "LFI_QueryString", _query_string(patterns.traversal)),
    ManagedRule("LFI_HEADER", "LFI_Header", _headers(patterns.traversal)),
)
_ADMIN = (ManagedRule("AdminProtection_URIPATH", "AdminProtection_URIPath", _path(patterns.admin_path)),)


def _quiet(*names: str) -> tuple[ManagedRule, ...]:
    return tuple(ManagedRule(name, name, _nothing) for name in names)


_REPUTATION = (
    *_quiet("AWSManagedIPReputationList", "AWSManagedReconnaissanceList"),
    ManagedRule("AWSManagedIPDDoSList", "AWSManagedIPDDoSList", _nothing, action="Count"),
)
_GROUPS = (
    ("AWSManagedRulesAdminProtectionRuleSet", "admin-protection", 100, _ADMIN),
    ("AWSManagedRulesCommonRuleSet", "core-rule-set", 700, _COMMON),
    ("AWSManagedRulesKnownBadInputsRuleSet", "known-bad-inputs", 200, _BAD_INPUTS),
    ("AWSManagedRulesLinuxRuleSet", "linux-os", 200, _LINUX),
    ("AWSManagedRulesSQLiRuleSet", "sql-database", 200, _SQL),
    ("AWSManagedRulesAmazonIpReputationList", "amazon-ip-list", 25, _REPUTATION),
    (
        "AWSManagedRulesAnonymousIpList",
        "anonymous-ip-list",
        50,
        _quiet("AnonymousIPList", "HostingProviderIPList"),
    ),
    (
        "AWSManagedRulesPHPRuleSet",
        "php-app",
        100,
        _quiet(
            "PHPHighRiskMethodsVariables_HEADER",
            "PHPHighRiskMethodsVariables_QUERYSTRING",
            "PHPHighRiskMethodsVariables_BODY",
        ),
    ),
    (
        "AWSManagedRulesUnixRuleSet",
        "posix-os",
        100,
        _quiet(
            "UNIXShellCommandsVariables_QUERYSTRING",
            "UNIXShellCommandsVariables_BODY",
            "UNIXShellCommandsVariables_HEADER",
        ),
    ),
    (
        "AWSManagedRulesWindowsRuleSet",
        "windows-os",
        200,
        _quiet(
            "WindowsShellCommands_COOKIE",
            "WindowsShellCommands_QUERYARGUMENTS",
            "WindowsShellCommands_BODY",
            "PowerShellCommands_COOKIE",
            "PowerShellCommands_QUERYARGUMENTS",
            "PowerShellCommands_BODY",
        ),
    ),
    (
        "AWSManagedRulesWordPressRuleSet",
        "wordpress-app",
        100,
        _quiet("WordPressExploitableCommands_QUERYSTRING", "WordPressExploitablePaths_URIPATH"),
    ),
    ("AWSManagedRulesBotControlRuleSet", "bot-control", 50, ()),
    ("AWSManagedRulesATPRuleSet", "atp", 50, ()),
    ("AWSManagedRulesACFPRuleSet", "acfp", 50, ()),
)
GROUPS: Mapping[str, ManagedGroup] = {
    name: ManagedGroup(name, namespace, capacity, rules, f"Matches here: {APPROXIMATE[name]}.")
    for name, namespace, capacity, rules in _GROUPS
}
