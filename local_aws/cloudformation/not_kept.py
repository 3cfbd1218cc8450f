"""What no handler reads of the types that ministack makes itself, as the audit found it: it can only shrink.

`tests/unit/local_aws/test_cloudformation_not_emulated.py` compares it with the handlers at work.
"""

from __future__ import annotations

from collections.abc import Mapping

NOT_KEPT: Mapping[str, frozenset[str]] = {
    "AWS::ApiGateway::ApiKey": frozenset(["GenerateDistinctId"]),
    "AWS::ApiGateway::Deployment": frozenset(["DeploymentCanarySettings"]),
    "AWS::ApiGateway::DocumentationVersion": frozenset(["Description"]),
    "AWS::ApiGateway::RestApi": frozenset(
        [
            "BodyS3Location",
            "CloneFrom",
            "EndpointAccessMode",
            "FailOnWarnings",
            "Mode",
            "Parameters",
            "SecurityPolicy",
            "Version",
        ]
    ),
    "AWS::ApiGateway::Stage": frozenset(
        ["CacheClusterEnabled", "CacheClusterSize", "ClientCertificateId", "DocumentationVersion"]
    ),
    "AWS::ApiGatewayV2::Api": frozenset(
        [
            "BasePath",
            "Body",
            "BodyS3Location",
            "CredentialsArn",
            "FailOnWarnings",
            "IpAddressType",
            "RouteKey",
            "Target",
        ]
    ),
    "AWS::ApiGatewayV2::Authorizer": frozenset(["IdentityValidationExpression"]),
    "AWS::ApiGatewayV2::Integration": frozenset(
        [
            "CredentialsArn",
            "IntegrationSubtype",
            "PassthroughBehavior",
            "TemplateSelectionExpression",
            "TlsConfig",
        ]
    ),
    "AWS::AppSync::FunctionConfiguration": frozenset(
        [
            "Code",
            "CodeS3Location",
            "Description",
            "FunctionVersion",
            "MaxBatchSize",
            "RequestMappingTemplate",
            "RequestMappingTemplateS3Location",
            "ResponseMappingTemplate",
            "ResponseMappingTemplateS3Location",
            "Runtime",
            "SyncConfig",
        ]
    ),
    "AWS::AppSync::GraphQLSchema": frozenset(["DefinitionS3Location"]),
    "AWS::AppSync::Resolver": frozenset(
        ["CodeS3Location", "RequestMappingTemplateS3Location", "ResponseMappingTemplateS3Location"]
    ),
    "AWS::Athena::WorkGroup": frozenset(["WorkGroupConfigurationUpdates"]),
    "AWS::AutoScaling::AutoScalingGroup": frozenset(
        [
            "AvailabilityZoneDistribution",
            "AvailabilityZoneIds",
            "AvailabilityZoneImpairmentPolicy",
            "CapacityRebalance",
            "CapacityReservationSpecification",
            "Context",
            "DefaultInstanceWarmup",
            "DeletionProtection",
            "DesiredCapacityType",
            "InstanceId",
            "InstanceLifecyclePolicy",
            "InstanceMaintenancePolicy",
            "LifecycleHookSpecificationList",
            "LoadBalancerNames",
            "MaxInstanceLifetime",
            "MetricsCollection",
            "MixedInstancesPolicy",
            "NotificationConfiguration",
            "NotificationConfigurations",
            "PlacementGroup",
            "ServiceLinkedRoleARN",
            "SkipZonalShiftValidation",
            "TargetGroupARNs",
            "TrafficSources",
        ]
    ),
    "AWS::AutoScaling::LaunchConfiguration": frozenset(
        [
            "AssociatePublicIpAddress",
            "BlockDeviceMappings",
            "ClassicLinkVPCId",
            "ClassicLinkVPCSecurityGroups",
            "EbsOptimized",
            "IamInstanceProfile",
            "InstanceId",
            "InstanceMonitoring",
            "KernelId",
            "MetadataOptions",
            "PlacementTenancy",
            "RamDiskId",
            "SpotPrice",
        ]
    ),
    "AWS::Backup::BackupVault": frozenset(["AccessPolicy", "LockConfiguration", "Notifications"]),
    "AWS::CDK::Metadata": frozenset(["Analytics", "Modules"]),
    "AWS::CertificateManager::Certificate": frozenset(
        ["CertificateAuthorityArn", "CertificateExport", "DomainValidationOptions", "Id"]
    ),
    "AWS::CloudFront::Function": frozenset(["FunctionMetadata"]),
    "AWS::CloudFront::KeyValueStore": frozenset(["ImportSource", "Tags"]),
    "AWS::CloudWatch::Alarm": frozenset(
        [
            "ActionConfiguration",
            "EvaluateLowSampleCountPercentile",
            "EvaluationCriteria",
            "EvaluationInterval",
            "EvaluationWindow",
            "ThresholdMetricId",
            "WarmUpConfiguration",
        ]
    ),
    "AWS::CloudWatch::Dashboard": frozenset(["Tags"]),
    "AWS::CodeBuild::Project": frozenset(
        [
            "AutoRetryLimit",
            "BadgeEnabled",
            "BuildBatchConfig",
            "Cache",
            "ConcurrentBuildLimit",
            "FileSystemLocations",
            "LogsConfig",
            "QueuedTimeoutInMinutes",
            "ResourceAccessRole",
            "SecondaryArtifacts",
            "SecondarySourceVersions",
            "SecondarySources",
            "Triggers",
            "Visibility",
            "VpcConfig",
        ]
    ),
    "AWS::Cognito::IdentityPool": frozenset(["CognitoEvents", "CognitoStreams", "PushSync"]),
    "AWS::Cognito::UserPool": frozenset(
        [
            "EmailAuthenticationMessage",
            "EmailAuthenticationSubject",
            "IssuerConfiguration",
            "KeyConfiguration",
            "WebAuthnFactorConfiguration",
            "WebAuthnRelyingPartyID",
            "WebAuthnUserVerification",
        ]
    ),
    "AWS::Cognito::UserPoolClient": frozenset(["RefreshTokenRotation"]),
    "AWS::DocDB::DBCluster": frozenset(
        [
            "GlobalClusterIdentifier",
            "RestoreToTime",
            "RestoreType",
            "RotateMasterUserPassword",
            "ServerlessV2ScalingConfiguration",
            "SnapshotIdentifier",
            "SourceDBClusterIdentifier",
            "UseLatestRestorableTime",
        ]
    ),
    "AWS::DocDB::DBInstance": frozenset(["CertificateRotationRestart"]),
    "AWS::DynamoDB::Table": frozenset(["ImportSourceSpecification", "VectorIndexes", "WarmThroughput"]),
    "AWS::EC2::EIP": frozenset(["Address", "InstanceId", "IpamPoolId", "TransferAddress"]),
    "AWS::EC2::FlowLog": frozenset(
        ["DeliverCrossAccountRole", "DestinationOptions", "TagFieldSpecifications"]
    ),
    "AWS::EC2::NatGateway": frozenset(
        [
            "AvailabilityMode",
            "AvailabilityZoneAddresses",
            "MaxDrainDurationSeconds",
            "SecondaryAllocationIds",
            "SecondaryPrivateIpAddressCount",
            "SecondaryPrivateIpAddresses",
            "VpcId",
        ]
    ),
    "AWS::EC2::SecurityGroupIngress": frozenset(
        ["GroupName", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId"]
    ),
    "AWS::EC2::Subnet": frozenset(
        [
            "AssignIpv6AddressOnCreation",
            "EnableLniAtDeviceIndex",
            "Ipv4IpamPoolId",
            "Ipv4NetmaskLength",
            "Ipv6Native",
            "Ipv6NetmaskLength",
            "OutpostArn",
        ]
    ),
    "AWS::EC2::VPC": frozenset(["Ipv4IpamPoolId", "Ipv4NetmaskLength", "VpcEncryptionControl"]),
    "AWS::EC2::VPCEndpoint": frozenset(
        ["DnsOptions", "IpAddressType", "ResourceConfigurationArn", "ServiceNetworkArn", "ServiceRegion"]
    ),
    "AWS::ECR::Repository": frozenset(["ImageTagMutabilityExclusionFilters"]),
    "AWS::ECS::Cluster": frozenset(["ServiceConnectDefaults"]),
    "AWS::ECS::Service": frozenset(
        [
            "AvailabilityZoneRebalancing",
            "DeploymentController",
            "EnableECSManagedTags",
            "EnableExecuteCommand",
            "ForceNewDeployment",
            "GatewayConnectors",
            "HealthCheckGracePeriodSeconds",
            "Monitoring",
            "PlacementConstraints",
            "PlacementStrategies",
            "PlatformVersion",
            "PropagateTags",
            "Role",
            "SchedulingStrategy",
            "ServiceConnectConfiguration",
            "ServiceRegistries",
            "VolumeConfigurations",
            "VpcLatticeConfigurations",
        ]
    ),
    "AWS::ECS::TaskDefinition": frozenset(
        [
            "EnableFaultInjection",
            "EphemeralStorage",
            "InferenceAccelerators",
            "ProxyConfiguration",
            "RuntimePlatform",
        ]
    ),
    "AWS::EFS::FileSystem": frozenset(["BypassPolicyLockoutSafetyCheck"]),
    "AWS::EKS::Cluster": frozenset(
        [
            "ActiveCertificateAuthorityId",
            "BootstrapSelfManagedAddons",
            "CertificateAuthority",
            "ComputeConfig",
            "ControlPlaneScalingConfig",
            "DeletionProtection",
            "EncryptionConfig",
            "Force",
            "KubeApiServerConfig",
            "KubeControllerManagerConfig",
            "KubeSchedulerConfig",
            "KubernetesNetworkConfig",
            "OutpostConfig",
            "RemoteNetworkConfig",
            "RollbackConfig",
            "StorageConfig",
            "UpgradePolicy",
            "ZonalShiftConfig",
        ]
    ),
    "AWS::EKS::Nodegroup": frozenset(
        ["CapacityType", "ForceUpdateEnabled", "NodeRepairConfig", "RemoteAccess", "WarmPoolConfig"]
    ),
    "AWS::ElasticLoadBalancingV2::Listener": frozenset(
        ["AlpnPolicy", "ListenerAttributes", "MutualAuthentication"]
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": frozenset(["Tags"]),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": frozenset(
        [
            "EnableCapacityReservationProvisionStabilize",
            "EnablePrefixForIpv6SourceNat",
            "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
            "Ipv4IpamPoolId",
            "MinimumLoadBalancerCapacity",
            "SubnetMappings",
        ]
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": frozenset(
        ["IpAddressType", "ProtocolVersion", "TargetControlPort", "Targets"]
    ),
    "AWS::Events::EventBus": frozenset(["EventSourceName"]),
    "AWS::Glue::Connection": frozenset(["CatalogId"]),
    "AWS::Glue::Crawler": frozenset(["LakeFormationConfiguration"]),
    "AWS::Glue::Database": frozenset(["CatalogId"]),
    "AWS::Glue::Job": frozenset(
        [
            "AllocatedCapacity",
            "ExecutionClass",
            "ExecutionProperty",
            "JobMode",
            "JobRunQueuingEnabled",
            "LogUri",
            "MaintenanceWindow",
            "NotificationProperty",
        ]
    ),
    "AWS::Glue::Table": frozenset(["CatalogId"]),
    "AWS::Glue::Trigger": frozenset(["EventBatchingCondition"]),
    "AWS::IAM::AccessKey": frozenset(["Serial"]),
    "AWS::IoT::CACertificate": frozenset(["RemoveAutoRegistration"]),
    "AWS::IoT::ThingGroup": frozenset(["QueryString"]),
    "AWS::KMS::Key": frozenset(["BypassPolicyLockoutSafetyCheck"]),
    "AWS::Kinesis::Stream": frozenset(
        ["MaxRecordSizeInKiB", "RecordDistributionStrategy", "WarmThroughputMiBps"]
    ),
    "AWS::KinesisAnalyticsV2::Application": frozenset(["ApplicationMaintenanceConfiguration"]),
    "AWS::Lambda::EventSourceMapping": frozenset(
        [
            "AmazonManagedKafkaEventSourceConfig",
            "DocumentDBEventSourceConfig",
            "KmsKeyArn",
            "LoggingConfig",
            "MetricsConfig",
            "ProvisionedPollerConfig",
            "Queues",
            "SelfManagedEventSource",
            "SelfManagedKafkaEventSourceConfig",
            "SourceAccessConfigurations",
            "StartingPositionTimestamp",
            "Tags",
            "Topics",
            "TumblingWindowInSeconds",
        ]
    ),
    "AWS::Lambda::Function": frozenset(
        [
            "CodeSigningConfigArn",
            "DurableConfig",
            "FunctionScalingConfig",
            "PublishToLatestPublished",
            "RecursiveLoop",
            "RuntimeManagementConfig",
            "TenancyConfig",
        ]
    ),
    "AWS::Lambda::Version": frozenset(["CodeSha256", "RuntimePolicy"]),
    "AWS::Location::Tracker": frozenset(["PricingPlan", "PricingPlanDataSource"]),
    "AWS::Logs::LogGroup": frozenset(
        [
            "BearerTokenAuthenticationEnabled",
            "DataProtectionPolicy",
            "DeletionProtectionEnabled",
            "FieldIndexPolicies",
        ]
    ),
    "AWS::Logs::MetricFilter": frozenset(
        ["ApplyOnTransformedLogs", "EmitSystemFieldDimensions", "FieldSelectionCriteria"]
    ),
    "AWS::Logs::SubscriptionFilter": frozenset(
        ["ApplyOnTransformedLogs", "EmitSystemFields", "FieldSelectionCriteria"]
    ),
    "AWS::Pipes::Pipe": frozenset(
        ["Enrichment", "EnrichmentParameters", "KmsKeyIdentifier", "LogConfiguration", "TargetParameters"]
    ),
    "AWS::RDS::DBCluster": frozenset(
        [
            "AllocatedStorage",
            "AssociatedRoles",
            "AutoMinorVersionUpgrade",
            "AvailabilityZones",
            "BacktrackWindow",
            "ClusterScalabilityType",
            "DBClusterInstanceClass",
            "DBClusterParameterGroupName",
            "DBInstanceParameterGroupName",
            "DBSystemId",
            "DatabaseInsightsMode",
            "DeleteAutomatedBackups",
            "Domain",
            "DomainIAMRoleName",
            "EnableCloudwatchLogsExports",
            "EnableGlobalWriteForwarding",
            "EnableLocalWriteForwarding",
            "EngineLifecycleSupport",
            "GlobalClusterIdentifier",
            "Iops",
            "KmsKeyId",
            "ManageMasterUserPassword",
            "MasterUserAuthenticationType",
            "MasterUserSecret",
            "MonitoringInterval",
            "MonitoringRoleArn",
            "NetworkType",
            "PerformanceInsightsEnabled",
            "PerformanceInsightsKmsKeyId",
            "PerformanceInsightsRetentionPeriod",
            "PubliclyAccessible",
            "ReplicationSourceIdentifier",
            "RestoreToTime",
            "RestoreType",
            "ScalingConfiguration",
            "SnapshotIdentifier",
            "SourceDBClusterIdentifier",
            "SourceDbClusterResourceId",
            "SourceRegion",
            "StorageType",
            "Tags",
            "UseLatestRestorableTime",
        ]
    ),
    "AWS::RDS::DBInstance": frozenset(
        [
            "AdditionalStorageVolumes",
            "AllowMajorVersionUpgrade",
            "ApplyImmediately",
            "AssociatedRoles",
            "AutomaticBackupReplicationKmsKeyId",
            "AutomaticBackupReplicationRegion",
            "AutomaticBackupReplicationRetentionPeriod",
            "BackupTarget",
            "CACertificateIdentifier",
            "CertificateRotationRestart",
            "CharacterSetName",
            "CustomIAMInstanceProfile",
            "DBClusterSnapshotIdentifier",
            "DBSecurityGroups",
            "DBSnapshotIdentifier",
            "DBSystemId",
            "DatabaseInsightsMode",
            "DedicatedLogVolume",
            "DeleteAutomatedBackups",
            "Domain",
            "DomainAuthSecretArn",
            "DomainDnsIps",
            "DomainFqdn",
            "DomainIAMRoleName",
            "DomainOu",
            "EnableCloudwatchLogsExports",
            "EngineLifecycleSupport",
            "Iops",
            "LicenseModel",
            "ManageMasterUserPassword",
            "MasterUserAuthenticationType",
            "MasterUserSecret",
            "NcharCharacterSetName",
            "NetworkType",
            "OptionGroupName",
            "PerformanceInsightsKMSKeyId",
            "PerformanceInsightsRetentionPeriod",
            "ProcessorFeatures",
            "ReplicaMode",
            "RestoreTime",
            "SourceDBClusterIdentifier",
            "SourceDBInstanceAutomatedBackupsArn",
            "SourceDBInstanceIdentifier",
            "SourceDbiResourceId",
            "SourceRegion",
            "StorageThroughput",
            "TdeCredentialArn",
            "TdeCredentialPassword",
            "Timezone",
            "UseDefaultProcessorFeatures",
            "UseLatestRestorableTime",
        ]
    ),
    "AWS::Route53::HostedZone": frozenset(
        ["DelegationSetId", "HostedZoneFeatures", "HostedZoneTags", "QueryLoggingConfig", "VPCs"]
    ),
    "AWS::Route53::RecordSet": frozenset(["Comment", "GeoProximityLocation"]),
    "AWS::S3::AccessPoint": frozenset(["BucketAccountId"]),
    "AWS::S3::Bucket": frozenset(
        [
            "AbacStatus",
            "AnalyticsConfigurations",
            "BucketNamePrefix",
            "BucketNamespace",
            "IntelligentTieringConfigurations",
            "InventoryConfigurations",
            "MetadataConfiguration",
            "MetadataTableConfiguration",
            "MetricsConfigurations",
        ]
    ),
    "AWS::S3Tables::Table": frozenset(
        [
            "Compaction",
            "OpenTableFormat",
            "SnapshotManagement",
            "StorageClassConfiguration",
            "Tags",
            "WithoutMetadata",
        ]
    ),
    "AWS::S3Tables::TableBucket": frozenset(
        [
            "EncryptionConfiguration",
            "MetricsConfiguration",
            "ReplicationConfiguration",
            "StorageClassConfiguration",
            "Tags",
            "UnreferencedFileRemoval",
        ]
    ),
    "AWS::SES::EmailIdentity": frozenset(["DkimSigningAttributes"]),
    "AWS::SNS::Subscription": frozenset(["Region", "ReplayPolicy"]),
    "AWS::SNS::Topic": frozenset(["DataProtectionPolicy"]),
    "AWS::SecretsManager::Secret": frozenset(["Type"]),
    "AWS::ServiceDiscovery::Service": frozenset(["Type"]),
    "AWS::StepFunctions::StateMachine": frozenset(["TracingConfiguration"]),
    "AWS::WAFv2::RuleGroup": frozenset(["AvailableLabels", "ConsumedLabels", "MonetizationConfig"]),
    "AWS::WAFv2::WebACL": frozenset(["ApplicationConfig", "MonetizationConfig"]),
}
