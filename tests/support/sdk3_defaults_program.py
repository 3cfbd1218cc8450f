"""The same as `sdk_defaults_program.py`, with the SageMaker Python SDK 3: a processing job.

Run in the clients' environment. Takes the team's image; writes what it made to `seen.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output

session = Session()
below = f"s3://{session.default_bucket()}/{session.default_bucket_prefix}"
processor = Processor(
    image_uri=sys.argv[1],
    entrypoint=["/bin/true"],
    instance_count=1,
    instance_type="ml.m5.large",
    base_job_name="research--sdk-3",
    sagemaker_session=session,
)
written = ProcessingS3Output(
    s3_uri=f"{below}/out", local_path="/opt/ml/processing/out", s3_upload_mode="EndOfJob"
)
processor.run(outputs=[ProcessingOutput(output_name="out", s3_output=written)], wait=False, logs=False)
name = processor.latest_job.processing_job_name
Path("seen.json").write_text(json.dumps({"process": {"ProcessingJobName": name}}))
