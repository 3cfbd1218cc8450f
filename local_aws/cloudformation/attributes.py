"""What `Fn::GetAtt` answers of ministack's own resource types where its handlers leave it out.

By AWS's schemas (`readOnlyProperties`) and the "Return values" of each type's page in the template reference.
An attribute that a resource only has with some property (a stream's ARN) is left to the handler: without
it, AWS refuses `Fn::GetAtt`, too.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import Properties
from local_aws.cloudformation.schema import ResourceType

_TEMPLATES: Mapping[str, Mapping[str, Any]] = {
    "AWS::ApiGatewayV2::Api": {"ExecuteApiArn": "arn:aws:execute-api:{region}:{account}:{id}"},
    "AWS::AppSync::GraphQLApi": {
        "GraphQLDns": "{id}.appsync-api.{region}.amazonaws.com",
        "GraphQLEndpointArn": "arn:aws:appsync:{region}:{account}:endpoints/graphql-api/{id}",
        "RealtimeDns": "{id}.appsync-realtime-api.{region}.amazonaws.com",
        "RealtimeUrl": "wss://{id}.appsync-realtime-api.{region}.amazonaws.com/graphql",
    },
    "AWS::CloudFront::Function": {"Stage": "LIVE"},
    "AWS::Cognito::UserPool": {"ProviderURL": "https://cognito-idp.{region}.amazonaws.com/{id}"},
    "AWS::EC2::Subnet": {"BlockPublicAccessStates": {}, "Ipv6CidrBlocks": []},
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"LoadBalancerArns": []},
    "AWS::EKS::Cluster": {"CertificateAuthority.Data": "{CertificateAuthorityData}", "Id": "{id}"},
    "AWS::Lambda::Permission": {"Id": "{id}"},
    "AWS::Lambda::Function": {
        "SnapStartResponse.ApplyOn": "None",
        "SnapStartResponse.OptimizationStatus": "Off",
    },
    "AWS::Pipes::Pipe": {"CreationTime": "{now}", "CurrentState": "RUNNING", "LastModifiedTime": "{now}"},
    "AWS::RDS::DBInstance": {
        "CertificateDetails.CAIdentifier": "rds-ca-rsa2048-g1",
        "CertificateDetails.ValidTill": "2061-05-21T22:45:49Z",
        "DBInstanceStatus": "available",
        "Endpoint.HostedZoneId": "Z2R2ITUGPM61AM",
        "InstanceCreateTime": "{now}",
    },
    "AWS::S3::Bucket": {"DualStackDomainName": "{id}.s3.dualstack.{region}.amazonaws.com"},
    "AWS::S3Tables::Table": {"VersionToken": "{digest}"},
    "AWS::SES::EmailIdentity": {
        f"DkimDNSToken{part}{number}": text.format(number=number)
        for number in (1, 2, 3)
        for part, text in (
            ("Name", "{{digest}}{number}._domainkey.{{id}}"),
            ("Value", "{{digest}}{number}.dkim.amazonses.com"),
        )
    },
    "AWS::Scheduler::ScheduleGroup": {
        "CreationDate": "{now}",
        "LastModificationDate": "{now}",
        "State": "ACTIVE",
    },
    "AWS::WAFv2::WebACL": {"LabelNamespace": "awswaf:{account}:webacl:{name}:"},
}


def complete(
    type_: ResourceType, physical_id: str, properties: Properties, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """The attributes with those that follow from the physical id, and those of the table."""
    found = dict(attributes)
    identifier, parts = type_.primary_identifier, physical_id.split("|")
    if len(parts) == len(identifier):
        for name, part in zip(identifier, parts, strict=True):
            if (name,) in type_.read_only:
                found.setdefault(name, part)
    words = {
        **attributes,
        "account": hooks.request.account_id(),
        "region": hooks.request.region(),
        "id": physical_id,
        "name": properties.get("Name") or parts[0],
        "digest": hashlib.sha256(physical_id.encode()).hexdigest()[:20],
        "now": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for name, value in _TEMPLATES.get(type_.name, {}).items():
        found.setdefault(name, value.format(**words) if isinstance(value, str) else value)
    return found
