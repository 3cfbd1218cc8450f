"""Studio's apps: they take time to start and to stop, and nothing runs in them here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateApp.html
"""

from __future__ import annotations

from typing import Any

from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require_ready
from local_aws.store import Key, Record

_IN_SPACES_ONLY = ("JupyterLab", "CodeEditor")
_SETTINGS = {
    "CodeEditor": "CodeEditorAppSettings",
    "JupyterLab": "JupyterLabAppSettings",
    "JupyterServer": "JupyterServerAppSettings",
    "KernelGateway": "KernelGatewayAppSettings",
}
_DEFAULT_TYPES = {
    "CodeEditor": "ml.t3.medium",
    "JupyterLab": "ml.t3.medium",
    "KernelGateway": "ml.t3.medium",
}


class App(Behaviour):
    def key(self, members: Request) -> Key:
        space = members.get("SpaceName")
        owner = f"space {space}" if space else f"user {members.get('UserProfileName')}"
        return members["DomainId"], owner, members["AppType"], members["AppName"]

    def check(self, request: Request) -> None:
        _check_owner(request)
        domain = request["DomainId"]
        require_ready("Domain", (domain,))
        if "SpaceName" in request:
            require_ready("Space", (domain, request["SpaceName"]))
        else:
            require_ready("UserProfile", (domain, request["UserProfileName"]))
            if request["AppType"] in _IN_SPACES_ONLY:
                raise invalid(f"{request['AppType']} apps can only be created in a space, give a SpaceName.")

    def prepare(self, record: Record) -> None:
        domain = record["DomainId"]
        parents = [resources.get("Domain", (domain,)) or {}]
        if "SpaceName" in record:
            parents.append(resources.get("Space", (domain, record["SpaceName"])) or {})
        else:
            parents.append(resources.get("UserProfile", (domain, record["UserProfileName"])) or {})
        _take_resources(record, parents)
        # "Tags that you specify for the Domain are also added to all Apps that the Domain launches."
        together = {tag["Key"]: tag for parent in parents for tag in parent.get("Tags", ())}
        together |= {tag["Key"]: tag for tag in record.get("Tags", ())}
        record["Tags"] = list(together.values())
        owner = record.get("SpaceName") or record.get("UserProfileName")
        head = str(parents[0]["DomainArn"]).partition(":domain/")[0]
        path = "/".join((domain, str(owner), record["AppType"], record["AppName"])).lower()
        record["AppArn"] = f"{head}:app/{path}"

    def check_deletion(self, record: Record) -> None:
        status = record["Status"]
        if status == "Deleted":
            raise ServiceError("ResourceNotFound", f"App [{record['AppArn']}] does not exist.")
        if status != "InService":
            raise ServiceError(
                "ResourceInUse",
                f"Unable to delete App [{record['AppArn']}] because it is in status {status}.",
            )


def running(domain: str, *, profile: str | None = None, space: str | None = None) -> bool:
    """Whether a profile or a space has apps that keep it from being deleted."""
    return any(
        app["DomainId"] == domain and app["Status"] not in ("Deleted", "Failed")
        for app in resources.every("App")
        if (app.get("UserProfileName") if profile else app.get("SpaceName")) == (profile or space)
    )


def _check_owner(request: Request) -> None:
    if ("UserProfileName" in request) == ("SpaceName" in request):
        raise invalid("Either UserProfileName or SpaceName must be given, and not both.")


def _take_resources(record: Record, parents: list[Record]) -> None:
    """The instance type that the space, the profile or the domain has for apps of this kind."""
    kind = record["AppType"]
    found: dict[str, Any] = {}
    for parent in parents:
        for settings in ("DefaultUserSettings", "DefaultSpaceSettings", "UserSettings", "SpaceSettings"):
            spec = parent.get(settings, {}).get(_SETTINGS.get(kind, ""), {}).get("DefaultResourceSpec", {})
            found |= spec
    found |= record.get("ResourceSpec", {})
    if kind in _DEFAULT_TYPES:
        found.setdefault("InstanceType", _DEFAULT_TYPES[kind])
    if found:
        record["ResourceSpec"] = found
