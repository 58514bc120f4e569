"""A proposal as the text of `stacks/NAME.yml`: one comment a line that says whether it is sure. Pure.

What could not be said stands there as a comment, so that whoever takes the `#` away has the right key.
"""

import json
import re
from collections.abc import Iterator

from chalicelib.redact import strip_hidden
from steward.discovery.proposal import Line, Open, Proposal, Value

_PLAIN = re.compile(r"[A-Za-z/](?:[\w./@+=-]|:(?=[\w/:]))*")
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_WIDTH = 58


def stack_text(proposal: Proposal, found_in: str) -> str:
    guesses = sum(not line.sure for line in proposal.lines)
    counted = f"{guesses} of {len(proposal.lines)} values are guessed"
    head = [
        f"# {_inert(proposal.about)}.",
        f"# Written by `steward stacks discover` from what was read in {found_in}: {counted}.",
        "# Nothing is watched yet. Check the guesses, answer what is open, then package and deploy (docs/deploy.md).",
        f"stack: {_scalar(proposal.stack)}",
    ]
    return "\n".join([*head, *_body(proposal)]) + "\n"


def _body(proposal: Proposal) -> Iterator[str]:
    left = list(proposal.open)
    for key in dict.fromkeys(line.path[0] for line in proposal.lines):
        group = [line for line in proposal.lines if line.path[0] == key]
        if len(group[0].path) > 1:
            yield f"{key}:"
            yield from (_line(f"  {line.path[1]}", line) for line in group)
        else:
            yield from (_line(key, line) for line in group)
        for each in [one for one in left if one.key == key]:
            yield from _left(each)
            left.remove(each)
    for each in left:
        yield from _left(each)


def _line(key: str, line: Line) -> str:
    text = f"{key}: {_written(line)}"
    return f"{text.ljust(_WIDTH)}  # {'sure' if line.sure else 'GUESSED'}: {_inert(line.why)}"


def _written(line: Line) -> str:
    if line.path == ("channels",):
        return f"{{default: {_value(line.value)}}}"
    return _value(line.value)


def _left(each: Open) -> Iterator[str]:
    indent = "  " if each.instead and each.instead.startswith("  ") else ""
    yield f"{indent}# OPEN, {each.key}: {_inert(each.why)}"
    if each.instead:
        yield f"{indent}# {_inert(each.instead.strip())}"


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_scalar(each) for each in value)}]"
    return _scalar(value)


def _scalar(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if is_plain else json.dumps(strip_hidden(text))


def _inert(text: str) -> str:
    """On one line, whatever a tag or a name holds: a line break would end the comment (S30)."""
    return " ".join(strip_hidden(text).split())
