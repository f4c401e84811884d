"""The workspace: one SQLite database that the engine writes and the screen reads."""

from storage.errors import StorageError

__all__ = ["StorageError"]
