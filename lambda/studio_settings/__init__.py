"""Sends people's Studio settings: those that CloudFormation does not know, or would replace a profile for."""
