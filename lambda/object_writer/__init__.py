"""Keeps small objects in a bucket as a stack says them: CloudFormation has no resource for an object."""
