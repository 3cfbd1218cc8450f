"""What runs in each space when it starts."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._content_name import content_name
from clary_constructs._workspace import TeamWorkspace
from constructs import Construct

SpaceApplication = Literal["JupyterLab", "CodeEditor"]

_PROGRAMS = Path(__file__).parent / "startup"
_MOST_CHARACTERS = 16384
"""Of the content, in base64:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateStudioLifecycleConfig.html"""


@dataclass(frozen=True)
class TeamDefaults:
    """Where a space finds what SdkDefaults has written for its team."""

    bucket: s3.IBucket
    role_name_stem: str
    """What the names of people's roles begin with; then come the team's name, a hyphen, and more."""


@dataclass(frozen=True)
class StartupScript:
    """A shell script out of steps. None of them keeps the space from starting, whatever happens.

    Studio waits five minutes for a script, and takes its failure for the application's: all steps but
    the writing of files run beside the application, and leave their words in `~/.clary/startup.log`.
    """

    stop_kernels_after_idle_minutes: int | None = None
    packages: Sequence[str] = ()
    package_index: str | None = None
    repositories: Sequence[str] = ()
    code_sample: bool = False
    sdk_defaults: TeamDefaults | None = None

    def text(self, application: SpaceApplication) -> str:
        """The script. Code Editor has no kernels of Jupyter's to stop."""
        first: list[str] = []
        beside: list[str] = []
        if self.code_sample:
            first.append(_file("first_steps.py", "$HOME/first_steps.py", unless_there=True))
        if self.sdk_defaults is not None:
            first.append(_file("sdk_defaults.sh", "$HOME/.clary/sdk_defaults.sh"))
            where = [
                self.sdk_defaults.bucket.bucket_name,
                TeamWorkspace.defaults_key_of("{}"),
                self.sdk_defaults.role_name_stem,
            ]
            beside.append(f'bash "$HOME/.clary/sdk_defaults.sh" {" ".join(map(shlex.quote, where))}')
        if self.packages:
            index = "" if self.package_index is None else f"--index-url {shlex.quote(self.package_index)} "
            names = " ".join(shlex.quote(package) for package in self.packages)
            beside.append(f"python3 -m pip install --quiet --disable-pip-version-check {index}{names}")
        for address in self.repositories:
            folder = shlex.quote(address.rstrip("/").rpartition("/")[2].removesuffix(".git"))
            beside.append(f'[ -e "$HOME"/{folder} ] || git clone {shlex.quote(address)} "$HOME"/{folder}')
        if application == "JupyterLab" and self.stop_kernels_after_idle_minutes is not None:
            first.append(_file("idle_kernels.py", "$HOME/.clary/idle_kernels.py"))
            minutes = self.stop_kernels_after_idle_minutes
            beside.append(f'exec python3 "$HOME/.clary/idle_kernels.py" --minutes {minutes}')
        lines = ["#!/bin/bash"]
        if first or beside:
            lines += ['mkdir -p "$HOME/.clary"', *first]
        if beside:
            lines += ["(", *beside, ') >>"$HOME/.clary/startup.log" 2>&1 </dev/null &']
        return "\n".join([*lines, "exit 0", ""])

    def content(self, scope: Construct, application: SpaceApplication, stem: str) -> tuple[str, str]:
        """The name of a lifecycle configuration with the script, and the script as SageMaker takes it.

        Configurations cannot be changed: the name is `stem` and a hash of the content.
        """
        text = self.text(application)
        content = base64.b64encode(text.encode()).decode()
        if len(content) > _MOST_CHARACTERS:
            raise ValueError(
                f"the startup script has {len(content)} characters in base64, SageMaker takes"
                f" {_MOST_CHARACTERS}: give fewer packages or repositories"
            )
        if cdk.Token.is_unresolved(text):
            content = cdk.Fn.base64(text)
        properties = {"Application": application, "Content": content}
        kebab = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", application).lower()
        return content_name(scope, f"{stem}-{kebab}", properties), content

    def attach(
        self,
        scope: Construct,
        application: SpaceApplication,
        stem: str,
        *,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> str:
        """The ARN of a lifecycle configuration with the script, also where there is nothing to do.

        A domain that is retained keeps its own, SageMaker does not delete what is in use; those before it
        are deleted.
        """
        name, content = self.content(scope, application, stem)
        config = sagemaker.CfnStudioLifecycleConfig(
            scope,
            f"Startup{application}",
            studio_lifecycle_config_app_type=application,
            studio_lifecycle_config_content=content,
            studio_lifecycle_config_name=name,
        )
        config.apply_removal_policy(removal_policy, apply_to_update_replace_policy=False)
        config.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.DELETE
        return config.attr_studio_lifecycle_config_arn


def _file(program: str, path: str, *, unless_there: bool = False) -> str:
    text = (_PROGRAMS / program).read_text(encoding="utf-8")
    test = f'[ -e "{path}" ] || ' if unless_there else ""
    return f"{test}cat >\"{path}\" <<'END_OF_FILE'\n{text}END_OF_FILE"
