"""What a file says and where it says it, and from there to a model or to sentences about what is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.documents.text import Place
from chalicelib.errors import DocumentError, DocumentErrors
from chalicelib.models.mistakes import Json, Path, mistakes

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """What a file says, and where it says it: path in the data to line and column, both from 1."""

    file: str
    data: Json
    places: Mapping[Path, Place]

    def place(self, path: Path) -> Place:
        """Where the path stands; of what was not written, its nearest ancestor."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def mistake(self, path: Path, what: str) -> DocumentError:
        line, column = self.place(path)
        return DocumentError(self.file, what, line=line, column=column, field=dotted(path) or None)

    def build(self, model: type[M]) -> M:
        """The data as a model, or all that is wrong with it at once."""
        if self.data is None:
            raise DocumentErrors([self.mistake((), "the file is empty")])
        try:
            # From JSON and strict: a list may be a tuple there, but `"3"` is no number and `yes` no bool.
            # By alias only: people write camelCase and nothing else.
            return model.model_validate_json(json.dumps(self.data), strict=True, by_alias=True, by_name=False)
        except ValidationError as exc:
            found = [self.mistake(path, what) for path, what in mistakes(model, self.data, exc)]
            raise DocumentErrors(sorted(found, key=lambda e: (e.line or 0, e.column or 0))) from exc


def dotted(path: Path) -> str:
    """`steps[1].with.max`: how a path is shown to people."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
