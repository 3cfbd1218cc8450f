"""How much, and how long.

Lambda takes and gives 6 MB (6,291,456 bytes) with a synchronous invocation, the event around the body
included, and API Gateway hands the body over in base64, four bytes for three:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. 4,500,000 bytes become
6,000,000, and the rest is ample for the headers, of which API Gateway takes 10,240 bytes and the event
holds two copies.
"""

BODY_BYTES = 4_500_000
"""What a request's body may have, and an answer's."""

FRONT_SECONDS = 29.0
"""API Gateway gives up after this: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html."""

MODEL_SECONDS = FRONT_SECONDS - 2.0
"""What is left of that for the model: the rest is for a cold start, and for the way back."""

RESERVE_SECONDS = 0.25
"""What is kept of the function's own time to say that the model was too slow."""

STATE_SECONDS = 3.0
"""How long to ask for a model's state, where the answer is of use without it."""

LAUNCHED_SECONDS = 5.0
"""How long to look up what has been launched: the model has the rest of the time."""

FEATURES_SECONDS = 3.0
"""How long to wait for features: the model has the rest of the time."""

KEYS = 100
"""Of how many rows features are looked up: as many as one request takes,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_BatchGetRecordIdentifier.html."""

KEY_CHARACTERS = 1024
"""What a key may have."""

FEATURES_BYTES = 6_000_000
"""What is read of features, at most: more would not fit into the model's request."""

JSON_DEPTH = 100
"""How deep JSON may be nested: parsers give up at about 1,000, and some only when they crash."""

SERVERLESS_BYTES = 4_000_000
"""What a serverless endpoint takes and answers, of 4 MB:
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html."""

INLINE_BYTES = 128_000
"""What an asynchronous request may bring along; what is larger goes by S3:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html."""

JOB_BYTES = 1024**3
"""What a job's upload may have: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html."""

BATCH_BYTES = 5 * 1024**3
"""What a batch's upload may have: as much as a form takes in one piece,
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html."""

RESULT_BYTES = 64_000
"""Up to this, a job's result is a part of its description; all of it is behind the link."""

UPLOAD_SECONDS = 900
LINK_SECONDS = 900
"""How long a form and a link are good for, unless the function's own credentials end before."""

JOB_SECONDS = 6 * 3600
"""How long a job may wait for its turn, and ..."""

ANSWER_SECONDS = 900
"""... how long the model may take: both are InvokeEndpointAsync's defaults, and sent with each job."""
