"""A text → its terms by channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.analysis import CHANNELS, analyse
from qa.glossary import Glossary, Term

GLOSSARY = Glossary((Term("退税", "tax refund", "환급"),))


def test_chinese_gives_words_grams_sounds_and_concepts() -> None:
    assert analyse("窑厂出口退税", GLOSSARY).terms == {
        "w:窑厂": 1, "w:出口": 1, "w:退税": 1,
        "g:窑厂": 1, "g:厂出": 1, "g:出口": 1, "g:口退": 1, "g:退税": 1,
        "s:yao·chang": 1, "s:chang·chu": 1, "s:chu·kou": 1, "s:kou·tui": 1, "s:tui·shui": 1,
        "c:0": 1,
    }  # fmt: skip


def test_english_gives_stems_and_trigrams_and_no_stop_words() -> None:
    analysis = analyse("the Kiln and kilns", GLOSSARY)
    assert analysis.terms == {
        "w:kiln": 2, "g:#ki": 2, "g:kil": 2, "g:iln": 2, "g:ln#": 1, "g:lns": 1, "g:ns#": 1,
    }  # fmt: skip
    assert analysis.surfaces == {"w:kiln": "kiln"}


def test_korean_loses_particles_and_endings() -> None:
    analysis = analyse("가마는 보조금을 받습니다", GLOSSARY)
    assert analysis.channel("w") == {"w:가마": 1, "w:보조금": 1, "w:받": 1}
    assert analysis.channel("g") == {
        "g:가마": 1, "g:마는": 1, "g:보조": 1, "g:조금": 1, "g:금을": 1, "g:받습": 1, "g:습니": 1, "g:니다": 1,
    }  # fmt: skip


def test_a_text_may_mix_scripts_and_numbers() -> None:
    words = analyse("AEO窑厂 환급 3.5%", GLOSSARY).channel("w")
    assert words == {"w:aeo": 1, "w:窑厂": 1, "w:환급": 1, "w:3.5": 1}


def test_a_single_character_is_its_own_gram() -> None:
    assert analyse("窑").channel("g") == {"g:窑": 1}


def test_homophones_share_their_sounds() -> None:
    assert analyse("出口腿税").channel("s") == analyse("出口退税").channel("s")


@pytest.mark.parametrize("text", ["出口退税", "a tax-refund", "수출 환급"])
def test_one_concept_in_three_languages(text: str) -> None:
    assert analyse(text, GLOSSARY).channel("c") == {"c:0": 1}


def test_without_a_glossary_there_are_no_concepts() -> None:
    assert analyse("出口退税").channel("c") == {}


def test_variants_that_readers_do_not_tell_apart_have_the_same_terms() -> None:
    assert analyse("出\u200b口退稅ＡＥＯ").terms == analyse("出口退税aeo").terms


@given(st.text(st.characters()))
def test_any_text_has_terms_of_known_channels_and_surfaces_for_its_words(text: str) -> None:
    analysis = analyse(text, GLOSSARY)
    assert {term[0] for term in analysis.terms} <= set(CHANNELS)
    assert all(term[1] == ":" and count > 0 for term, count in analysis.terms.items())
    assert set(analysis.surfaces) == set(analysis.channel("w"))
    assert all(analysis.surfaces.values())
    assert not any("\n" in term for term in analysis.terms)  # terms are stored one a line
