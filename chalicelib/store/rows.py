"""What all repositories share: models to bodies and back, slices of lists, and the optimistic loop."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from chalicelib.errors import StaleWrite, StoreError, StoreUnavailable
from chalicelib.models.shape import Shape
from chalicelib.store.table import Item, Page

KEPT_FOR = timedelta(days=400)
"""How long history is kept: a year and a month, so that this month can be held against last year's."""

MAX_LOSSES = 50
"""How often a write may lose before the store counts as unavailable. Each loss means that somebody
else got on, so this is reached only under a storm."""

M = TypeVar("M", bound=Shape)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Slice(Generic[M]):
    """One page of a list; read on with `cursor` until it is None."""

    rows: tuple[M, ...]
    cursor: str | None = None


def body_of(model: Shape) -> dict[str, Any]:
    """Everything but the version, which is a column."""
    return model.model_dump(mode="json", exclude={"version"})


def load(kind: type[M], item: Item, **columns: object) -> M:
    try:
        return kind.model_validate({**item.body, "version": item.version, **columns})
    except ValidationError as exc:
        raise StoreError(f"{item.key} does not read as {kind.__name__}: {exc}") from exc


def load_page(kind: type[M], page: Page) -> Slice[M]:
    return Slice(tuple(load(kind, item) for item in page.items), page.cursor)


def contend(
    read: Callable[[], T], write: Callable[[T], T], change: Callable[[T], tuple[T, R]], doing: str
) -> tuple[T, R]:
    """Reads, lets the pure `change` decide, writes if anything changed; whoever loses decides again."""
    for _ in range(MAX_LOSSES):
        before = read()
        after, result = change(before)
        if after == before:
            return before, result
        with suppress(StaleWrite):
            return write(after), result
    raise StoreUnavailable(doing, f"lost {MAX_LOSSES} writes in a row to others")
