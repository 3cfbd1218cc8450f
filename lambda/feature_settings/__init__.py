"""Adds to feature groups what CloudFormation does not know, or would replace them for."""
