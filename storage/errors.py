"""The one exception of this package."""


class StorageError(Exception):
    """Says in one sentence what is wrong with the workspace, what is safe, and what to do.

    `full` holds where the disk has no room: nothing is lost, and the same write works later.
    """

    def __init__(self, message: str, full: bool = False) -> None:
        super().__init__(message)
        self.full = full
