"""An assistant that follows its index: swapped while people ask, and nobody notices."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest
from conftest import SMALL, BagOfCharacters, build_quickly, plain_ranking

from qa.builds import current_name
from qa.encoder import Encoder
from qa.errors import IndexMissing
from qa.live import LiveAssistant, carried_over
from qa.ranking import Ranking
from qa.types import Answer, Language, Outcome
from qa.web.chat import Chat

ASKED = "窑炉改造补贴"
EXTRA = "{name}办法\n\n第一条 {name}由市商务局管理。\n\n第二条 {name}每日八时开放。\n"


@pytest.fixture(autouse=True)
def ranking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ranking, "load", classmethod(lambda *_: plain_ranking()))
    monkeypatch.setattr("qa.live.model_fingerprint", lambda _: BagOfCharacters().fingerprint)


@dataclass
class Desk:
    """A corpus, its index, and an assistant that follows it."""

    corpus: Path
    index: Path
    live: LiveAssistant

    def build(self) -> str:
        """Builds the corpus as it is; the name of the build."""
        build_quickly(self.corpus, self.index, BagOfCharacters())
        return current_name(self.index)

    def add(self, name: str) -> str:
        (self.corpus / f"{name}.txt").write_text(EXTRA.format(name=name), encoding="utf-8")
        return self.build()


def load_bag(name: str) -> Encoder:
    return BagOfCharacters(name)


@pytest.fixture
def desk(index_folder: Path, corpus_folder: Path) -> Iterator[Desk]:
    live = LiveAssistant(index_folder, load_bag, "bag-of-characters")
    yield Desk(corpus_folder, index_folder, live)
    live.stop()


def ids(answer: Answer) -> set[str]:
    return {hit.clause.document_id for hit in answer.hits}


def test_a_new_index_answers_once_it_is_in_use(desk: Desk) -> None:
    before = desk.live.current
    assert not desk.live.refresh()
    name = desk.add("夜市")
    assert desk.live.current is before
    assert desk.live.refresh()
    assert desk.live.build == name
    assert "夜市" in ids(desk.live.current.ask("夜市由哪个部门管理"))
    assert "夜市" not in ids(before.ask("夜市由哪个部门管理"))  # a question under way finishes


def test_the_encoder_is_loaded_once(desk: Desk) -> None:
    desk.add("夜市")
    desk.live._load_encoder = None  # type: ignore[assignment]
    assert desk.live.refresh()


def test_it_looks_for_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.live._LOOK_SECONDS", 0.01)
    seen = Event()
    desk.live.follow(lambda _: seen.set())
    desk.live.start()
    desk.add("夜市")
    assert seen.wait(20)


def test_whoever_follows_is_ready_before_it_is_handed_out(desk: Desk) -> None:
    at_hand = []
    desk.live.follow(lambda assistant: at_hand.append((assistant, desk.live.current)))
    before = desk.live.current
    desk.add("夜市")
    desk.live.refresh()
    assert at_hand == [(desk.live.current, before)]


def test_without_an_index_there_is_nothing_to_begin_with(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        LiveAssistant(tmp_path, load_bag)


# --- an index that cannot be used is reported, and the one in use stays


def damage(desk: Desk) -> None:
    file = max((desk.index / current_name(desk.index)).iterdir(), key=lambda f: f.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])


def other_model(desk: Desk) -> None:
    build_quickly(desk.corpus, desk.index, BagOfCharacters(fingerprint="another"))


def other_version(desk: Desk) -> None:
    manifest = desk.index / current_name(desk.index) / "manifest.json"
    manifest.write_text('{"format": 1}')


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (damage, "is not the file that was built"),
        (other_model, "was built by another model"),
        (other_version, "was written by another version"),
    ],
)
def test_an_index_that_cannot_be_used(
    desk: Desk, harm: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = desk.live.current
    name = desk.add("夜市")
    harm(desk)  # type: ignore[operator]
    assert not desk.live.refresh()
    assert not desk.live.refresh()
    assert desk.live.current is before
    assert desk.live.problem
    assert said in str(desk.live.problem)
    assert caplog.text.count(said) == 1  # said once
    assert desk.live.current.ask(ASKED).hits
    shutil.rmtree(desk.index / name, ignore_errors=True)
    (desk.corpus / "夜市.txt").unlink()
    desk.add("早市")
    assert desk.live.refresh()
    assert desk.live.problem is None


def test_an_index_that_goes_away_leaves_the_one_in_use(desk: Desk) -> None:
    shutil.rmtree(desk.index)
    assert not desk.live.refresh()
    assert desk.live.current.ask(ASKED).hits


def test_what_breaks_while_it_is_prepared_keeps_it_out(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(_: object) -> None:
        raise RuntimeError("out of memory")

    desk.live.follow(break_down)
    before = desk.live.current
    desk.add("夜市")
    assert not desk.live.refresh()
    assert desk.live.current is before
    assert "out of memory" in caplog.text


# --- conversations go on


@pytest.mark.slow
def test_nobody_gets_an_error_while_ten_indexes_follow_each_other(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    chat = Chat(desk.live.current)
    desk.live.follow(chat.replace)
    stop = Event()
    outcomes: list[tuple[str, str]] = []
    broken: list[BaseException] = []

    def converse(language: Language) -> None:
        try:
            previous: Answer | None = None
            while not stop.is_set():
                for question in (ASKED, "哪个部门负责？", "夜市3由谁管理？", "第三条"):
                    turn = chat.ask(question, previous, language)
                    previous = turn.answer
                    outcomes.append((question, turn.html[language]))
                if previous and previous.hits:
                    turn = chat.open(previous.hits[0].clause.id, language, previous)
                    outcomes.append(("", turn.html[language]))
        except BaseException as error:
            broken.append(error)

    threads = [Thread(target=converse, args=[language]) for language in ("zh", "en", "ko")]
    for thread in threads:
        thread.start()
    names = set()
    for count in range(10):
        if count > 1:
            (desk.corpus / f"夜市{count - 2}.txt").unlink()
        names.add(desk.add(f"夜市{count}"))
        assert desk.live.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert not broken
    assert len(names) == 10
    assert desk.live.build in names
    assert len(outcomes) > 30
    assert not [html for _, html in outcomes if 'class="failure"' in html]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_conversation_goes_on_in_the_new_index(desk: Desk) -> None:
    chat = Chat(desk.live.current)
    desk.live.follow(chat.replace)
    first = chat.ask(ASKED, None, "zh")
    assert first.answer
    assert first.answer.citations
    clause = first.answer.citations[0].clause
    desk.add("夜市")
    desk.live.refresh()
    second = chat.ask("哪个部门负责？", first.answer, "zh")
    assert second.answer
    assert [each.clause.id for each in second.answer.citations] == [clause.id]


def test_a_conversation_about_a_clause_that_is_gone_begins_anew(desk: Desk) -> None:
    desk.add("夜市")
    desk.live.refresh()
    chat = Chat(desk.live.current)
    desk.live.follow(chat.replace)
    first = chat.open("夜市#第一条", "zh", None)
    assert first.answer
    assert first.answer.outcome is Outcome.ANSWERED
    (desk.corpus / "夜市.txt").unlink()
    desk.build()
    desk.live.refresh()
    follow_up = chat.ask("哪个部门负责？", first.answer, "zh")
    assert 'class="failure"' not in follow_up.html["zh"]
    assert "夜市" not in follow_up.html["zh"]
    gone = chat.open("夜市#第一条", "en", first.answer)
    assert "no longer hold this clause" in gone.html["en"]


def test_a_clause_that_reads_otherwise_now_is_cited_as_it_reads_now(desk: Desk) -> None:
    desk.add("夜市")
    desk.live.refresh()
    before = desk.live.current.ask("夜市每日几时开放")
    policy = desk.corpus / "夜市.txt"
    policy.write_text(policy.read_text("utf-8").replace("八时", "九时"), encoding="utf-8")
    desk.build()
    desk.live.refresh()
    assistant = desk.live.current
    clauses = {clause.id: clause for clause in assistant.index.clauses}
    now = carried_over(before, assistant, clauses)
    assert now
    cited = {each.clause.id: each for each in (*now.citations, *now.choices)}["夜市#第二条"]
    assert "九时" in cited.clause.text
    for quote in cited.quotes:
        assert cited.clause.text[quote.start : quote.end] == quote.text


def test_an_answer_of_the_same_index_is_left_as_it_is(desk: Desk) -> None:
    assistant = desk.live.current
    clauses = {clause.id: clause for clause in assistant.index.clauses}
    answer = assistant.ask(ASKED)
    assert carried_over(answer, assistant, clauses) is answer
    assert carried_over(None, assistant, clauses) is None


def test_a_corpus_of_the_tests_is_what_they_take_it_for() -> None:
    assert "窑" in (SMALL / "tangxi_ceramics.txt").read_text(encoding="utf-8")
