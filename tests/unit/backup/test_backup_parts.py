"""Parts of a manifest give back what was written, and nothing of what somebody tampered with or cut (S17)."""

import hashlib
import json
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.entry import Entry
from chalicelib.backup.manifest import Part, PartWriter, line_of, read_part
from chalicelib.errors import ManifestBroken

AS_OF = datetime(2026, 11, 2, 2, tzinfo=UTC)
WORD = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
ENTRIES = st.lists(
    st.builds(
        Entry, WORD, st.integers(0, 10**13), WORD, st.none() | WORD, st.none() | st.just(AS_OF), st.none() | WORD
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda entry: entry.key,
).map(lambda entries: sorted(entries, key=lambda entry: entry.key))


def written(entries):
    writer = PartWriter()
    for entry in entries:
        writer.add(entry)
    data = writer.done()
    return writer.part("part", None, data), data


@given(ENTRIES)
def test_what_was_written_is_read_back(entries):
    part, data = written(entries)
    assert list(read_part(data, part, "m")) == entries
    assert (part.first, part.last, part.lines) == (entries[0].key, entries[-1].key, len(entries))


@given(ENTRIES)
def test_a_line_is_what_any_reader_of_json_lines_expects(entries):
    for entry in entries:
        fields = ("key", "size", "etag", "version", "gone_since", "copy_etag")
        said = {name: value for name in fields if (value := getattr(entry, name)) is not None}
        if entry.gone_since is not None:
            said["gone_since"] = entry.gone_since.isoformat()
        assert line_of(entry) == json.dumps(said, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("odd", [b"", b"1", b"{},{}", b"{}],[{}", b'{"key":"a"', b"null", b"[]", b"[" * 5000])
def test_a_line_that_is_not_one_object_is_refused_whatever_stands_beside_it(odd):
    good = line_of(Entry("a", 1, "e", None))
    for lines in ([odd], [good[:-1], odd], [odd, line_of(Entry("b", 1, "e", None))[:-1]]):
        raw = zlib.compress(b"".join(line + b"\n" for line in lines), wbits=31)
        digest = hashlib.sha256(raw).hexdigest()
        part = Part(key="p", version=None, sha256=digest, size=len(raw), lines=len(lines), bytes=2, first="a", last="b")
        with pytest.raises(ManifestBroken):
            list(read_part(raw, part, "here"))


@pytest.mark.parametrize("at", [4, 8, 9, 10, 12, 13])
def test_two_objects_in_one_line_do_not_make_up_for_one_in_two(at):
    """Counted together they would."""
    one, two, torn = (line_of(Entry(key, 1, "e", None))[:-1] for key in ("a", "b", "c},{d"))
    lines = [one + b"," + two, torn[:at], torn[at:].removeprefix(b",")]
    raw = zlib.compress(b"\n".join(lines) + b"\n", wbits=31)
    digest = hashlib.sha256(raw).hexdigest()
    part = Part(key="p", version=None, sha256=digest, size=len(raw), lines=3, bytes=3, first="a", last="c},{d")
    with pytest.raises(ManifestBroken, match="line"):
        list(read_part(raw, part, "here"))


@given(ENTRIES, st.data())
def test_s17_no_byte_of_a_part_can_be_changed_or_cut(entries, data):
    part, raw = written(entries)
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = data.draw(st.sampled_from([raw[:at], raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], raw + b"x"]))
    with pytest.raises(ManifestBroken):
        next(read_part(changed, part, "m"))


def forged(part: Part, lines: bytes) -> tuple[Part, bytes]:
    """By somebody who can also write the head."""
    import hashlib

    raw = zlib.compress(lines, wbits=31)
    return part.model_copy(update={"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}), raw


@pytest.mark.parametrize(
    "lines",
    [
        b'{"key":"a","size":1,"etag":"e"}\n',
        b'{"key":"b","size":1,"etag":"e"}\n{"key":"a","size":1,"etag":"e"}\n',
        b'{"key":"a","size":"1","etag":"e"}\n{"key":"b","size":1,"etag":"e"}\n',
        b'{"key":"a","size":-1,"etag":"e"}\n{"key":"b","size":1,"etag":"e"}\n',
        b'{"key":"a","size":1,"etag":"e","to":"elsewhere"}\n{"key":"b","size":1,"etag":"e"}\n',
        b'{"key":"a","size":1}\n{"key":"b","size":1,"etag":"e"}\n',
        b'["a"]\n["b"]\n',
        b"[" * 16_000 + b"\n",
        b"\xff\n\xff\n",
        b'{"key":"a","size":1,"etag":"e"}\n{"key":"b","size":1,"etag":"e"}',
        b'{"key":"a","size":1,"etag":"' + b"x" * 20_000 + b'"}\n{"key":"b","size":1,"etag":"e"}\n',
    ],
    ids=[
        "cut",
        "order",
        "text-size",
        "negative",
        "unknown",
        "missing",
        "list",
        "deep",
        "bytes",
        "no-end",
        "endless-line",
    ],
)
def test_lines_that_no_steward_writes_are_refused_even_under_a_right_hash(lines):
    part, _ = written([Entry("a", 1, "e", None), Entry("b", 1, "e", None)])
    with pytest.raises(ManifestBroken):
        list(read_part(forged(part, lines)[1], forged(part, lines)[0], "m"))


def test_a_small_part_that_unfolds_to_gigabytes_is_refused_at_its_first_long_line():
    part, _ = written([Entry("a", 1, "e", None)])
    bomb, raw = forged(part, b"x" * 50_000_000)
    with pytest.raises(ManifestBroken, match="longer than"):
        next(read_part(raw, bomb, "m"))
