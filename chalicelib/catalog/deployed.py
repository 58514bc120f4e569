"""Stacks are deployed, not just stored (S22): a parameter that is not the packaged one is refused by its name.

Whoever may write a parameter could otherwise hand Steward another cluster, role or autonomy. The package holds
the hash of every stack it was made with; the parameter's text must have it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

from pydantic import ValidationError

from chalicelib.errors import Refused
from chalicelib.models.shape import canonical_json
from chalicelib.models.stack import Stack

_AGAIN = "package and deploy again"


def stack_parameter(stack: Stack) -> str:
    """The parameter's text. It has names of secrets, never secrets."""
    return canonical_json(stack.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def stack_hashes(stacks: Iterable[Stack]) -> str:
    """What goes into the package."""
    return canonical_json({stack.stack: _hash(stack_parameter(stack)) for stack in stacks}) + "\n"


class DeployedStacks(Mapping[str, Stack]):
    """Those that were packaged and stand in their parameters as they were. A refused one says why when asked for."""

    def __init__(self, stacks: Mapping[str, Stack], refused: Mapping[str, str]) -> None:
        self._stacks, self.refused = stacks, refused

    def __getitem__(self, name: str) -> Stack:
        if name in self.refused:
            raise Refused(self.refused[name])
        return self._stacks[name]

    @overload
    def get(self, name: str, default: None = None, /) -> Stack | None: ...
    @overload
    def get(self, name: str, default: Any, /) -> Any: ...  # noqa: ANN401
    def get(self, name: str, default: Any = None, /) -> Any:
        """Whoever takes none for an answer is given none: one bad parameter must not stop the sweep of all others."""
        return self._stacks.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stacks)

    def __len__(self) -> int:
        return len(self._stacks)


def deployed_stacks(parameters: Mapping[str, str], packaged: str | None) -> DeployedStacks:
    """`parameters` by path, whose last part is the stack's name; `packaged` is the text of `stack_hashes`."""
    hashes: Mapping[str, str] = json.loads(packaged) if packaged else {}
    found = {path.rpartition("/")[2]: text for path, text in parameters.items()}
    stacks: dict[str, Stack] = {}
    refused = {
        name: f"stack {name} was packaged and has no parameter: {_AGAIN}" for name in hashes if name not in found
    }
    for name, text in found.items():
        stack = _read(name, text, hashes.get(name))
        if isinstance(stack, Stack):
            stacks[name] = stack
        else:
            refused[name] = stack
    return DeployedStacks(stacks, refused)


def _read(name: str, text: str, packaged: str | None) -> Stack | str:
    if packaged is None:
        return f"stack {name} has a parameter and was not packaged: {_AGAIN}"
    if (stored := _hash(text)) != packaged:
        return f"stack {name} is not the packaged one (hash {stored[:12]}, packaged {packaged[:12]}): {_AGAIN}"
    try:
        stack = Stack.model_validate_json(text)
    except ValidationError:
        return f"stack {name} was packaged by a version that this one does not read: {_AGAIN}"
    return stack if stack.stack == name else f"stack {name} calls itself {stack.stack}: {_AGAIN}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
