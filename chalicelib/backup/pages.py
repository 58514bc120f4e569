"""A listing as a stream of objects, with the next pages on their way while this one is being worked on."""

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from chalicelib.backup.entry import Listed, Place
from chalicelib.backup.ports import ListingLane
from chalicelib.backup.shards import Shard

Page = list[Listed]
AHEAD = 2
"""Pages held beside the one in use."""
LOOKS_UP_S = 0.2


def listing(lane: ListingLane, place: Place, shard: Shard, *, ahead: bool) -> Generator[Listed, None, None]:
    """The shard's objects with keys relative to the place. Close it to give up early."""
    after = None if shard.after_key is None else place.full_key(shard.after_key)
    pages = _in_shard(lane.list_pages(place.bucket, place.prefix, after), len(place.prefix), shard)
    with closing(fetched_ahead(pages) if ahead else pages) as fetched:
        for page in fetched:
            yield from page


def _in_shard(pages: Iterator[Sequence[tuple[str, int, str]]], cut: int, shard: Shard) -> Generator[Page, None, None]:
    """Asks for no page after the one in which the shard ends."""
    for rows in pages:
        page = [Listed(key[cut:], size, etag) for key, size, etag in rows]
        whole = not page or (page[0].key in shard and page[-1].key in shard)
        yield page if whole else [listed for listed in page if listed.key in shard]
        if page and shard.until_key is not None and page[-1].key >= shard.until_key:
            return


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def fetched_ahead(pages: Iterator[Page]) -> Generator[Page, None, None]:
    """The same pages, fetched by a thread; what it meets is raised here, after the pages before it."""
    held: queue.Queue[Page | _End] = queue.Queue(AHEAD)
    given_up = threading.Event()
    threading.Thread(target=_fetch, args=(pages, held, given_up), name="pages", daemon=True).start()
    try:
        while not isinstance(page := held.get(), _End):
            yield page
        if page.error is not None:
            raise page.error
    finally:
        given_up.set()  # it only reads: one request that is still under way may end when it likes


def _fetch(pages: Iterator[Page], held: "queue.Queue[Page | _End]", given_up: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for page in pages:
            if not _put(held, page, given_up):
                return
    except BaseException as exc:  # noqa: BLE001  # boundary: raised again where the pages are read
        error = exc
    _put(held, _End(error), given_up)


def _put(held: "queue.Queue[Page | _End]", item: "Page | _End", given_up: threading.Event) -> bool:
    """False: nobody wants it any more."""
    while not given_up.is_set():
        try:
            held.put(item, timeout=LOOKS_UP_S)
        except queue.Full:
            continue
        return True
    return False
