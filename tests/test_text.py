"""Normal forms, runs of one script, languages, sentences."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa.text import detect_language, normalise, runs, sentence_spans
from qa.types import LANGUAGES, Language

ANY = st.text(st.characters())
"""Any text at all: control characters, lone surrogates, NUL, every script."""


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ＡＥＯ　１２％", "aeo 12%"),
        ("補貼標準", "补贴标准"),
        ("窑\u200b厂\ufeff", "窑厂"),
        ("a\u202eb\u202c", "ab"),
        ("nul\0l", "null"),
        ("Straße", "strasse"),
        ("①", "1"),
        ("가마", "가마"),
        ("가", "가"),
        ("line\nbreak\ttab", "line\nbreak\ttab"),
    ],
)
def test_the_normal_form_levels_what_readers_do_not_tell_apart(written: str, normal: str) -> None:
    assert normalise(written) == normal


@given(ANY)
@example("a\u200b\u0301")
@example("\u0345\u0301")
@example("İ\u0307")
@example("藴")
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_runs_are_of_one_script_each() -> None:
    assert list(runs("AEO企业 3.5% 가마x")) == [
        ("latin", "AEO", 0),
        ("han", "企业", 3),
        ("number", "3.5", 6),
        ("hangul", "가마", 11),
        ("latin", "x", 13),
    ]


def test_a_latin_word_keeps_its_apostrophes_and_hyphens() -> None:
    assert [run for _, run, _ in runs("the buyer's e-commerce -x-")] == [
        "the",
        "buyer's",
        "e-commerce",
        "x",
    ]


@given(ANY)
def test_runs_hold_every_letter_and_digit_in_order(text: str) -> None:
    end, held = 0, ""
    for _, run, start in runs(text):
        assert start >= end
        assert text[start : start + len(run)] == run
        end = start + len(run)
        held += run
    letters = re.compile(r"[^\W_]")
    assert letters.findall(held) == letters.findall(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("窑厂有补贴吗", "zh"),
        ("AEO是什么", "zh"),
        ("Is there a subsidy for kilns?", "en"),
        ("what does 补贴 mean in this policy", "en"),
        ("가마 보조금이 있나요", "ko"),
        ("AEO 인증", "ko"),
        ("出口退税 환급은 언제 되나요", "ko"),
    ],
)
def test_the_script_that_carries_most_tells_the_language(text: str, language: Language) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["", "123", "?!", "\0"])
def test_text_without_letters_has_the_language_that_is_assumed(
    text: str, language: Language
) -> None:
    assert detect_language(text, language) == language


@given(ANY)
def test_every_text_has_a_language(text: str) -> None:
    assert detect_language(text) in LANGUAGES


@pytest.mark.parametrize(
    ("text", "language", "sentences"),
    [
        ("第一句。第二句！第三句", "zh", ["第一句。", "第二句！", "第三句"]),
        ("他说：“好。”然后走了。", "zh", ["他说：“好。”", "然后走了。"]),
        ("标题\n\n  正文。", "zh", ["标题", "正文。"]),
        ("费率为3.5%。", "zh", ["费率为3.5%。"]),
        (
            "The rate is 3.5 percent. It ends at 12.30 today.",
            "en",
            ["The rate is 3.5 percent.", "It ends at 12.30 today."],
        ),
        ("Who pays? You do.", "en", ["Who pays?", "You do."]),
        ("환급은 3일 걸립니다. 서류를 내세요.", "ko", ["환급은 3일 걸립니다.", "서류를 내세요."]),
        ("。。。 —— ", "zh", []),
        ("", "en", []),
    ],
)
def test_sentences(text: str, language: Language, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in sentence_spans(text, language)] == sentences


@given(
    st.text(st.sampled_from(list("ab 1。.!?！？\n”)』税\u3000")) | st.characters()),
    st.sampled_from(LANGUAGES),
)
def test_sentences_are_in_order_apart_and_hold_every_letter(text: str, language: Language) -> None:
    spans = sentence_spans(text, language)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(start < end and text[start:end].strip() == text[start:end] for start, end in spans)
    inside = "".join(text[start:end] for start, end in spans)
    assert [c for c in inside if c.isalnum()] == [c for c in text if c.isalnum()]
