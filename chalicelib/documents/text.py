"""Bytes to text, bounded and sound, and where in a text something stands."""

import re

from chalicelib.errors import DocumentError

MAX_DEPTH = 32
Place = tuple[int, int]
"""Line and column, both from 1."""
LONE_HALF = re.compile("[\ud800-\udfff]")


def decoded_text(text: str | bytes, file: str, max_bytes: int) -> str:
    size = len(text) if isinstance(text, bytes) or len(text) > max_bytes else len(text.encode(errors="surrogatepass"))
    if size > max_bytes:
        raise DocumentError(file, f"larger than the {max_bytes} bytes that are read; got {size}")
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        decoded.encode()
    except UnicodeDecodeError as exc:
        line, column = line_column(exc.object[: exc.start].decode(), exc.start)
        what = f"not UTF-8: the byte 0x{exc.object[exc.start]:02x}; save the file as UTF-8"
        raise DocumentError(file, what, line=line, column=column) from exc
    except UnicodeEncodeError as exc:
        line, column = line_column(exc.object, exc.start)
        raise DocumentError(file, "half a character (a lone surrogate); remove it", line=line, column=column) from exc
    return decoded.removeprefix("\ufeff")


def line_column(source: str, offset: int) -> Place:
    before = source[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
