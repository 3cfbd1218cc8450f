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

JSON_DEPTH = 100
"""How deep JSON may be nested: parsers give up at about 1,000, and some only when they crash."""
