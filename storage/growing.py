"""A numpy array that grows at its end, in amortised constant time."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


class Growing(Generic[Scalar]):
    """One column of a table in memory; what it handed out as `values` stays as long as it was."""

    def __init__(self, dtype: type[Scalar], fill: float = 0) -> None:
        self._fill = fill
        self._array: NDArray[Scalar] = np.empty(0, dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> NDArray[Scalar]:
        """A view of what is there."""
        return self._array[: self._length]

    def extend(self, values: NDArray[Any]) -> None:
        """Appends values, cast to the array's type."""
        begin = self._length
        self.grow(begin + len(values))
        self._array[begin : self._length] = values

    def grow(self, length: int) -> None:
        """Makes the array at least so long; new entries hold the fill value."""
        if length <= self._length:
            return
        if length > len(self._array):
            # An eighth more than asked for: appends stay cheap, and memory near what is used.
            self.reserve(length + length // 8 + 64)
        self._array[self._length : length] = self._fill
        self._length = length

    def reserve(self, length: int) -> None:
        """Makes room for so many entries in all; memory is used as they come."""
        if length > len(self._array):
            larger = np.empty(length, self._array.dtype)
            larger[: self._length] = self.values
            self._array = larger

    def adopt(self, array: NDArray[Any]) -> bool:
        """Takes over an array as the first entries, without a copy; not one of another type."""
        if array.dtype != self._array.dtype:
            return False
        self._array, self._length = array, len(array)
        return True
