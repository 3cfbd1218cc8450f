"""What an account holds, of all that Clary's stacks and products are made of: to be compared with before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from support.identity import ACCOUNT, EnforcingAws

_LISTED: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "cloudformation": (("describe_stacks", "Stacks", "StackName"),),
    "ec2": (
        ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
    ),
    "ecr": (("describe_repositories", "repositories", "repositoryName"),),
    "efs": (("describe_file_systems", "FileSystems", "FileSystemId"),),
    "emr": (("list_clusters", "Clusters", "Id"),),
    "events": (("list_rules", "Rules", "Name"),),
    "glue": (("get_databases", "DatabaseList", "Name"),),
    "iam": (("list_roles", "Roles", "Arn"),),
    "kms": (("list_keys", "Keys", "KeyId"),),
    "lambda": (("list_functions", "Functions", "FunctionName"),),
    "logs": (("describe_log_groups", "logGroups", "logGroupName"),),
    "s3": (("list_buckets", "Buckets", "Name"),),
    "sagemaker": (
        ("list_apps", "Apps", "SpaceName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_endpoints", "Endpoints", "EndpointName"),
        ("list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"),
        ("list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
        ("list_models", "Models", "ModelName"),
        ("list_notebook_instances", "NotebookInstances", "NotebookInstanceName"),
        ("list_spaces", "Spaces", "SpaceName"),
        ("list_training_jobs", "TrainingJobSummaries", "TrainingJobName"),
        ("list_user_profiles", "UserProfiles", "UserProfileName"),
    ),
    "ssm": (("describe_parameters", "Parameters", "Name"),),
}
"""By service: what lists a kind, where it is in the answer, and what each is called."""
_ENDED = {"Deleted", "DELETE_COMPLETE", "TERMINATED"}


def inventory(aws: EnforcingAws) -> set[str]:
    """`sagemaker:UserProfiles research-ada` and its like, with every object of every bucket."""
    found = {
        f"{service}:{member} {each[name]}"
        for service, kinds in _LISTED.items()
        for operation, member, name in kinds
        for each in _pages(aws.client(service), operation, member)
        if not {each.get("Status"), each.get("StackStatus")} & _ENDED
    }
    s3 = aws.client("s3")
    for bucket in _pages(s3, "list_buckets", "Buckets"):
        for each in _pages(s3, "list_objects_v2", "Contents", Bucket=bucket["Name"]):
            found.add(f"s3:Contents {bucket['Name']}/{each['Key']}")
    budgets = aws.client("budgets").describe_budgets(AccountId=ACCOUNT).get("Budgets", [])
    launched = aws.client("servicecatalog").search_provisioned_products(
        AccessLevelFilter={"Key": "Account", "Value": "self"}
    )["ProvisionedProducts"]
    found |= {f"budgets:Budgets {each['BudgetName']}" for each in budgets}
    return found | {f"servicecatalog:ProvisionedProducts {each['Name']}" for each in launched}


def _pages(client: Any, operation: str, member: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
    if not client.can_paginate(operation):
        yield from getattr(client, operation)(**arguments).get(member, [])
        return
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(member, [])
