"""Keeps of a project's workspace what CloudFormation would lose: its name, and its feature group."""
