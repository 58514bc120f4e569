"""Which of the large copies is read in full next: said by each manifest for the backup after it."""

from chalicelib.models.shape import Shape


class Reading(Shape):
    """A large copy of which a backup has read the beginning; the next one goes on there if it is still the same."""

    rank: str
    key: str
    etag: str
    version: str | None
    offset: int

    def is_of(self, key: str, etag: str, version: str | None) -> bool:
        return (self.key, self.etag, self.version) == (key, etag, version)


class Turn(Shape):
    """Large copies are read in full in turn, in the order of their hashes: where the turn stands."""

    through: str = ""
    """The last one's hash."""
    reading: Reading | None = None
