"""The world's boto3 sessions: all worlds of a process share what botocore reads of its service models."""

import functools
from typing import TYPE_CHECKING

from steward.sandbox import place

if TYPE_CHECKING:
    import boto3
    from botocore.loaders import Loader


@functools.cache
def _loader() -> "Loader":
    """Shared by all worlds: it keeps the service models it has read, which are most of a client's cost."""
    import botocore.session

    loader: Loader = botocore.session.Session().get_component("data_loader")
    return loader


def new_session() -> "boto3.Session":
    import boto3
    import botocore.session

    core = botocore.session.Session()
    known = len(_loader().search_paths)
    core.register_component("data_loader", _loader())
    session = boto3.Session(
        botocore_session=core,
        region_name=place.REGION,
        aws_access_key_id="AKIASANDBOX000000000",
        aws_secret_access_key="sandbox",  # noqa: S106 - moto takes anything
    )
    # Every boto3 session adds its own folder to the loader; once is enough.
    del _loader().search_paths[known + 1 :]
    return session
