"""Ids that look like AWS's and are the same for the same seed."""

import random
import uuid


class Ids:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable is the point, secrecy is not

    def hex(self, length: int) -> str:
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def digits(self, length: int) -> str:
        return str(self._random.randint(10 ** (length - 1), 10**length - 1))

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def between(self, low: int, high: int) -> int:
        return self._random.randint(low, high)
