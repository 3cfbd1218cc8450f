"""What ministack's own types drop and templates say all the same: read back through each service's API."""

from __future__ import annotations

import json
from typing import Any

from support.deployed import LocalAws, Stacks


def resource(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{type_name}", "Properties": properties}


def attribute(logical_id: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, name]}


def policy(action: str = "s3:GetObject") -> dict[str, Any]:
    statement = {"Sid": "one", "Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


KEY = resource("KMS::Key", KeyPolicy={"Statement": []})
KEY_ARN = attribute("Key", "Arn")
ROLE = resource(
    "IAM::Role",
    AssumeRolePolicyDocument={
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {
                    "Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com", "s3.amazonaws.com"]
                },
                "Action": "sts:AssumeRole",
            }
        ],
    },
)


class TestTopic:
    def test_is_encrypted_ordered_and_traced_until_it_is_not(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        topic = resource(
            "SNS::Topic",
            TopicName="ordered.fifo",
            FifoTopic=True,
            ContentBasedDeduplication=True,
            KmsMasterKeyId=KEY_ARN,
            TracingConfig="Active",
        )
        stack = stacks.deploy({"Key": KEY, "Topic": topic}, name="topic")
        sns, arn = local_aws.client("sns"), stack.physical_id("Topic")

        found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        assert stack.physical_id("Key") in found["KmsMasterKeyId"]
        assert (found["FifoTopic"], found["ContentBasedDeduplication"]) == ("true", "true")
        assert found["TracingConfig"] == "Active"

        del topic["Properties"]["KmsMasterKeyId"]
        stacks.deploy({"Key": KEY, "Topic": topic}, name="topic")
        assert not sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("KmsMasterKeyId")

    def test_filters_what_it_passes_on(self, stacks: Stacks, local_aws: LocalAws) -> None:
        subscription = resource(
            "SNS::Subscription",
            TopicArn={"Ref": "Topic"},
            Protocol="sqs",
            Endpoint=attribute("Queue", "Arn"),
            RawMessageDelivery=True,
            FilterPolicy={"kind": ["order"]},
        )
        stack = stacks.deploy(
            {"Topic": resource("SNS::Topic"), "Queue": resource("SQS::Queue"), "Subscription": subscription}
        )
        sns, sqs, queue = local_aws.client("sns"), local_aws.client("sqs"), stack.physical_id("Queue")

        for kind in ("visit", "order"):
            attributes = {"kind": {"DataType": "String", "StringValue": kind}}
            sns.publish(TopicArn=stack.physical_id("Topic"), Message=kind, MessageAttributes=attributes)

        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        assert [message["Body"] for message in messages] == ["order"]


def test_a_table_is_encrypted_recoverable_and_forgets(stacks: Stacks, local_aws: LocalAws) -> None:
    table = resource(
        "DynamoDB::Table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        SSESpecification={"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY_ARN},
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
        TableClass="STANDARD_INFREQUENT_ACCESS",
        KinesisStreamSpecification={"StreamArn": attribute("Stream", "Arn")},
        ResourcePolicy={"PolicyDocument": policy("dynamodb:GetItem")},
    )
    resources = {"Key": KEY, "Stream": resource("Kinesis::Stream", ShardCount=1), "Table": table}
    stack = stacks.deploy(resources, name="table")
    dynamodb, name = local_aws.client("dynamodb"), stack.physical_id("Table")

    found = dynamodb.describe_table(TableName=name)["Table"]
    assert stack.physical_id("Key") in found["SSEDescription"]["KMSMasterKeyArn"]
    assert found["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert (
        dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires"
    )
    streams = dynamodb.describe_kinesis_streaming_destination(TableName=name)["KinesisDataStreamDestinations"]
    assert streams[0]["StreamArn"].endswith(stack.physical_id("Stream"))
    assert json.loads(dynamodb.get_resource_policy(ResourceArn=found["TableArn"])["Policy"])["Statement"]

    for dropped in ("TimeToLiveSpecification", "PointInTimeRecoverySpecification", "ResourcePolicy"):
        del table["Properties"][dropped]
    stacks.deploy(resources, name="table")

    assert (
        dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        == "DISABLED"
    )
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"


def test_a_stream_is_encrypted(stacks: Stacks, local_aws: LocalAws) -> None:
    encryption = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    stack = stacks.deploy({"Stream": resource("Kinesis::Stream", ShardCount=1, StreamEncryption=encryption)})

    found = local_aws.client("kinesis").describe_stream_summary(StreamName=stack.physical_id("Stream"))

    assert found["StreamDescriptionSummary"]["EncryptionType"] == "KMS"


def test_a_bus_has_a_key_a_policy_and_dead_letters(stacks: Stacks, local_aws: LocalAws) -> None:
    bus = resource(
        "Events::EventBus",
        Name="orders-bus",
        KmsKeyIdentifier=KEY_ARN,
        DeadLetterConfig={"Arn": attribute("Letters", "Arn")},
        Policy={
            **policy("events:PutEvents"),
            "Statement": [{**policy("events:PutEvents")["Statement"][0], "Principal": "*"}],
        },
    )
    stack = stacks.deploy({"Key": KEY, "Letters": resource("SQS::Queue"), "Bus": bus})

    found = local_aws.client("events").describe_event_bus(Name="orders-bus")

    assert stack.physical_id("Key") in found["KmsKeyIdentifier"]
    assert found["DeadLetterConfig"]["Arn"].endswith(stack.physical_id("Letters").rsplit("/", 1)[-1])
    assert json.loads(found["Policy"])["Statement"][0]["Action"] == "events:PutEvents"


def test_a_schedule_knows_where_it_is(stacks: Stacks, local_aws: LocalAws) -> None:
    schedule = resource(
        "Scheduler::Schedule",
        FlexibleTimeWindow={"Mode": "OFF"},
        ScheduleExpression="cron(0 9 * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        StartDate="2030-01-01T00:00:00Z",
        Target={"Arn": attribute("Queue", "Arn"), "RoleArn": attribute("Role", "Arn")},
    )
    stack = stacks.deploy({"Role": ROLE, "Queue": resource("SQS::Queue"), "Schedule": schedule})

    found = local_aws.client("scheduler").get_schedule(Name=stack.physical_id("Schedule"))

    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["StartDate"].year == 2030


def test_a_bucket_locks_and_replicates_its_objects(stacks: Stacks, local_aws: LocalAws) -> None:
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    rule = {
        "Id": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": "out/"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": attribute("Copy", "Arn")},
    }
    stack = stacks.deploy(
        {
            "Role": ROLE,
            "Locked": resource(
                "S3::Bucket",
                ObjectLockEnabled=True,
                ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention},
                AccelerateConfiguration={"AccelerationStatus": "Enabled"},
            ),
            "Copy": resource("S3::Bucket", **versioned),
            "Source": resource(
                "S3::Bucket",
                **versioned,
                ReplicationConfiguration={"Role": attribute("Role", "Arn"), "Rules": [rule]},
            ),
        }
    )
    s3 = local_aws.client("s3")

    locked = stack.physical_id("Locked")
    lock = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    assert s3.get_bucket_accelerate_configuration(Bucket=locked)["Status"] == "Enabled"
    rules = s3.get_bucket_replication(Bucket=stack.physical_id("Source"))["ReplicationConfiguration"]["Rules"]
    assert rules[0]["Filter"]["Prefix"] == "out/"


def test_a_secret_has_the_characters_that_it_may_have(stacks: Stacks, local_aws: LocalAws) -> None:
    generated = {"ExcludePunctuation": True, "ExcludeUppercase": True, "PasswordLength": 64}
    stack = stacks.deploy({"Secret": resource("SecretsManager::Secret", GenerateSecretString=generated)})

    value = local_aws.client("secretsmanager").get_secret_value(SecretId=stack.physical_id("Secret"))

    assert len(value["SecretString"]) == 64
    assert value["SecretString"].isalnum()
    assert value["SecretString"] == value["SecretString"].lower()


def test_an_alias_shares_out_and_keeps_functions_ready(stacks: Stacks, local_aws: LocalAws) -> None:
    function = resource(
        "Lambda::Function",
        Code={"ZipFile": "def handler(event, context): return 1"},
        Handler="index.handler",
        Runtime="python3.13",
        Role=attribute("Role", "Arn"),
    )
    alias = resource(
        "Lambda::Alias",
        FunctionName={"Ref": "Function"},
        FunctionVersion=attribute("Version", "Version"),
        Name="live",
        Description="what people use",
        ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 2},
    )
    version = resource("Lambda::Version", FunctionName={"Ref": "Function"})
    stack = stacks.deploy({"Role": ROLE, "Function": function, "Version": version, "Alias": alias})
    functions, name = local_aws.client("lambda"), stack.physical_id("Function")

    assert functions.get_alias(FunctionName=name, Name="live")["Description"] == "what people use"
    ready = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert ready["RequestedProvisionedConcurrentExecutions"] == 2


class TestIdentity:
    def test_has_groups_members_keys_and_inline_policies(self, stacks: Stacks, local_aws: LocalAws) -> None:
        stack = stacks.deploy(
            {
                "Group": resource(
                    "IAM::Group",
                    Policies=[{"PolicyName": "inline", "PolicyDocument": policy()}],
                    ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                ),
                "User": resource("IAM::User"),
                "Member": resource(
                    "IAM::UserToGroupAddition", GroupName={"Ref": "Group"}, Users=[{"Ref": "User"}]
                ),
                "AccessKey": resource("IAM::AccessKey", UserName={"Ref": "User"}),
                "Role": ROLE,
                "Inline": resource(
                    "IAM::RolePolicy", PolicyName="one", RoleName={"Ref": "Role"}, PolicyDocument=policy()
                ),
            },
            name="identity",
            outputs={"Secret": attribute("AccessKey", "SecretAccessKey"), "Group": attribute("Group", "Arn")},
        )
        iam = local_aws.client("iam")
        user, group, role = (stack.physical_id(name) for name in ("User", "Group", "Role"))

        assert [found["GroupName"] for found in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]
        assert iam.list_group_policies(GroupName=group)["PolicyNames"] == ["inline"]
        attached = iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
        assert [found["PolicyName"] for found in attached] == ["ReadOnlyAccess"]
        keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        assert [found["AccessKeyId"] for found in keys] == [stack.physical_id("AccessKey")]
        assert len(stack.outputs["Secret"]) >= 40
        assert stack.outputs["Group"].endswith(f":group/{group}")
        assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["one"]

        stacks.deploy({"Role": ROLE, "User": resource("IAM::User")}, name="identity")

        assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
        assert iam.list_groups_for_user(UserName=user)["Groups"] == []
        assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"] == []

    def test_knows_providers_and_roles_of_services(self, stacks: Stacks, local_aws: LocalAws) -> None:
        provider = resource(
            "IAM::OIDCProvider",
            Url="https://token.example.com",
            ClientIdList=["sts.amazonaws.com"],
            ThumbprintList=["a" * 40],
        )
        linked = resource("IAM::ServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")
        stack = stacks.deploy({"Provider": provider, "Linked": linked})
        iam = local_aws.client("iam")

        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=stack.physical_id("Provider"))
        assert found["ClientIDList"] == ["sts.amazonaws.com"]
        assert "AWSServiceRoleFor" in iam.get_role(RoleName=stack.physical_id("Linked"))["Role"]["RoleName"]


def test_a_network_has_addresses_and_gateways(stacks: Stacks, local_aws: LocalAws) -> None:
    stack = stacks.deploy(
        {
            "Vpc": resource("EC2::VPC", CidrBlock="10.77.0.0/16"),
            "Subnet": resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.77.1.0/24"),
            "Address": resource("EC2::EIP", Domain="vpc"),
            "Gateway": resource(
                "EC2::NatGateway",
                AllocationId=attribute("Address", "AllocationId"),
                SubnetId={"Ref": "Subnet"},
                Tags=[{"Key": "team", "Value": "research"}],
            ),
            "Acl": resource("EC2::NetworkAcl", VpcId={"Ref": "Vpc"}),
        },
        name="addressed",
    )
    ec2 = local_aws.client("ec2")
    gateway, address = stack.physical_id("Gateway"), stack.physical_id("Address")

    found = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]
    assert found["SubnetId"] == stack.physical_id("Subnet")
    assert {"Key": "team", "Value": "research"} in found["Tags"]
    assert ec2.describe_addresses(PublicIps=[address])["Addresses"][0]["Domain"] == "vpc"
    acls = ec2.describe_network_acls(NetworkAclIds=[stack.physical_id("Acl")])["NetworkAcls"]
    assert acls[0]["VpcId"] == stack.physical_id("Vpc")

    stacks.deploy({"Vpc": resource("EC2::VPC", CidrBlock="10.77.0.0/16")}, name="addressed")

    assert all(
        item["State"] == "deleted"
        for item in ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    )
