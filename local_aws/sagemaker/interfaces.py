"""The network interfaces that SageMaker has in people's subnets: of running apps and of notebook instances.

https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-and-internet-access.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws.ec2_rules import identifier_of, requested
from local_aws.sagemaker import resources


def interfaces() -> Iterator[dict[str, Any]]:
    for app in resources.every("App"):
        domain = resources.get("Domain", (app["DomainId"],)) or {}
        inside = domain.get("AppNetworkAccessType") == "VpcOnly"
        if inside and app["Status"] not in ("Deleted", "Failed"):
            subnet = domain["SubnetIds"][0]
            settings = domain.get("DefaultUserSettings", {})
            profile = resources.get("UserProfile", (app["DomainId"], app.get("UserProfileName", ""))) or {}
            own = profile.get("UserSettings", {}).get("SecurityGroups")
            yield requested(
                identifier_of(app["AppArn"], subnet),
                subnet,
                own or settings.get("SecurityGroups", []),
                f"[DO NOT DELETE] ENI managed by SageMaker for Studio Domain ({app['DomainId']})",
            )
    for notebook in resources.every("NotebookInstance"):
        if "SubnetId" in notebook and notebook["NotebookInstanceStatus"] != "Failed":
            arn = notebook["NotebookInstanceArn"]
            yield requested(
                identifier_of(arn, notebook["SubnetId"]),
                notebook["SubnetId"],
                notebook.get("SecurityGroups", []),
                f"[Do not delete] Network Interface created to access resources in your VPC for {arn}",
            )
