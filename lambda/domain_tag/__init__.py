"""Puts a tag on a Studio domain in place: CloudFormation is never asked to change the domain for it."""
