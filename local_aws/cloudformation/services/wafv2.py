"""WAFv2: web ACLs and all that belongs to them, made through the service's API, which says what is wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.refusal import refused_by
from local_aws.cloudformation.registry import Created, Properties, register


def _call(operation: str, **arguments: Any) -> dict[str, Any]:
    waf = client("wafv2")
    try:
        answer: dict[str, Any] = getattr(waf, operation)(**arguments)
    except waf.exceptions.ClientError as error:
        problem = error.response["Error"]
        code = _HANDLER_CODES.get(problem["Code"], "InvalidRequest")
        raise refused_by("Wafv2", problem["Message"], handler_code=code) from error
    return answer


_HANDLER_CODES = {
    "WAFAssociatedItemException": "ResourceConflict",
    "WAFDuplicateItemException": "AlreadyExists",
    "WAFLimitsExceededException": "ServiceLimitExceeded",
    "WAFNonexistentItemException": "NotFound",
}


class _Kept:
    """A web ACL, a rule group, or a set that rules refer to: `Ref` is its name, id and scope."""

    def __init__(
        self,
        noun: str,
        members: tuple[str, ...],
        translate: Callable[[str, Any], Any] = lambda _, value: value,
    ) -> None:
        self._noun = noun
        self._member = {"web_acl": "WebACL", "ip_set": "IPSet"}.get(noun) or "".join(
            word.capitalize() for word in noun.split("_")
        )
        self._members = members
        self._translate = translate

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        name = properties.get("Name") or f"{stack_name}-{logical_id}"
        tags = {"Tags": list(properties["Tags"])} if properties.get("Tags") else {}
        made = _call(
            f"create_{self._noun}",
            Name=name,
            Scope=properties["Scope"],
            **self._arguments(properties),
            **tags,
        )["Summary"]
        return self._created(name, made["Id"], properties["Scope"])

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        name, identifier, scope = physical_id.split("|")
        where = {"Name": name, "Id": identifier, "Scope": scope}
        arguments = {key: value for key, value in self._arguments(new).items() if key not in _FIXED}
        token = _call(f"get_{self._noun}", **where)["LockToken"]
        _call(f"update_{self._noun}", **where, LockToken=token, **arguments)
        return self._created(name, identifier, scope)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        name, identifier, scope = physical_id.split("|")
        where = {"Name": name, "Id": identifier, "Scope": scope}
        waf = client("wafv2")
        try:
            token = getattr(waf, f"get_{self._noun}")(**where)["LockToken"]
        except waf.exceptions.WAFNonexistentItemException:
            return
        _call(f"delete_{self._noun}", **where, LockToken=token)

    def _arguments(self, properties: Properties) -> dict[str, Any]:
        return {
            name: self._translate(name, _as_request(properties[name]))
            for name in self._members
            if name in properties
        }

    def _created(self, name: str, identifier: str, scope: str) -> Created:
        kept = _call(f"get_{self._noun}", Name=name, Id=identifier, Scope=scope)[self._member]
        attributes = {"Arn": kept["ARN"], "Id": identifier}
        for attribute in ("Capacity", "LabelNamespace"):
            if attribute in kept:
                attributes[attribute] = kept[attribute]
        return Created(f"{name}|{identifier}|{scope}", attributes)


_FIXED = ("Capacity", "IPAddressVersion")


def _as_request(value: Any) -> Any:
    """Properties as the API has them: ARNs are spelt in capitals, and what is searched for is bytes."""
    if isinstance(value, list):
        return [_as_request(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, item in value.items():
        if name == "SearchString":
            found[name] = item.encode() if isinstance(item, str) else item
        elif name == "SearchStringBase64":
            found["SearchString"] = base64.b64decode(item)
        elif name == "Arn":
            found["ARN"] = item
        else:
            found[name] = _as_request(item)
    return found


def _expressions(name: str, value: Any) -> Any:
    return [{"RegexString": each} for each in value] if name == "RegularExpressionList" else value


class WebAclAssociation:
    """`AWS::WAFv2::WebACLAssociation`; both properties are create-only."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        resource, acl = properties["ResourceArn"], properties["WebACLArn"]
        _call("associate_web_acl", ResourceArn=resource, WebACLArn=acl)
        return Created(f"{resource}|{acl}")

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return Created(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        _call("disassociate_web_acl", ResourceArn=properties["ResourceArn"])


class LoggingConfiguration:
    """`AWS::WAFv2::LoggingConfiguration`; its id is the web ACL's ARN, which is create-only."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return self._put(properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return self._put(new)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        waf = client("wafv2")
        try:
            waf.delete_logging_configuration(ResourceArn=physical_id)
        except waf.exceptions.WAFNonexistentItemException:
            return  # it went with its web ACL

    def _put(self, properties: Properties) -> Created:
        names = ("ResourceArn", "LogDestinationConfigs", "RedactedFields", "LoggingFilter")
        configuration = {name: properties[name] for name in names if name in properties}
        _call("put_logging_configuration", LoggingConfiguration=configuration)
        return Created(properties["ResourceArn"], {"ManagedByFirewallManager": False})


_RULES = ("Description", "Rules", "VisibilityConfig", "CustomResponseBodies")
register(
    "AWS::WAFv2::WebACL",
    _Kept(
        "web_acl",
        (
            *_RULES,
            "AssociationConfig",
            "CaptchaConfig",
            "ChallengeConfig",
            "DataProtectionConfig",
            "DefaultAction",
            "OnSourceDDoSProtectionConfig",
            "TokenDomains",
        ),
    ),
)
register("AWS::WAFv2::RuleGroup", _Kept("rule_group", (*_RULES, "Capacity")))
register("AWS::WAFv2::IPSet", _Kept("ip_set", ("Addresses", "Description", "IPAddressVersion")))
register(
    "AWS::WAFv2::RegexPatternSet",
    _Kept("regex_pattern_set", ("Description", "RegularExpressionList"), _expressions),
)
register("AWS::WAFv2::WebACLAssociation", WebAclAssociation())
register("AWS::WAFv2::LoggingConfiguration", LoggingConfiguration())
