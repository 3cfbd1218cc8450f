"""A cluster of EMR's that people work on, and that ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_emr as emr

from clary_constructs._acknowledgement import acknowledge
from constructs import Construct

_APPLICATIONS = ("Hadoop", "Livy", "Spark")


@dataclass(frozen=True)
class ClusterPlace:
    """Where a cluster's machines are, by ids: those of a subnet and of `ClusterGroups`."""

    subnet: str
    primary_group: str
    core_group: str
    service_group: str


class SparkCluster(Construct):
    """Spark, to which people connect by Livy: one machine that leads, and `core_nodes` that compute.

    It ends when nothing has been computed for `idle_minutes`, and so does a session that nobody uses, which
    would keep it otherwise. Its disks go with it: what is to stay is in S3. Nobody logs in to its machines,
    and nothing protects it from being ended. `service_role` and `instance_profile` are those of
    `ClusterRoles`, `security_configuration` is the name of a `ClusterSecurity`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster_name: str,
        release: str,
        instance_type: str,
        core_nodes: float,
        idle_minutes: int,
        place: ClusterPlace,
        service_role: str,
        instance_profile: str,
        security_configuration: str,
        log_uri: str,
        encryption_key: str,
    ) -> None:
        super().__init__(scope, construct_id)

        def machines(name: str, count: float) -> emr.CfnCluster.InstanceGroupConfigProperty:
            return emr.CfnCluster.InstanceGroupConfigProperty(
                name=name, instance_count=count, instance_type=instance_type, market="ON_DEMAND"
            )

        made = emr.CfnCluster(
            self,
            "Cluster",
            name=cluster_name,
            release_label=release,
            applications=[emr.CfnCluster.ApplicationProperty(name=each) for each in _APPLICATIONS],
            service_role=service_role,
            job_flow_role=instance_profile,
            security_configuration=security_configuration,
            log_uri=log_uri,
            log_encryption_kms_key_id=encryption_key,
            auto_termination_policy=emr.CfnCluster.AutoTerminationPolicyProperty(
                idle_timeout=cdk.Duration.minutes(idle_minutes).to_seconds()
            ),
            configurations=[
                emr.CfnCluster.ConfigurationProperty(
                    classification="livy-conf",
                    configuration_properties={"livy.server.session.timeout": f"{idle_minutes}m"},
                )
            ],
            instances=emr.CfnCluster.JobFlowInstancesConfigProperty(
                master_instance_group=machines("Primary", 1),
                core_instance_group=machines("Core", core_nodes),
                ec2_subnet_id=place.subnet,
                emr_managed_master_security_group=place.primary_group,
                emr_managed_slave_security_group=place.core_group,
                service_access_security_group=place.service_group,
                keep_job_flow_alive_when_no_steps=True,
                termination_protected=False,
            ),
        )
        acknowledge(
            made,
            "AwsSolutions-EMR4",
            "AwsSolutions-EMR5",
            reason="the security configuration is another stack's: it encrypts disks and what goes to S3, and"
            " leaves alone what machines send each other in groups of their own",
        )
        acknowledge(
            made,
            "AwsSolutions-EMR6",
            "HIPAA.Security-EMRKerberosEnabled",
            "PCI.DSS.321-EMRKerberosEnabled",
            reason="nobody logs in to a machine, and Livy is reached by apps in the clients' group alone: a"
            " realm of Kerberos would know people by passwords that somebody has to keep",
        )
        self.cluster_id: str = made.ref
