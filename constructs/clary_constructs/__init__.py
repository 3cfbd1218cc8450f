"""Constructs for data science environments on Amazon SageMaker."""

from clary_constructs._api_alarms import ApiAlarms, ApiDashboard, FeatureAlarm, QuotaAlarm
from clary_constructs._api_client import ApiClient, ApiLimit, ApiQuota
from clary_constructs._api_firewall import ApiFirewall
from clary_constructs._api_logging import ApiLogging
from clary_constructs._api_page import ApiPage
from clary_constructs._api_place import ApiDomain, PrivateApiEndpoint
from clary_constructs._batch_model import BatchModel
from clary_constructs._boundary import Guardrails, PermissionsBoundary
from clary_constructs._bucket_emptier import BucketEmptier
from clary_constructs._budget import CostBudget, let_budgets_tell
from clary_constructs._catalog_portfolio import CatalogPortfolio
from clary_constructs._catalog_product import CatalogProduct, FieldRule, LaunchRight
from clary_constructs._catalog_right import launch_products
from clary_constructs._cluster_groups import ClusterGroups
from clary_constructs._cluster_roles import ClusterRoles
from clary_constructs._cluster_security import ClusterSecurity
from clary_constructs._component_endpoint import ComponentEndpoint, ComponentSize
from clary_constructs._data_bucket import AccessLogsBucket, DataBucket, answer_only_within
from clary_constructs._encryption import EncryptionKey
from clary_constructs._endpoint import ModelEndpoint
from clary_constructs._endpoint_alarms import AlarmTopic, EndpointAlarms, variant_places
from clary_constructs._endpoint_capacity import (
    Instances,
    ModelVariant,
    RequestCapture,
    RequestQueue,
    ServerlessCapacity,
    UpdatePolicy,
    has_local_storage,
)
from clary_constructs._endpoint_dashboard import EndpointDashboard
from clary_constructs._endpoint_scaling import (
    CapacityLimits,
    ComponentScaling,
    ProvisionedConcurrencyScaling,
    QueueScaling,
    ScheduledLimits,
    VariantScaling,
)
from clary_constructs._experiment_tracking import ExperimentTracking
from clary_constructs._feature_group import (
    FeatureGroup,
    FeatureHistory,
    OnlineFeatures,
    ReservedThroughput,
)
from clary_constructs._feature_settings import CollectionFeature, CollectionKind, FeatureSettings
from clary_constructs._feature_stream import FeatureStream
from clary_constructs._feature_type import FeatureType
from clary_constructs._glue_session import GlueConnection, GlueEncryption, GlueSessionRole
from clary_constructs._image_repository import ImageRepository
from clary_constructs._inference_api import InferenceApi
from clary_constructs._inference_function import (
    InferenceFunction,
    LaunchedModels,
    LookedUpFeatures,
    ServedBatch,
    ServedModel,
)
from clary_constructs._launched_model import LaunchedModelRole
from clary_constructs._model_container import ModelContainer
from clary_constructs._monitor import (
    Judgement,
    ModelMonitor,
    MonitorBaseline,
    MonitorImage,
    MonitorJob,
    MonitorLimit,
)
from clary_constructs._network import (
    S3_PREFIX_LISTS,
    FlowLog,
    NetworkGroups,
    PrivateEndpoints,
    PrivateNetwork,
)
from clary_constructs._notebook import NotebookRole, NotebookStartup
from clary_constructs._person_roles import PersonRole, PersonRoles
from clary_constructs._persona import Persona
from clary_constructs._policy import AccessPolicy
from clary_constructs._project_template import (
    ProjectTemplate,
    ProjectTemplates,
)
from clary_constructs._project_workspaces import (
    GroupHistory,
    ProjectWorkspaces,
    group_settings,
    kept_workspace,
)
from clary_constructs._promoted_endpoint import PromotedEndpoint
from clary_constructs._python_code import python_code
from clary_constructs._quota_table import DYNAMODB_PREFIX_LISTS, QuotaTable
from clary_constructs._sdk_defaults import SdkDefaults
from clary_constructs._shared_value import SharedValue, SharedValues
from clary_constructs._spark_cluster import ClusterPlace, SparkCluster
from clary_constructs._spending_cap import SpendingCap, SpendingGate
from clary_constructs._studio_domain import (
    LICENCE_ACTIONS,
    DockerAccess,
    RStudioServer,
    SharedSpaceDefaults,
    StudioDomain,
)
from clary_constructs._studio_image import StudioImage
from clary_constructs._studio_leavers import StudioLeavers
from clary_constructs._studio_person import StudioPerson, person_rights
from clary_constructs._studio_remover import StudioRemover
from clary_constructs._studio_settings import StudioSettings
from clary_constructs._studio_startup import StartupScript, TeamDefaults
from clary_constructs._studio_tools import CanvasTools, IdleShutdown, StudioTools
from clary_constructs._sweeper import Sweeper
from clary_constructs._team import JobRole, PipelineRole
from clary_constructs._user_pool import ApiUserPool
from clary_constructs._user_profiles import UserGroup, UserProfiles, profile_values
from clary_constructs._user_template import StudioSpace, StudioUser, part_of
from clary_constructs._workspace import TEAM_TAG, FeatureLibrary, SharedGroup, TeamWorkspace

__all__ = [
    "DYNAMODB_PREFIX_LISTS",
    "LICENCE_ACTIONS",
    "S3_PREFIX_LISTS",
    "TEAM_TAG",
    "AccessLogsBucket",
    "AccessPolicy",
    "AlarmTopic",
    "ApiAlarms",
    "ApiClient",
    "ApiDashboard",
    "ApiDomain",
    "ApiFirewall",
    "ApiLimit",
    "ApiLogging",
    "ApiPage",
    "ApiQuota",
    "ApiUserPool",
    "BatchModel",
    "BucketEmptier",
    "CanvasTools",
    "CapacityLimits",
    "CatalogPortfolio",
    "CatalogProduct",
    "ClusterGroups",
    "ClusterPlace",
    "ClusterRoles",
    "ClusterSecurity",
    "CollectionFeature",
    "CollectionKind",
    "ComponentEndpoint",
    "ComponentScaling",
    "ComponentSize",
    "CostBudget",
    "DataBucket",
    "DockerAccess",
    "EncryptionKey",
    "EndpointAlarms",
    "EndpointDashboard",
    "ExperimentTracking",
    "FeatureAlarm",
    "FeatureGroup",
    "FeatureHistory",
    "FeatureLibrary",
    "FeatureSettings",
    "FeatureStream",
    "FeatureType",
    "FieldRule",
    "FlowLog",
    "GlueConnection",
    "GlueEncryption",
    "GlueSessionRole",
    "GroupHistory",
    "Guardrails",
    "IdleShutdown",
    "ImageRepository",
    "InferenceApi",
    "InferenceFunction",
    "Instances",
    "JobRole",
    "Judgement",
    "LaunchRight",
    "LaunchedModelRole",
    "LaunchedModels",
    "LookedUpFeatures",
    "ModelContainer",
    "ModelEndpoint",
    "ModelMonitor",
    "ModelVariant",
    "MonitorBaseline",
    "MonitorImage",
    "MonitorJob",
    "MonitorLimit",
    "NetworkGroups",
    "NotebookRole",
    "NotebookStartup",
    "OnlineFeatures",
    "PermissionsBoundary",
    "PersonRole",
    "PersonRoles",
    "Persona",
    "PipelineRole",
    "PrivateApiEndpoint",
    "PrivateEndpoints",
    "PrivateNetwork",
    "ProjectTemplate",
    "ProjectTemplates",
    "ProjectWorkspaces",
    "PromotedEndpoint",
    "ProvisionedConcurrencyScaling",
    "QueueScaling",
    "QuotaAlarm",
    "QuotaTable",
    "RStudioServer",
    "RequestCapture",
    "RequestQueue",
    "ReservedThroughput",
    "ScheduledLimits",
    "SdkDefaults",
    "ServedBatch",
    "ServedModel",
    "ServerlessCapacity",
    "SharedGroup",
    "SharedSpaceDefaults",
    "SharedValue",
    "SharedValues",
    "SparkCluster",
    "SpendingCap",
    "SpendingGate",
    "StartupScript",
    "StudioDomain",
    "StudioImage",
    "StudioLeavers",
    "StudioPerson",
    "StudioRemover",
    "StudioSettings",
    "StudioSpace",
    "StudioTools",
    "StudioUser",
    "Sweeper",
    "TeamDefaults",
    "TeamWorkspace",
    "UpdatePolicy",
    "UserGroup",
    "UserProfiles",
    "VariantScaling",
    "answer_only_within",
    "group_settings",
    "has_local_storage",
    "kept_workspace",
    "launch_products",
    "let_budgets_tell",
    "part_of",
    "person_rights",
    "profile_values",
    "python_code",
    "variant_places",
]
