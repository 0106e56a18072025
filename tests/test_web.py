"""What the page shows of an answer. No server, no browser: an Answer goes in, HTML comes out."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any, ClassVar, cast
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qa.assistant import Assistant
from qa.glossary import Glossary, Term
from qa.index import Index
from qa.journal import Journal, Reason
from qa.messages import catalogue
from qa.types import (
    LANGUAGES,
    Answer,
    Citation,
    Clause,
    Document,
    Focus,
    Hit,
    Language,
    NumberCheck,
    Outcome,
    Quote,
    Status,
    Translation,
    Validity,
)
from qa.web.cards import Cards, clause_pieces, numeral_of, translation_pieces
from qa.web.chat import Chat
from qa.web.launch import main
from qa.web.served import own_page

WEB = Path(__file__).parents[1] / "src" / "qa" / "web"

HEADING, FIRST, SECOND, NOTE = (
    "三、加快退税",
    "办理退税。",
    "两个工作日办结。",
    "（责任单位：市税务局、市商务局）",
)
TEXT = f"{HEADING}\n{FIRST}{SECOND}{NOTE}"
BODY = len(HEADING) + 1
CLAUSE = Clause(
    id="policy#三",
    document_id="policy",
    number="三",
    path=("第一章 总则",),
    title="加快退税",
    start=10,
    end=10 + len(TEXT),
    text=TEXT,
    title_start=2,
    title_end=6,
    body_start=BODY,
    departments=("市税务局", "市商务局"),
    lead=("市税务局",),
    notes=((len(TEXT) - len(NOTE), len(TEXT)),),
)
OTHER = Clause(
    "policy#四",
    "policy",
    "四",
    (),
    "信用保险",
    90,
    100,
    "四、信用保险\n给予保费补贴。",
    body_start=7,
)
ENGLISH = Translation(
    CLAUSE.id,
    "en",
    "Faster refunds",
    ("Refunds are made.", "Within two working days."),
    "(Departments: …)",
)
DOCUMENT = Document("policy", "zh", "外贸政策", f"外贸政策\n前言。\n{TEXT}\n{OTHER.text}")
QUOTE = Quote(
    BODY + len(FIRST), BODY + len(FIRST) + len(SECOND), SECOND, "Within two working days."
)
CITATION = Citation(CLAUSE, DOCUMENT, (QUOTE,), ENGLISH)


class Headings(tuple[Document, ...]):
    """Documents of which those with an empty text can be asked for."""

    def heading(self, position: int) -> Document:
        return replace(self[position], text="")


class OneDocument:
    """An index of one document, as far as the page looks at it: nothing is searched here."""

    folder = Path()
    glossary = Glossary([])
    titles: ClassVar = {("policy", "en"): "Trade Policy"}
    translations: ClassVar = {CLAUSE.id: (ENGLISH,)}

    def __init__(self, document: Document, clauses: tuple[Clause, ...]) -> None:
        self.documents, self.clauses = Headings([document]), clauses
        self.numbered = np.array([bool(clause.number) for clause in clauses], bool)
        self.document_of = np.zeros(len(clauses), np.int32)
        self.departments = Glossary([Term("市税务局", "Tax Service", "세무국")])
        self.kind_of = np.zeros(0, np.uint8)

    def document(self, document_id: str) -> Document:
        return self.documents[self.document_position(document_id)]

    def document_position(self, document_id: str) -> int:
        return {document.id: place for place, document in enumerate(self.documents)}[document_id]

    def clause(self, clause_id: str) -> Clause:
        return self.clauses[self.position(clause_id)]

    def position(self, clause_id: str) -> int:
        return {clause.id: place for place, clause in enumerate(self.clauses)}[clause_id]

    def clause_range(self, _document: int) -> range:
        return range(len(self.clauses))

    def translation(self, clause: Clause, language: Language) -> Translation | None:
        group = self.translations.get(clause.id, ())
        return next((each for each in group if each.language == language), None)

    def clauses_of_departments(self, names: frozenset[str]) -> NDArray[np.int64]:
        named = [bool(names & set(clause.departments)) for clause in self.clauses]
        return np.flatnonzero(np.array(named, bool))


def index_of(*clauses: Clause, document: Document = DOCUMENT) -> Index:
    return cast(Index, OneDocument(document, clauses))


CARDS = Cards(index_of(CLAUSE, OTHER))


def answered(language: Any = "en", **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "hits": (Hit(CLAUSE, 0.9, 1), Hit(OTHER, 0.4, 2)),
        "citations": (CITATION if language == "en" else Citation(CLAUSE, DOCUMENT, (QUOTE,)),),
    }
    return Answer("question", language, Outcome.ANSWERED, **{**values, **changes})


class Page(HTMLParser):
    """The tags, attribute names and texts of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.elements: list[dict[str, str]] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.marked = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.elements.append({name: value or "" for name, value in attrs})
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.tags[-1:] == ["mark"]:
            self.marked += data

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))

    def opens(self) -> list[str]:
        """The clauses that can be opened, in order."""
        return [each["data-clause"] for each in self.elements if each.get("data-act") == "open"]

    def values(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def page(answer: Answer, interface: Any = "en", cards: Cards = CARDS) -> Page:
    return Page(cards.answer(answer, interface))


# --- quotations


def test_the_settling_sentence_is_marked_inside_the_whole_clause() -> None:
    pieces = clause_pieces(CLAUSE, [QUOTE])
    assert [(piece.text, piece.kind) for piece in pieces] == [
        (FIRST, "rest"),
        (SECOND, "mark"),
        (NOTE, "note"),
    ]


def test_a_clause_that_is_quoted_as_a_whole_has_no_marks() -> None:
    everything = Quote(BODY, len(TEXT), TEXT[BODY:])
    assert {piece.kind for piece in clause_pieces(CLAUSE, [everything])} <= {"rest", "note"}


def test_a_clause_that_is_only_a_title_shows_its_title() -> None:
    title = "五、附则"
    clause = Clause("policy#五", "policy", "五", (), "附则", 0, 4, title, body_start=4)
    assert [piece.text for piece in clause_pieces(clause, [Quote(0, 4, title)])] == [title]


def test_the_translation_marks_the_sentence_that_renders_the_quote() -> None:
    marked = [piece.text for piece in translation_pieces(ENGLISH, [QUOTE]) if piece.kind == "mark"]
    assert marked == ["Within two working days."]


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4)


@given(st.text(min_size=1, max_size=60), SPANS, SPANS, st.integers(0, 60))
def test_every_character_of_a_quotation_stands_in_the_clause(
    text: str, quoted: list[tuple[int, int]], notes: list[tuple[int, int]], body: int
) -> None:
    within = [(min(a, b, len(text)), min(max(a, b), len(text))) for a, b in quoted + notes]
    quotes = [Quote(start, end, text[start:end]) for start, end in within[: len(quoted)]]
    clause = Clause(
        "policy#三", "policy", "三", (), "", 0, len(text), text,
        body_start=min(body, len(text)), notes=tuple(within[len(quoted) :]),
    )  # fmt: skip
    pieces = clause_pieces(clause, quotes)
    assert text.endswith("".join(piece.text for piece in pieces))
    marked = sum(len(piece.text) for piece in pieces if piece.kind == "mark")
    assert marked <= sum(len(quote.text) for quote in quotes)


@given(st.lists(st.text(), max_size=5), st.text(), st.lists(st.text(), max_size=3))
def test_every_character_of_a_translation_stands_in_the_translation(
    sentences: list[str], note: str, quoted: list[str]
) -> None:
    translation = Translation("policy#三", "en", "", tuple(sentences), note)
    quotes = [Quote(0, 1, "x", rendered) for rendered in quoted]
    shown = "".join(piece.text for piece in translation_pieces(translation, quotes))
    assert shown == "".join(f"{sentence} " for sentence in sentences) + note


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_nothing_in_a_document_or_question_becomes_markup(
    wording: str, title: str, asked: str
) -> None:
    hostile = f"{wording}<img src=x onerror=alert(1)>\"'`${{1}}{{{{1}}}}</p></section><script>"
    clause = Clause(
        "policy#\"><b>", "policy", "<i>", (hostile,), hostile + title, 0, len(hostile), hostile,
        departments=(hostile,), lead=(hostile,),
    )  # fmt: skip
    document = Document("policy", "zh", hostile, hostile)
    translation = Translation(clause.id, "en", hostile, (hostile,), hostile)
    quote = Quote(0, len(hostile), hostile, hostile)
    citation = Citation(clause, document, (quote,), translation)
    cards = Cards(index_of(clause, document=document))
    for answer in (
        answered(hits=(Hit(clause, 1, 1),), citations=(citation,), assumed=clause,
                 numbers=(NumberCheck(hostile, "1", False),)),
        answered(citations=(citation,), focus=Focus.DUTIES, departments=(hostile,)),
        Answer(asked, "en", Outcome.CLARIFY, (Hit(clause, 1, 1),), choices=(citation,)),
        Answer(asked, "en", Outcome.NO_CLAUSE, (Hit(clause, 1, 1),), uncovered=(hostile, asked)),
    ):  # fmt: skip
        shown = page(answer, cards=cards)
        assert not {"img", "script", "b", "i"} & set(shown.tags)
        assert not [name for name, _ in shown.attributes if name.startswith("on") or name == "src"]
        assert shown.tags.count("section") == shown.tags.count("/section")
        assert shown.tags.count("p") == shown.tags.count("/p")


# --- the card


def test_a_foreign_asker_reads_the_translation_beside_the_original() -> None:
    shown = page(answered("en"))
    assert shown.text.index("Refunds are made.") < shown.text.index(FIRST)
    assert shown.marked == "Within two working days." + SECOND
    assert "Faster refunds" in shown.text
    assert HEADING in shown.text
    assert "Trade Policy" in shown.text


def test_a_chinese_asker_reads_the_original_alone() -> None:
    shown = page(answered("zh"), "zh")
    assert "译文" not in shown.text
    assert shown.marked == SECOND


def test_a_missing_translation_is_said_to_be_missing() -> None:
    assert "There is no Korean translation of this clause here" in page(answered("ko")).text
    assert "no Chinese translation" not in page(answered("zh")).text


def test_departments_are_named_in_the_askers_language_with_their_printed_names() -> None:
    shown = page(answered("en"))
    assert re.search(r"Tax Service\s+lead\s*市税务局", shown.text)
    assert shown.text.count("市商务局") == 1 + NOTE.count(
        "市商务局"
    )  # no table knows it: as printed


def test_departments_come_first_where_they_are_asked_for() -> None:
    first = page(answered("en", focus=Focus.DEPARTMENTS)).text
    assert first.index("Tax Service") < first.index("Refunds are made.")
    after = page(answered("en")).text
    assert after.index("Tax Service") > after.index("Refunds are made.")


def test_labels_follow_the_switch_and_texts_the_question() -> None:
    shown = page(answered("en"), "ko")
    assert "담당 부서" in shown.text
    assert "제3조" in shown.text
    assert "Refunds are made." in shown.text


def test_further_clauses_that_may_apply_can_be_opened() -> None:
    assert "policy#四" in page(answered("zh")).opens()
    sure = answered("zh", hits=(Hit(CLAUSE, 0.9, 1), Hit(OTHER, 0.01, 2)))
    assert "Other clauses that may apply" not in page(sure).text


def test_the_copy_holds_the_clause_its_translation_departments_and_source() -> None:
    (copied,) = page(answered("en")).values("data-text")
    for part in (
        TEXT,
        "Refunds are made. Within two working days.",
        "市税务局；市商务局",
        "外贸政策",
    ):
        assert part in copied


def test_numbers_of_the_question_are_checked_against_the_clause() -> None:
    numbers = (NumberCheck("15%", "15%", True), NumberCheck("20%", "20%", False))
    shown = page(answered("en", numbers=numbers))
    assert "“15%” is in the text." in shown.text
    assert "The text does not mention “20%”" in shown.text


def test_a_follow_up_says_what_it_continues_and_offers_to_search_anew() -> None:
    shown = page(answered("en", assumed=CLAUSE))
    assert "Continuing with: Clause 3 Faster refunds" in shown.text
    assert "fresh" in shown.values("data-act")


def test_the_position_in_the_document_shows_the_neighbouring_clauses() -> None:
    shown = page(answered("en", hits=()))
    assert "Clause 1 of 2" in shown.text
    assert shown.opens() == ["policy#三", "policy#四"]
    assert shown.values("aria-current") == ["true"]


@pytest.mark.parametrize(
    ("number", "zh", "en"),
    [
        ("十一", "十一", "11"),
        ("第五条", "五", "5"),
        ("（三）", "三", "3"),
        ("3.2", "3.2", "3.2"),
        ("", "", ""),
    ],
)
def test_numbers_are_written_as_the_reader_writes_them(number: str, zh: str, en: str) -> None:
    clause = Clause("policy#1", "policy", number, (), "", 0, 1, "x")
    assert (numeral_of(clause, "zh"), numeral_of(clause, "en")) == (zh, en)


# --- the other outcomes


def test_a_choice_shows_what_each_clause_says_and_opens_it() -> None:
    answer = Answer("?", "en", Outcome.CLARIFY, (Hit(CLAUSE, 0.5, 1),), choices=(CITATION,))
    shown = page(answer)
    assert "Did you mean one of these clauses?" in shown.text
    assert "Within two working days." in shown.text
    assert shown.opens() == [CLAUSE.id]
    assert shown.values("data-language") == ["en"]


def test_a_refusal_explains_itself() -> None:
    hits = (Hit(CLAUSE, 0.05, 1), Hit(OTHER, 0.02, 2))
    shown = page(Answer("?", "en", Outcome.NO_CLAUSE, hits, uncovered=("beach", "dog")))
    assert "Searched 2 clauses in 1 document(s)." in shown.text
    assert "beach, dog" in shown.text
    assert "12345" in shown.text
    assert "Tax Service" in shown.text
    assert shown.opens() == [CLAUSE.id, OTHER.id]
    assert not shown.marked


def test_duties_list_every_clause_of_the_department() -> None:
    citations = (CITATION, Citation(OTHER, DOCUMENT, ()))
    shown = page(answered("en", citations=citations, focus=Focus.DUTIES, departments=("市税务局",)))
    assert "Clauses that Tax Service is responsible for (2)" in shown.text
    assert shown.tags.count("summary") == 4  # each clause, and the position of each


def test_small_talk_is_answered_in_its_own_language() -> None:
    answer = Answer("안녕", "ko", Outcome.SMALL_TALK, reply="greeting")
    assert catalogue("ko")["reply.greeting"] in page(answer, "zh").text


# --- the conversation


@pytest.fixture
def chat(assistant: Assistant) -> Chat:
    """A chat on the small corpus."""
    return Chat(assistant)


@pytest.fixture
def refund(assistant: Assistant) -> Answer:
    """An answer that cites one clause."""
    answer = assistant.ask("How fast are export tax refunds completed?")
    assert [citation.clause.number for citation in answer.citations] == ["二"]
    return answer


def test_a_question_that_breaks_the_program_gets_a_reply_and_is_logged(
    chat: Chat, refund: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    with mock.patch.object(Assistant, "ask", side_effect=RuntimeError("out of memory")):
        turn = chat.ask("?", refund, "ko")
    assert "문제가 발생했습니다" in turn.html["ko"]
    assert turn.answer is refund
    assert "out of memory" in caplog.text


def test_small_talk_does_not_end_the_topic(chat: Chat, refund: Answer) -> None:
    assert chat.ask("谢谢", refund, "zh").answer is refund


def test_a_chosen_clause_keeps_the_sentences_that_were_offered(chat: Chat, refund: Answer) -> None:
    (citation,) = refund.citations
    first = replace(citation, quotes=citation.quotes[:1])
    offered = replace(refund, outcome=Outcome.CLARIFY, citations=(), choices=(first,))
    turn = chat.open(citation.clause.id, "en", offered)
    assert Page(turn.html["en"]).marked == first.quotes[0].translation + first.quotes[0].text
    assert turn.answer
    assert turn.answer.citations == (first,)


def test_any_other_clause_opens_as_a_whole(chat: Chat, refund: Answer) -> None:
    turn = chat.open(refund.citations[0].clause.id, "en", None)
    assert "within 3 working days" in turn.html["zh"]
    assert not Page(turn.html["en"]).marked
    assert turn.answer
    assert turn.answer.outcome is Outcome.ANSWERED


def test_a_clause_that_is_gone_is_said_to_be(chat: Chat) -> None:
    turn = chat.open("no-such-policy#一", "en", None)
    assert catalogue("en")["reply.clause_gone"] in turn.html["en"]


def test_a_shared_follow_up_is_asked_of_the_clause_that_it_continued(
    chat: Chat, refund: Answer
) -> None:
    clause = refund.citations[0].clause
    turn = chat.ask("Which department is responsible?", None, "en", after=clause.id)
    assert turn.after == clause.id
    assert "Municipal Tax Bureau" in turn.html["en"]


def test_what_is_asked_and_how_it_is_judged_is_written_down(chat: Chat, tmp_path: Path) -> None:
    chat.journal = Journal(tmp_path / "journal.sqlite")
    turn = chat.ask("出口退税几天办结？", None, "zh", session="a")
    chat.rate(turn.entry, "down", "not_detailed")
    (entry,) = chat.journal.today("chat")
    assert (entry.id, entry.question) == (turn.entry, "出口退税几天办结？")
    assert (entry.thumb, entry.reason) == ("down", "not_detailed")
    with pytest.raises(ValueError, match="sideways"):
        chat.rate(turn.entry, "sideways", "")
    chat.journal.close()


def test_clauses_to_save_are_quoted_as_they_were_cited(chat: Chat, refund: Answer) -> None:
    (citation,) = refund.citations
    starts = [quote.start for quote in citation.quotes]
    (again,) = chat.citations([(citation.clause.id, starts)], "en")
    assert again == citation
    (whole,) = chat.citations([(citation.clause.id, [10**6])], "en")
    assert len(whole.quotes) >= len(citation.quotes)
    with pytest.raises(KeyError):
        chat.citations([("no-such-policy#一", [])], "en")


# --- the page


def test_the_catalogues_say_the_same_things() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    for key, text in catalogue("zh").items():
        for language in LANGUAGES:
            assert fields(catalogue(language)[key]) == fields(text), key
    assert len({frozenset(catalogue(language)) for language in LANGUAGES}) == 1


def test_the_served_page_advertises_nothing() -> None:
    advertising = (
        '<meta property="og:image"\n content="https://x.test/a.jpg" /><meta name="twitter:card" />'
    )
    served = own_page(f"<head>{advertising}<base></head><body></body>", "A & B", "p{}")
    assert (
        served == "<head><base><title>A &amp; B</title>\n<style>p{}</style>\n</head><body></body>"
    )


PAIRS = [
    ("ink", "paper"), ("ink", "sheet"), ("quiet", "paper"), ("quiet", "sheet"), ("sea", "sheet"),
    ("sea", "paper"), ("sea-ink", "sea"), ("ink", "sea-soft"), ("quiet", "sea-soft"), ("mark-ink", "mark"),
    ("alarm", "alarm-soft"), ("good", "sheet"), ("bubble-ink", "bubble"), ("seal-ink", "seal"),
    ("seal-line", "sheet"), ("seal-line", "sea-soft"), ("seal-line", "paper"), ("alarm", "sheet"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_texts_have_the_contrast_of_wcag_aa(scheme: int, ink: str, ground: str) -> None:
    blocks = (WEB / "theme.css").read_text("utf-8").split(":root {")[1:]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[scheme].split("}")[0]))

    def luminance(colour: str) -> float:  # WCAG 2.2, relative luminance
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(colours[ink]), luminance(colours[ground])))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_a_port_in_use_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"127.0.0.1:{port}" in line
    assert "--port" in line


# --- what can be done with an answer


def test_a_department_can_be_asked_for_what_else_it_does() -> None:
    chips = [each for each in page(answered("en")).elements if each.get("data-act") == "duties"]
    assert [each["data-department"] for each in chips] == ["市税务局", "市商务局"]
    assert {each["data-clause"] for each in chips} == {CLAUSE.id}
    assert {each["aria-expanded"] for each in chips} == {"false"}


def test_further_duties_leave_out_the_clause_at_hand() -> None:
    also = replace(OTHER, departments=("市税务局",))
    cards = Cards(index_of(CLAUSE, also))
    shown = Page(cards.further_duties("市税务局", CLAUSE, "en", "en"))
    assert shown.opens() == [OTHER.id]
    assert "Tax Service" in shown.text
    none = Page(cards.further_duties("市商务局", CLAUSE, "en", "en"))
    assert none.opens() == []
    assert catalogue("en")["duties.none"] in none.text


@pytest.mark.parametrize("status", list(Status))
def test_the_status_of_a_policy_stands_on_its_card(status: Status) -> None:
    citation = replace(CITATION, validity=Validity(status))
    shown = page(answered("en", citations=(citation,)), "ko")
    assert catalogue("ko")[f"status.label.{status}"] in shown.text


def test_an_answer_names_what_it_needs_to_be_saved() -> None:
    (kept,) = page(answered("en")).values("data-cards")
    assert json.loads(kept) == [{"clause": CLAUSE.id, "starts": [QUOTE.start]}]
    reasons = page(answered("en")).values("data-reason")
    assert reasons == [str(reason) for reason in Reason]


def test_suggestions_stand_as_they_were_asked_and_as_nothing_else() -> None:
    hostile = "<b>退税</b>多久？"
    html = CARDS.answer(answered("zh"), "zh", [hostile])
    assert "b" not in Page(html).tags
    assert hostile in Page(html).text


def test_a_list_of_clauses_says_how_many_there_are_in_all() -> None:
    several = answered("en", focus=Focus.DUTIES, departments=("市税务局",), total=130)
    assert "Clauses that Tax Service is responsible for (130)" in page(several).text
    assert "and 129 more" in page(several).text
    contents = page(answered("en", focus=Focus.CONTENTS, total=14)).text
    assert "“Trade Policy” has 14 clauses:" in contents
