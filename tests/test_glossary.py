"""Terms: how their file is read, and how they are found in texts of three languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import CorpusError
from qa.glossary import Glossary, Term, builtin_terms, merge, read_terms

TERMS = (
    Term("出口信用保险", "export credit insurance", "수출신용보험", (("zh", "信保"),)),
    Term("信用保险", "credit insurance", "신용보험"),
    Term("关税", "tariff", "관세", (("en", "customs duty"),)),
    Term("海关", "customs", "세관"),
    Term("退税", "tax refund", "환급"),
    Term("补贴", "subsidy", "보조금", (("ko", "지원"),)),
    Term("支持", "support", "지원"),
)


def found(text: str) -> list[str]:
    glossary = Glossary(TERMS)
    return [glossary.terms[position].zh for position in glossary.find(text)]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("投保信保的窑厂", ["出口信用保险"]),
        ("we have Export-Credit  INSURANCE", ["出口信用保险"]),
        ("수출 신용 보험", ["出口信用保险"]),
        ("tariffs on porcelain", ["关税"]),
        ("退税和再退税", ["退税", "退税"]),
        ("關稅", ["关税"]),
        ("tax refund, 补贴", ["退税", "补贴"]),
        ("", []),
        ("窑炉", []),
    ],
)
def test_a_term_is_found_by_any_of_its_names(text: str, terms: list[str]) -> None:
    assert found(text) == terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("出口信用保险", ["出口信用保险"]),  # not 信用保险 as well
        ("customs duties", ["关税"]),  # not 海关 as well
        ("customs officer", ["海关"]),
    ],
)
def test_of_overlapping_names_the_longest_counts(text: str, terms: list[str]) -> None:
    assert found(text) == terms


@pytest.mark.parametrize("text", ["相关税收", "信用，保险", "taxrefund", "customary"])
def test_a_name_is_not_found_across_words_or_punctuation(text: str) -> None:
    assert found(text) == []


def test_a_name_that_two_terms_share_gives_both() -> None:
    assert found("지원이 있나요") == ["补贴", "支持"]


def test_an_empty_glossary_finds_nothing() -> None:
    assert Glossary(()).find("出口退税") == []


@given(st.text(st.sampled_from(list("出口信用保险税 customs duty,")) | st.characters()))
def test_any_text_can_be_searched(text: str) -> None:
    glossary = Glossary(TERMS)
    assert all(0 <= position < len(TERMS) for position in glossary.find(text))


def test_terms_with_one_chinese_name_become_one() -> None:
    merged = merge(
        [Term("窑厂", "kiln", ""), Term("釉料", "glaze", "유약"), Term("窑厂", "pottery", "가마")]
    )
    assert merged == (
        Term("窑厂", "kiln", "", (("en", "pottery"), ("ko", "가마"))),
        Term("釉料", "glaze", "유약"),
    )


def test_the_columns_of_a_file_are_read_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "glossary.csv"
    path.write_text(
        "en,zh,en_aliases,remark\nkiln,窑厂, pottery | works |,!\nno chinese name,,,\n",
        encoding="utf-8-sig",
    )
    assert read_terms(path) == (Term("窑厂", "kiln", "", (("en", "pottery"), ("en", "works"))),)


def test_a_file_without_the_chinese_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "glossary.csv"
    path.write_text("en,ko\nkiln,가마\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"no column 'zh' in line 1; start it with zh,en,ko"):
        read_terms(path)


@given(st.binary() | st.binary().map(b"zh,en\n".__add__))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any_glossary.csv"
    path.write_bytes(data)
    try:
        assert all(term.zh for term in read_terms(path))
    except CorpusError as error:
        assert error.remedy


def test_every_built_in_term_stands_once_and_has_three_names() -> None:
    terms = builtin_terms()
    assert len({term.zh for term in terms}) == len(terms)
    assert [term.zh for term in terms if not (term.zh and term.en and term.ko)] == []


def test_a_long_text_takes_time_in_proportion() -> None:
    """Ten thousand names in one text: the check for overlaps must not look at all those before."""
    glossary = Glossary([Term("窑炉", "kiln", "가마")])
    assert len(glossary.find("窑炉，" * 10_000)) == 10_000
