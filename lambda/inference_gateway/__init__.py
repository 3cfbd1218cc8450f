"""The function in front of the models: HTTPS from API Gateway in, SageMaker's runtime behind."""
