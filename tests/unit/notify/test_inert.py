"""S30: text from outside rings nobody, links nowhere and hides nothing, in any channel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.notify.inert import CUT, clean, cut, for_chat, for_code, for_plain, for_slack, one_line

NASTY = [
    "<!channel> <!here|here> <@U123> <#C123|ops>",
    "@here @channel @everyone @someone",
    "<https://evil.example|click me>",
    "https://evil.example/a http://evil.example www.evil.example mailto:a@evil.example",
    "[click](https://evil.example) ![img](javascript:alert(1))",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "safe\u202egnp.exe \u200bzero \ufeffwidth",
    "` ``` code & <b>html</b>",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("draw", [for_slack, for_chat, for_code])
def test_slack_reads_no_markup_call_or_link_in_it_s30(draw, text) -> None:
    drawn = draw(text)
    assert not {"<", ">", "`"} & set(drawn)
    assert "://" not in drawn
    assert "www.e" not in drawn
    assert "](" not in drawn
    assert not any(f"@{name}" in drawn for name in ("here", "channel", "everyone", "someone"))


@pytest.mark.parametrize("text", NASTY)
def test_plain_text_holds_no_hidden_character_and_no_live_link_s30(text) -> None:
    drawn = for_plain(text)
    assert "\x1b" not in drawn
    assert not {"\u202e", "\u200b", "\ufeff"} & set(drawn)
    assert "://" not in drawn


def test_escaping_happens_once_and_leaves_the_words_readable() -> None:
    assert for_slack("a < b && c > d") == "a &lt; b &amp;&amp; c &gt; d"
    assert for_plain("see http://alb.example.com/x") == "see http[:]//alb.example.com/x"
    assert "here" in for_slack("@here")


def test_an_address_of_a_person_is_not_a_call() -> None:
    assert for_slack("approved by alice@example.com") == "approved by alice@example.com"


def test_what_is_cut_says_so_and_never_exceeds_its_limit() -> None:
    assert cut("x" * 10, 10) == "x" * 10
    shortened = cut("x" * 100, 40)
    assert len(shortened) <= 40
    assert shortened.endswith(CUT)


def test_a_credential_in_evidence_is_gone_before_it_is_kept_s29() -> None:
    assert "canary" not in clean("could not connect to postgresql://mlflow:canary@db/x password=canary")


def test_a_title_is_one_line() -> None:
    assert one_line("a\nb\r\n\tc  d") == "a b c d"


@given(st.text(max_size=200))
def test_no_text_at_all_gets_markup_through_slack_s30(text) -> None:
    drawn = for_slack(text)
    assert not {"<", ">", "`", "\x1b", "\u202e", "\u200b"} & set(drawn)
    assert "&" not in drawn.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


@given(st.text(max_size=300), st.integers(min_value=10, max_value=100))
def test_cutting_keeps_the_limit_for_every_text(text, limit) -> None:
    assert len(cut(text, limit)) <= limit
    assert len(for_plain(text, limit)) <= limit
