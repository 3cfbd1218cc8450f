"""A bucket's objects with their keys in order: a listing looks at no more of them than it tells of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import UserDict
from collections.abc import Mapping
from typing import Any, SupportsIndex

from local_aws import hooks


class Objects(UserDict[str, Any]):
    def __init__(self, objects: Mapping[str, Any]) -> None:
        self._keys: list[str] = []
        super().__init__(objects)

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self.data:
            insort(self._keys, key)
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        del self._keys[bisect_left(self._keys, key)]

    def keys_with(self, prefix: str) -> list[str]:
        first = bisect_left(self._keys, prefix)
        last = bisect_right(self._keys, prefix, lo=first, key=lambda key: key[: len(prefix)])
        return self._keys[first:last]

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """What is kept beyond the server's life is data alone."""
        return dict, (self.data,)


def install() -> None:
    hooks.objects.keep_objects_in(Objects, Objects.keys_with)
