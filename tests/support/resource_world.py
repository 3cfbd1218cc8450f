"""What AWS's schemas cannot tell about a resource: others that must exist, documents in other languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any


def ref(logical_id: str) -> dict[str, Any]:
    return {"Ref": logical_id}


def attribute(logical_id: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, name]}


def resource(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{type_name}", "Properties": properties}


def policy(**more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trust(service: str) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return {"Version": "2012-10-17", "Statement": [statement]}


SUBNETS = [ref("SubnetA"), ref("SubnetB")]
TRUST = trust("lambda")

PRODUCT_TEMPLATE = "https://s3.amazonaws.com/product-templates/product.json"
"""Where a test has put one."""
_PRODUCT_VERSIONS = [{"Name": "v1", "Info": {"LoadTemplateFromURL": PRODUCT_TEMPLATE}}]
REQUEST = """\
-----BEGIN CERTIFICATE REQUEST-----
MIHKMHMCAQAwETEPMA0GA1UEAwwGc2FtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEVfdU89xi/veygGfMAsE5vgFfcXXjVCl6tQyHg6bn3SQ5ojNAdDZcvGeR
6zz68M6PIp4C9QWfX6I24xJEhEzPHaAAMAoGCCqGSM49BAMCA0cAMEQCIGBef4Wz
XojE2G8KLjJgk1JGOPsiJZgYDJTlVN5lOTbWAiAmn4z9WRfNu9bYkqrIzQCoKb1K
DlhDhC60pqYO2rJu7A==
-----END CERTIFICATE REQUEST-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUZEWaR42jMq85uD95RkH5ExaG9wEwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGc2FtcGxlMCAXDTI2MTEyMDA1MTUwOVoYDzIxMjYxMDI3MDUx
NTA5WjARMQ8wDQYDVQQDDAZzYW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATEgf6iZiMUhFtprquUXo7bwfqNVYO5ubQG7MsMrZhlFx9QDmKMDAyJfyA77ges
dX38djSy3g4iEBhPn7zfOwZdo1MwUTAdBgNVHQ4EFgQUWGhtKY04aKB7++1z72/R
W2XIM4UwHwYDVR0jBBgwFoAUWGhtKY04aKB7++1z72/RW2XIM4UwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB3n68lutOQNGj3QgmkNlZmr6TpMoe0
8fiVSt1QnoxDGwIhAMx128uTO2UcPNhqGMiS+ptDwLXEAX8LGMng1/I0Q5nb
-----END CERTIFICATE-----
"""
"""One that signed itself, for a hundred years."""

WORLD: Mapping[str, Any] = {
    "Acl": resource(
        "WAFv2::WebACL",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={
            "SampledRequestsEnabled": True,
            "CloudWatchMetricsEnabled": True,
            "MetricName": "world",
        },
    ),
    "Certificate": resource(
        "IoT::Certificate", CertificatePem=CERTIFICATE, CertificateMode="SNI_ONLY", Status="ACTIVE"
    ),
    "Tls": resource("CertificateManager::Certificate", DomainName="iot.example.com"),
    "AclLogs": resource("Logs::LogGroup", LogGroupName="aws-waf-logs-world"),
    "Portfolio": resource("ServiceCatalog::Portfolio", DisplayName="world", ProviderName="world"),
    "Product": resource(
        "ServiceCatalog::CloudFormationProduct",
        Name="world",
        Owner="world",
        ProvisioningArtifactParameters=_PRODUCT_VERSIONS,
    ),
    "Offered": resource(
        "ServiceCatalog::PortfolioProductAssociation", PortfolioId=ref("Portfolio"), ProductId=ref("Product")
    ),
    "Restart": resource(
        "ServiceCatalog::ServiceAction",
        Name="world",
        DefinitionType="SSM_AUTOMATION",
        Definition=[{"Key": "Name", "Value": "AWS-RestartEC2Instance"}, {"Key": "Version", "Value": "1"}],
    ),
    "TagOption": resource("ServiceCatalog::TagOption", Key="world", Value="world"),
    "Launcher": resource("IAM::Role", AssumeRolePolicyDocument=trust("servicecatalog")),
    "Vpc": resource("EC2::VPC", CidrBlock="10.9.0.0/16"),
    "SubnetA": resource(
        "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.9.1.0/24", AvailabilityZone="us-east-1a"
    ),
    "SubnetB": resource(
        "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.9.2.0/24", AvailabilityZone="us-east-1b"
    ),
    "RouteTable": resource("EC2::RouteTable", VpcId=ref("Vpc")),
    "Gateway": resource("EC2::InternetGateway"),
    "Group": resource("EC2::SecurityGroup", GroupDescription="sample", VpcId=ref("Vpc")),
    "Api": resource("ApiGateway::RestApi", Name="world"),
    "Method": resource(
        "ApiGateway::Method",
        RestApiId=ref("Api"),
        ResourceId=attribute("Api", "RootResourceId"),
        HttpMethod="GET",
        AuthorizationType="NONE",
        Integration={"Type": "MOCK"},
    ),
    "Deployment": {**resource("ApiGateway::Deployment", RestApiId=ref("Api")), "DependsOn": "Method"},
    "Stage": resource(
        "ApiGateway::Stage", RestApiId=ref("Api"), DeploymentId=ref("Deployment"), StageName="world"
    ),
    "Plan": resource("ApiGateway::UsagePlan"),
    "ApiKey": resource("ApiGateway::ApiKey"),
    "Domain": resource("ApiGateway::DomainName", DomainName="world.example.com"),
    "HttpApi": resource("ApiGatewayV2::Api", Name="world", ProtocolType="HTTP"),
    "HttpStage": resource("ApiGatewayV2::Stage", ApiId=ref("HttpApi"), StageName="$default"),
    "HttpDomain": resource("ApiGatewayV2::DomainName", DomainName="http.example.com"),
    "ScaledService": resource(
        "ApplicationAutoScaling::ScalableTarget",
        ServiceNamespace="ecs",
        ResourceId="service/world/world",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=2,
    ),
    "Application": resource("AppConfig::Application", Name="world"),
    "Environment": resource("AppConfig::Environment", ApplicationId=ref("Application"), Name="world"),
    "Profile": resource(
        "AppConfig::ConfigurationProfile",
        ApplicationId=ref("Application"),
        Name="world",
        LocationUri="hosted",
    ),
    "Version": resource(
        "AppConfig::HostedConfigurationVersion",
        ApplicationId=ref("Application"),
        ConfigurationProfileId=ref("Profile"),
        Content="{}",
        ContentType="application/json",
    ),
    "Strategy": resource(
        "AppConfig::DeploymentStrategy",
        Name="world",
        DeploymentDurationInMinutes=0,
        GrowthFactor=100,
        ReplicateTo="NONE",
    ),
    "Graph": resource("AppSync::GraphQLApi", Name="world", AuthenticationType="API_KEY"),
    "Source": resource("AppSync::DataSource", ApiId=attribute("Graph", "ApiId"), Name="world", Type="NONE"),
    "Pool": resource("Cognito::UserPool"),
    "IdentityPool": resource("Cognito::IdentityPool", AllowUnauthenticatedIdentities=False),
    "Documents": resource("DocDB::DBCluster", MasterUsername="world", MasterUserPassword="world-world"),
    "Cluster": resource(
        "EKS::Cluster",
        RoleArn=attribute("Role", "Arn"),
        ResourcesVpcConfig={"SubnetIds": SUBNETS},
    ),
    "Files": resource("EFS::FileSystem"),
    "Balancer": resource("ElasticLoadBalancingV2::LoadBalancer", Subnets=SUBNETS),
    "Listener": resource(
        "ElasticLoadBalancingV2::Listener",
        LoadBalancerArn=ref("Balancer"),
        Port=80,
        Protocol="HTTP",
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    ),
    "Database": resource(
        "Glue::Database", CatalogId={"Ref": "AWS::AccountId"}, DatabaseInput={"Name": "world"}
    ),
    "Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Team": resource("IAM::Group"),
    "User": resource("IAM::User"),
    "Thing": resource("IoT::Thing"),
    "ThingPolicy": resource("IoT::Policy", PolicyDocument=policy(Action="iot:Connect")),
    "Analytics": resource(
        "KinesisAnalyticsV2::Application",
        RuntimeEnvironment="FLINK-1_20",
        ServiceExecutionRole=attribute("Role", "Arn"),
    ),
    "Function": resource(
        "Lambda::Function",
        Code={"ZipFile": "def handler(event, context): return 1"},
        Handler="index.handler",
        Runtime="python3.13",
        Role=attribute("Role", "Arn"),
    ),
    "Layer": resource("Lambda::LayerVersion", Content={"S3Bucket": "sample", "S3Key": "sample"}),
    "Logs": resource("Logs::LogGroup"),
    "Zone": resource("Route53::HostedZone", Name="example.com"),
    "Bucket": resource("S3::Bucket"),
    "AccessPoint": resource("S3::AccessPoint", Bucket=ref("Bucket")),
    "ObjectLambda": resource(
        "S3ObjectLambda::AccessPoint",
        Name="world",
        ObjectLambdaConfiguration={
            "SupportingAccessPoint": attribute("AccessPoint", "Arn"),
            "TransformationConfigurations": [
                {
                    "Actions": ["GetObject"],
                    "ContentTransformation": {"AwsLambda": {"FunctionArn": attribute("Function", "Arn")}},
                }
            ],
        },
    ),
    "Secret": resource(
        "SecretsManager::Secret",
        GenerateSecretString={"SecretStringTemplate": "{}", "GenerateStringKey": "password"},
    ),
    "Instance": resource(
        "RDS::DBInstance", DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage="20"
    ),
    "Namespace": resource("ServiceDiscovery::HttpNamespace", Name="world"),
    "Discovered": resource("ServiceDiscovery::Service", NamespaceId=ref("Namespace")),
    "Signer": resource("Signer::SigningProfile", PlatformId="AWSLambda-SHA384-ECDSA"),
}
"""What others refer to; in each stack as far as it is referred to."""

_OFFERED: Mapping[str, Any] = {
    "PortfolioId": {"Fn::Select": [0, [ref("Portfolio"), ref("Offered")]]},
    "ProductId": ref("Product"),
}
_FORWARD = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
GIVEN: Mapping[str, Mapping[str, Any]] = {
    "AWS::ApiGateway::Authorizer": {
        "RestApiId": ref("Api"),
        "Type": "TOKEN",
        "IdentitySource": "method.request.header.Authorization",
        "AuthorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/sample/invocations",
    },
    "AWS::ApiGateway::BasePathMapping": {"DomainName": ref("Domain"), "RestApiId": ref("Api")},
    "AWS::ApiGateway::Deployment": {"RestApiId": {"Fn::Select": [0, [ref("Api"), ref("Method")]]}},
    "AWS::ApiGateway::DocumentationPart": {"RestApiId": ref("Api"), "Location": {"Type": "API"}},
    "AWS::ApiGateway::DocumentationVersion": {"RestApiId": ref("Api")},
    "AWS::ApiGateway::DomainName": {"DomainName": "another.example.com"},
    "AWS::ApiGateway::GatewayResponse": {"RestApiId": ref("Api"), "ResponseType": "DEFAULT_4XX"},
    "AWS::ApiGateway::Method": {
        "Integration": {"Type": "MOCK"},
        "RestApiId": ref("Api"),
        "ResourceId": attribute("Api", "RootResourceId"),
    },
    "AWS::ApiGateway::Model": {"RestApiId": ref("Api"), "ContentType": "application/json"},
    "AWS::ApiGateway::RequestValidator": {"RestApiId": ref("Api")},
    "AWS::ApiGateway::Resource": {
        "RestApiId": ref("Api"),
        "ParentId": attribute("Api", "RootResourceId"),
        "PathPart": "sample",
    },
    "AWS::ApiGateway::RestApi": {"Name": "sample"},
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/world/sample",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 1,
        "MaxCapacity": 2,
    },
    "AWS::ApplicationAutoScaling::ScalingPolicy": {
        "PolicyName": "sample",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": ref("ScaledService"),
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 50,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    },
    "AWS::ApiGateway::Stage": {
        "RestApiId": ref("Api"),
        "DeploymentId": ref("Deployment"),
        "StageName": "sample",
    },
    "AWS::ApiGateway::UsagePlanKey": {
        "UsagePlanId": ref("Plan"),
        "KeyId": ref("ApiKey"),
        "KeyType": "API_KEY",
    },
    "AWS::ApiGatewayV2::Api": {"Name": "sample", "ProtocolType": "HTTP"},
    "AWS::ApiGatewayV2::ApiMapping": {
        "ApiId": ref("HttpApi"),
        "DomainName": ref("HttpDomain"),
        "Stage": ref("HttpStage"),
    },
    "AWS::AppConfig::Deployment": {
        "ApplicationId": ref("Application"),
        "EnvironmentId": ref("Environment"),
        "ConfigurationProfileId": ref("Profile"),
        "ConfigurationVersion": ref("Version"),
        "DeploymentStrategyId": ref("Strategy"),
    },
    "AWS::AppSync::DataSource": {"ApiId": attribute("Graph", "ApiId"), "Type": "NONE"},
    "AWS::AppSync::Resolver": {
        "ApiId": attribute("Graph", "ApiId"),
        "DataSourceName": attribute("Source", "Name"),
        "TypeName": "Query",
        "FieldName": "sample",
    },
    "AWS::BillingConductor::BillingGroup": {
        "PrimaryAccountId": "000000000000",
        "AccountGrouping": {"LinkedAccountIds": ["000000000000"]},
    },
    "AWS::Budgets::Budget": {"Budget": {"BudgetType": "COST", "TimeUnit": "MONTHLY"}},
    "AWS::CloudWatch::Alarm": {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Statistic": "Sum",
        "MetricName": "sample",
        "Namespace": "sample",
        "Period": 60,
        "Threshold": 1,
    },
    "AWS::Cognito::IdentityPoolPrincipalTag": {"IdentityPoolId": ref("IdentityPool")},
    "AWS::Cognito::IdentityPoolRoleAttachment": {"IdentityPoolId": ref("IdentityPool")},
    "AWS::Cognito::UserPoolClient": {"UserPoolId": ref("Pool")},
    "AWS::Cognito::UserPoolDomain": {"UserPoolId": ref("Pool"), "Domain": "sample"},
    "AWS::Cognito::UserPoolGroup": {"UserPoolId": ref("Pool")},
    "AWS::Cognito::UserPoolResourceServer": {"UserPoolId": ref("Pool")},
    "AWS::DataZone::Owner": {"Owner": {"User": {"UserIdentifier": "sample"}}},
    "AWS::DocDB::DBInstance": {"DBClusterIdentifier": ref("Documents")},
    "AWS::DocDB::DBSubnetGroup": {"SubnetIds": SUBNETS},
    "AWS::DynamoDB::Table": {"BillingMode": "PAY_PER_REQUEST"},
    "AWS::EC2::Route": {
        "RouteTableId": ref("RouteTable"),
        "DestinationCidrBlock": "0.0.0.0/0",
        "GatewayId": ref("Gateway"),
    },
    "AWS::EC2::SecurityGroupEgress": {"GroupId": attribute("Group", "GroupId"), "CidrIp": "10.0.0.0/8"},
    "AWS::EC2::NatGateway": {"SubnetId": ref("SubnetA"), "ConnectivityType": "private"},
    "AWS::EC2::NetworkAcl": {"VpcId": ref("Vpc")},
    "AWS::EC2::EgressOnlyInternetGateway": {"VpcId": ref("Vpc")},
    "AWS::EC2::SecurityGroupIngress": {
        "GroupId": attribute("Group", "GroupId"),
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "CidrIp": "10.0.0.0/8",
    },
    "AWS::EFS::AccessPoint": {"FileSystemId": ref("Files")},
    "AWS::EFS::MountTarget": {
        "FileSystemId": ref("Files"),
        "SubnetId": ref("SubnetA"),
        "SecurityGroups": [attribute("Group", "GroupId")],
    },
    "AWS::EKS::Nodegroup": {"ClusterName": ref("Cluster"), "Subnets": SUBNETS},
    "AWS::ElastiCache::SubnetGroup": {"SubnetIds": SUBNETS},
    "AWS::ElasticLoadBalancingV2::Listener": {
        "LoadBalancerArn": ref("Balancer"),
        "Port": 8080,
        "Protocol": "HTTP",
        "DefaultActions": _FORWARD,
    },
    "AWS::ElasticLoadBalancingV2::ListenerRule": {
        "ListenerArn": ref("Listener"),
        "Actions": _FORWARD,
        "Conditions": [{"Field": "path-pattern", "Values": ["/sample"]}],
    },
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {"Subnets": SUBNETS},
    "AWS::EventsV2::ResourcePolicy": {"PolicyDocument": policy()},
    "AWS::Glue::Table": {"DatabaseName": ref("Database"), "TableInput": {"Name": "sample"}},
    "AWS::IAM::AccessKey": {"UserName": ref("User")},
    "AWS::IAM::GroupPolicy": {"GroupName": ref("Team"), "PolicyDocument": policy()},
    "AWS::IAM::OIDCProvider": {"Url": "https://oidc.example.com", "ThumbprintList": ["a" * 40]},
    "AWS::IAM::ServiceLinkedRole": {"AWSServiceName": "ecs.amazonaws.com"},
    "AWS::IAM::UserPolicy": {"UserName": ref("User"), "PolicyDocument": policy()},
    "AWS::IAM::UserToGroupAddition": {"GroupName": ref("Team"), "Users": [ref("User")]},
    "AWS::IAM::ManagedPolicy": {"PolicyDocument": policy()},
    "AWS::IAM::Policy": {"PolicyDocument": policy(), "Roles": [ref("Role")]},
    "AWS::IAM::Role": {"AssumeRolePolicyDocument": TRUST},
    "AWS::IAM::RolePolicy": {"PolicyDocument": policy(), "RoleName": ref("Role")},
    "AWS::IoT::CACertificate": {"CACertificatePem": CERTIFICATE, "CertificateMode": "SNI_ONLY"},
    "AWS::IoT::Certificate": {"CertificateSigningRequest": REQUEST},
    "AWS::IoT::DomainConfiguration": {
        "DomainName": "iot.example.com",
        "ServerCertificateArns": [ref("Tls")],
    },
    "AWS::IoT::JobTemplate": {"Document": "{}"},
    "AWS::IoT::PolicyPrincipalAttachment": {
        "PolicyName": ref("ThingPolicy"),
        "Principal": attribute("Certificate", "Arn"),
    },
    "AWS::IoT::ProvisioningTemplate": {
        "TemplateBody": json.dumps(
            {
                "Parameters": {},
                "Resources": {
                    "certificate": {
                        "Type": "AWS::IoT::Certificate",
                        "Properties": {
                            "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                            "Status": "Active",
                        },
                    }
                },
            }
        )
    },
    "AWS::IoT::ThingPrincipalAttachment": {
        "ThingName": ref("Thing"),
        "Principal": attribute("Certificate", "Arn"),
    },
    "AWS::IoT::TopicRule": {"TopicRulePayload": {"Sql": "SELECT * FROM 'a'", "Actions": []}},
    "AWS::KinesisAnalyticsV2::ApplicationCloudWatchLoggingOption": {"ApplicationName": ref("Analytics")},
    "AWS::Lambda::EventInvokeConfig": {"FunctionName": ref("Function"), "Qualifier": "$LATEST"},
    "AWS::Lambda::LayerVersionPermission": {"LayerVersionArn": ref("Layer"), "Principal": "*"},
    "AWS::Lambda::Permission": {"FunctionName": ref("Function")},
    "AWS::Lambda::Url": {"TargetFunctionArn": ref("Function")},
    "AWS::Lambda::Version": {"FunctionName": ref("Function")},
    "AWS::Logs::LogStream": {"LogGroupName": ref("Logs")},
    "AWS::Logs::MetricFilter": {"LogGroupName": ref("Logs")},
    "AWS::Logs::SubscriptionFilter": {
        "LogGroupName": ref("Logs"),
        "DestinationArn": attribute("Function", "Arn"),
        "FilterPattern": "",
    },
    "AWS::MSK::Replicator": {
        "KafkaClusters": [
            {
                "AmazonMskCluster": {
                    "MskClusterArn": f"arn:aws:kafka:us-east-1:000000000000:cluster/{name}/{name}"
                },
                "VpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"]},
            }
            for name in ("one", "two")
        ]
    },
    "AWS::ServiceDiscovery::PrivateDnsNamespace": {"Name": "private.example.com", "Vpc": ref("Vpc")},
    "AWS::ServiceDiscovery::PublicDnsNamespace": {"Name": "public.example.com"},
    "AWS::RDS::DBSubnetGroup": {"SubnetIds": SUBNETS},
    "AWS::Route53::RecordSet": {
        "HostedZoneId": ref("Zone"),
        "Name": "sample.example.com",
        "Type": "A",
        "TTL": "60",
        "ResourceRecords": ["10.0.0.1"],
    },
    "AWS::S3::AccessPoint": {"Bucket": ref("Bucket")},
    "AWS::S3::BucketPolicy": {"Bucket": ref("Bucket"), "PolicyDocument": policy(Principal="*")},
    "AWS::S3ObjectLambda::AccessPoint": {
        "ObjectLambdaConfiguration": WORLD["ObjectLambda"]["Properties"]["ObjectLambdaConfiguration"],
    },
    "AWS::S3ObjectLambda::AccessPointPolicy": {
        "ObjectLambdaAccessPoint": ref("ObjectLambda"),
        "PolicyDocument": policy(),
    },
    "AWS::SecretsManager::SecretTargetAttachment": {
        "SecretId": ref("Secret"),
        "TargetId": ref("Instance"),
        "TargetType": "AWS::RDS::DBInstance",
    },
    "AWS::ServiceCatalog::CloudFormationProduct": {"ProvisioningArtifactParameters": _PRODUCT_VERSIONS},
    "AWS::ServiceCatalog::LaunchNotificationConstraint": {
        **_OFFERED,
        "NotificationArns": ["arn:aws:sns:us-east-1:000000000000:sample"],
    },
    "AWS::ServiceCatalog::LaunchRoleConstraint": {**_OFFERED, "RoleArn": attribute("Launcher", "Arn")},
    "AWS::ServiceCatalog::LaunchTemplateConstraint": {
        **_OFFERED,
        "Rules": json.dumps({"Rules": {"Any": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "a"]}}]}}}),
    },
    "AWS::ServiceCatalog::PortfolioPrincipalAssociation": {
        "PortfolioId": ref("Portfolio"),
        "PrincipalARN": attribute("Role", "Arn"),
        "PrincipalType": "IAM",
    },
    "AWS::ServiceCatalog::PortfolioProductAssociation": {
        "PortfolioId": ref("Portfolio"),
        "ProductId": ref("Product"),
    },
    "AWS::ServiceCatalog::PortfolioShare": {"PortfolioId": ref("Portfolio"), "AccountId": "111111111111"},
    "AWS::ServiceCatalog::ResourceUpdateConstraint": {
        **_OFFERED,
        "TagUpdateOnProvisionedProduct": "ALLOWED",
    },
    "AWS::ServiceCatalog::ServiceAction": {
        "Definition": [{"Key": "Name", "Value": "AWS-RestartEC2Instance"}, {"Key": "Version", "Value": "1"}]
    },
    "AWS::ServiceCatalog::ServiceActionAssociation": {
        "ProductId": ref("Product"),
        "ProvisioningArtifactId": attribute("Product", "ProvisioningArtifactIds"),
        "ServiceActionId": ref("Restart"),
    },
    "AWS::ServiceCatalog::StackSetConstraint": _OFFERED,
    "AWS::ServiceCatalog::TagOptionAssociation": {
        "ResourceId": ref("Portfolio"),
        "TagOptionId": ref("TagOption"),
    },
    "AWS::ServiceDiscovery::Instance": {
        "ServiceId": attribute("Discovered", "Id"),
        "InstanceAttributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"},
    },
    "AWS::ServiceDiscovery::Service": {"NamespaceId": ref("Namespace")},
    "AWS::Signer::ProfilePermission": {
        "ProfileName": attribute("Signer", "ProfileName"),
        "Principal": "000000000000",
        "Action": "signer:GetSigningProfile",
    },
    "AWS::WAFv2::LoggingConfiguration": {
        "ResourceArn": attribute("Acl", "Arn"),
        "LogDestinationConfigs": [attribute("AclLogs", "Arn")],
    },
    "AWS::WAFv2::WebACL": {"Scope": "REGIONAL", "DefaultAction": {"Allow": {}}},
    "AWS::WAFv2::WebACLAssociation": {
        "ResourceArn": {"Fn::Sub": "arn:aws:apigateway:us-east-1::/restapis/${Api}/stages/${Stage}"},
        "WebACLArn": attribute("Acl", "Arn"),
    },
}

NOT_ALWAYS_THERE: Mapping[str, frozenset[str]] = {
    "AWS::DynamoDB::GlobalTable": frozenset({"StreamArn", "TableId"}),
    "AWS::DynamoDB::Table": frozenset({"StreamArn"}),
    "AWS::EC2::Subnet": frozenset({"NetworkAclAssociationId"}),
    "AWS::ElastiCache::CacheCluster": frozenset(
        {"ConfigurationEndpoint.Address", "ConfigurationEndpoint.Port"}
    ),
    "AWS::EC2::NatGateway": frozenset({"AutoProvisionZones", "AutoScalingIps", "EniId", "RouteTableId"}),
    "AWS::EKS::Cluster": frozenset({"EncryptionConfigKeyArn"}),
    "AWS::ElastiCache::ReplicationGroup": frozenset(
        {"ConfigurationEndPoint.Address", "ConfigurationEndPoint.Port", "EffectiveDurability"}
    ),
    "AWS::Pipes::Pipe": frozenset({"StateReason"}),
    "AWS::RDS::DBInstance": frozenset(
        {
            "AutomaticRestartTime",
            "LatestRestorableTime",
            "ListenerEndpoint.Address",
            "ListenerEndpoint.HostedZoneId",
            "ListenerEndpoint.Port",
            "MasterUserSecret.SecretArn",
            "PercentProgress",
            "ResumeFullAutomationModeTime",
            "SecondaryAvailabilityZone",
            "StorageOperationStatus",
        }
    ),
    "AWS::RDS::DBCluster": frozenset({"MasterUserSecret.SecretArn", "StorageEncryptionType"}),
    "AWS::OpenSearchService::Domain": frozenset({"DomainEndpointV2"}),
}
"""Attributes that a resource has only with some other property, or only where there is a network."""


def needed(resources: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the world that the resources refer to."""
    found: dict[str, Any] = {}
    pending = list(resources.values())
    while pending:
        for name in _references(pending.pop()):
            if name in WORLD and name not in found:
                found[name] = WORLD[name]
                pending.append(WORLD[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" or key == "DependsOn":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)\}", item)
            else:
                yield from _references(item)
