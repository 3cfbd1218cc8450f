"""What an environment must not lose, and must not leak."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2

from clary.environment.model import Environment
from clary_constructs import AccessLogsBucket, DataBucket, EncryptionKey, ImageRepository
from stacks.data import DataStack

ENV = cdk.Environment(account="111122223333", region="eu-west-1")
SMALLEST = {
    "name": "dev",
    "account": "111122223333",
    "region": "eu-west-1",
    "teams": {"research": {}},
    "repositories": ["housing"],
}


@pytest.fixture(scope="module")
def parts() -> assertions.Template:
    stack = cdk.Stack(env=ENV)
    encryption = EncryptionKey(stack, "Encryption", description="data")
    logs = AccessLogsBucket(stack, "AccessLogs")
    DataBucket(stack, "Data", encryption_key=encryption.key, access_logs=logs)
    ImageRepository(stack, "Images", encryption_key=encryption.key)
    return assertions.Template.from_stack(stack)


def data_stack(**changes: Any) -> assertions.Template:
    environment = Environment.model_validate(SMALLEST | changes)
    return assertions.Template.from_stack(DataStack(cdk.App(), "Data", environment=environment, env=ENV))


def only(template: assertions.Template, kind: str, prefix: str) -> dict[str, Any]:
    (found,) = (
        resource["Properties"]
        for name, resource in template.find_resources(kind).items()
        if name.startswith(prefix)
    )
    return dict(found)


def test_encrypts_data_with_a_key_of_ours_once_a_bucket(parts: assertions.Template) -> None:
    (rule,) = only(parts, "AWS::S3::Bucket", "DataBucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_keeps_versions_and_forgets_them_after_a_while(parts: assertions.Template) -> None:
    bucket = only(parts, "AWS::S3::Bucket", "DataBucket")
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "ExpirationInDays" not in rule


@pytest.mark.parametrize("prefix", ["DataBucket", "AccessLogsBucket"])
def test_lets_nobody_in_from_outside_or_in_the_clear(parts: assertions.Template, prefix: str) -> None:
    blocked = only(parts, "AWS::S3::Bucket", prefix)["PublicAccessBlockConfiguration"]
    policy = only(parts, "AWS::S3::BucketPolicy", f"{prefix}Policy")["PolicyDocument"]["Statement"]
    assert set(blocked.values()) == {True}
    assert [s["Condition"] for s in policy if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]


def closed(prefix: str) -> dict[str, Any]:
    """What a bucket denies where the data answers only within the VPC."""
    environment = Environment.model_validate(
        SMALLEST
        | {"data": {"only_from_vpc": True, "except_for": ["arn:aws:iam::111122223333:role/delivery"]}}
    )
    stack = cdk.Stack(cdk.App(), "Network", env=ENV)
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["eu-west-1a"])
    template = assertions.Template.from_stack(
        DataStack(stack, "Data", environment=environment, vpc=vpc, env=ENV)
    )
    statements = only(template, "AWS::S3::BucketPolicy", f"{prefix}BucketPolicy")["PolicyDocument"][
        "Statement"
    ]
    (found,) = (each for each in statements if each.get("Sid") == "OnlyWithinTheVpc")
    return dict(found)


@pytest.mark.parametrize("prefix", ["Data", "AccessLogs"])
def test_answers_only_within_the_vpc_where_the_file_says_so(prefix: str) -> None:
    denied = closed(prefix)

    assert denied["Effect"] == "Deny"
    assert {"s3:GetObject*", "s3:ListBucket", "s3:PutObject*"} <= set(denied["Action"])
    assert denied["Condition"]["StringNotEquals"] == {"aws:SourceVpc": "vpc-1"}
    assert (
        "arn:aws:iam::111122223333:role/delivery"
        in denied["Condition"]["ArnNotLikeIfExists"]["aws:PrincipalArn"]
    )


def test_has_models_read_from_anywhere_and_written_within_the_vpc() -> None:
    assert closed("Models")["Action"] == [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject*",
        "s3:PutObject*",
        "s3:RestoreObject",
    ]


def test_answers_only_within_a_vpc_that_it_is_told() -> None:
    with pytest.raises(ValueError, match="'only_from_vpc' takes the VPC that it is about, give 'vpc'"):
        data_stack(data={"only_from_vpc": True})


def test_lets_only_the_logged_bucket_write_its_log(parts: assertions.Template) -> None:
    bucket = only(parts, "AWS::S3::Bucket", "DataBucket")
    allowed = [
        statement
        for statement in only(parts, "AWS::S3::BucketPolicy", "AccessLogs")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert bucket["LoggingConfiguration"]["LogFilePrefix"] == "data/"
    assert [(s["Principal"], s["Action"]) for s in allowed] == [
        ({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject")
    ]
    assert set(allowed[0]["Condition"]) == {"ArnLike", "StringEquals"}


def test_delivers_logs_to_a_bucket_that_s3_can_write(parts: assertions.Template) -> None:
    (rule,) = only(parts, "AWS::S3::Bucket", "AccessLogs")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_gives_a_tag_one_meaning_and_scans_what_is_pushed(parts: assertions.Template) -> None:
    repository = only(parts, "AWS::ECR::Repository", "Images")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"


def test_rotates_the_key_and_lets_only_our_log_groups_use_it(parts: assertions.Template) -> None:
    key = only(parts, "AWS::KMS::Key", "Encryption")
    (logs,) = (s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"])
    assert key["EnableKeyRotation"] is True
    assert logs["Principal"]["Service"] == "logs.eu-west-1.amazonaws.com"
    assert ":logs:eu-west-1:111122223333:log-group:*" in str(logs["Condition"]["ArnLike"])


def test_lets_alarms_of_this_account_use_the_key_where_that_is_asked_for() -> None:
    stack = cdk.Stack(env=ENV)
    EncryptionKey(stack, "Encryption", description="tried", used_by_alarms=True)

    key = only(assertions.Template.from_stack(stack), "AWS::KMS::Key", "Encryption")

    alarms = key["KeyPolicy"]["Statement"][-1]
    assert alarms["Principal"]["Service"] == "cloudwatch.amazonaws.com"
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_keeps_all_of_it_by_default() -> None:
    template = data_stack()
    kept = {
        name for name, it in template.to_json()["Resources"].items() if it.get("DeletionPolicy") == "Retain"
    }
    # these ids are what is kept: a new one would be a new, empty bucket
    assert kept == {
        "AccessLogsBucketCD784A59",
        "DataBucketE6B0FAA8",
        "EncryptionKey3A692D6E",
        "ImagesHousingRepositoryCE89CB89",
        "ModelsBucket970C6ADA",
    }


def test_deletes_it_when_the_file_says_so_twice() -> None:
    template = data_stack(data={"on_destroy": "delete", "delete_confirmed_for": "dev"})
    resources = template.to_json()["Resources"].values()
    assert not [it for it in resources if it.get("DeletionPolicy") == "Retain"]
    assert only(template, "AWS::ECR::Repository", "Images")["EmptyOnDelete"] is True


def test_has_nothing_that_could_delete_data_by_default() -> None:
    kinds = {it["Type"] for it in data_stack().to_json()["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith(("AWS::Lambda", "AWS::IAM", "Custom::"))}


def test_names_what_others_look_for() -> None:
    outputs = set(data_stack().to_json()["Outputs"])
    assert {"KeyArn", "DataBucketName", "ModelsBucketName", "RepositoryUriHousing"} <= outputs


def test_takes_files_from_canvas_in_browsers_where_somebody_opens_it() -> None:
    teams = {"research": {"members": {"cleo": "data-analyst"}}}
    with_canvas = only(data_stack(teams=teams), "AWS::S3::Bucket", "DataBucket")
    without = only(data_stack(), "AWS::S3::Bucket", "DataBucket")

    (rule,) = with_canvas["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedMethods"] == ["POST"]
    assert rule["AllowedOrigins"] == ["https://*.studio.eu-west-1.sagemaker.aws"]
    assert "CorsConfiguration" not in without
