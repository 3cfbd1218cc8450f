"""What the command line says instead of a traceback."""


class ClaryError(Exception):
    """Something a person can act on. `str()` is what they read."""


class Interrupted(ClaryError):
    """Somebody pressed Ctrl-C, or ended the process kindly."""
