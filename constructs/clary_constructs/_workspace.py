"""What a team works with, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs._subnets import selected_subnets

TEAM_TAG = "clary:team"
"""Tells whose something is where AWS makes up its name."""


@dataclass(frozen=True)
class FeatureLibrary:
    """Where an environment's feature groups and their histories are, as one team sees it."""

    group_prefix: str
    """What the names of the team's groups begin with."""
    database: str
    """The Glue database with the tables of all histories."""
    table_prefix: str
    """What the names of the team's tables begin with."""
    history_prefix: str
    """Below which the team's histories lie, in the data bucket."""
    workgroup: str
    """The Athena workgroup that the team asks in."""
    queries_prefix: str
    """Below which its answers lie, in the data bucket."""


@dataclass(frozen=True)
class SharedGroup:
    """A feature group of another team's."""

    name: str
    table: str | None
    """Of its history, if it has one."""
    view: str | None
    """Of its history, if there is one."""
    history_prefix: str
    """Below which its owner's histories lie."""
    to_write: bool = False


@dataclass(frozen=True)
class TeamWorkspace:
    """What one team works with: its own prefix of the buckets, its repositories, the network."""

    name: str
    """In lower case, its words joined by single hyphens."""
    data_bucket: s3.IBucket
    models_bucket: s3.IBucket
    encryption_key: kms.IKey
    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup
    repositories: Sequence[ecr.IRepository] = ()
    repositories_for_projects: bool = False
    """Whether the team's repositories are also all those whose names begin as its jobs' do."""
    offers_clusters: bool = False
    """Whether the team's people launch clusters from a portfolio."""
    endpoint_names: Sequence[str] = ()
    launched_endpoints: bool = False
    """Whether the team's endpoints are also all those whose names begin as its jobs' do."""
    registries: Sequence[str] = ()
    """Other accounts whose images are pulled in this region, as AWS's own are."""
    features: FeatureLibrary | None = None
    """By default, there are no feature groups, and nothing to ask."""

    @property
    def object_prefix(self) -> str:
        """Below which the team's objects lie, in every bucket."""
        return f"{self.name}/"

    @property
    def private_prefix(self) -> str:
        """Below which the objects of each member lie, under the name of their profile.

        It is not below the team's own: an Allow cannot leave out a part of what it is about. `${…}` is
        IAM's variable for the name that Studio starts each session with, and that jobs are started
        with: https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html
        """
        return f"{self.name}--private/${{aws:SourceIdentity}}/"

    @property
    def sdk_prefix(self) -> str:
        """Below which the SageMaker SDK puts what is not told where to go: code, and jobs' output."""
        return f"{self.object_prefix}sagemaker"

    @property
    def defaults_key(self) -> str:
        """The object with what the SDK fills in for the team: its members may read it, and not write."""
        return self.defaults_key_of(self.name)

    @staticmethod
    def defaults_key_of(team: str) -> str:
        return f"{team}--defaults/sagemaker.yaml"

    @property
    def job_prefix(self) -> str:
        """What the names of the team's jobs begin with, and of its models, pipelines and shared spaces.

        Two hyphens, because a team `risk` must not own the jobs of a team `risk-europe`.
        """
        return f"{self.name}--"

    @property
    def subnet_ids(self) -> list[str]:
        return selected_subnets(self.vpc, self.subnets).subnet_ids
