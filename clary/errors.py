"""What the command line says instead of a traceback."""


class ClaryError(Exception):
    """Something a person can act on. `str()` is what they read."""
