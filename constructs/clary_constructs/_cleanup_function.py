"""Functions behind custom resources: what CloudFormation cannot do by itself."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._policy import AccessPolicy
from constructs import Construct


def cleanup_function(
    scope: Construct,
    *,
    code: lambda_.Code,
    handler: str,
    description: str,
    allowed: str,
    encryption_key: kms.IKey,
    reaches: str,
    by_the_clock: bool = False,
) -> tuple[lambda_.Function, AccessPolicy]:
    """A Python function with a role and a log of its own, and the policy that says what it may do.

    What uses the function depends on the policy, so that it is deleted while the policy still stands.
    `description` says what the function does, `allowed` the same of its policy, `reaches` which
    services it calls. By default, CloudFormation calls it; one that goes `by_the_clock` is called anew, and
    has to have an alarm that tells when it is not.
    """
    log_group = logs.LogGroup(
        scope,
        "Logs",
        encryption_key=encryption_key,
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    role = iam.Role(
        scope,
        "Role",
        description=description,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
    )
    policy = AccessPolicy(scope, "Policy", description=allowed, roles=[role])
    policy.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
    function = lambda_.Function(
        scope,
        "Function",
        description=description,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        handler=handler,
        code=code,
        role=role.without_policy_updates(),
        memory_size=256,
        timeout=Duration.minutes(15),
        log_group=log_group,
    )
    function.node.add_dependency(policy)
    packs = ("HIPAA.Security", "NIST.800.53.R5")
    acknowledge(
        function,
        *(f"{pack}-LambdaDLQ" for pack in packs),
        *(f"{pack}-LambdaConcurrency" for pack in packs),
        reason="the clock calls it again, and an alarm tells when it has not run"
        if by_the_clock
        else "CloudFormation calls it when a resource of its kind changes or goes, and waits",
    )
    acknowledge(
        function,
        *(f"{pack}-LambdaInsideVPC" for pack in (*packs, "PCI.DSS.321")),
        reason=f"it reaches {reaches} only, over AWS's own addresses"
        if by_the_clock
        else f"it reaches {reaches} and CloudFormation's answer address only, and outlives the network",
    )
    acknowledge(
        function,
        "AwsSolutions-L1",
        reason="Python 3.13 is the runtime of all our functions; Lambda maintains it until 2029",
    )
    return function, policy


def calls_itself(function: lambda_.Function) -> AccessPolicy:
    """Lets a function go on where a call of it has ended, beside `function` as "Again".

    A policy of its own, because it names the function, which comes after its first one.
    """
    assert function.role is not None
    scope = function.node.scope
    assert isinstance(scope, Construct)
    again = AccessPolicy(scope, "Again", description="Goes on where a call has ended", roles=[function.role])
    again.allow(["lambda:InvokeFunction"], [function.function_arn])
    return again
