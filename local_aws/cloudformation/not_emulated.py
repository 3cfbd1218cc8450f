"""What templates may say and this AWS does not do, so that nothing is dropped unknowingly.

By resource type and property; `/` leads into a property. Each is told in the log when it is deployed.
The table covers the types of which our stacks are made: a test compares it with AWS's schemas and
with what ministack's handlers read.
"""

from __future__ import annotations

from collections.abc import Mapping

_NOT_STORED = "it is not kept"
_NO_TRAFFIC = "there is no network between resources here"
_NO_IPV6 = "addresses are IPv4 only here"
_NO_TIME = "it is kept and answered, but nothing runs by the clock here"
_NO_TOKENS = "it is kept and answered, but there are no tokens here: whom a rule asks for one is stopped"
_NO_CACHE = "responses are not cached here"
_NO_TLS = "this server speaks plain HTTP on loopback"
_NO_IMPORT = "APIs are made of resources and methods here"

NOT_EMULATED: Mapping[str, Mapping[str, str]] = {
    "AWS::ApiGateway::Account": {
        "CloudWatchRoleArn": "it is kept and answered, but logs are written without a role",
    },
    "AWS::ApiGateway::ApiKey": {"GenerateDistinctId": _NOT_STORED},
    "AWS::ApiGateway::Deployment": {"DeploymentCanarySettings": _NOT_STORED},
    "AWS::ApiGateway::GatewayResponse": {},
    "AWS::ApiGateway::Method": {},
    "AWS::ApiGateway::Model": {},
    "AWS::ApiGateway::Resource": {},
    "AWS::ApiGateway::RestApi": {
        "BodyS3Location": _NO_IMPORT,
        "CloneFrom": _NO_IMPORT,
        "EndpointAccessMode": _NO_TLS,
        "FailOnWarnings": _NO_IMPORT,
        "Mode": _NO_IMPORT,
        "Parameters": _NO_IMPORT,
        "SecurityPolicy": _NO_TLS,
        "Version": _NOT_STORED,
    },
    "AWS::ApiGateway::Stage": {
        "CacheClusterEnabled": _NO_CACHE,
        "CacheClusterSize": _NO_CACHE,
        "ClientCertificateId": _NO_TLS,
        "DocumentationVersion": _NOT_STORED,
        "TracingEnabled": "it is kept and answered, but there are no traces",
    },
    "AWS::ApiGateway::UsagePlan": {},
    "AWS::ApiGateway::UsagePlanKey": {},
    "AWS::EC2::FlowLog": {
        "DeliverCrossAccountRole": _NO_TRAFFIC,
        "DeliverLogsPermissionArn": _NO_TRAFFIC,
        "DestinationOptions": _NO_TRAFFIC,
        "LogFormat": _NO_TRAFFIC,
        "MaxAggregationInterval": _NO_TRAFFIC,
        "TagFieldSpecifications": _NO_TRAFFIC,
    },
    "AWS::EC2::RouteTable": {},
    "AWS::EC2::SecurityGroup": {},
    "AWS::EC2::Subnet": {
        "AssignIpv6AddressOnCreation": _NO_IPV6,
        "EnableLniAtDeviceIndex": _NOT_STORED,
        "Ipv4IpamPoolId": _NOT_STORED,
        "Ipv4NetmaskLength": _NOT_STORED,
        "Ipv6Native": _NO_IPV6,
        "Ipv6NetmaskLength": _NO_IPV6,
        "OutpostArn": _NOT_STORED,
    },
    "AWS::EC2::SubnetRouteTableAssociation": {},
    "AWS::EC2::VPC": {
        "Ipv4IpamPoolId": _NOT_STORED,
        "Ipv4NetmaskLength": _NOT_STORED,
        "VpcEncryptionControl": _NO_TRAFFIC,
    },
    "AWS::EC2::VPCEndpoint": {
        "DnsOptions": _NO_TRAFFIC,
        "IpAddressType": _NO_TRAFFIC,
        "PolicyDocument": "it is kept and answered, but no request goes through an endpoint",
        "ResourceConfigurationArn": _NOT_STORED,
        "ServiceNetworkArn": _NOT_STORED,
        "ServiceRegion": _NOT_STORED,
    },
    "AWS::ECR::Repository": {
        "ImageScanningConfiguration": "it is kept and answered, but images are not scanned",
        "ImageTagMutabilityExclusionFilters": _NOT_STORED,
        "LifecyclePolicy": _NO_TIME,
    },
    "AWS::IAM::ManagedPolicy": {},
    "AWS::IAM::Policy": {},
    "AWS::IAM::Role": {},
    "AWS::KMS::Alias": {},
    "AWS::KMS::Key": {
        "BypassPolicyLockoutSafetyCheck": "a key's policy is not checked here",
        "EnableKeyRotation": _NO_TIME,
    },
    "AWS::Lambda::Function": {
        "Architectures": "it is kept and answered, but functions run on this machine's processor",
        "CodeSigningConfigArn": _NOT_STORED,
        "DurableConfig": _NOT_STORED,
        "FileSystemConfigs": _NOT_STORED,
        "FunctionScalingConfig": _NOT_STORED,
        "PublishToLatestPublished": _NOT_STORED,
        "RecursiveLoop": _NOT_STORED,
        "Runtime": "it is kept and answered, but Python functions run on this server's own interpreter",
        "RuntimeManagementConfig": _NOT_STORED,
        "TenancyConfig": _NOT_STORED,
        "TracingConfig": "it is kept and answered, but there are no traces",
        "VpcConfig": "it is kept and answered, but functions run in this machine's network",
    },
    "AWS::Lambda::Permission": {},
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": _NOT_STORED,
        "DataProtectionPolicy": _NOT_STORED,
        "DeletionProtectionEnabled": _NOT_STORED,
        "FieldIndexPolicies": _NOT_STORED,
        "RetentionInDays": _NO_TIME,
    },
    "AWS::S3::Bucket": {
        "AbacStatus": _NOT_STORED,
        "AccelerateConfiguration": _NOT_STORED,
        "AccessControl": _NOT_STORED,
        "AnalyticsConfigurations": _NOT_STORED,
        "BucketNamePrefix": _NOT_STORED,
        "BucketNamespace": _NOT_STORED,
        "IntelligentTieringConfigurations": _NOT_STORED,
        "InventoryConfigurations": _NOT_STORED,
        "LifecycleConfiguration": _NO_TIME,
        "LoggingConfiguration": "it is kept and answered, but no access log is written",
        "MetadataConfiguration": _NOT_STORED,
        "MetadataTableConfiguration": _NOT_STORED,
        "MetricsConfigurations": _NOT_STORED,
        "ObjectLockConfiguration": _NOT_STORED,
        "ObjectLockEnabled": _NOT_STORED,
        "ReplicationConfiguration": _NOT_STORED,
    },
    "AWS::S3::BucketPolicy": {},
    "AWS::SSM::Parameter": {},
    "AWS::WAFv2::LoggingConfiguration": {
        "LogDestinationConfigs": "records go to log groups only, neither to buckets nor to Firehose streams",
    },
    "AWS::WAFv2::WebACL": {
        "ApplicationConfig": _NOT_STORED,
        "CaptchaConfig": _NO_TOKENS,
        "ChallengeConfig": _NO_TOKENS,
        "DataProtectionConfig": "it is kept and answered, but nothing is left out of samples and records",
        "MonetizationConfig": _NOT_STORED,
        "OnSourceDDoSProtectionConfig": "it is kept and answered, but there are no floods here",
        "Rules": "of AWS's managed groups the plain cases match, where somebody comes from is unknown, and "
        "rates are counted exactly",
        "TokenDomains": _NO_TOKENS,
    },
}
