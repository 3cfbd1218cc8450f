"""Stacks in the shape of what people deploy: CDK's own constructs, as they come, with their defaults.

Nothing here is written for the local AWS: what public applications are made of must deploy as it is.
"""
