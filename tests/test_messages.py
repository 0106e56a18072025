"""The catalogues of fixed texts."""

from __future__ import annotations

import string

import pytest

from qa.intent import _INTENTS
from qa.messages import catalogue, message
from qa.types import LANGUAGES, Language


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_the_same_keys(language: Language) -> None:
    assert sorted(catalogue(language)) == sorted(catalogue("zh"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_has_the_same_placeholders(language: Language) -> None:
    assert {key: placeholders(text) for key, text in catalogue(language).items()} == {
        key: placeholders(text) for key, text in catalogue("zh").items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language: Language) -> None:
    assert [key for key, text in catalogue(language).items() if not text.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_small_talk_and_of_invalid_question_has_a_reply(language: Language) -> None:
    kinds = {kind for pack in _INTENTS.values() for kind in pack.small_talk}
    for kind in kinds | {"empty", "gibberish", "too_long", "no_topic"}:
        assert message(language, f"reply.{kind}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_are_in_their_language(language: Language) -> None:
    from qa.text import detect_language

    for key in ("outcome.no_clause", "reply.greeting", "reply.identity", "departments"):
        assert detect_language(message(language, key)) == language


def test_placeholders_are_filled_in() -> None:
    assert message("en", "clause", number="13") == "Clause 13"
    assert message("ko", "clause", number="13") == "제13조"


def test_a_missing_key_or_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        message("en", "absent")
    with pytest.raises(KeyError):
        message("en", "clause")
