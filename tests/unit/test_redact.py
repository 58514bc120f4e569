"""S29 and S30 at the lowest level: what is dropped before anything is written."""

import pytest

from chalicelib.redact import DROPPED, is_secret_key, mask, redact, strip_hidden

CANARY = "hunter2-canary"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql+psycopg2://mlflow:{CANARY}@db:5432/mlflow",
        f"postgresql://mlflow:p@ss{CANARY}@db/mlflow",
        f"https://{CANARY}@git.example.com/x",
        f"PASSWORD={CANARY}",
        f'{{"password": "{CANARY}"}}',
        f"secret_access_key: {CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: Basic {CANARY}",
        f"https://hooks.slack.com/services/T0/B0/{CANARY}",
        f"api_key='{CANARY} with blanks'",
        f"?X-Amz-Signature={CANARY}&X-Amz-Date=1",
    ],
)
def test_a_credential_in_text_is_dropped_and_the_words_around_it_stay_s29(text: str) -> None:
    masked = mask(f"before {text}")
    assert "canary" not in masked
    assert masked.startswith("before ")
    assert DROPPED in masked


def test_access_key_ids_and_tokens_are_known_by_their_shape_s29() -> None:
    assert mask("key AKIAIOSFODNN7EXAMPLE used") == f"key {DROPPED} used"
    assert mask("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig") == DROPPED


@pytest.mark.parametrize(
    "text", ["http://alb.example.com/health", "the password is wrong", "2 tokens left", "a@b.example"]
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "key", ["DB_PASSWORD", "adminSecret", "x-api-key", "Authorization", "task_token", "Set-Cookie"]
)
def test_a_value_under_a_secret_s_name_is_dropped_s29(key: str) -> None:
    assert is_secret_key(key)
    assert redact({"deep": [{key: CANARY, "kept": 1}]}) == {"deep": [{key: DROPPED, "kept": 1}]}


def test_environment_values_are_dropped_and_their_names_kept_s29() -> None:
    listed = {"environment": [{"name": "MLFLOW_X", "value": CANARY}, "odd"]}
    assert redact(listed) == {"environment": [{"name": "MLFLOW_X", "value": DROPPED}, DROPPED]}
    assert redact({"env": {"A": CANARY}}) == {"env": {"A": DROPPED}}
    assert redact({"environment": CANARY}) == {"environment": DROPPED}


def test_terminal_control_bidi_and_zero_width_characters_go_s30() -> None:
    assert strip_hidden("\x1b[31mred\x1b[0m\x1b]0;title\x07 x\x00\x08y") == "red xy"
    assert strip_hidden("a\u202eb\u200bc\ufeffd\u2066e\u2028f") == "abcdef"
    assert strip_hidden("line\r\nnext\ttab") == "line\nnext\ttab"


def test_nesting_without_end_is_cut_and_nothing_raises() -> None:
    value: dict[str, object] = {}
    value["self"] = value
    assert "[too deep]" in str(redact(value))


def test_what_is_no_json_becomes_text() -> None:
    assert redact({"a": {1, 2}, "b": 1.5, "c": None, "d": True}) == {"a": [1, 2], "b": 1.5, "c": None, "d": True}
    assert redact([object]) == ["<class 'object'>"]
