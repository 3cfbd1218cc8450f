"""What SageMaker's requests are about: their resources, condition keys and the roles they hand over.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from local_aws import hooks
from local_aws.identity import enforcement
from local_aws.identity.policy import Value
from local_aws.identity.principals import Principal
from local_aws.identity.request import arrived
from local_aws.sagemaker import resources
from local_aws.sagemaker.families import Family, families, operation, operations
from local_aws.store import Record

_SERVICE = "sagemaker.amazonaws.com"

Request = Mapping[str, Any]
Paths = tuple[str, ...]
"""Members of a request, as `ResourceConfig.InstanceType`; `[]` goes into each item of a list."""

_TRAINING = "TrainingJobDefinition."
_TRAININGS = "TrainingJobDefinitions[]."
_MONITORING = "MonitoringScheduleConfig.MonitoringJobDefinition."
_DEFINITION_CLUSTER = "JobResources.ClusterConfig."
_USER_SETTINGS = {
    "CreateDomain": ("DefaultUserSettings.", "DefaultSpaceSettings."),
    "CreateSpace": ("SpaceSettings.",),
    "CreateUserProfile": ("UserSettings.",),
    "UpdateDomain": ("DefaultUserSettings.", "DefaultSpaceSettings."),
    "UpdateSpace": ("SpaceSettings.",),
    "UpdateUserProfile": ("UserSettings.",),
}
_APPS = (
    "CodeEditorAppSettings.",
    "JupyterLabAppSettings.",
    "JupyterServerAppSettings.",
    "KernelGatewayAppSettings.",
    "RSessionAppSettings.",
    "RStudioServerProAppSettings.",
    "TensorBoardAppSettings.",
)
_JOB_DEFINITIONS = (
    "CreateDataQualityJobDefinition",
    "CreateModelBiasJobDefinition",
    "CreateModelExplainabilityJobDefinition",
    "CreateModelQualityJobDefinition",
)


def _of_apps(member: str) -> dict[str, Paths]:
    """A member of the resource specification of every kind of app."""
    found = {
        name: tuple(f"{start}{app}DefaultResourceSpec.{member}" for start in starts for app in _APPS)
        for name, starts in _USER_SETTINGS.items()
    }
    return {**found, "CreateApp": (f"ResourceSpec.{member}",)}


def _of_definitions(path: str) -> dict[str, Paths]:
    return dict.fromkeys(_JOB_DEFINITIONS, (path,))


def _of_monitoring(path: str) -> dict[str, Paths]:
    return dict.fromkeys(("CreateMonitoringSchedule", "UpdateMonitoringSchedule"), (_MONITORING + path,))


def _of_training(path: str) -> dict[str, Paths]:
    return {
        "CreateTrainingJob": (path,),
        "CreateHyperParameterTuningJob": (_TRAINING + path, _TRAININGS + path),
    }


_VOLUME_KEY: Mapping[str, Paths] = {
    **_of_training("ResourceConfig.VolumeKmsKeyId"),
    **_of_definitions(f"{_DEFINITION_CLUSTER}VolumeKmsKeyId"),
    **_of_monitoring("MonitoringResources.ClusterConfig.VolumeKmsKeyId"),
    "CreateAutoMLJob": ("AutoMLJobConfig.SecurityConfig.VolumeKmsKeyId",),
    "CreateAutoMLJobV2": ("SecurityConfig.VolumeKmsKeyId",),
    "CreateDomain": ("KmsKeyId", "HomeEfsFileSystemKmsKeyId"),
    "CreateEndpointConfig": ("KmsKeyId",),
    "CreateHyperParameterTuningJob": tuple(
        f"{start}{member}.VolumeKmsKeyId"
        for start in (_TRAINING, _TRAININGS)
        for member in ("ResourceConfig", "HyperParameterTuningResourceConfig")
    ),
    "CreateLabelingJob": ("LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VolumeKmsKeyId",),
    "CreateNotebookInstance": ("KmsKeyId",),
    "CreateProcessingJob": ("ProcessingResources.ClusterConfig.VolumeKmsKeyId",),
    "CreateTransformJob": ("TransformResources.VolumeKmsKeyId",),
}
_OUTPUT_KEY: Mapping[str, Paths] = {
    **_of_training("OutputDataConfig.KmsKeyId"),
    **_of_monitoring("MonitoringOutputConfig.KmsKeyId"),
    "CreateAutoMLJob": ("OutputDataConfig.KmsKeyId",),
    "CreateAutoMLJobV2": ("OutputDataConfig.KmsKeyId",),
    "CreateDataQualityJobDefinition": ("DataQualityJobOutputConfig.KmsKeyId",),
    "CreateLabelingJob": ("OutputConfig.KmsKeyId",),
    "CreateModelBiasJobDefinition": ("ModelBiasJobOutputConfig.KmsKeyId",),
    "CreateModelExplainabilityJobDefinition": ("ModelExplainabilityJobOutputConfig.KmsKeyId",),
    "CreateModelQualityJobDefinition": ("ModelQualityJobOutputConfig.KmsKeyId",),
    "CreateProcessingJob": ("ProcessingOutputConfig.KmsKeyId",),
    "CreateTransformJob": ("TransformOutput.KmsKeyId",),
}
_SHARING_KEY: Mapping[str, Paths] = {
    "CreateDomain": ("DefaultUserSettings.SharingSettings.S3KmsKeyId",),
    "CreateUserProfile": ("UserSettings.SharingSettings.S3KmsKeyId",),
    "UpdateDomain": ("DefaultUserSettings.SharingSettings.S3KmsKeyId",),
    "UpdateUserProfile": ("UserSettings.SharingSettings.S3KmsKeyId",),
}


def _file_system(member: str) -> dict[str, Paths]:
    return _of_training(f"InputDataConfig[].DataSource.FileSystemDataSource.{member}")


_FEATURES = "CreateFeatureGroup"

_KEYS: Mapping[str, Mapping[str, Paths]] = {
    "AcceleratorTypes": {
        "CreateEndpointConfig": ("ProductionVariants[].AcceleratorType",),
        "CreateNotebookInstance": ("AcceleratorTypes",),
        "UpdateNotebookInstance": ("AcceleratorTypes",),
    },
    "AppNetworkAccessType": {
        "CreateDomain": ("AppNetworkAccessType",),
        "UpdateDomain": ("AppNetworkAccessType",),
    },
    "DirectInternetAccess": {"CreateNotebookInstance": ("DirectInternetAccess",)},
    "DomainSharingOutputKmsKey": _SHARING_KEY,
    "DomainSharingOutputKmsKeyArn": _SHARING_KEY,
    "EnableRemoteDebug": dict.fromkeys(
        ("CreateTrainingJob", "UpdateTrainingJob"), ("RemoteDebugConfig.EnableRemoteDebug",)
    ),
    "FeatureGroupDisableGlueTableCreation": {_FEATURES: ("OfflineStoreConfig.DisableGlueTableCreation",)},
    "FeatureGroupEnableOnlineStore": {_FEATURES: ("OnlineStoreConfig.EnableOnlineStore",)},
    "FeatureGroupOfflineStoreKmsKeyArn": {
        _FEATURES: ("OfflineStoreConfig.S3StorageConfig.KmsKeyId",),
    },
    "FeatureGroupOfflineStoreS3Uri": {_FEATURES: ("OfflineStoreConfig.S3StorageConfig.S3Uri",)},
    "FeatureGroupOnlineStoreKmsKeyArn": {_FEATURES: ("OnlineStoreConfig.SecurityConfig.KmsKeyId",)},
    "FileSystemAccessMode": _file_system("FileSystemAccessMode"),
    "FileSystemDirectoryPath": _file_system("DirectoryPath"),
    "FileSystemId": _file_system("FileSystemId"),
    "FileSystemType": _file_system("FileSystemType"),
    "HomeEfsFileSystemKmsKey": {"CreateDomain": ("KmsKeyId", "HomeEfsFileSystemKmsKeyId")},
    "ImageArns": _of_apps("SageMakerImageArn"),
    "ImageVersionArns": _of_apps("SageMakerImageVersionArn"),
    "InstanceTypes": {
        **_of_apps("InstanceType"),
        **_of_definitions(f"{_DEFINITION_CLUSTER}InstanceType"),
        **_of_monitoring("MonitoringResources.ClusterConfig.InstanceType"),
        "CreateCluster": ("InstanceGroups[].InstanceType",),
        "CreateEndpointConfig": (
            "ProductionVariants[].InstanceType",
            "ShadowProductionVariants[].InstanceType",
        ),
        "CreateHyperParameterTuningJob": tuple(
            f"{start}{member}"
            for start in (_TRAINING, _TRAININGS)
            for member in (
                "ResourceConfig.InstanceType",
                "HyperParameterTuningResourceConfig.InstanceType",
                "HyperParameterTuningResourceConfig.InstanceConfigs[].InstanceType",
            )
        ),
        "CreateNotebookInstance": ("InstanceType",),
        "CreateProcessingJob": ("ProcessingResources.ClusterConfig.InstanceType",),
        "CreateTrainingJob": ("ResourceConfig.InstanceType", "ResourceConfig.InstanceGroups[].InstanceType"),
        "CreateTransformJob": ("TransformResources.InstanceType",),
        "UpdateCluster": ("InstanceGroups[].InstanceType",),
        "UpdateNotebookInstance": ("InstanceType",),
    },
    "InterContainerTrafficEncryption": {
        **_of_training("EnableInterContainerTrafficEncryption"),
        **_of_definitions("NetworkConfig.EnableInterContainerTrafficEncryption"),
        **_of_monitoring("NetworkConfig.EnableInterContainerTrafficEncryption"),
        "CreateAutoMLJob": ("AutoMLJobConfig.SecurityConfig.EnableInterContainerTrafficEncryption",),
        "CreateAutoMLJobV2": ("SecurityConfig.EnableInterContainerTrafficEncryption",),
        "CreateProcessingJob": ("NetworkConfig.EnableInterContainerTrafficEncryption",),
    },
    "KeepAlivePeriod": dict.fromkeys(
        ("CreateTrainingJob", "UpdateTrainingJob"), ("ResourceConfig.KeepAlivePeriodInSeconds",)
    ),
    "MaxRuntimeInSeconds": {
        **_of_training("StoppingCondition.MaxRuntimeInSeconds"),
        **_of_definitions("StoppingCondition.MaxRuntimeInSeconds"),
        **_of_monitoring("StoppingCondition.MaxRuntimeInSeconds"),
        "CreateProcessingJob": ("StoppingCondition.MaxRuntimeInSeconds",),
    },
    "MinimumInstanceMetadataServiceVersion": dict.fromkeys(
        ("CreateNotebookInstance", "UpdateNotebookInstance"),
        ("InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion",),
    ),
    "ModelApprovalStatus": dict.fromkeys(
        ("CreateModelPackage", "UpdateModelPackage"), ("ModelApprovalStatus",)
    ),
    "NetworkIsolation": {
        **_of_training("EnableNetworkIsolation"),
        **_of_definitions("NetworkConfig.EnableNetworkIsolation"),
        **_of_monitoring("NetworkConfig.EnableNetworkIsolation"),
        "CreateEndpointConfig": ("EnableNetworkIsolation",),
        "CreateModel": ("EnableNetworkIsolation",),
        "CreateProcessingJob": ("NetworkConfig.EnableNetworkIsolation",),
    },
    "OutputKmsKey": _OUTPUT_KEY,
    "OutputKmsKeyArn": _OUTPUT_KEY,
    "RemoteAccess": dict.fromkeys(("CreateSpace", "UpdateSpace"), ("SpaceSettings.RemoteAccess",)),
    "RootAccess": dict.fromkeys(("CreateNotebookInstance", "UpdateNotebookInstance"), ("RootAccess",)),
    "ServerlessMaxConcurrency": {
        "CreateEndpointConfig": ("ProductionVariants[].ServerlessConfig.MaxConcurrency",)
    },
    "ServerlessMemorySize": {
        "CreateEndpointConfig": ("ProductionVariants[].ServerlessConfig.MemorySizeInMB",)
    },
    "SpaceSharingType": {"CreateSpace": ("SpaceSharingSettings.SharingType",)},
    "StudioLifecycleConfigArns": {
        **{
            name: tuple(
                f"{start}{app}{member}"
                for start in starts
                for app in _APPS
                for member in ("DefaultResourceSpec.LifecycleConfigArn", "LifecycleConfigArns[]")
            )
            for name, starts in _USER_SETTINGS.items()
        },
        "CreateApp": ("ResourceSpec.LifecycleConfigArn",),
    },
    "VolumeKmsKey": _VOLUME_KEY,
    "VolumeKmsKeyArn": _VOLUME_KEY,
    "VpcSecurityGroupIds": {
        **_of_training("VpcConfig.SecurityGroupIds[]"),
        **_of_definitions("NetworkConfig.VpcConfig.SecurityGroupIds[]"),
        **_of_monitoring("NetworkConfig.VpcConfig.SecurityGroupIds[]"),
        "CreateAutoMLJob": ("AutoMLJobConfig.SecurityConfig.VpcConfig.SecurityGroupIds[]",),
        "CreateAutoMLJobV2": ("SecurityConfig.VpcConfig.SecurityGroupIds[]",),
        "CreateCluster": ("VpcConfig.SecurityGroupIds[]",),
        "CreateDomain": ("DefaultUserSettings.SecurityGroups[]",),
        "CreateEndpointConfig": ("VpcConfig.SecurityGroupIds[]",),
        "CreateModel": ("VpcConfig.SecurityGroupIds[]",),
        "CreateNotebookInstance": ("SecurityGroupIds[]",),
        "CreateProcessingJob": ("NetworkConfig.VpcConfig.SecurityGroupIds[]",),
        "CreateUserProfile": ("UserSettings.SecurityGroups[]",),
        "UpdateDomain": ("DefaultUserSettings.SecurityGroups[]",),
        "UpdateUserProfile": ("UserSettings.SecurityGroups[]",),
    },
    "VpcSubnets": {
        **_of_training("VpcConfig.Subnets[]"),
        **_of_definitions("NetworkConfig.VpcConfig.Subnets[]"),
        **_of_monitoring("NetworkConfig.VpcConfig.Subnets[]"),
        "CreateAutoMLJob": ("AutoMLJobConfig.SecurityConfig.VpcConfig.Subnets[]",),
        "CreateAutoMLJobV2": ("SecurityConfig.VpcConfig.Subnets[]",),
        "CreateCluster": ("VpcConfig.Subnets[]",),
        "CreateDomain": ("SubnetIds[]",),
        "CreateEndpointConfig": ("VpcConfig.Subnets[]",),
        "CreateModel": ("VpcConfig.Subnets[]",),
        "CreateNotebookInstance": ("SubnetId",),
        "CreateProcessingJob": ("NetworkConfig.VpcConfig.Subnets[]",),
        "UpdateDomain": ("SubnetIds[]",),
    },
    "WorkteamArn": {"CreateLabelingJob": ("HumanTaskConfig.WorkteamArn",)},
}
"""Each key, the actions that know it, and where it is in their requests."""

_DEFAULTS: Mapping[str, str] = {
    "AppNetworkAccessType": "PublicInternetOnly",
    "DirectInternetAccess": "Enabled",
    "EnableRemoteDebug": "false",
    "InterContainerTrafficEncryption": "false",
    "NetworkIsolation": "false",
    "RootAccess": "Enabled",
}
"""What a request that does not say means; only a creation has to mean something."""

_LISTS = {
    "AcceleratorTypes",
    "ImageArns",
    "ImageVersionArns",
    "InstanceTypes",
    "StudioLifecycleConfigArns",
    "VpcSecurityGroupIds",
    "VpcSubnets",
}

_ALSO_ABOUT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "CreateEndpoint": (("EndpointConfig", "EndpointConfigName"),),
    "UpdateEndpoint": (("EndpointConfig", "EndpointConfigName"),),
}
"""Actions with a second required resource: its family, and the member with its name."""

_NAMED_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "DescribePipelineDefinitionForExecution",
            "DescribePipelineExecution",
            "ListPipelineExecutionSteps",
            "ListPipelineParametersForExecution",
            "RetryPipelineExecution",
            "StopPipelineExecution",
            "UpdatePipelineExecution",
        ),
        ("PipelineExecutionArn",),
    ),
    "AddAssociation": ("SourceArn", "DestinationArn"),
    "DeleteAssociation": ("SourceArn", "DestinationArn"),
}
"""Actions whose resources are named by whole ARNs."""

_FAMILY_OF: Mapping[str, str] = {
    "DescribeFeatureMetadata": "FeatureGroup",
    "ListPipelineExecutions": "Pipeline",
    "ListPipelineVersions": "Pipeline",
    "ListTrainingJobsForHyperParameterTuningJob": "HyperParameterTuningJob",
    "UpdateFeatureMetadata": "FeatureGroup",
}
"""Actions whose names do not tell what they are about."""

_RUNTIME_ACTIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
_INVOCATION = re.compile(rf"/endpoints/([^/]+)/({'|'.join(_RUNTIME_ACTIONS)})")
_TARGET_MODEL = "x-amzn-sagemaker-target-model"
_COMPONENT = "x-amzn-sagemaker-inference-component"


def authorize(name: str, request: Request) -> None:
    """Raises `AccessDenied` unless the caller may have the control plane do this."""
    principal = enforcement.caller()
    if principal is None:
        return
    context = {**_studio_keys(principal), **condition_keys(name, request), **_space_keys(name, request)}
    tags = request.get("Tags") if isinstance(request.get("Tags"), list) else None
    context |= _request_tags(request)
    action = f"sagemaker:{name}"
    at_hand = arrived()
    for resource, record in _resources(name, request):
        enforcement.check(principal, action, resource, {**context, **_resource_tags(record)}, request=at_hand)
        if tags and name.startswith("Create"):
            tagging = {**context, "sagemaker:TaggingAction": name}
            enforcement.check(principal, "sagemaker:AddTags", resource, tagging)
            break
    if name.startswith(("Create", "Update", "Start")):
        model = operation(name)
        for role in _roles(model.input_shape if model else None, request):
            enforcement.check_passing(principal, role, _SERVICE)


def authorize_invocation(path: str, headers: Mapping[str, str]) -> None:
    """Raises `AccessDenied` unless the caller may invoke an endpoint in the way that the path ends with."""
    found = _INVOCATION.fullmatch(path)
    principal = enforcement.caller()
    if principal is None or found is None:
        return
    endpoint, action = unquote(found[1]), _RUNTIME_ACTIONS[found[2]]
    context: dict[str, Any] = _studio_keys(principal)
    if _TARGET_MODEL in headers:
        context["sagemaker:TargetModel"] = headers[_TARGET_MODEL]
    named = [("Endpoint", endpoint)]
    if _COMPONENT in headers:
        named.append(("InferenceComponent", headers[_COMPONENT]))
    for family, name in named:
        resource, record = _named(families()[family], (name,))
        enforcement.check(
            principal,
            f"sagemaker:{action}",
            resource,
            {**context, **_resource_tags(record)},
            request=arrived(),
        )


def authorize_records(name: str, request: Request) -> None:
    """Raises `AccessDenied` unless the caller may do this with records of the request's feature groups, and
    use the keys of their online stores.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OnlineStoreSecurityConfig.html
    """
    principal = enforcement.caller()
    if principal is None:
        return
    several = request.get("Identifiers") or request.get("Entries") or [request]
    studio = _studio_keys(principal)
    for group in dict.fromkeys(one["FeatureGroupName"] for one in several):
        resource, record = _named(families()["FeatureGroup"], (group.rpartition("/")[2],))
        context = {**studio, **_resource_tags(record)}
        enforcement.check(principal, f"sagemaker:{name}", resource, context, request=arrived())
        online = (record or {}).get("OnlineStoreConfig") or {}
        key = hooks.encryption.kms_key((online.get("SecurityConfig") or {}).get("KmsKeyId") or "")
        if key is not None:
            via = {
                "kms:ViaService": f"sagemaker.{hooks.request.region()}.amazonaws.com",
                "kms:CallerAccount": hooks.request.account_id(),
            }
            enforcement.check(principal, "kms:Decrypt", key["Arn"], via)


# --- condition keys ---------------------------------------------------------------------------------


def condition_keys(name: str, request: Request) -> dict[str, Value]:
    """The keys that a request's own members fill, as `sagemaker:InstanceTypes`."""
    found: dict[str, Value] = {}
    for key, actions in _KEYS.items():
        if name not in actions:
            continue
        values = [_text(value) for path in actions[name] for value in _values(request, path.split("."))]
        if key in _LISTS and values:
            found[f"sagemaker:{key}"] = values
        elif values:
            found[f"sagemaker:{key}"] = values[0] if len(values) == 1 else values
        elif key in _DEFAULTS and name.startswith("Create"):
            found[f"sagemaker:{key}"] = _DEFAULTS[key]
    if name in ("CreateEndpointConfig", "CreateTransformJob", "CreateInferenceComponent"):
        models = [
            families()["Model"].arn((model,), hooks.request.account_id(), hooks.request.region())
            for path in ("ProductionVariants[].ModelName", "ModelName", "Specification.ModelName")
            for model in _values(request, path.split("."))
        ]
        if models:
            found["sagemaker:ModelArn"] = models if len(models) > 1 else models[0]
    if name == _FEATURES and "OfflineStoreConfig" in request:
        found["sagemaker:FeatureGroupOfflineStoreConfig"] = "true"
    return found


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value
        return
    member, many = (path[0].removesuffix("[]"), path[0].endswith("[]"))
    found = value.get(member) if isinstance(value, Mapping) else None
    if many:
        for item in found if isinstance(found, list) else ():
            yield from _values(item, path[1:])
    elif found is not None:
        yield from _values(found, path[1:])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _space_keys(name: str, request: Request) -> dict[str, Value]:
    """Whose space a request is about, and how it is shared; nothing for an app outside of a space."""
    if name == "CreateSpace":
        owner = (request.get("OwnershipSettings") or {}).get("OwnerUserProfileName")
        return {"sagemaker:OwnerUserProfileArn": _profile(request, owner)} if owner else {}
    if name not in ("CreateApp", "DeleteApp", "DeleteSpace", "UpdateSpace") or "SpaceName" not in request:
        return {}
    space = resources.get("Space", (str(request.get("DomainId")), str(request["SpaceName"]))) or {}
    found: dict[str, Value] = {}
    owner = (space.get("OwnershipSettings") or {}).get("OwnerUserProfileName")
    if owner:
        found["sagemaker:OwnerUserProfileArn"] = _profile(request, owner)
    sharing = (space.get("SpaceSharingSettings") or {}).get("SharingType")
    if sharing:
        found["sagemaker:SpaceSharingType"] = sharing
    return found


def _profile(request: Request, name: str) -> str:
    key = str(request.get("DomainId")), name
    return families()["UserProfile"].arn(key, hooks.request.account_id(), hooks.request.region())


def _studio_keys(principal: Principal) -> dict[str, Value]:
    """`sagemaker:DomainId` and `sagemaker:UserProfileName`: from which user profile a request comes.

    Studio's requests have the execution role of their profile: a role that is one profile's own says which,
    and where several share one, the source identity does, which is the profile's name
    (https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html).
    """
    if principal.kind != "AssumedRole":
        return {}
    role = principal.caller.arns[-1]
    own = [
        profile
        for profile in resources.every("UserProfile")
        if (profile.get("UserSettings") or {}).get("ExecutionRole") == role
    ]
    source = principal.keys.get("aws:sourceidentity")
    if source is not None:
        own = [profile for profile in own if profile["UserProfileName"] == source]
    if len(own) != 1:
        return {}
    return {
        "sagemaker:DomainId": own[0]["DomainId"],
        "sagemaker:UserProfileName": own[0]["UserProfileName"],
    }


def _request_tags(request: Request) -> dict[str, Value]:
    tags = request.get("Tags") if isinstance(request.get("Tags"), list) else []
    pairs = {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or () if "Key" in tag}
    names = [*pairs, *(request.get("TagKeys") or ())]
    found: dict[str, Value] = {f"aws:RequestTag/{key}": value for key, value in pairs.items()}
    return {**found, "aws:TagKeys": names} if names else found


def _resource_tags(record: Record | None) -> dict[str, Value]:
    return {
        f"{prefix}:ResourceTag/{tag['Key']}": tag["Value"]
        for tag in (record or {}).get("Tags") or ()
        for prefix in ("aws", "sagemaker")
    }


# --- resources and roles ----------------------------------------------------------------------------


def _resources(name: str, request: Request) -> Iterator[tuple[str, Record | None]]:
    """The ARNs that an action is about, and what is there of them; `*` for one that is about none."""
    arn = request.get("ResourceArn")
    if isinstance(arn, str):
        yield arn, _of_arn(arn)
        return
    if name == "CreatePresignedDomainUrl":
        yield _named(families()["UserProfile"], _key(families()["UserProfile"], request))
        return
    package = _model_package(name, request)
    if package is not None:
        yield package, _of_arn(package)
        return
    if name in _NAMED_BY:
        for member in _NAMED_BY[name]:
            yield str(request.get(member)), _of_arn(str(request.get(member)))
        return
    found = operations().get(name)
    family = found[1] if found and found[0] != "List" else _about(name)
    if family is None:
        yield "*", None
        return
    if family.name == "App":
        owner = request.get("SpaceName") or request.get("UserProfileName") or "*"
        parts = request.get("DomainId"), owner, request.get("AppType"), request.get("AppName")
        where = hooks.request.place()
        yield f"arn:aws:sagemaker:{where}:app/{'/'.join(str(part) for part in parts).lower()}", None
        return
    yield _named(family, _key(family, request))
    for other, member in _ALSO_ABOUT.get(name, ()):
        if member in request:
            yield _named(families()[other], (str(request[member]),))


def _model_package(name: str, request: Request) -> str | None:
    """A package that is named by its ARN, or is going to be the next version of its group's."""
    named = request.get("ModelPackageArn") or request.get("ModelPackageName")
    if isinstance(named, str) and named.startswith("arn:"):
        return named
    group = request.get("ModelPackageGroupName")
    if name == "CreateModelPackage" and isinstance(group, str):
        where = hooks.request.place()
        return f"arn:aws:sagemaker:{where}:model-package/{group.rpartition('/')[2].lower()}/*"
    return None


def _about(name: str) -> Family | None:
    """The family that an operation is named after, where it is none of the usual ones:
    `StartPipelineExecution`, `UpdateEndpointWeightsAndCapacities`."""
    if name in _FAMILY_OF:
        return families()[_FAMILY_OF[name]]
    if name.startswith(("List", "Search", "Query")):
        return None
    fitting = [family for family in families() if family in name]
    return families()[max(fitting, key=len)] if fitting else None


def _key(family: Family, request: Request) -> tuple[str, ...]:
    """The service makes up what the request does not name."""
    return tuple(str(request.get(member) or "*") for member in family.key)


def _named(family: Family, key: tuple[str, ...]) -> tuple[str, Record | None]:
    record = resources.get(family.name, key)
    known = (record or {}).get(family.arn_member)
    return known or family.arn(key, hooks.request.account_id(), hooks.request.region()), record


def _of_arn(arn: str) -> Record | None:
    for family in families().values():
        record = resources.by_arn(family, arn)
        if record is not None:
            return record
    return None


def _roles(shape: Shape | None, value: Any) -> Iterator[str]:
    """The roles in a request: the members whose shape is SageMaker's `RoleArn`."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, item in value.items():
            if name in shape.members:
                yield from _roles(shape.members[name], item)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            yield from _roles(shape.member, item)
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for item in value.values():
            yield from _roles(shape.value, item)
    elif isinstance(shape, StringShape) and shape.name == "RoleArn" and isinstance(value, str):
        yield value
