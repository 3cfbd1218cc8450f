"""Removes a Studio domain with all that is in it and behind it, before its stack is destroyed."""
