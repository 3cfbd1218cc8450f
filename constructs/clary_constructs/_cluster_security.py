"""How clusters are encrypted."""

from __future__ import annotations

from aws_cdk import aws_emr as emr
from aws_cdk import aws_kms as kms

from clary_constructs._acknowledgement import acknowledge
from constructs import Construct


class ClusterSecurity(Construct):
    """What EMR calls a security configuration: clusters with it write to S3 and to their disks with a key.

    Machines answer for their credentials by the second version of the metadata service, to nothing that is
    further away than themselves. Between the machines, nothing is encrypted: that takes certificates of
    one's own, and the network is theirs alone
    (https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-create-security-configuration.html).
    """

    def __init__(self, scope: Construct, construct_id: str, *, encryption_key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        key = encryption_key.key_arn
        made = emr.CfnSecurityConfiguration(
            self,
            "Configuration",
            security_configuration={
                "EncryptionConfiguration": {
                    "EnableAtRestEncryption": True,
                    "EnableInTransitEncryption": False,
                    "AtRestEncryptionConfiguration": {
                        "S3EncryptionConfiguration": {"EncryptionMode": "SSE-KMS", "AwsKmsKey": key},
                        "LocalDiskEncryptionConfiguration": {
                            "EncryptionKeyProviderType": "AwsKms",
                            "AwsKmsKey": key,
                            "EnableEbsEncryption": True,
                        },
                    },
                },
                "InstanceMetadataServiceConfiguration": {
                    "MinimumInstanceMetadataServiceVersion": 2,
                    "HttpPutResponseHopLimit": 1,
                },
            },
        )
        acknowledge(
            made,
            "AwsSolutions-EMR5",
            reason="machines of a cluster speak to each other in security groups that are theirs alone, in a"
            " VPC without a way out; encryption between them takes certificates that somebody has to renew",
        )
        self.name: str = made.ref
