"""A web application without servers: a site behind CloudFront, a REST API, a function, a table."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment

CODE = """
import json, os, uuid, boto3
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    if event["httpMethod"] == "POST":
        item = {"id": str(uuid.uuid4()), "text": json.loads(event["body"])["text"]}
        table.put_item(Item=item)
        return {"statusCode": 201, "body": json.dumps(item)}
    return {"statusCode": 200, "body": json.dumps(table.scan()["Items"])}
"""


class ServerlessWeb(cdk.Stack):
    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "serverless-web")
        site = s3.Bucket(
            self,
            "Site",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            auto_delete_objects=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            default_root_object="index.html",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(site),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            ),
        )
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            stream=dynamodb.StreamViewType.NEW_IMAGE,
            time_to_live_attribute="expires",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        table.add_global_secondary_index(
            index_name="by-text",
            partition_key=dynamodb.Attribute(name="text", type=dynamodb.AttributeType.STRING),
        )
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            environment={"TABLE": table.table_name},
            tracing=lambda_.Tracing.ACTIVE,
            log_group=logs.LogGroup(
                self,
                "Logs",
                retention=logs.RetentionDays.ONE_WEEK,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            ),
        )
        table.grant_read_write_data(function)
        api = apigateway.LambdaRestApi(
            self,
            "Api",
            handler=function,
            proxy=False,
            default_cors_preflight_options=apigateway.CorsOptions(allow_origins=apigateway.Cors.ALL_ORIGINS),
            deploy_options=apigateway.StageOptions(stage_name="v1", throttling_rate_limit=100),
        )
        items = api.root.add_resource("items")
        items.add_method("GET")
        items.add_method("POST")
        deployment.BucketDeployment(
            self,
            "Pages",
            sources=[
                deployment.Source.data("index.html", "<script src=config.json></script>"),
                deployment.Source.json_data("config.json", {"api": api.url}),
            ],
            destination_bucket=site,
            distribution=distribution,
        )
        cdk.CfnOutput(self, "Url", value=api.url)
        cdk.CfnOutput(self, "Bucket", value=site.bucket_name)
