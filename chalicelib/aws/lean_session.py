"""botocore with two of its slowest habits replaced: how it reads its own models, and how it reads times.

Models are read into ordered dicts, though dicts keep their order, and every time goes through dateutil's
guessing, though AWS writes ISO 8601. Measured on RDS: a page of a hundred snapshots is parsed in half
the time, and a process that has one client peaks 3 MB lower.

The models themselves are packed, and four fifths of them are prose. Packaging puts those that Steward uses
beside `app.py` as they are needed: a first client is there in half the time (decision 0052).
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import botocore.session


def parse_time(value: Any) -> datetime:  # noqa: ANN401 - text or a number, as services please
    """ISO text at once; what is anything else, botocore's way."""
    from botocore.utils import parse_timestamp

    if isinstance(value, str) and value[10:11] == "T":
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is not None and found.tzinfo is not None:
            return found
    return parse_timestamp(value)


class LeanSession:
    """What of `boto3.Session` is used, without boto3: importing it brings transfers and resources along that
    nobody here asks for, a third of the time until a first client is there."""

    def __init__(
        self, region: str, access_key: str | None = None, secret_key: str | None = None, token: str | None = None
    ) -> None:
        self._core = lean_core()
        self._core.set_config_variable("region", region)
        if access_key is not None and secret_key is not None:
            self._core.set_credentials(access_key, secret_key, token)

    @property
    def client(self) -> "Callable[..., Any]":
        return self._core.create_client


def botocore_version() -> str:
    import botocore

    return str(botocore.__version__)


def lean_core(root: Path | None = None) -> "botocore.session.Session":
    """`root`: where the prepared models are looked for; beside `app.py`, unless somebody says otherwise."""
    import botocore.session

    from chalicelib.aws.lean_loader import PlainFileLoader, lean_loader, prepared_models

    core = botocore.session.Session()
    prepared = prepared_models(root or Path(__file__).resolve().parents[2], botocore_version())
    core.register_component(
        "data_loader", lean_loader(core.get_config_variable("data_path"), PlainFileLoader(prepared))
    )
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
    return core
