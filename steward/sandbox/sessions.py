"""The world's boto3 sessions: all worlds of a process share what botocore reads of its service models.

They also share the session and the clients with which worlds are furnished: moto behind them is one a process, and
nobody registers anything on them.
"""

import copy
import functools
from typing import TYPE_CHECKING, Any

from steward.sandbox import place
from steward.sandbox.moto_road import take_the_road

if TYPE_CHECKING:
    import boto3
    from botocore.hooks import HierarchicalEmitter
    from botocore.loaders import Loader


@functools.cache
def _loader() -> "Loader":
    """Shared by all worlds: it keeps the service models it has read, which are most of a client's cost."""
    import boto3
    import botocore.session

    core = botocore.session.Session()
    boto3.Session(botocore_session=core)  # adds boto3's own folder to those that are searched
    loader: Loader = core.get_component("data_loader")
    return loader


@functools.cache
def _handlers() -> "HierarchicalEmitter":
    """botocore's own: to register them takes ten times as long as to copy them."""
    import botocore.session
    from botocore.hooks import HierarchicalEmitter

    made = HierarchicalEmitter()
    botocore.session.Session(event_hooks=made)
    return made


def new_session() -> "boto3.Session":
    import botocore.session

    core = botocore.session.Session(event_hooks=copy.copy(_handlers()), include_builtin_handlers=False)
    session = with_shared_models(
        core,
        region_name=place.REGION,
        aws_access_key_id="AKIASANDBOX000000000",
        aws_secret_access_key="sandbox",  # noqa: S106 - moto takes anything
    )
    take_the_road(session.events)
    return session


def with_shared_models(core: Any, **given: str) -> "boto3.Session":  # noqa: ANN401 - botocore's Session
    import boto3

    searched = len(_loader().search_paths)
    core.register_component("data_loader", _loader())
    session = boto3.Session(botocore_session=core, **given)
    del _loader().search_paths[searched:]  # boto3's own folder once more
    return session


@functools.cache
def furnishing_session() -> "boto3.Session":
    return new_session()


@functools.cache
def furnishing() -> "Keeping":
    """For acting, and never for plans."""
    return Keeping(furnishing_session())


class Keeping:
    """A session that keeps its clients: the same step asks again and again, and each client costs 10 ms.

    For one that acts or for one that plans, not for both: plan mode refuses changes on the clients themselves.
    """

    def __init__(self, session: "boto3.Session") -> None:
        self._session = session
        self._kept: dict[str, Any] = {}

    def client(self, service: str, **given: Any) -> Any:  # noqa: ANN401 - a client of any service
        config = given.get("config")
        options = getattr(config, "_user_provided_options", None)
        name = f"{service} {sorted((key, str(value)) for key, value in given.items() if key != 'config')} {options}"
        if name not in self._kept:
            self._kept[name] = self._session.client(service, **given)  # type: ignore[call-overload]  # of any service
        return self._kept[name]
