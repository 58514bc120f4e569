"""What is made at its first use: of all that wiring hands out, clients above all, an event needs one or two."""

import threading
from collections.abc import Callable
from typing import Any


class WhenUsed:
    def __init__(self, make: Callable[[], Any], making: threading.Lock) -> None:
        """`making` is shared by all clients of a session, since sessions are not thread-safe; what else is made
        has a lock of its own: making it may need a client."""
        self._make, self._making = make, making
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        with self._making:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)
