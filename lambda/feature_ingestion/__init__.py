"""Writes messages of queues into feature groups."""
