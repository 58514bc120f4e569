"""Makes text from outside inert before a channel draws it (S30).

Pure. Whoever can reach the load balancer can write log text, and log text ends up in summaries: it must
not ring a channel, draw a link, hide a word or move a terminal's cursor. Everything in a Summary is
treated as if it came from outside; only the renderers' own markup is trusted.
"""

import re

from chalicelib.redact import mask, strip_hidden

CUT = " … [cut]"

_SCHEME = re.compile(r"\b([a-z][a-z0-9+.-]{1,20})://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"\b(mailto|javascript|data|tel|sms|file|vbscript):(?=\S)", re.IGNORECASE)
_WWW = re.compile(r"\bwww\.(?=\w)", re.IGNORECASE)
# An @ inside a word is an address (a principal's name, say); one before a word calls somebody.
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
_SLACK_CALL = re.compile(r"<([!@#])")
_FULLWIDTH_AT = "\uff20"


def clean(text: str, limit: int = 1000) -> str:
    """What a Summary keeps: no hidden characters, no credentials, cut with a mark. Still meant for escaping."""
    return cut(mask(strip_hidden(text)).strip(), limit)


def one_line(text: str, limit: int = 200) -> str:
    return clean(" ".join(strip_hidden(text).split()), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; whoever reads it sees that something is missing."""
    return text if len(text) <= limit else text[: max(0, limit - len(CUT))].rstrip() + CUT[:limit]


def without_links(text: str) -> str:
    """`https://x` as `https[:]//x`: readable, and no mail or chat client makes it clickable."""
    text = _SCHEME.sub(r"\1[:]//", text)
    text = _OTHER_SCHEME.sub(r"\1[:]", text)
    text = _WWW.sub("www[.]", text)
    return text.replace("](", "] (")


def without_mentions(text: str) -> str:
    """`@here` and `<!channel>` stay readable and call nobody."""
    return _SLACK_CALL.sub(r"< \1", _MENTION.sub(_FULLWIDTH_AT, text))


def for_plain(text: str, limit: int = 1000) -> str:
    return cut(without_links(strip_hidden(text)), limit)


def for_slack(text: str, limit: int = 1000) -> str:
    """For a mrkdwn text object: Slack reads only these three characters as markup for links and calls.

    Backticks go because Steward's own commands are the only code in a message.
    """
    text = cut(without_mentions(without_links(strip_hidden(text))), limit).replace("`", "'")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_chat(text: str, limit: int = 1000) -> str:
    """For AWS chat's client-markdown, drawn by Slack or Teams: what either would act on is taken apart."""
    return for_slack(text, limit).replace("![", "! [")


def for_code(text: str, limit: int = 300) -> str:
    """Inside single backticks on one line. Links and calls in it are dead too: not all clients spare code."""
    return for_slack(" ".join(text.split()), limit)
