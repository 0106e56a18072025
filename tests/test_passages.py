"""What a clause is found by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.clauses import remainder, split
from qa.corpus import make_document
from qa.index import Index
from qa.passages import (
    LONGEST_UNNUMBERED,
    clause_sentences,
    passages,
    pieces,
    unnumbered_clauses,
)
from qa.types import Clause, Document, Passage


def of(index: Index, number: str, language: str) -> list[tuple[str, str, int]]:
    return [
        (passage.kind, passage.text, passage.sentence)
        for passage in index.passages
        if index.clauses[passage.clause].number == number and passage.language == language
    ]


def test_a_clause_is_found_by_title_sentences_whole_and_wordings(index: Index) -> None:
    assert of(index, "五", "zh") == [
        ("title", "奖励新窑炉", -1),
        ("sentence", "窑厂把柴窑改为电窑的，每座奖励十万元。", 0),
        ("sentence", "奖励分两年发放。", 1),
        ("clause", "奖励新窑炉窑厂把柴窑改为电窑的，每座奖励十万元。奖励分两年发放。", -1),
        ("wording", "烧柴的炉子换成用电的能拿多少钱", -1),
    ]


def test_a_clause_is_found_in_the_languages_it_is_translated_into(index: Index) -> None:
    assert of(index, "五", "en") == [
        ("title", "Rewarding new kilns", -1),
        ("sentence", "A kiln that replaces wood firing by an electric furnace receives a reward of 100,000 yuan for each furnace.", 0),
        ("sentence", "The reward is paid over two years.", 1),
        (
            "clause",
            "Rewarding new kilns A kiln that replaces wood firing by an electric furnace receives a reward of 100,000 yuan for each furnace. The reward is paid over two years.",
            -1,
        ),
    ]  # fmt: skip
    assert of(index, "第一条", "en") == []


def test_notes_that_name_departments_are_in_no_passage(index: Index) -> None:
    assert [passage.text for passage in index.passages if "责任单位" in passage.text] == []
    assert [
        passage.text for passage in index.passages if "Responsible departments" in passage.text
    ] == []


def test_passages_stand_in_the_order_of_their_clauses(index: Index) -> None:
    positions = [passage.clause for passage in index.passages]
    assert positions == sorted(positions)
    assert set(positions) == set(range(len(index.clauses)))


def test_sentences_leave_out_a_note_in_the_middle() -> None:
    clause = Clause(
        "d#一",
        "d",
        "一",
        (),
        "",
        0,
        17,
        "甲。（责任单位：乙）丙。丁。",
        body_start=0,
        notes=((2, 10),),
    )
    assert [clause.text[start:end] for start, end in clause_sentences(clause, "zh")] == [
        "甲。",
        "丙。",
        "丁。",
    ]


def test_a_clause_without_a_title_is_known_by_the_heading_above_it() -> None:
    document = Document("d", "zh", "", "正文。")
    clause = Clause("d#（一）", "d", "（一）", ("一、外层", "（二）内层"), "", 0, 3, "正文。")
    found = list(passages([clause], {"d": document}, {}, {}))
    assert found == [
        Passage(0, "title", "zh", "（二）内层"),
        Passage(0, "sentence", "zh", "正文。", 0),
        Passage(0, "clause", "zh", "（二）内层正文。"),
    ]


def test_an_over_long_sentence_gives_several_passages_of_one_number() -> None:
    sentence = "，".join(["窑厂可以申请补贴"] * 40) + "。"
    document = Document("d", "zh", "", sentence)
    clause = Clause("d#一", "d", "一", (), "", 0, len(sentence), sentence)
    parts = [p for p in passages([clause], {"d": document}, {}, {}) if p.kind == "sentence"]
    assert len(parts) == 2
    assert {part.sentence for part in parts} == {0}
    assert all(part.text.endswith(("，", "。")) for part in parts)
    assert "".join(part.text for part in parts) == sentence


# --- cutting what is over-long


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("短文", 10, ["短文"]),
        ("甲乙丙丁，戊己庚", 6, ["甲乙丙丁，", "戊己庚"]),
        ("甲乙，丙丁。戊己庚", 8, ["甲乙，丙丁。", "戊己庚"]),  # a full stop before a comma
        ("窑厂出口退税补贴", 5, ["窑厂出口", "退税补贴"]),  # no mark: between words
        ("aaaaaaaa", 4, ["aaaa", "aaaa"]),
    ],
)
def test_pieces_end_where_readers_pause(text: str, longest: int, expected: list[str]) -> None:
    assert pieces(text, longest) == expected


@given(
    st.text(st.sampled_from(list("税窑厂ab ，。；、,\n")) | st.characters(), max_size=400),
    st.integers(2, 60),
)
def test_pieces_joined_are_the_text(text: str, longest: int) -> None:
    parts = pieces(text, longest)
    assert "".join(parts) == text
    assert all(0 < len(part) <= longest for part in parts) or parts == [""]


# --- text without numbers


def test_the_preamble_is_a_clause_without_a_number(index: Index) -> None:
    unnumbered = [clause.text for clause in index.clauses if not clause.number]
    assert "为帮助本市窑厂走出去，制定以下措施。" in "\n".join(unnumbered)


def test_a_notice_without_numbers_is_cut_into_readable_clauses() -> None:
    document = make_document("notice", "夜市通知\n\n" + "摊主须自备垃圾桶并于收摊时清空。\n" * 60)
    clauses = unnumbered_clauses(document, remainder(document, split(document)))
    assert len(clauses) > 2
    assert all(len(clause.text) <= LONGEST_UNNUMBERED for clause in clauses)
    assert [clause.id for clause in clauses[:2]] == ["notice#+1", "notice#+2"]
    assert "".join("".join(clause.text.split()) for clause in clauses) == "".join(
        document.text.split()
    )


@given(
    st.text(
        st.sampled_from(list("税窑厂ab ，。一、（二）\n"))
        | st.characters(exclude_categories=("Cs",)),
        max_size=600,
    )
)
def test_every_letter_of_a_document_stands_in_a_clause_or_heading(text: str) -> None:
    document = make_document("d", text)
    numbered = split(document)
    clauses = [*numbered, *unnumbered_clauses(document, remainder(document, numbered))]
    covered = bytearray(len(document.text))
    for clause in clauses:
        assert document.text[clause.start : clause.end] == clause.text
        assert clause.text.strip() == clause.text
        covered[clause.start : clause.end] = b"\1" * len(clause.text)
    headings = "".join(heading for clause in numbered for heading in clause.path)
    lost = [c for c, there in zip(document.text, covered, strict=True) if not there and c.isalnum()]
    assert [character for character in lost if character not in headings] == []


def test_a_title_that_says_how_much_is_the_first_sentence_too() -> None:
    text = (
        "窑厂扶持办法\n\n第一条 对改造按40%给予补贴。每家一次。\n第二条 补贴参展。给展位费补助。\n"
    )
    document = make_document("d", text)
    with_figures, heading = split(document)
    assert [with_figures.text[a:b] for a, b in clause_sentences(with_figures, "zh")] == [
        "对改造按40%给予补贴。",
        "每家一次。",
    ]
    found = list(passages([with_figures], {"d": document}, {}, {}))
    assert found[-1].text == "对改造按40%给予补贴。每家一次。"
    assert [heading.text[a:b] for a, b in clause_sentences(heading, "zh")] == ["给展位费补助。"]
