"""What people write with the SageMaker Python SDK 2 where the environment's defaults are: no role, subnet,
group, key or bucket. Run in the SDK's own environment, as somebody of the team.

Takes the team's image, a folder of data, and what to do (`train`, or `deploy=s3://…` with an argument);
writes what it made to `seen.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sagemaker import Session
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.steps import TrainingStep

ON = {"instance_count": 1, "instance_type": "ml.m5.large"}
LEARN = {"target": "target", "normalize": "true", "test-size": "0.1", "random-state": "123"}


def estimator(**typed: object) -> Estimator:
    return Estimator(
        image,
        base_job_name="research--sdk",
        hyperparameters=LEARN,
        disable_profiler=True,  # the local AWS has no profiler
        sagemaker_session=session,
        **ON,
        **typed,
    )


def train(role: str | None = None, bucket: str | None = None) -> dict[str, str]:
    """By default, nothing is typed."""
    learning = estimator(role=role, output_path=bucket and f"s3://{bucket}/research/out")
    channel = session.upload_data(data, bucket, "research/sagemaker/data")
    learning.fit({"training": channel}, wait=False)
    return {"TrainingJobName": learning.latest_training_job.name}


def tune() -> dict[str, str]:
    tuner = HyperparameterTuner(
        estimator(),
        "loss",
        {"test-size": ContinuousParameter(0.1, 0.2)},
        metric_definitions=[{"Name": "loss", "Regex": "loss=(.*)"}],
        max_jobs=1,
        base_tuning_job_name="research--sdk",
    )
    tuner.fit({"training": f"s3://{session.default_bucket()}/research/sagemaker/data"}, wait=False)
    return {"HyperParameterTuningJobName": tuner.latest_tuning_job.name}


def process() -> dict[str, str]:
    processor = Processor(
        image_uri=image,
        entrypoint=["/bin/sh", "-c", "cp /opt/ml/processing/in/* /opt/ml/processing/out/"],
        base_job_name="research--sdk",
        sagemaker_session=session,
        **ON,
    )
    processor.run(
        inputs=[ProcessingInput(data, "/opt/ml/processing/in", "in")],
        outputs=[ProcessingOutput("/opt/ml/processing/out", output_name="out")],
        wait=False,
        logs=False,
    )
    return {"ProcessingJobName": processor.latest_job.job_name}


def deploy(artifact: str) -> dict[str, str]:
    model = Model(image, model_data=artifact, name="research--sdk", sagemaker_session=session)
    model.deploy(1, "ml.m5.large", endpoint_name="research--sdk", wait=False)
    return {"ModelName": model.name, "EndpointConfigName": "research--sdk", "EndpointName": "research--sdk"}


def transform(data: str) -> dict[str, str]:
    transformer = Transformer(
        model_name="research--sdk", base_transform_job_name="research--sdk", sagemaker_session=session, **ON
    )
    transformer.transform(data, content_type="text/csv", split_type="Line", wait=False)
    return {"TransformJobName": transformer.latest_transform_job.name}


def pipeline() -> dict[str, str]:
    step = TrainingStep("learn", estimator=estimator())
    made = Pipeline("research--sdk", steps=[step], sagemaker_session=session)
    made.upsert()
    return {"PipelineName": made.name}


image, data, *asked = sys.argv[1:]
session = Session()
known = {each.__name__: each for each in (train, tune, process, deploy, transform, pipeline)}
seen = {}
for name, _, argument in (each.partition("=") for each in asked):
    seen[name] = known[name](*filter(None, argument.split(",")))
Path("seen.json").write_text(json.dumps(seen))
