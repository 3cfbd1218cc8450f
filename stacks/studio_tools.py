"""What the environment file says of Studio, as the construct library takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from clary.environment.model import Environment
from clary.environment.studio import IdleShutdown as IdleInFile
from clary.environment.studio import MoreStartup, Studio, Tools
from clary_constructs import (
    CanvasTools,
    DockerAccess,
    IdleShutdown,
    RStudioServer,
    SharedSpaceDefaults,
    StartupScript,
    StudioImage,
    StudioTools,
    TeamDefaults,
)
from stacks.access import role_name_stem
from stacks.data import DataStack

SPACE_APPLICATIONS: Mapping[str, Literal["JupyterLab", "CodeEditor"]] = {
    "code-editor": "CodeEditor",
    "jupyter-lab": "JupyterLab",
}
_APPLICATIONS = ("jupyter-lab", "code-editor")
"""What a persona opens about which the file says nothing."""
NO_MORE = MoreStartup()


def tools_of(
    tools: Tools,
    *,
    team: str,
    environment: Environment,
    data: DataStack,
    images: Mapping[str, StudioImage],
) -> StudioTools:
    """What a persona of a team finds. Canvas keeps its files in the team's part of the data bucket."""
    applications = tools.applications or _APPLICATIONS
    canvas = CanvasTools(
        artifacts=f"s3://{data.data_bucket.bucket_name}/{team}/canvas",
        encryption_key_arn=data.key.key_arn,
        deploy_models=tools.canvas.deploy_models,
        register_models=tools.canvas.register_models,
        query_documents=tools.canvas.query_documents,
    )
    return StudioTools(
        applications=applications,
        instance_type=tools.instance_types.default,
        instance_types=tools.instance_types.allowed,
        idle=_idle(tools.idle),
        canvas=canvas if "canvas" in applications else None,
        r_studio_in_domain=environment.studio.r_studio is not None,
        features=StudioTools.features if tools.features is None else tools.features,
        startup=None if tools.startup == NO_MORE else startup(environment, data, tools.startup),
        images=[images[name] for name in tools.images],
    )


def startup(environment: Environment, data: DataStack, more: MoreStartup = NO_MORE) -> StartupScript:
    """Everybody's, or a persona's, which has `more`."""
    said = environment.studio.startup
    return StartupScript(
        stop_kernels_after_idle_minutes=said.stop_kernels_after_idle_minutes,
        packages=list(dict.fromkeys([*said.packages, *more.packages])),
        package_index=said.package_index,
        repositories=list(dict.fromkeys([*said.repositories, *more.repositories])),
        code_sample=said.code_sample or more.code_sample,
        sdk_defaults=TeamDefaults(data.data_bucket, role_name_stem(environment)),
    )


def docker(studio: Studio) -> DockerAccess | None:
    return DockerAccess(studio.docker.trusted_accounts) if studio.docker.enabled else None


def shared_spaces(studio: Studio) -> SharedSpaceDefaults:
    said = studio.shared_spaces
    return SharedSpaceDefaults(
        storage_gib=said.default_storage_gib,
        most_storage_gib=said.most_storage_gib,
        idle=_idle(said.idle),
    )


def r_studio(studio: Studio) -> RStudioServer | None:
    if studio.r_studio is None:
        return None
    return RStudioServer(studio.r_studio.connect_url, studio.r_studio.package_manager_url)


def _idle(idle: IdleInFile | None) -> IdleShutdown | None:
    return None if idle is None else IdleShutdown(idle.after_minutes, idle.least_minutes, idle.longest)
