"""What a data scientist writes with the SageMaker Python SDK 3; run in the clients' own environment.

Takes a bucket, a role and an image; writes what it saw to `seen.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, ModelPackageGroup, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    ContainerDefinition,
    DataSource,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)

_POLL_SECONDS = 0  # the SDK's default is 5


def _train(name: str, **hyper_parameters: str) -> TrainingJob:
    return TrainingJob.create(
        training_job_name=name,
        role_arn=role,
        algorithm_specification=AlgorithmSpecification(training_image=image, training_input_mode="File"),
        input_data_config=[
            Channel(
                channel_name="training",
                data_source=DataSource(
                    s3_data_source=S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/data")
                ),
            )
        ],
        hyper_parameters=hyper_parameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/out"),
        resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=60),
        tags=[{"key": "team", "value": "research"}],
    )


bucket, role, image = sys.argv[1:]
seen: dict[str, object] = {}

job = _train("sdk-trains", factor="2")
job.wait(poll=_POLL_SECONDS, logs=False)
seen["job"] = job.training_job_status
failing = _train("sdk-fails", say="no such luck")
try:
    failing.wait(poll=_POLL_SECONDS, logs=False)
except Exception as error:  # noqa: BLE001 - whatever it is, it is what the user sees
    seen["failure"] = f"{type(error).__name__}: {error}"
seen["jobs"] = sorted(one.training_job_name for one in TrainingJob.get_all(name_contains="sdk-"))

model = Model.create(
    model_name="sdk",
    execution_role_arn=role,
    primary_container=ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts),
)
EndpointConfig.create(
    endpoint_config_name="sdk",
    production_variants=[
        ProductionVariant(
            variant_name="all", model_name="sdk", initial_instance_count=1, instance_type="ml.m5.large"
        )
    ],
)
endpoint = Endpoint.create(endpoint_name="sdk", endpoint_config_name="sdk")
endpoint.wait_for_status("InService", poll=_POLL_SECONDS)
answer = endpoint.invoke(body=b"21", content_type="text/csv")
seen["answer"] = answer.body.read().decode()
seen["variant"] = answer.invoked_production_variant

group = ModelPackageGroup.create(model_package_group_name="sdk", model_package_group_description="tried")
seen["described"] = ModelPackageGroup.get("sdk").model_package_group_description
group.delete()
endpoint.delete()
endpoint.wait_for_delete(poll=_POLL_SECONDS)
model.delete()
try:
    Endpoint.get("sdk")
except ClientError as error:
    seen["gone"] = error.response["Error"]["Code"]

Path("seen.json").write_text(json.dumps(seen))
