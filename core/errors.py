"""The one exception of this package that a user is meant to read."""


class CoreError(Exception):
    """Says in one sentence what is wrong, where, and what to do; a command then exits with 2."""
