"""What CDK's smaller functions do, one function each."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from local_aws.cloudformation.custom_resources.request import Answer, Request

_DELETE_OBJECTS = "aws-cdk:auto-delete-objects"
_DELETE_IMAGES = "aws-cdk:auto-delete-images"
_STRONG_REFERENCE = "aws-cdk:strong-ref"


def delete_objects(request: Request) -> Answer:
    """Empties a bucket that is deleted, if it still carries the tag that asks for it."""
    bucket = request.properties["BucketName"]
    if request.type == "Update":
        return Answer(bucket)
    if request.type == "Create":
        return Answer()
    s3 = request.client("s3")
    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchTagSet"):
            return Answer()
        raise
    if {"Key": _DELETE_OBJECTS, "Value": "true"} not in tags:
        return Answer()
    _refuse_new_objects(s3, bucket)
    while True:
        listed = s3.list_object_versions(Bucket=bucket)
        found = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        if not found:
            return Answer()
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})


def _refuse_new_objects(s3: Any, bucket: str) -> None:
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        policy["Statement"].append(
            {
                "Principal": "*",
                "Effect": "Deny",
                "Action": ["s3:PutObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            }
        )
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    except s3.exceptions.ClientError:
        return  # CDK's function goes on, too


def delete_images(request: Request) -> Answer:
    """Empties a repository that is deleted, if it still carries the tag that asks for it."""
    repository = request.properties["RepositoryName"]
    if request.type != "Delete":
        return Answer(repository if request.type == "Update" else None)
    ecr = request.client("ecr")
    try:
        arn = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryArn"]
    except ecr.exceptions.RepositoryNotFoundException:
        return Answer()
    if {"Key": _DELETE_IMAGES, "Value": "true"} in ecr.list_tags_for_resource(resourceArn=arn)["tags"]:
        for page in ecr.get_paginator("list_images").paginate(repositoryName=repository):
            if page["imageIds"]:
                ecr.batch_delete_image(repositoryName=repository, imageIds=page["imageIds"])
    return Answer()


def restrict_default_group(request: Request) -> Answer:
    """Takes the rules out of a network's default security group, and puts them back in the end."""
    group, before = (
        request.properties["DefaultSecurityGroupId"],
        request.previous.get("DefaultSecurityGroupId"),
    )
    if request.type == "Update" and before == group:
        return Answer()
    ec2, account = request.client("ec2"), request.properties.get("Account")
    if request.type == "Delete" or before:
        closed = before or group
        ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=_within(closed, account))
        ec2.authorize_security_group_egress(GroupId=closed, IpPermissions=_anywhere())
    if request.type != "Delete":
        for revoke, permissions in (
            (ec2.revoke_security_group_egress, _anywhere()),
            (ec2.revoke_security_group_ingress, _within(group, account)),
        ):
            try:
                revoke(GroupId=group, IpPermissions=permissions)
            except ec2.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "InvalidPermission.NotFound":
                    raise
    return Answer()


def _within(group: str, account: object) -> list[dict[str, Any]]:
    return [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group, "UserId": account}]}]


def _anywhere() -> list[dict[str, Any]]:
    return [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def keep_logs(request: Request) -> Answer:
    """Makes a log group that may be there already, and says how long it keeps what it has."""
    group = request.properties["LogGroupName"]
    logs = request.client("logs", request.properties.get("LogGroupRegion"))
    if request.type != "Delete":
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        days = request.properties.get("RetentionInDays")
        if days:
            logs.put_retention_policy(logGroupName=group, retentionInDays=int(days))
        else:
            logs.delete_retention_policy(logGroupName=group)
    elif request.properties.get("RemovalPolicy") == "destroy":
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=group)
    return Answer(group, {"LogGroupName": group})


def identity_provider(request: Request) -> Answer:
    """Makes an OpenID Connect provider in IAM. A thumbprint that nobody gave is not fetched here."""
    iam, properties = request.client("iam"), request.properties
    if request.type == "Delete":
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=request.physical_id)
        return Answer()
    clients = list(properties.get("ClientIDList", ()))
    thumbprints = list(properties.get("ThumbprintList", ()))
    if request.type == "Update" and properties["Url"] == request.previous.get("Url"):
        iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=request.physical_id, ThumbprintList=thumbprints
        )
        before = list(request.previous.get("ClientIDList", ()))
        for added in set(clients) - set(before):
            iam.add_client_id_to_open_id_connect_provider(
                OpenIDConnectProviderArn=request.physical_id, ClientID=added
            )
        for removed in set(before) - set(clients):
            iam.remove_client_id_from_open_id_connect_provider(
                OpenIDConnectProviderArn=request.physical_id, ClientID=removed
            )
        return Answer(data={"Thumbprints": json.dumps(thumbprints)})
    made = iam.create_open_id_connect_provider(
        Url=properties["Url"], ClientIDList=clients, ThumbprintList=thumbprints
    )
    return Answer(made["OpenIDConnectProviderArn"], {"Thumbprints": json.dumps(thumbprints)})


def write_exports(request: Request) -> Answer:
    """Keeps what a stack hands to one of another region, in that region's parameters."""
    wanted = request.properties["WriterProps"]
    ssm = request.client("ssm", wanted["region"])
    exports: dict[str, str] = {} if request.type == "Delete" else dict(wanted["exports"])
    before: dict[str, str] = dict(request.previous.get("WriterProps", {}).get("exports", {}))
    if request.type == "Delete":
        before = dict(wanted["exports"])
    changed = {name for name in before if name in exports and exports[name] != before[name]}
    gone = [name for name in before if name not in exports]
    for name in sorted({*gone, *changed}):
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name).get("TagList", ())
        if any(tag["Key"].startswith(_STRONG_REFERENCE) for tag in tags):
            raise ValueError(f"Some exports have changed!\n- {name} is imported by another stack")
    if gone:
        ssm.delete_parameters(Names=gone)
    for name, value in exports.items():
        if before.get(name) != value:
            ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=name in before)
    return Answer()


def read_exports(request: Request) -> Answer:
    """Marks the parameters of another region's stack as used, so that it keeps them."""
    wanted = request.properties["ReaderProps"]
    ssm = request.client("ssm", wanted["region"])
    key = f"{_STRONG_REFERENCE}:{wanted['prefix']}"
    imports: dict[str, str] = {} if request.type == "Delete" else dict(wanted["imports"])
    before: dict[str, str] = dict(request.previous.get("ReaderProps", {}).get("imports", {}))
    if request.type == "Delete":
        before = dict(wanted["imports"])
    for name in sorted(before.keys() - imports.keys()):
        try:
            ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=[key])
        except ssm.exceptions.InvalidResourceId:
            continue
    for name in sorted(imports.keys() - before.keys()):
        ssm.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=name, Tags=[{"Key": key, "Value": "true"}]
        )
    return Answer(data=imports)
