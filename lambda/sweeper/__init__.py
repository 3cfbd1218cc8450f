"""Finds what runs and is not used, tells whose it is, and stops it when nothing is done about it."""
