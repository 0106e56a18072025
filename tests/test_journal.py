"""The journal: what is stored, for how long, and what happens when it cannot be."""

from __future__ import annotations

import io
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock

import openpyxl
import pytest
from conftest import run_python
from hypothesis import given
from hypothesis import strategies as st

from qa.assistant import Assistant
from qa.config import Settings
from qa.errors import JournalUnavailable
from qa.journal import CallState, Entry, Journal, Reason, Span, Thumb, open_journal
from qa.journal.database import Database
from qa.journal.export import workbook
from qa.journal.records import Call, WorkOrder
from qa.journal.statistics import Selection
from qa.journal.writer import Writer

PHONE = "我的电话是13812345678，窑炉补贴多少"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


def ask(journal: Journal, question: str, days_ago: float = 0, **changes: object) -> str:
    """Stores a question as if it had been asked some days ago, and gives its id."""
    identifier = f"id-{time.monotonic_ns()}"
    entry = Entry(
        id=identifier, asked=datetime.now(UTC) - timedelta(days=days_ago), face="chat",
        session="", language="zh", question=question, outcome="answered",
        document="kilns", clause="kilns#一", title="窑炉", probability=0.9,
        departments=("市工信局",), milliseconds=2.0,
    )  # fmt: skip
    journal._opened().use(lambda store: store.add(replace(entry, **changes)))  # type: ignore[arg-type]
    return identifier


def contents(path: Path) -> bytes:
    """All bytes that the journal has on the disk."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something becomes so within ten seconds."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


# --- recording


def test_an_answer_is_stored_with_its_clause_and_departments(
    journal: Journal, assistant: Assistant
) -> None:
    answer = assistant.ask("窑炉改造有没有补贴")
    identifier = journal.record(
        "窑炉改造有没有补贴", answer, face="chat", session="tab", milliseconds=3.5
    )
    (entry,) = journal.entries()
    assert (entry.id, entry.question, entry.face) == (identifier, "窑炉改造有没有补贴", "chat")
    assert entry.outcome == answer.outcome
    assert entry.clause == answer.citations[0].clause.id
    assert entry.departments == answer.citations[0].clause.departments
    assert entry.probability == pytest.approx(answer.hits[0].probability)
    assert entry.milliseconds == 3.5
    assert abs(entry.asked - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_question_without_an_answer_names_the_nearest_clause_and_no_department(
    journal: Journal, assistant: Assistant
) -> None:
    answer = assistant.ask("明天下雨吗")
    assert not answer.citations
    journal.record("明天下雨吗", answer, face="desk")
    (entry,) = journal.entries()
    assert entry.outcome == "no_clause"
    assert entry.departments == ()


def test_personal_data_and_sessions_never_reach_the_disk(journal: Journal, path: Path) -> None:
    entry = journal.record(PHONE, None, face="chat", session="session-of-gradio")
    journal.rate(entry, Thumb.DOWN, Reason.IRRELEVANT, "写到 li@example.com")
    journal.call(entry, CallState.UNANSWERED, note="回拨 0631-5281234")
    (stored,) = journal.entries()
    assert stored.question == "我的电话是[phone]，窑炉补贴多少"
    assert stored.comment == "写到 [email]"
    for secret in ("13812345678", "session-of-gradio", "li@example.com", "5281234"):
        assert secret.encode() not in contents(path)


def test_a_phone_number_at_the_end_of_what_is_kept_is_not_cut_into_the_open(
    journal: Journal,
) -> None:
    journal.record("字" * 3995 + "13812345678", None, face="chat")
    (entry,) = journal.entries()
    assert not any(character.isdigit() for character in entry.question)


@given(st.text())
def test_any_text_can_be_recorded(text: str) -> None:
    journal = _shared()
    entry = journal.record(text + "\ud800", None, face="chat", session=text)
    assert journal.flush(10)
    assert journal.entries(limit=1)[0].id == entry


_SHARED: list[Journal] = []


def _shared() -> Journal:
    """A journal for many examples of one test."""
    if not _SHARED:
        _SHARED.append(Journal(Path(os.environ["QA_JOURNAL"]).with_name("shared.sqlite")))
    return _SHARED[0]


def test_recording_does_not_wait_for_the_disk(journal: Journal) -> None:
    held, release = threading.Event(), threading.Event()

    def slow(_store: object) -> None:
        held.set()
        release.wait(10)

    assert journal._writer
    journal._writer.submit(slow)
    assert held.wait(10)
    started = time.perf_counter()
    for number in range(100):
        journal.record(f"问题{number}", None, face="chat")
    assert time.perf_counter() - started < 0.5
    release.set()
    assert journal.flush(10)
    assert len(journal.entries()) == 100


def test_several_journals_write_one_file_at_once(path: Path) -> None:
    journals = [Journal(path) for _ in range(3)]
    for number in range(60):
        journals[number % 3].record(f"问题{number}", None, face="chat")
    assert all(journal.flush(20) for journal in journals)
    assert len(journals[0].entries()) == 60
    for journal in journals:
        journal.close()


# --- rating


def test_a_rating_replaces_the_one_before_and_can_be_taken_back(journal: Journal) -> None:
    entry = journal.record("窑炉", None, face="chat")
    journal.rate(entry, Thumb.UP)
    journal.rate(entry, Thumb.DOWN, Reason.NOT_DETAILED, "要材料清单")
    (rated,) = journal.entries()
    assert (rated.thumb, rated.reason, rated.comment) == ("down", "not_detailed", "要材料清单")
    journal.rate(entry, None)
    (rated,) = journal.entries()
    assert (rated.thumb, rated.reason, rated.comment) == ("", "", "")


def test_a_rating_of_an_unknown_question_is_ignored(journal: Journal) -> None:
    journal.rate("nobody", Thumb.UP)
    assert journal.flush()
    assert journal.entries() == ()


def test_only_what_the_asker_hoped_for_in_vain_is_no_fault_of_the_system() -> None:
    assert [reason for reason in Reason if not reason.fault] == [Reason.NOT_HOPED]


# --- calls


def test_a_call_is_marked_and_marked_again(journal: Journal) -> None:
    entry = ask(journal, "窑炉")
    journal.call(entry, CallState.HANDED_OVER, department="市工信局", caller="tab-1", operator="li")
    call = journal.call_of(entry)
    assert call
    assert (call.state, call.department, call.question) == ("handed_over", "市工信局", "窑炉")
    journal.call(entry, CallState.ANSWERED, department="市工信局")
    assert [(c.state, c.department) for c in journal.calls()] == [("answered", "")]
    journal.withdraw_call(entry)
    assert journal.call_of(entry) is None


def test_an_unanswered_call_becomes_a_work_order_until_it_is_answered(journal: Journal) -> None:
    first, second = ask(journal, "一"), ask(journal, "二")
    journal.call(first, CallState.UNANSWERED, note="等市工信局")
    journal.call(second, CallState.UNANSWERED)
    today = date.today().strftime("%Y%m%d")
    orders = journal.work_orders()
    assert [order.number for order in orders] == [f"{today}-002", f"{today}-001"]
    assert orders[1].call.note == "等市工信局"
    journal.call(first, CallState.ANSWERED)
    assert [order.call.entry for order in journal.work_orders()] == [second]
    (closed,) = journal.work_orders(closed=True)
    assert closed.closed
    journal.call(first, CallState.UNANSWERED)
    assert {order.number for order in journal.work_orders()} == {f"{today}-001", f"{today}-002"}


def test_a_work_order_is_closed_and_opened_by_its_number(journal: Journal) -> None:
    journal.call(ask(journal, "一"), CallState.UNANSWERED)
    (order,) = journal.work_orders()
    journal.close_work_order(order.number)
    assert journal.work_orders() == ()
    journal.close_work_order(order.number, closed=False)
    assert [each.number for each in journal.work_orders(None)] == [order.number]
    with pytest.raises(JournalUnavailable, match="no work order 20200101-001"):
        journal.close_work_order("20200101-001")


def test_a_call_about_an_unknown_question_is_an_error(journal: Journal) -> None:
    with pytest.raises(JournalUnavailable, match="has no question nobody; load the page again"):
        journal.call("nobody", CallState.ANSWERED)


# --- reading


def test_days_are_local_and_both_ends_are_included(journal: Journal) -> None:
    today = date.today()
    kept = [ask(journal, "今天"), ask(journal, "昨天", 1), ask(journal, "前天", 2)]
    assert [entry.id for entry in journal.entries(Span(today, today))] == [kept[0]]
    assert [entry.id for entry in journal.entries(Span(today - timedelta(days=1)))] == kept[:2]
    assert [e.id for e in journal.entries(Span(None, today - timedelta(days=1)))] == kept[1:]
    assert [entry.id for entry in journal.entries(limit=2)] == kept[:2]


def test_today_is_told_by_face_and_session(journal: Journal) -> None:
    journal.record("桌", None, face="desk", session="a")
    journal.record("聊", None, face="chat", session="a")
    journal.record("桌二", None, face="desk", session="b")
    assert {entry.question for entry in journal.today()} == {"桌", "聊", "桌二"}
    assert {entry.question for entry in journal.today("desk")} == {"桌", "桌二"}
    assert {entry.question for entry in journal.today("desk", "a")} == {"桌"}


def test_statistics_count_what_was_asked(journal: Journal) -> None:
    ask(journal, "窑炉", thumb="up")
    ask(journal, "窑炉", 1, thumb="down", reason="irrelevant", comment="不对")
    ask(journal, "kiln", 1, language="en", departments=("市工信局", "市财政局"))
    ask(journal, "天气", outcome="no_clause", probability=0.04, departments=())
    ask(journal, "天气", outcome="no_clause", probability=0.04, departments=())
    ask(journal, "你好", outcome="small_talk")
    found = journal.statistics(Selection())
    assert found.questions == 5
    assert found.answered_share == pytest.approx(3 / 5)
    assert found.outcomes == {"answered": 3, "no_clause": 2, "small_talk": 1}
    assert found.languages == {"zh": 4, "en": 1}
    assert found.departments == {"市工信局": 3, "市财政局": 1}
    assert found.thumbs == {"down": 1, "up": 1}
    assert found.reasons == {"irrelevant": 1}
    assert found.comments == (("窑炉", "irrelevant", "不对"),)
    assert found.clauses == {"kilns#一": 3}
    yesterday, today = sorted(found.days)
    assert (today - yesterday).days == 1
    assert found.days[yesterday] == {"answered": 2, "zh": 1, "en": 1}
    assert found.confidence["no_clause"][0] == 2
    assert found.confidence["answered"][18] == 3
    assert [(u.question, u.count) for u in found.unanswered] == [("天气", 2), ("窑炉", 1)]
    assert found.milliseconds == (2.0, 2.0)


def test_statistics_keep_to_their_selection(journal: Journal) -> None:
    ask(journal, "窑炉")
    ask(journal, "kiln", language="en")
    ask(journal, "夜市", document="market")
    ask(journal, "旧", 30)
    today = Span(date.today(), date.today())
    assert journal.statistics(Selection(today)).questions == 3
    assert journal.statistics(Selection(today, language="en")).questions == 1
    chosen = journal.statistics(Selection(today, document="market"))
    assert (chosen.questions, chosen.documents) == (1, {"kilns": 2, "market": 1})
    nothing = journal.statistics(Selection(Span(date(2001, 1, 1), date(2001, 1, 2))))
    assert (nothing.questions, nothing.answered_share, nothing.days) == (0, None, {})


def test_a_certain_answer_stands_in_the_last_bar(journal: Journal) -> None:
    ask(journal, "一", probability=1.0)
    ask(journal, "二", probability=0.0)
    bars = journal.statistics(Selection()).confidence["answered"]
    assert (bars[0], bars[-1], sum(bars)) == (1, 1, 2)


def test_what_the_office_has_settled_is_unanswered_no_more(journal: Journal) -> None:
    ask(journal, "天气", outcome="no_clause")
    journal.settle("天气", "zh", "wording", "kilns", "", "li")
    assert journal.statistics(Selection()).unanswered == ()
    journal.unsettle("天气", "zh")
    assert [each.question for each in journal.statistics(Selection()).unanswered] == ["天气"]


def test_an_answered_question_that_the_hotline_could_not_answer_is_unanswered(
    journal: Journal,
) -> None:
    journal.call(ask(journal, "窑炉"), CallState.UNANSWERED)
    assert [each.question for each in journal.statistics(Selection()).unanswered] == ["窑炉"]


# --- Excel


def read(data: bytes) -> dict[str, list[tuple[object, ...]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {sheet.title: [*sheet.iter_rows(values_only=True)] for sheet in book}


def test_questions_calls_and_work_orders_are_exported(journal: Journal) -> None:
    entry = ask(journal, "窑炉", thumb="down", reason="irrelevant")
    journal.call(entry, CallState.UNANSWERED, note="等")
    sheets = read(journal.workbook(language="en"))
    assert list(sheets) == ["Questions", "Calls", "Work orders"]
    head, row = sheets["Questions"]
    assert dict(zip(head, row, strict=True))["Question"] == "窑炉"
    assert dict(zip(head, row, strict=True))["Reason"] == "Irrelevant"
    assert "Unanswered" in sheets["Calls"][1]
    assert sheets["Work orders"][1][0] == journal.work_orders()[0].number
    assert list(read(journal.workbook())) == ["问题", "来电", "工单"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
def test_no_text_is_a_formula_for_excel(journal: Journal, start: str) -> None:
    question = f'{start}HYPERLINK("http://x")'
    entry = ask(journal, question)
    journal.call(entry, CallState.UNANSWERED, note=question)
    book = openpyxl.load_workbook(io.BytesIO(journal.workbook()))
    texts = [
        cell
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if "HYPERLINK" in str(cell.value)
    ]
    assert len(texts) == 5
    assert {cell.data_type for cell in texts} == {"s"}
    assert all(cell.quotePrefix for cell in texts)


@given(st.text())
def test_any_text_can_be_exported(text: str) -> None:
    entry = Entry(
        "id", datetime.now(UTC), "chat", "", "zh", text, "answered", "", "", text, 0.5, (text,), 1.0
    )
    call = Call("id", entry.asked, CallState.ANSWERED, text, text, "", text, text, "", "", "")
    read(workbook([entry], [call], [WorkOrder("1", call, entry.asked)], "ko"))


# --- deleting


def test_questions_are_deleted_by_id_by_day_or_all_at_once(journal: Journal, path: Path) -> None:
    first, second, third = ask(journal, "甲甲"), ask(journal, "乙乙", 3), ask(journal, "丙丙", 9)
    journal.call(first, CallState.UNANSWERED)
    assert journal.delete([first, "nobody"]) == 1
    assert (journal.calls(), journal.work_orders(None)) == ((), ())
    day = date.today() - timedelta(days=3)
    assert journal.delete(span=Span(day, day)) == 1
    assert [entry.id for entry in journal.entries()] == [third]
    assert second != third
    assert journal.delete_all() == 1
    journal.close()
    for text in ("甲甲", "乙乙", "丙丙"):
        assert text.encode() not in contents(path)


def test_what_is_older_than_the_retention_is_deleted_unless_an_answer_is_owed(path: Path) -> None:
    journal = Journal(path)
    ask(journal, "旧", 40)
    owed, kept = ask(journal, "欠", 40), ask(journal, "新", 20)
    journal.call(owed, CallState.UNANSWERED)
    journal.close()
    journal = Journal(path, retention_days=30)
    assert {entry.id for entry in journal.entries()} == {owed, kept}
    journal.close()


def test_retention_goes_on_while_the_program_runs(path: Path) -> None:
    journal = Journal(path, retention_days=30)
    assert journal.flush(10)
    ask(journal, "旧", 40)
    journal._opened()._expired -= 25 * 3600
    journal.record("新", None, face="chat")
    assert [entry.question for entry in journal.entries()] == ["新"]
    journal.close()


# --- turned off


def test_turned_off_nothing_is_stored_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setenv("QA_LOG", "off")
    monkeypatch.setenv("QA_JOURNAL", str(path))
    journal = open_journal(Settings.from_environment())
    entry = journal.record("窑炉", None, face="chat")
    journal.rate(entry, Thumb.UP)
    assert not journal.enabled
    assert (journal.entries(), journal.today(), journal.work_orders()) == ((), (), ())
    with pytest.raises(JournalUnavailable, match="turned off; set QA_LOG=on"):
        journal.call(entry, CallState.ANSWERED)
    journal.close()
    assert not path.parent.exists()


def test_by_default_the_journal_lies_in_the_users_own_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("QA_JOURNAL")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_environment().journal.is_relative_to(tmp_path)


def test_only_its_owner_can_read_the_file(journal: Journal, path: Path) -> None:
    journal.record("窑炉", None, face="chat")
    assert journal.flush()
    assert path.stat().st_mode & 0o077 == 0


# --- what goes wrong


def test_a_file_that_is_no_database_is_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    journal = Journal(path)
    journal.record("窑炉", None, face="chat")
    assert [entry.question for entry in journal.entries()] == ["窑炉"]
    journal.close()
    (aside,) = path.parent.glob("journal.damaged-*.sqlite")
    assert aside.read_bytes() == b"not a database at all" * 100
    assert "is damaged: it was kept as journal.damaged-" in caplog.text


def test_a_database_that_gets_damaged_is_set_aside_and_nothing_recorded_after_is_lost(
    path: Path,
) -> None:
    journal = Journal(path)
    for number in range(300):
        journal.record(f"问题 {number}" * 50, None, face="chat")
    assert journal.flush(20)
    data = bytearray(path.read_bytes())
    data[100 : len(data)] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)
    journal.record("之后", None, face="chat")
    assert [entry.question for entry in journal.entries()] == ["之后"]
    journal.close()
    assert len([*path.parent.glob("journal.damaged-*.sqlite")]) == 1


def test_a_disk_that_is_full_is_logged_once_and_what_waits_is_stored_later(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.record("之前", None, face="chat")
    assert journal.flush()
    with mock.patch("qa.journal.writer._AGAIN", 0.05):
        store = journal._opened()
        with mock.patch.object(store, "apply", side_effect=sqlite3.OperationalError("disk full")):
            for number in range(5):
                journal.record(f"问题{number}", None, face="chat")
                time.sleep(0.05)
            assert not journal.flush(1)
        assert eventually(lambda: journal.flush(1))
    assert len(journal.entries()) == 6
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [error.getMessage() for error in errors] == [
        "the journal cannot be written (disk full); answers go on without it"
    ]
    assert "is written again; 0 changes were lost" in caplog.text


def test_what_waits_is_bounded_and_what_is_lost_is_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        broken = True

        def apply(self, _batch: list[object]) -> None:
            if self.broken:
                raise OSError("no disk")

    store = Broken()
    with mock.patch("qa.journal.writer._AGAIN", 0.01):
        writer = Writer(lambda: store, limit=3)  # type: ignore[arg-type, return-value]
        for _ in range(5):
            writer.submit(lambda _store: None)
        assert not writer.flush(0.5)
        store.broken = False
        assert eventually(lambda: writer.flush(0.1))
    writer.close(1)
    assert "2 changes were lost" in caplog.text
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_told_to_who_needs_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(tmp_path / "file" / "journal.sqlite")
    entry = journal.record("窑炉", None, face="chat")
    with pytest.raises(JournalUnavailable, match="cannot be used"):
        journal.call(entry, CallState.ANSWERED)
    journal.close()


KILLED = """
import sys
from pathlib import Path
from qa.journal import Journal
journal = Journal(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    journal.record(f"question {number}", None, face="chat")
    if number % 50 == 0:
        journal.flush(10)
        print(number, flush=True)
"""


@pytest.mark.slow
def test_what_was_flushed_survives_a_kill_in_the_middle_of_writing(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    flushed = 0
    while flushed < 500:
        flushed = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    flushed = max([flushed, *(int(line) for line in process.stdout.read().split())])
    process.wait()
    process.stdout.close()
    journal = Journal(path)
    found = {entry.question for entry in journal.entries()}
    journal.close()
    assert {f"question {number}" for number in range(1, flushed + 1)} <= found
    assert not [*path.parent.glob("*damaged*")]


def test_the_end_of_the_program_stores_what_is_queued(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from qa.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(20): journal.record(f'q{n}', None, face='chat')\n"
    )
    done = run_python("-c", program, str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(Journal(path).entries()) == 20


# --- migrations


def test_the_migrations_lead_to_the_tables_that_the_program_uses(path: Path) -> None:
    migrated = Database(path)
    migrated.prepare()
    migrated.prepare()  # nothing is left to do
    created = Database(path.with_name("created.sqlite"))
    created.file.create_tables(
        [created.question, created.call, created.work_order, created.settled]
    )
    for table in ("question", "call", "workorder", "settled"):
        described = [
            [(c.name, c.data_type, c.null, c.primary_key) for c in each.file.get_columns(table)]
            for each in (migrated, created)
        ]
        assert described[0] == described[1] != []
    for each in (migrated, created):
        each.file.close()


# --- the command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python("-W", "ignore", "-m", "qa", "journal", *arguments)


def test_the_command_exports_counts_and_deletes(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    first = ask(journal, "窑炉")
    ask(journal, "夜市", 5)
    journal.close()
    named = ("--journal", str(path))
    assert "questions\t2" in run(*named, "stats").stdout
    file = tmp_path / "out.xlsx"
    assert run(*named, "export", str(file), "--language", "ko").returncode == 0
    assert "질문" in read(file.read_bytes())
    done = run(*named, "delete", "--id", first)
    assert (done.returncode, done.stdout) == (0, "1 questions deleted\n")
    assert run(*named, "delete", "--id", first).returncode == 1
    assert run(*named, "delete").returncode == 2
    assert run(*named, "delete", "--all").stdout == "1 questions deleted\n"
    missing = run("--journal", str(tmp_path / "absent"), "stats")
    assert missing.returncode == 1
    assert "does not exist; name the file with --journal or QA_JOURNAL" in missing.stderr
