"""What a template says of a resource is what the service's API answers: type by type, read back."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, Stacks
from support.resource_world import TRUST, resource

KEY = {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True, "KeyPolicy": {"Statement": []}}}
KEY_ARN = {"Fn::GetAtt": ["Key", "Arn"]}
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": 10,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
TAGS = [{"Key": "team", "Value": "research"}]


def bucket(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


class TestBucket:
    def test_is_encrypted_with_the_key_that_the_template_names(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        encryption = {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ARN},
                    "BucketKeyEnabled": True,
                }
            ]
        }
        stack = stacks.deploy({"Key": KEY, "Bucket": bucket(BucketEncryption=encryption)})

        found = local_aws.client("s3").get_bucket_encryption(Bucket=stack.physical_id("Bucket"))

        rule = found["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert stack.physical_id("Key") in rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
        assert rule["BucketKeyEnabled"] is True

    def test_keeps_lifecycle_logging_tags_versions_ownership_and_blocks_the_public(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        rules = [
            {
                "Id": "tidy",
                "Status": "Enabled",
                "Prefix": "tmp/",
                "ExpirationInDays": 3,
                "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 1}],
            }
        ]
        public = {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        stack = stacks.deploy(
            {
                "Logs": bucket(),
                "Bucket": bucket(
                    LifecycleConfiguration={"Rules": rules},
                    LoggingConfiguration={"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "data/"},
                    OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                    PublicAccessBlockConfiguration=public,
                    Tags=TAGS,
                    VersioningConfiguration={"Status": "Enabled"},
                ),
            }
        )
        s3, name = local_aws.client("s3"), stack.physical_id("Bucket")

        rule = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]
        assert (rule["ID"], rule["Status"], rule["Expiration"]["Days"]) == ("tidy", "Enabled", 3)
        assert rule["Filter"]["Prefix"] == "tmp/"
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert rule["Transitions"] == [{"Days": 1, "StorageClass": "GLACIER"}]
        logging = s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]
        assert logging["TargetBucket"] == stack.physical_id("Logs")
        assert logging["TargetPrefix"] == "data/"
        ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
        assert ownership["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        assert block == public
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
        assert tags["team"] == "research"
        assert tags["aws:cloudformation:logical-id"] == "Bucket"
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"

    def test_forgets_what_the_next_template_leaves_out(self, stacks: Stacks, local_aws: LocalAws) -> None:
        rules = [{"Id": "tidy", "Status": "Enabled", "ExpirationInDays": 3}]
        stack = stacks.deploy({"Bucket": bucket(LifecycleConfiguration={"Rules": rules})}, name="forgetful")
        stacks.deploy({"Bucket": bucket(Tags=TAGS)}, name="forgetful")

        with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
            local_aws.client("s3").get_bucket_lifecycle_configuration(Bucket=stack.physical_id("Bucket"))

    def test_is_not_deleted_while_it_holds_objects(self, stacks: Stacks, local_aws: LocalAws) -> None:
        stack = stacks.deploy({"Bucket": bucket()})
        name, s3 = stack.physical_id("Bucket"), local_aws.client("s3")
        s3.put_object(Bucket=name, Key="kept", Body=b"data")

        local_aws.client("cloudformation").delete_stack(StackName=stack.name)

        assert stack.status == "DELETE_FAILED"
        assert "The bucket you tried to delete is not empty" in "\n".join(stack.failures)
        assert s3.get_object(Bucket=name, Key="kept")["Body"].read() == b"data"
        s3.delete_object(Bucket=name, Key="kept")


def test_a_key_rotates_and_keeps_its_policy(stacks: Stacks, local_aws: LocalAws) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}],
    }
    key = {
        "Type": "AWS::KMS::Key",
        "Properties": {"EnableKeyRotation": True, "Description": "data", "KeyPolicy": policy, "Tags": TAGS},
    }
    alias = {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": "alias/rotates", "TargetKeyId": {"Ref": "Key"}},
    }
    stack = stacks.deploy({"Key": key, "Alias": alias})
    kms, key_id = local_aws.client("kms"), stack.physical_id("Key")

    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is True
    assert json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]) == policy
    assert kms.describe_key(KeyId="alias/rotates")["KeyMetadata"]["KeyId"] == key_id
    assert {"TagKey": "team", "TagValue": "research"} in kms.list_resource_tags(KeyId=key_id)["Tags"]


class TestRepository:
    PROPERTIES: ClassVar[dict[str, Any]] = {
        "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": KEY_ARN},
        "ImageScanningConfiguration": {"ScanOnPush": True},
        "ImageTagMutability": "IMMUTABLE",
        "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
        "Tags": TAGS,
    }

    def test_is_encrypted_scans_and_keeps_tags_as_they_are(self, stacks: Stacks, local_aws: LocalAws) -> None:
        repository = {"Type": "AWS::ECR::Repository", "Properties": self.PROPERTIES}
        stack = stacks.deploy({"Key": KEY, "Repository": repository})
        ecr, name = local_aws.client("ecr"), stack.physical_id("Repository")

        found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]

        assert found["encryptionConfiguration"]["encryptionType"] == "KMS"
        assert stack.physical_id("Key") in found["encryptionConfiguration"]["kmsKey"]
        assert found["imageScanningConfiguration"] == {"scanOnPush": True}
        assert found["imageTagMutability"] == "IMMUTABLE"
        assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == LIFECYCLE

    def test_refuses_another_image_under_a_tag_that_is_taken(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        repository = {"Type": "AWS::ECR::Repository", "Properties": {"ImageTagMutability": "IMMUTABLE"}}
        stack = stacks.deploy({"Repository": repository})
        ecr, name = local_aws.client("ecr"), stack.physical_id("Repository")
        put_image(ecr, name, "first")

        with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
            put_image(ecr, name, "second")
        ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])

    def test_is_not_deleted_while_it_holds_images(self, stacks: Stacks, local_aws: LocalAws) -> None:
        stack = stacks.deploy({"Repository": {"Type": "AWS::ECR::Repository"}})
        ecr, name = local_aws.client("ecr"), stack.physical_id("Repository")
        put_image(ecr, name, "first")

        local_aws.client("cloudformation").delete_stack(StackName=stack.name)

        assert stack.status == "DELETE_FAILED"
        assert "is not empty" in "\n".join(stack.failures)
        ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])


def put_image(ecr: Any, repository: str, content: str) -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{0:064x}",
            "size": 2,
        },
        "layers": [],
        "annotations": {"content": content},
    }
    ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="v1")


def test_a_role_keeps_its_boundary_its_policies_and_its_tags(stacks: Stacks, local_aws: LocalAws) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}},
            }
        ],
    }
    stack = stacks.deploy(
        {
            "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}},
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": trust,
                    "PermissionsBoundary": {"Ref": "Boundary"},
                    "Policies": [{"PolicyName": "inline", "PolicyDocument": document}],
                    "MaxSessionDuration": 7200,
                    "Tags": TAGS,
                },
            },
            "More": {
                "Type": "AWS::IAM::Policy",
                "Properties": {"PolicyName": "more", "PolicyDocument": document, "Roles": [{"Ref": "Role"}]},
            },
        }
    )
    iam, name = local_aws.client("iam"), stack.physical_id("Role")

    role = iam.get_role(RoleName=name)["Role"]

    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == stack.physical_id("Boundary")
    assert role["AssumeRolePolicyDocument"] == trust
    assert role["MaxSessionDuration"] == 7200
    assert {"Key": "team", "Value": "research"} in role["Tags"]
    assert sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]) == ["inline", "more"]


def test_a_log_group_keeps_its_key_and_its_retention(stacks: Stacks, local_aws: LocalAws) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": KEY_ARN, "RetentionInDays": 30}}
    stack = stacks.deploy({"Key": KEY, "Group": group})

    found = local_aws.client("logs").describe_log_groups(logGroupNamePrefix=stack.physical_id("Group"))

    assert found["logGroups"][0]["retentionInDays"] == 30
    assert stack.physical_id("Key") in found["logGroups"][0]["kmsKeyId"]


VPC = {
    "Type": "AWS::EC2::VPC",
    "Properties": {"CidrBlock": "10.40.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True},
}
SUBNET = {
    "Type": "AWS::EC2::Subnet",
    "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.40.0.0/24", "AvailabilityZone": "us-east-1a"},
}


def group(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "test", "VpcId": {"Ref": "Vpc"}, **properties},
    }


class TestNetwork:
    def test_endpoints_keep_their_policies_and_their_names(self, stacks: Stacks, local_aws: LocalAws) -> None:
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*", "Resource": "*"}],
        }
        stack = stacks.deploy(
            {
                "Vpc": VPC,
                "Subnet": SUBNET,
                "Group": group(),
                "Routes": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
                "Sts": {
                    "Type": "AWS::EC2::VPCEndpoint",
                    "Properties": {
                        "ServiceName": "com.amazonaws.us-east-1.sts",
                        "VpcEndpointType": "Interface",
                        "VpcId": {"Ref": "Vpc"},
                        "PrivateDnsEnabled": True,
                        "PolicyDocument": policy,
                        "SubnetIds": [{"Ref": "Subnet"}],
                        "SecurityGroupIds": [{"Ref": "Group"}],
                    },
                },
                "S3": {
                    "Type": "AWS::EC2::VPCEndpoint",
                    "Properties": {
                        "ServiceName": "com.amazonaws.us-east-1.s3",
                        "VpcEndpointType": "Gateway",
                        "VpcId": {"Ref": "Vpc"},
                        "PolicyDocument": policy,
                        "RouteTableIds": [{"Ref": "Routes"}],
                    },
                },
            },
            outputs={"Cidr": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
        )
        ec2 = local_aws.client("ec2")

        sts = ec2.describe_vpc_endpoints(VpcEndpointIds=[stack.physical_id("Sts")])["VpcEndpoints"][0]
        s3 = ec2.describe_vpc_endpoints(VpcEndpointIds=[stack.physical_id("S3")])["VpcEndpoints"][0]

        assert stack.outputs["Cidr"] == "10.40.0.0/16"
        assert json.loads(sts["PolicyDocument"]) == policy
        assert sts["PrivateDnsEnabled"] is True
        assert sts["SubnetIds"] == [stack.physical_id("Subnet")]
        assert [found["GroupId"] for found in sts["Groups"]] == [stack.physical_id("Group")]
        assert json.loads(s3["PolicyDocument"]) == policy
        assert s3["RouteTableIds"] == [stack.physical_id("Routes")]

    def test_a_rule_of_its_own_is_part_of_its_group_until_it_is_removed(
        self, stacks: Stacks, local_aws: LocalAws
    ) -> None:
        rule = {"GroupId": {"Ref": "To"}, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        ingress = {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {**rule, "SourceSecurityGroupId": {"Ref": "From"}, "Description": "https"},
        }
        egress = {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                **rule,
                "GroupId": {"Ref": "From"},
                "DestinationSecurityGroupId": {"Ref": "To"},
            },
        }
        nothing = {"CidrIp": "255.255.255.255/32", "IpProtocol": "icmp", "FromPort": 252, "ToPort": 86}
        groups = {"Vpc": VPC, "From": group(SecurityGroupEgress=[nothing]), "To": group()}
        stack = stacks.deploy({**groups, "Ingress": ingress, "Egress": egress}, name="rules")
        ec2, to, source = local_aws.client("ec2"), stack.physical_id("To"), stack.physical_id("From")

        def groups_with_rules() -> tuple[list[Any], list[Any]]:
            found = {
                item["GroupId"]: item
                for item in ec2.describe_security_groups(GroupIds=[to, source])["SecurityGroups"]
            }
            return found[to]["IpPermissions"], found[source]["IpPermissionsEgress"]

        incoming, outgoing = groups_with_rules()
        assert [pair["GroupId"] for pair in incoming[0]["UserIdGroupPairs"]] == [source]
        assert (incoming[0]["FromPort"], incoming[0]["ToPort"]) == (443, 443)
        assert to in [pair["GroupId"] for item in outgoing for pair in item["UserIdGroupPairs"]]

        stacks.deploy(groups, name="rules")

        incoming, outgoing = groups_with_rules()
        assert incoming == []
        assert to not in [pair["GroupId"] for item in outgoing for pair in item["UserIdGroupPairs"]]

    def test_flow_logs_are_there(self, stacks: Stacks, local_aws: LocalAws) -> None:
        trust = {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ]
        }
        stack = stacks.deploy(
            {
                "Vpc": VPC,
                "Group": {"Type": "AWS::Logs::LogGroup"},
                "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
                "Flow": {
                    "Type": "AWS::EC2::FlowLog",
                    "Properties": {
                        "ResourceId": {"Ref": "Vpc"},
                        "ResourceType": "VPC",
                        "TrafficType": "ALL",
                        "LogDestinationType": "cloud-watch-logs",
                        "LogGroupName": {"Ref": "Group"},
                        "DeliverLogsPermissionArn": {"Fn::GetAtt": ["Role", "Arn"]},
                        "Tags": TAGS,
                    },
                },
            }
        )

        found = local_aws.client("ec2").describe_flow_logs(FlowLogIds=[stack.physical_id("Flow")])

        assert found["FlowLogs"][0]["ResourceId"] == stack.physical_id("Vpc")
        assert found["FlowLogs"][0]["TrafficType"] == "ALL"
        assert found["FlowLogs"][0]["LogDestination"] == stack.physical_id("Group")


def function(code: str = "def handler(event, context): return 1", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            **properties,
        },
    }


LAMBDA_ROLE = resource("IAM::Role", AssumeRolePolicyDocument=TRUST)


def test_a_function_keeps_its_network_its_limits_and_its_key(stacks: Stacks, local_aws: LocalAws) -> None:
    resources = {
        "Key": KEY,
        "Vpc": VPC,
        "Subnet": SUBNET,
        "Group": group(),
        "Role": LAMBDA_ROLE,
        "Failed": {"Type": "AWS::SQS::Queue"},
        "Function": function(
            VpcConfig={"SubnetIds": [{"Ref": "Subnet"}], "SecurityGroupIds": [{"Ref": "Group"}]},
            ReservedConcurrentExecutions=5,
            TracingConfig={"Mode": "Active"},
            DeadLetterConfig={"TargetArn": {"Fn::GetAtt": ["Failed", "Arn"]}},
            Environment={"Variables": {"MODE": "test"}},
            KmsKeyArn=KEY_ARN,
            MemorySize=512,
            Timeout=29,
            Tags=TAGS,
            LoggingConfig={"LogFormat": "JSON"},
            Architectures=["arm64"],
        ),
    }
    stack = stacks.deploy(resources, name="function")
    functions, name = local_aws.client("lambda"), stack.physical_id("Function")

    found = functions.get_function_configuration(FunctionName=name)

    assert found["VpcConfig"]["SubnetIds"] == [stack.physical_id("Subnet")]
    assert found["VpcConfig"]["SecurityGroupIds"] == [stack.physical_id("Group")]
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 5
    assert found["TracingConfig"]["Mode"] == "Active"
    assert found["DeadLetterConfig"]["TargetArn"].endswith(stack.physical_id("Failed").rsplit("/", 1)[-1])
    assert found["Environment"]["Variables"] == {"MODE": "test"}
    assert stack.physical_id("Key") in found["KMSKeyArn"]
    assert (found["MemorySize"], found["Timeout"]) == (512, 29)
    assert found["Architectures"] == ["arm64"]
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    assert functions.list_tags(Resource=found["FunctionArn"])["Tags"]["team"] == "research"

    del resources["Function"]["Properties"]["ReservedConcurrentExecutions"]
    stacks.deploy(resources, name="function")

    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
