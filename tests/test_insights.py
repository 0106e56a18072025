"""The insights page without a browser: groups, figures, and what is added to the corpus."""

from __future__ import annotations

import codecs
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import openpyxl
import pytest
from conftest import BagOfCharacters
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from qa.alignment import unmatched
from qa.assistant import Assistant
from qa.clauses import split
from qa.corpus import corpus_digest, read_corpus, read_wordings, scan
from qa.errors import CorpusError
from qa.evaluation import read_questions
from qa.groups import group
from qa.journal import Entry, Journal, Reason, Thumb
from qa.types import LANGUAGES, Language
from qa.web.insights import Insights, add_export
from qa.web.insights.figures import DARK, LIGHT, Series, ranked, stacked
from qa.web.insights.view import Chosen, Query, Settlement
from qa.wordings import Addition, add_gold, add_wording, remove_gold, remove_wording

CERAMICS = "tangxi_ceramics"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


@pytest.fixture
def insights(assistant: Assistant, journal: Journal, corpus_folder: Path) -> Insights:
    return Insights(lambda: assistant, journal, corpus_folder)


def ask(journal: Journal, assistant: Assistant, *questions: str) -> list[str]:
    return [
        journal.record(question, assistant.ask(question), face="chat", milliseconds=2.0)
        for question in questions
    ]


# --- groups


def test_questions_that_ask_the_same_stand_together_the_most_typical_first() -> None:
    questions = ["abcd", "wxyz", "abce", "abcf", "wxyy"]
    groups = group(questions, BagOfCharacters(), distance=0.5)
    assert [set(members) for members in groups] == [{0, 2, 3}, {1, 4}]
    assert group([], BagOfCharacters()) == []
    assert group(["alone"], BagOfCharacters()) == [[0]]


@given(st.lists(st.text("abcxyz", max_size=6), max_size=12), st.floats(0.05, 1.5))
def test_each_question_is_in_exactly_one_group(questions: list[str], distance: float) -> None:
    groups = group(questions, BagOfCharacters(), distance)
    assert sorted(member for members in groups for member in members) == list(range(len(questions)))


def test_more_questions_than_can_be_compared_are_refused() -> None:
    with mock.patch("qa.groups.MOST", 3), pytest.raises(ValueError, match="4 questions"):
        group(list("abcd"), BagOfCharacters())


# --- wordings


def addition(question: str, clause: str = "三", language: Language = "zh") -> Addition:
    return Addition("policy", language, clause, question)


def test_a_wording_goes_to_the_file_that_the_build_reads(tmp_path: Path) -> None:
    assert add_wording(tmp_path, addition("窑炉 “新” 的,补贴\n多少"))
    assert not add_wording(tmp_path, addition("窑炉 “新” 的,补贴 多少"))
    assert add_wording(tmp_path, addition("天气", clause=""))
    path = tmp_path / "wordings" / "policy.zh.csv"
    first, second = read_wordings(path)
    assert (first.document_id, first.clause, first.question) == (
        "policy",
        "三",
        "窑炉 “新” 的,补贴 多少",
    )
    assert (second.clause, second.question) == ("", "天气")
    assert remove_wording(tmp_path, addition("窑炉 “新” 的,补贴 多少"))
    assert not remove_wording(tmp_path, addition("窑炉 “新” 的,补贴 多少"))
    assert [each.question for each in read_wordings(path)] == ["天气"]


@pytest.mark.parametrize(
    "before",
    [
        b"clause,language,question\n\xe4\xb8\x80,zh,\xe9\x97\xae\n",
        b"clause,language,question\n\xe4\xb8\x80,zh,\xe9\x97\xae",  # no line end at the end
        codecs.BOM_UTF8 + b"clause,language,question\r\n\xe4\xb8\x80,zh,\xe9\x97\xae\r\n",
        b'question,remark,clause,language\n"a\nb",mine,\xe4\xb8\x80,zh\n',
        b"clause,language,question\n\n\xe4\xb8\x80 , zh ,  x  \n,,\n",
    ],
)
def test_the_rows_that_are_there_keep_every_byte(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "wordings" / "policy.zh.csv"
    path.parent.mkdir()
    path.write_bytes(before)
    assert add_wording(tmp_path, addition("新的问法"))
    after = path.read_bytes()
    assert after.startswith(before)
    assert "新的问法".encode() in after
    assert after.count(b"\r\n") in (0, after.count(b"\n"))
    assert remove_wording(tmp_path, addition("新的问法"))
    assert path.read_bytes() in (before, before + b"\n")


@given(
    st.lists(
        st.tuples(st.sampled_from(["一", "三", "一/（二）", ""]), st.text(max_size=40)), max_size=6
    )
)
def test_whatever_is_added_can_be_read_and_taken_back(rows: list[tuple[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder, added = Path(name), []
        for clause, text in rows:
            try:
                if add_wording(folder, addition(text, clause)):
                    added.append(addition(text, clause))
            except CorpusError:
                continue  # nothing is left of it, or it stands there for another clause
        path = folder / "wordings" / "policy.zh.csv"
        if added:
            read = [(each.clause, each.question) for each in read_wordings(path)]
            assert read == [(each.clause, each.tidy().question) for each in added]
        for each in added:
            assert remove_wording(folder, each)
        assert not added or read_wordings(path) == ()


def test_a_wording_that_another_clause_has_is_refused(tmp_path: Path) -> None:
    add_wording(tmp_path, addition("窑炉补贴"))
    with pytest.raises(CorpusError, match="for clause 三 already; take it out there first"):
        add_wording(tmp_path, addition("窑炉补贴", clause="四"))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "'="])
def test_no_wording_is_a_formula_for_a_spreadsheet(tmp_path: Path, start: str) -> None:
    add_wording(tmp_path, addition(f"{start}cmd|' /C calc'!A0"))
    (wording,) = read_wordings(tmp_path / "wordings" / "policy.zh.csv")
    assert wording.question == "cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (addition("   "), "is empty"),
        (addition("字" * 501), "more than 500"),
        (Addition("../../etc/passwd", "zh", "", "x"), "is no document"),
        (Addition("policy", "fr", "", "x"), "is no document"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_wording_is_refused(tmp_path: Path, wrong: Addition, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        add_wording(tmp_path, wrong)
    assert [*tmp_path.rglob("*.csv")] == []


def test_a_file_that_is_no_table_of_wordings_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wordings" / "policy.zh.csv"
    path.parent.mkdir()
    for content in (b"name,age\nli,3\n", "clause,language,question\n一,zh,问".encode("gb18030")):
        path.write_bytes(content)
        with pytest.raises(CorpusError):
            add_wording(tmp_path, addition("窑炉"))
        assert path.read_bytes() == content


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    add_wording(tmp_path, addition("窑炉"))
    path = tmp_path / "wordings" / "policy.zh.csv"
    before = path.read_bytes()
    with (
        mock.patch("qa.wordings.os.fsync", side_effect=OSError(28, "No space left on device")),
        pytest.raises(CorpusError, match="No space left on device"),
    ):
        add_wording(tmp_path, addition("瓷器"))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir() if each.name != ".lock"] == [path.name]


ADDS = """
import sys
from pathlib import Path
from qa.wordings import Addition, add_wording
for number in range(15):
    add_wording(Path(sys.argv[1]), Addition("policy", "zh", "三", f"{sys.argv[2]} {number}"))
"""


def test_two_offices_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    offices = [subprocess.Popen([sys.executable, "-c", ADDS, str(tmp_path), name]) for name in "ab"]
    assert [office.wait(60) for office in offices] == [0, 0]
    assert len(read_wordings(tmp_path / "wordings" / "policy.zh.csv")) == 30


def test_gold_questions_are_no_policies_and_make_no_index_stale(tmp_path: Path) -> None:
    before = corpus_digest(tmp_path)
    assert add_gold(tmp_path, addition("窑炉补贴多少"))
    assert (scan(tmp_path), corpus_digest(tmp_path)) == ([], before)


def test_gold_questions_go_to_a_file_that_can_be_evaluated(tmp_path: Path) -> None:
    assert add_gold(tmp_path, addition("窑炉补贴多少"))
    assert add_gold(tmp_path, addition("天气", clause=""))
    assert not add_gold(tmp_path, addition("天气", clause=""))
    path = tmp_path / "gold" / "policy.zh.jsonl"
    known, unknown = read_questions(path)
    assert (known.text, known.clauses) == ("窑炉补贴多少", ("三",))
    assert unknown.clauses == ()
    assert remove_gold(tmp_path, addition("窑炉补贴多少"))
    assert [question.text for question in read_questions(path)] == ["天气"]


# --- the page


def board(insights: Insights, **changes: Any) -> Any:
    return insights.board(Query.model_validate(changes))


def test_without_questions_the_page_says_what_will_be_there(insights: Insights) -> None:
    shown = board(insights, interface="en")
    assert "Nobody has asked yet" in shown.rest
    assert not any(shown.figures)


def test_an_empty_selection_leads_back_to_all_days(
    insights: Insights, journal: Journal, assistant: Assistant
) -> None:
    ask(journal, assistant, "窑炉改造有没有补贴")
    shown = board(insights, interface="en", first="2001-01-01", last="2001-01-02")
    assert "No questions in this selection" in shown.rest
    shown = board(insights, interface="en", language="ko")
    assert not any(shown.figures)


def test_with_the_log_turned_off_the_page_says_so(assistant: Assistant, tmp_path: Path) -> None:
    insights = Insights(lambda: assistant, Journal(None), tmp_path)
    assert "QA_LOG=off" in board(insights, interface="ko").rest


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_tells_what_was_asked_in_each_language(
    insights: Insights, journal: Journal, assistant: Assistant, language: Language
) -> None:
    answered = "窑炉改造有没有补贴"
    first, *_ = ask(journal, assistant, answered, answered, "明天下雨吗", "明天会下雨吗")
    journal.rate(first, Thumb.DOWN, Reason.NOT_HOPED, "要 <b>现金</b>")
    shown = board(insights, interface=language)
    answer = assistant.ask(answered)
    assert len([figure for figure in shown.figures if figure]) == 6
    assert "明天下雨吗" in shown.rest
    assert "<b>现金</b>" not in shown.rest
    assert "&lt;b&gt;现金" in shown.rest
    clause = answer.citations[0].clause
    counts = shown.figures[2].data[0]
    assert list(counts.x) == [2]
    assert clause.title in counts.customdata[0] or language != "zh"
    days = shown.figures[0]
    assert sum(sum(trace.y) for trace in days.data) == 4
    week = [(date.today() - timedelta(days=n)).isoformat() for n in reversed(range(7))]
    assert {tuple(trace.x) for trace in days.data} == {tuple(week)}


def test_questions_alike_are_grouped_with_the_nearest_clauses_to_choose_from(
    insights: Insights, journal: Journal, assistant: Assistant
) -> None:
    ask(journal, assistant, "明天下雨吗", "明天下雨吗", "明天下雨呢", "qqqq zzzz xxxx")
    found = journal.statistics(Query().selection())
    groups, left_out = insights._groups(found, assistant, "zh")
    assert left_out == 0
    assert groups[0].count == 3
    assert {each.question for each in groups[0].questions} == {"明天下雨吗", "明天下雨呢"}
    assert all(option.clause and option.percent <= 100 for option in groups[0].options)
    percents = [option.percent for option in groups[0].options]
    assert percents == sorted(percents, reverse=True)


def settlement(text: str, clause: str = "", kind: str = "wording") -> Settlement:
    return Settlement(
        kind=kind,  # type: ignore[arg-type]
        document=CERAMICS,
        clause=clause,
        questions=[Chosen(asked=text, language="zh", text=text)],
        interface="en",
    )


@pytest.mark.parametrize("kind", ["wording", "gold"])
def test_a_click_adds_a_question_to_the_corpus_and_another_takes_it_back(
    insights: Insights, journal: Journal, assistant: Assistant, corpus_folder: Path, kind: str
) -> None:
    before = {p: p.read_bytes() for p in corpus_folder.rglob("*") if p.is_file()}
    ask(journal, assistant, "明天下雨吗")
    clause = next(c for c in assistant.index.clauses if c.document_id == CERAMICS and c.number)
    told = insights.settle(settlement("明天下雨吗", clause.id, kind), "li")
    assert not told["failed"]
    assert ("Clause 1" if kind == "wording" else "gold questions") in told["html"]
    assert "明天下雨吗" not in board(insights).rest
    corpus = read_corpus(corpus_folder)
    clauses = [each for document in corpus.documents for each in split(document)]
    assert [*unmatched(corpus, clauses)] == []
    added = [each for each in corpus.wordings if each.question == "明天下雨吗"]
    assert [each.clause for each in added] == ([clause.number] if kind == "wording" else [])
    undone = insights.undo(settlement("明天下雨吗", clause.id, kind))
    assert undone == {"failed": False, "text": "Undone."}
    assert "明天下雨吗" in board(insights).rest
    after = {p: p.read_bytes() for p in before}
    assert after == before


def test_a_question_that_no_clause_answers_is_added_as_such(
    insights: Insights, journal: Journal, assistant: Assistant, corpus_folder: Path
) -> None:
    ask(journal, assistant, "明天下雨吗 13812345678")
    (unanswered,) = journal.statistics(Query().selection()).unanswered
    told = insights.settle(settlement(unanswered.question), "")
    assert told["done"][0]["text"] == "明天下雨吗 [phone]"
    wordings = read_wordings(corpus_folder / "wordings" / f"{CERAMICS}.zh.csv")
    assert (wordings[-1].clause, wordings[-1].question) == ("", "明天下雨吗")


@pytest.mark.parametrize(
    ("document", "clause"),
    [("../x", ""), (CERAMICS, "nothing#一"), ("tangxi_market", f"{CERAMICS}#一")],
)
def test_what_names_no_clause_of_the_document_changes_nothing(
    insights: Insights, corpus_folder: Path, document: str, clause: str
) -> None:
    before = {p: p.read_bytes() for p in corpus_folder.rglob("*") if p.is_file()}
    wanted = settlement("问", clause).model_copy(update={"document": document})
    told = insights.settle(wanted, "")
    assert told["failed"]
    assert "Not saved: " in told["html"]
    assert {p: p.read_bytes() for p in corpus_folder.rglob("*") if p.is_file()} == before


def test_the_selection_is_exported_with_its_counts(
    insights: Insights, journal: Journal, assistant: Assistant
) -> None:
    ask(journal, assistant, "窑炉改造有没有补贴", "=1+1 明天下雨吗")
    app = FastAPI()
    add_export(app, insights)
    client = TestClient(app)
    today = date.today().isoformat()
    reply = client.get("/insights/export", params={"first": today, "interface": "en", "last": ""})
    assert reply.headers["content-disposition"] == f'attachment; filename="questions_{today}.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(reply.content))
    assert book.sheetnames == ["Counts", "Questions"]
    rows = [*book["Questions"].iter_rows(values_only=True)]
    assert {row[3] for row in rows[1:]} == {"窑炉改造有没有补贴", "=1+1 明天下雨吗"}
    assert client.get("/insights/export", params={"first": "yesterday"}).status_code == 422
    off = FastAPI()
    add_export(off, Insights(lambda: assistant, Journal(None), Path()))
    assert TestClient(off).get("/insights/export").status_code == 503


# --- figures


def test_a_figure_holds_the_values_it_was_given() -> None:
    days = [(date(2026, 3, 1) + timedelta(days=n)).isoformat() for n in range(3)]
    figure = stacked(
        "By day", days, [Series("zh", [1, 0, 2], 0), Series("en", [0, 5, 1], 1)], LIGHT, "times"
    )
    shown = json.loads(figure.to_json())
    assert [trace["y"] for trace in shown["data"]] == [[1, 0, 2], [0, 5, 1]]
    assert shown["layout"]["barmode"] == "stack"
    assert shown["layout"]["xaxis"]["type"] == "date"
    assert len(figure.to_json()) < 4000  # no template comes with it


def test_a_long_name_is_cut_beside_its_bar_and_whole_when_pointed_at() -> None:
    name = "中国出口信用保险公司山东分公司威海营业部"
    figure = ranked("Departments", {name: 7, "市商务局": 3}, DARK, "times")
    assert figure.layout.yaxis.ticktext == ("中国出口信用保险公司山东分公司威海营…", "市商务局")
    assert figure.data[0].customdata == (name, "市商务局")
    assert figure.data[0].x == (7, 3)


def test_entries_of_another_version_are_shown_as_they_are(
    insights: Insights, journal: Journal
) -> None:
    entry = Entry(
        "x", datetime.now(UTC), "kiosk", "", "zh", "问", "answered", "gone", "gone#九", "旧",
        0.9, ("旧局",), 1.0, thumb="down", reason="too_long",
    )  # fmt: skip
    journal._opened().use(lambda store: store.add(entry))
    shown = board(insights, interface="en")
    for text in ("gone#九", "旧局", "too_long", "kiosk"):
        assert text in shown.rest
