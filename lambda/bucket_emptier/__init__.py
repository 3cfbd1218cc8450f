"""Empties the buckets of a stack that is being destroyed: CloudFormation deletes only empty ones."""
