"""What notebook instances of a team run as, and what happens when they start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._right import Position, Right
from clary_constructs._team import job_rights, team_role
from clary_constructs._workspace import TeamWorkspace
from constructs import Construct

_PROGRAM = Path(__file__).parent / "startup" / "idle_notebook.py"
_EVERY_MINUTES = 5
_PATH = "/usr/local/bin:/usr/bin:/bin:/home/ec2-user/anaconda3/bin"
"""Where the AWS CLI may be."""


class NotebookRole(Construct):
    """What a team's notebook instances run as: what the team's jobs may, and stopping themselves.

    Of private data it sees none: that is told by the name of whoever signs in to Studio, and a notebook
    instance is one of the team's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
    ) -> None:
        super().__init__(scope, construct_id)
        role, policy = team_role(
            self,
            "Notebooks",
            runs="notebook instances",
            workspace=workspace,
            permissions_boundary=permissions_boundary,
            path=path,
        )
        self.role: iam.IRole = role
        position = Position(cdk.Stack.of(self), workspace, self.role)
        policy.allow_each(job_rights(position))
        stop = ["sagemaker:DescribeNotebookInstance", "sagemaker:StopNotebookInstance"]
        ours = position.ours("notebook-instance")
        policy.allow_each([Right("Jobs", stop, ours, wildcard_because="the team's, told by their names")])


class NotebookStartup(Construct):
    """Stops an instance that has computed nothing for `idle_minutes`, looking every five.

    A notebook or terminal that is only open does not keep it. The instance's role may describe and stop it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, idle_minutes: int) -> None:
        super().__init__(scope, construct_id)
        kind = sagemaker.CfnNotebookInstanceLifecycleConfig
        config = kind(
            self,
            "Startup",
            on_start=[
                kind.NotebookInstanceLifecycleHookProperty(content=cdk.Fn.base64(script(idle_minutes)))
            ],
        )
        self.name: str = config.attr_notebook_instance_lifecycle_config_name


def script(idle_minutes: int) -> str:
    """It runs as root and within five minutes, or the instance does not start:
    https://docs.aws.amazon.com/sagemaker/latest/dg/notebook-lifecycle-config.html

    A timer of systemd's starts the program, because Amazon Linux 2023 comes without cron:
    https://docs.aws.amazon.com/linux/al2/ug/prepare-for-al2023.html
    """
    program = _PROGRAM.read_text(encoding="utf-8")
    look = f"/usr/bin/python3 /opt/clary/idle_notebook.py --minutes {idle_minutes}"
    timer = f"--on-active={_EVERY_MINUTES}min --on-unit-active={_EVERY_MINUTES}min"
    lines: Sequence[str] = [
        "#!/bin/bash",
        "mkdir -p /opt/clary",
        f"cat >/opt/clary/idle_notebook.py <<'END_OF_FILE'\n{program}END_OF_FILE",
        f"systemd-run --unit=clary-idle {timer} --setenv=PATH={_PATH} {look}",
        "exit 0",
        "",
    ]
    return "\n".join(lines)
