"""What templates may say and this AWS does not do, so that nothing is dropped unknowingly.

By resource type and property; `/` leads into a property, and the empty path means the whole resource.
Each is told in the resource's stack events when it is deployed. `not_kept.py` lists what no handler reads,
of every type that ministack makes itself: `tests/unit/local_aws/test_cloudformation_not_emulated.py`
watches the handlers at work and fails when a property is neither read nor listed, or listed and read. Here
stand the better reasons, and what is kept without having an effect.
"""

from __future__ import annotations

from collections.abc import Mapping

from local_aws.cloudformation.not_kept import NOT_KEPT

_NOT_STORED = "it is not kept"
_NO_TRAFFIC = "there is no network between resources here"
_NO_IPV6 = "addresses are IPv4 only here"
_NO_TIME = "it is kept and answered, but nothing runs by the clock here"
_NO_TOKENS = "it is kept and answered, but there are no tokens here: whom a rule asks for one is stopped"
_NO_CACHE = "responses are not cached here"
_NO_TLS = "this server speaks plain HTTP on loopback"
_NO_IMPORT = "APIs are made of resources and methods here"

_NO_ENGINE = "it is kept and answered, but no container is started for it"
_NO_EDGE = "it is kept and answered, but nothing is served from an edge here"
KEPT_BY_ITS_SCHEMA = "it is kept and answered as AWS's schema of its type says, and nothing here acts on it"
"""Of every type that neither ministack nor this server makes real."""

_REASONS: Mapping[str, Mapping[str, str]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        "ScheduledActions": _NO_TIME,
    },
    "AWS::AutoScaling::AutoScalingGroup": {
        "": "it is kept and answered, but no instance is started",
    },
    "AWS::CloudFront::Distribution": {
        "": _NO_EDGE,
    },
    "AWS::DocDB::DBCluster": {
        "": _NO_ENGINE,
    },
    "AWS::DocDB::DBInstance": {
        "": _NO_ENGINE,
    },
    "AWS::DynamoDB::Table": {
        "SSESpecification": "it is kept and answered, but items are not encrypted",
    },
    "AWS::EC2::EIP": {
        "": _NO_TRAFFIC,
    },
    "AWS::EC2::NatGateway": {
        "": _NO_TRAFFIC,
    },
    "AWS::EC2::NetworkAcl": {
        "": _NO_TRAFFIC,
    },
    "AWS::EC2::EgressOnlyInternetGateway": {
        "": _NO_TRAFFIC,
    },
    "AWS::ECS::Service": {
        "": _NO_ENGINE,
    },
    "AWS::EKS::Cluster": {
        "": _NO_ENGINE,
    },
    "AWS::EKS::Nodegroup": {
        "": _NO_ENGINE,
    },
    "AWS::ElastiCache::CacheCluster": {
        "": _NO_ENGINE,
    },
    "AWS::ElastiCache::ReplicationGroup": {
        "": _NO_ENGINE,
    },
    "AWS::EMR::Cluster": {
        "": "it is kept and answered, and waits until it is terminated, but no machine is started for it",
        "AutoTerminationPolicy": "it is kept and answered, but idle time is not counted",
        "AdditionalInfo": _NOT_STORED,
        "EbsRootVolumeIops": _NOT_STORED,
        "EbsRootVolumeThroughput": _NOT_STORED,
        "ManagedScalingPolicy": _NOT_STORED,
        "Instances/UnhealthyNodeReplacement": _NOT_STORED,
        "KerberosAttributes": _NOT_STORED,
        "PlacementGroupConfigs": _NOT_STORED,
    },
    "AWS::OpenSearchService::Domain": {
        "": _NO_ENGINE,
    },
    "AWS::RDS::DBCluster": {
        "": _NO_ENGINE,
    },
    "AWS::RDS::DBInstance": {
        "": _NO_ENGINE,
    },
    "AWS::ApiGateway::Account": {
        "CloudWatchRoleArn": "it is kept and answered, but logs are written without a role",
    },
    "AWS::ApiGateway::Deployment": {"StageDescription": "of it the description and the variables are kept"},
    "AWS::ApiGateway::Method": {
        "Integration/CacheNamespace": _NO_CACHE,
        "Integration/ConnectionId": _NO_TRAFFIC,
        "Integration/ResponseTransferMode": _NOT_STORED,
    },
    "AWS::ApiGateway::RestApi": {
        "BodyS3Location": _NO_IMPORT,
        "CloneFrom": _NO_IMPORT,
        "EndpointAccessMode": _NO_TLS,
        "FailOnWarnings": _NO_IMPORT,
        "Mode": _NO_IMPORT,
        "Parameters": _NO_IMPORT,
        "SecurityPolicy": _NO_TLS,
    },
    "AWS::ApiGateway::Stage": {
        "AccessLogSetting/DestinationArn": "lines go to log groups only, not to Firehose streams",
        "CacheClusterEnabled": _NO_CACHE,
        "CacheClusterSize": _NO_CACHE,
        "ClientCertificateId": _NO_TLS,
        "TracingEnabled": "it is kept and answered, but there are no traces",
    },
    "AWS::EC2::FlowLog": {
        "DeliverCrossAccountRole": _NO_TRAFFIC,
        "DeliverLogsPermissionArn": _NO_TRAFFIC,
        "DestinationOptions": _NO_TRAFFIC,
        "LogFormat": _NO_TRAFFIC,
        "MaxAggregationInterval": _NO_TRAFFIC,
        "TagFieldSpecifications": _NO_TRAFFIC,
    },
    "AWS::EC2::Subnet": {
        "AssignIpv6AddressOnCreation": _NO_IPV6,
        "Ipv6Native": _NO_IPV6,
        "Ipv6NetmaskLength": _NO_IPV6,
    },
    "AWS::EC2::VPC": {
        "VpcEncryptionControl": _NO_TRAFFIC,
    },
    "AWS::EC2::VPCEndpoint": {
        "DnsOptions": _NO_TRAFFIC,
        "IpAddressType": _NO_TRAFFIC,
        "PolicyDocument": "it is kept and answered, but no request goes through an endpoint",
    },
    "AWS::ECR::Repository": {
        "ImageScanningConfiguration": "it is kept and answered, but images are not scanned",
        "LifecyclePolicy": _NO_TIME,
    },
    "AWS::KMS::Key": {
        "BypassPolicyLockoutSafetyCheck": "a key's policy is not checked here",
        "EnableKeyRotation": _NO_TIME,
    },
    "AWS::Lambda::Function": {
        "Code/S3ObjectStorageMode": _NOT_STORED,
        "Code/SourceKMSKeyArn": _NOT_STORED,
        "Architectures": "it is kept and answered, but functions run on this machine's processor",
        "EphemeralStorage": "it is kept and answered, but functions use this machine's /tmp",
        "MemorySize": "Python functions are held to it, others are not",
        "Runtime": "it is kept and answered, but functions run on the Python and the Node of this machine",
        "TracingConfig": "it is kept and answered, but there are no traces",
        "VpcConfig": "it is kept and answered, but functions run in this machine's network",
    },
    "AWS::S3::Bucket": {
        "LifecycleConfiguration": _NO_TIME,
        "LoggingConfiguration": "it is kept and answered, but no access log is written",
    },
    "AWS::WAFv2::LoggingConfiguration": {
        "LogDestinationConfigs": "records go to log groups only, neither to buckets nor to Firehose streams",
    },
    "AWS::WAFv2::WebACL": {
        "CaptchaConfig": _NO_TOKENS,
        "ChallengeConfig": _NO_TOKENS,
        "DataProtectionConfig": "it is kept and answered, but nothing is left out of samples and records",
        "OnSourceDDoSProtectionConfig": "it is kept and answered, but there are no floods here",
        "Rules": "of AWS's managed groups the plain cases match, where somebody comes from is unknown, and "
        "rates are counted exactly",
        "TokenDomains": _NO_TOKENS,
    },
}

NOT_EMULATED: Mapping[str, Mapping[str, str]] = {
    name: dict.fromkeys(sorted(NOT_KEPT.get(name, ())), _NOT_STORED) | dict(_REASONS.get(name, {}))
    for name in sorted({*NOT_KEPT, *_REASONS})
}
