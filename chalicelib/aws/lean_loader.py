"""How a lean session reads botocore's models: prepared ones first, and without looking into every folder there is.

The models are packed, and four fifths of them are prose. Packaging puts those that Steward uses beside `app.py` as
they are needed; together with the folders that are not looked into this halves what a first client costs.
"""

import gzip
import json
import os
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.loaders import Loader

MODELS = "aws-models"
"""The folder of prepared models in the zip: as in botocore's own `data/`, in a folder named by botocore's version."""
_DATA = f"{os.sep}data{os.sep}"


def lean_loader(data_path: str | None, files: "PlainFileLoader") -> "Loader":
    """`data_path`: as in AWS_DATA_PATH."""
    from botocore.loaders import Loader

    class LeanLoader(Loader):
        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the same folders for every kind
            """Whatever has a folder. botocore looks into all 440, for each kind of file: a tenth of a cold start."""
            there = [path for path in self.search_paths if Path(path).is_dir()]
            return sorted({name for path in there for name in os.listdir(path)})  # noqa: PTH208 - 440 Paths would be made

    more = [os.path.expanduser(os.path.expandvars(part)) for part in (data_path or "").split(os.pathsep) if part]  # noqa: PTH111 - it knows `~user`, as botocore does
    loader = LeanLoader(extra_search_paths=more)
    loader.file_loader = files  # type: ignore[assignment]  # by shape, as botocore asks of it
    return loader


class PlainFileLoader:
    """As `botocore.loaders.JSONFileLoader`: a path without its ending, to what the file says."""

    def __init__(self, prepared: Path | None = None) -> None:
        self._prepared = prepared

    def exists(self, file_path: str) -> bool:
        # Asked 1,300 times before three clients are there: with a Path each it was a twentieth of a cold start.
        return isfile(f"{file_path}.json") or isfile(f"{file_path}.json.gz")  # noqa: PTH113

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - JSON
        if self._prepared is not None:
            found = self._prepared / f"{file_path.rpartition(_DATA)[2]}.json"
            if found.is_file():
                return json.loads(found.read_bytes())
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return _read(plain.read_bytes())
        return _read(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


def _read(content: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(content, object_hook=_without_prose)


def _without_prose(found: dict[str, Any]) -> dict[str, Any]:
    """Most of a model is documentation, which no call needs; a field of that name is an object, and stays.
    Emptied and not taken out: botocore asks for it by name where S3 has settings of its own."""
    if isinstance(found.get("documentation"), str):
        found["documentation"] = ""
    return found


def prepared_models(root: Path, version: str) -> Path | None:
    """Those that packaging made, where this botocore is at least as new as the one they were made from: it knows
    what an older one wrote, and the other way round nobody promises."""
    made = next(iter(sorted((root / MODELS).glob("*"))), None)
    return made if made is not None and _number(made.name) <= _number(version) else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
