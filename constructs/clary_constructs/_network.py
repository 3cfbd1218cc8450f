"""A network without a way to the internet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._capability import PULL_FROM_OTHERS
from clary_constructs._encryption import EncryptionKey
from clary_constructs._policy import AccessPolicy
from clary_constructs._security_group import closed_group
from constructs import Construct

_HTTPS = ec2.Port.tcp(443)

_SERVICES: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {
    "SageMakerApi": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_API,
    "SageMakerFeatures": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_FEATURESTORE_RUNTIME,
    "SageMakerRuntime": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME,
    "SageMakerStudio": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_STUDIO,
    "Sts": ec2.InterfaceVpcEndpointAwsService.STS,
    "Kms": ec2.InterfaceVpcEndpointAwsService.KMS,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Monitoring": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "XRay": ec2.InterfaceVpcEndpointAwsService.XRAY,
}
"""What Studio in a VPC without internet, jobs, endpoints and the gateway's function call."""

_MLFLOW: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {
    "Mlflow": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_EXPERIMENTS
}
"""https://docs.aws.amazon.com/sagemaker/latest/dg/mlflow-interface-endpoint.html"""

_GLUE: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {"Glue": ec2.InterfaceVpcEndpointAwsService.GLUE}
"""https://docs.aws.amazon.com/glue/latest/dg/vpc-interface-endpoints.html"""

_ATHENA: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {
    "Athena": ec2.InterfaceVpcEndpointAwsService.ATHENA
}
"""https://docs.aws.amazon.com/athena/latest/ug/interface-vpc-endpoint.html"""

_QUEUES: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {"Queues": ec2.InterfaceVpcEndpointAwsService.SQS}
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-internetwork-traffic-privacy.html"""

_EMR: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {"Emr": ec2.InterfaceVpcEndpointAwsService.EMR}
"""https://docs.aws.amazon.com/emr/latest/ManagementGuide/interface-vpc-endpoint.html"""

_CLUSTERS_READ = ("al2023-repos-{region}-de612dc2", "repo.{region}.emr.amazonaws.com")
_CLUSTERS_WRITE = ("aws157-logs-prod{suffix}", "prod.{region}.appinfo.src")
"""EMR's own buckets, by its releases from 7.0 and before 8.0: packages of the system and of its own; system
logs, and histories of Spark. Logs of us-east-1 have no region in their bucket's name
(https://docs.aws.amazon.com/emr/latest/ManagementGuide/private-subnet-iampolicy.html)."""

S3_PREFIX_LISTS: Mapping[str, str] = {
    "ap-northeast-1": "pl-61a54008",
    "ap-northeast-2": "pl-78a54011",
    "ap-south-1": "pl-78a54011",
    "ap-southeast-1": "pl-6fa54006",
    "ap-southeast-2": "pl-6ca54005",
    "ca-central-1": "pl-7da54014",
    "eu-central-1": "pl-6ea54007",
    "eu-north-1": "pl-c3aa4faa",
    "eu-west-1": "pl-6da54004",
    "eu-west-2": "pl-7ca54015",
    "eu-west-3": "pl-23ad484a",
    "sa-east-1": "pl-6aa54003",
    "us-east-1": "pl-63a5400a",
    "us-east-2": "pl-7ba54012",
    "us-west-1": "pl-6ba54002",
    "us-west-2": "pl-68a54001",
}
"""AWS's own lists of S3's addresses, one a region and the same in every account.

`aws ec2 describe-managed-prefix-lists --filters Name=prefix-list-name,Values=com.amazonaws.<region>.s3`
shows one. CloudFormation cannot look it up, and a look-up while synthesising needs credentials.
"""


class PrivateNetwork(Construct):
    """A VPC whose subnets reach AWS through endpoints, and nothing else.

    `subnets` is where everything goes, `endpoints` what may be called there. Subnets have a fixed
    size, an eighth of the VPC, so that a further availability zone moves none of those that are there.
    Endpoints are paid for by the hour: there is none to MLflow, Glue, Athena, SQS or EMR unless it
    `reaches_mlflow`, `reaches_glue`, `reaches_athena`, `reaches_queues` or `runs_clusters`, and then clusters
    reach EMR's own buckets, too. Images come from this account's registry, and from those of the accounts in
    `registries`.

    By default, the VPC, its subnets and its flow logs are retained: a Studio domain that stays keeps
    the VPC from being deleted anyway.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        availability_zones: Sequence[str],
        cidr: str = "10.40.0.0/16",
        reaches_mlflow: bool = False,
        reaches_glue: bool = False,
        reaches_athena: bool = False,
        reaches_queues: bool = False,
        runs_clusters: bool = False,
        registries: Sequence[str] = (),
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        if not 1 <= len(availability_zones) <= 8:
            raise ValueError(f"{len(availability_zones)} availability zones, give one to eight")
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            availability_zones=list(availability_zones),
            create_internet_gateway=False,
            nat_gateways=0,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Private",
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=IPv4Network(cidr).prefixlen + 3,
                )
            ],
        )
        acknowledge(
            vpc,
            "HIPAA.Security-VPCDefaultSecurityGroupClosed",
            "NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
            "PCI.DSS.321-VPCDefaultSecurityGroupClosed",
            reason="nothing here joins the default group, and there is no way out of the VPC for what would;"
            " emptying it takes a custom resource that may change every security group of the account",
        )
        cdk.RemovalPolicies.of(vpc).apply(
            removal_policy, apply_to_resource_types=["AWS::EC2::VPC", "AWS::EC2::Subnet"]
        )
        self.vpc: ec2.IVpc = vpc
        self.subnets = ec2.SubnetSelection(subnets=vpc.isolated_subnets)
        self.endpoints = PrivateEndpoints(
            self,
            "Endpoints",
            vpc=vpc,
            subnets=self.subnets,
            reach_mlflow=reaches_mlflow,
            reach_glue=reaches_glue,
            reach_athena=reaches_athena,
            reach_queues=reaches_queues,
            run_clusters=runs_clusters,
            registries=registries,
        )
        FlowLog(self, "FlowLog", vpc=vpc, removal_policy=removal_policy)


class PrivateEndpoints(Construct):
    """Ways to AWS's services, for principals and resources of this account only.

    Images alone may be somebody else's: those of the accounts in `registries`, to be pulled. Clusters need
    some of what is EMR's.

    Nobody reaches them until `group` lets somebody in.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        reach_mlflow: bool = False,
        reach_glue: bool = False,
        reach_athena: bool = False,
        reach_queues: bool = False,
        run_clusters: bool = False,
        registries: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        group = closed_group(self, "Group", vpc=vpc, description="Endpoints of AWS services")
        self.group: ec2.ISecurityGroup = group
        more = {
            **(_MLFLOW if reach_mlflow else {}),
            **(_GLUE if reach_glue else {}),
            **(_ATHENA if reach_athena else {}),
            **(_QUEUES if reach_queues else {}),
            **(_EMR if run_clusters else {}),
        }
        for construct_id_, service in {**_SERVICES, **more}.items():
            endpoint = ec2.InterfaceVpcEndpoint(
                self,
                construct_id_,
                vpc=vpc,
                service=service,
                subnets=subnets,
                security_groups=[group],
                open=False,
                private_dns_enabled=True,
            )
            endpoint.add_to_policy(self._this_account())
            if registries and construct_id_.startswith("Ecr"):
                endpoint.add_to_policy(self._images_of(registries))
        bucket = ec2.GatewayVpcEndpoint(
            self, "S3", vpc=vpc, service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[subnets]
        )
        bucket.add_to_policy(self._this_account())
        bucket.add_to_policy(self._image_layers())
        if run_clusters:
            for statement in self._buckets_of_emr():
                bucket.add_to_policy(statement)

    def _this_account(self) -> iam.PolicyStatement:
        """Neither credentials nor buckets of somebody else's account work from in here.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html
        """
        account = cdk.Stack.of(self).account
        return iam.PolicyStatement(
            sid="ThisAccount",
            principals=[iam.StarPrincipal()],
            actions=["*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}},
        )

    def _images_of(self, registries: Sequence[str]) -> iam.PolicyStatement:
        """https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-policy"""
        account = cdk.Stack.of(self).account
        return iam.PolicyStatement(
            sid="ImagesOfOthers",
            principals=[iam.StarPrincipal()],
            actions=PULL_FROM_OTHERS,
            resources=["*"],
            conditions={
                "StringEquals": {
                    "aws:PrincipalAccount": account,
                    "aws:ResourceAccount": list(registries),
                }
            },
        )

    def _image_layers(self) -> iam.PolicyStatement:
        """ECR keeps the layers of images in a bucket of its own.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
        """
        stack = cdk.Stack.of(self)
        return iam.PolicyStatement(
            sid="ImageLayers",
            principals=[iam.StarPrincipal()],
            actions=["s3:GetObject"],
            resources=[f"arn:{stack.partition}:s3:::prod-{stack.region}-starport-layer-bucket/*"],
        )

    def _buckets_of_emr(self) -> Sequence[iam.PolicyStatement]:
        stack = cdk.Stack.of(self)
        suffix = "" if stack.region == "us-east-1" else f"-{stack.region}"

        def objects(buckets: Sequence[str]) -> list[str]:
            names = [each.format(region=stack.region, suffix=suffix) for each in buckets]
            return [f"arn:{stack.partition}:s3:::{name}/*" for name in names]

        everybody = [iam.StarPrincipal()]
        return [
            iam.PolicyStatement(
                sid="PackagesOfClusters",
                principals=everybody,
                actions=["s3:GetObject"],
                resources=objects(_CLUSTERS_READ),
            ),
            iam.PolicyStatement(
                sid="HistoriesOfClusters",
                principals=everybody,
                actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                resources=objects(_CLUSTERS_WRITE),
            ),
        ]


class FlowLog(Construct):
    """All of a VPC's traffic, accepted or not, in an encrypted log group; kept for a year."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        encryption = EncryptionKey(
            self, "Encryption", description="Encrypts the VPC's flow logs", removal_policy=removal_policy
        )
        group = logs.LogGroup(
            self,
            "Group",
            encryption_key=encryption.key,
            retention=logs.RetentionDays.ONE_YEAR,
            removal_policy=removal_policy,
        )
        role = iam.Role(
            self,
            "Role",
            # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
        )
        policy = AccessPolicy(
            self, "Delivery", description="Lets the VPC's flow logs be written", roles=[role]
        )
        policy.allow(
            ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], [group.log_group_arn]
        )
        flow_log = ec2.FlowLog(
            self,
            "FlowLog",
            resource_type=ec2.FlowLogResourceType.from_vpc(vpc),
            # the policy above is the role's only one: CDK would add its own inline
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role.without_policy_updates()),
        )
        flow_log.node.add_dependency(policy)


class NetworkGroups(Construct):
    """The security groups of what runs in the network: each says all that its members may reach.

    `endpoints` is what answers for AWS's services there: an endpoints' group, or the address range of
    a VPC whose endpoints somebody else keeps. By default, the workload's group is retained, because a
    Studio domain that stays lives in it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        endpoints: ec2.IConnectable,
        s3_prefix_list: str,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        workload = closed_group(self, "Workload", vpc=vpc, description="Studio, jobs and endpoints")
        workload.apply_removal_policy(removal_policy)
        workload.add_egress_rule(
            ec2.Peer.prefix_list(s3_prefix_list), _HTTPS, "S3, through its gateway endpoint"
        )
        workload.connections.allow_to(endpoints, _HTTPS, "AWS services, through their endpoints")
        # home directories are on NFS. Ports 8192 to 65535, which Studio's apps open to each other, are
        # not opened here but in a group of each user: "if the domain-level security group allows inbound
        # access to itself, all applications in the domain have access to all other applications":
        # https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-and-internet-access.html
        workload.connections.allow_internally(ec2.Port.tcp(2049), "Home directories")
        self.workload: ec2.ISecurityGroup = workload

        gateway = closed_group(self, "Gateway", vpc=vpc, description="Function of the gateway")
        gateway.connections.allow_to(endpoints, _HTTPS, "AWS services, through their endpoints")
        gateway.add_egress_rule(
            ec2.Peer.prefix_list(s3_prefix_list),
            _HTTPS,
            "S3, through its gateway endpoint: jobs are kept there",
        )
        self.gateway: ec2.ISecurityGroup = gateway
