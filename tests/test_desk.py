"""What the hotline gets while it types, what it reads to a caller, and what it writes down.

The small corpus again: the measures for the kilns of Tangxi, and the rules of its night market.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import BagOfCharacters, build_quickly, plain_ranking
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qa.assistant import Assistant
from qa.desk.call_script import (
    SECONDS,
    CallScript,
    HandOver,
    Line,
    Source,
    call_script,
    refusal_script,
    seconds,
)
from qa.desk.lookup import Findings, Lookup
from qa.desk.names import Names
from qa.desk.responsibility import duties, party, responsibility
from qa.index import Index, open_index
from qa.journal import CallState, Journal
from qa.messages import catalogue
from qa.questions import Questions
from qa.scope import Scope
from qa.types import LANGUAGES, Citation, Clause, Language, Status, Validity
from qa.web.chat import Chat
from qa.web.desk import Asked, Desk, Marked, Opened, Pasted
from qa.word import word_document

CERAMICS, MARKET = "tangxi_ceramics", "tangxi_market"


def clause(index: Index, number: str, document: str = CERAMICS) -> Clause:
    return next(c for c in index.clauses if c.number == number and c.document_id == document)


# --- names as they are typed

NAMES = Names(
    [
        (0, "市税务局"), (0, "Tax Bureau"), (1, "市商务局"), (2, "出口退税"), (3, "出口退税率"),
        (4, "信用保险"), (5, "export credit insurance"), (6, "수출 환급"),
    ]
)  # fmt: skip


def slipped(name: str, at: int, way: str) -> str:
    """A name with one slip: a character left out, doubled, wrong, or changed with the next."""
    if way == "out":
        return name[:at] + name[at + 1 :]
    if way == "twice":
        return name[:at] + name[at] + name[at:]
    if way == "wrong":
        return name[:at] + ("z" if name[at].isascii() else "某") + name[at + 1 :]
    return name[:at] + name[at : at + 2][::-1] + name[at + 2 :]


@given(
    st.sampled_from(
        ["减税降费政策", "防范化解失业风险", "export credit insurance", "무역보험지원"]
    ),
    st.integers(0, 4),
    st.sampled_from(["out", "twice", "wrong", "changed"]),
)
def test_a_name_is_found_with_a_slip_wherever_it_is(name: str, at: int, way: str) -> None:
    others = [(number, f"{number}号文件关于{number}") for number in range(1, 300)]
    found = Names([(0, name), *others]).search(slipped(name, at, way), 3)
    assert [each.owner for each in found][:1] == [0]


@pytest.mark.parametrize(
    ("typed", "owner", "why"),
    [
        ("市税务局", 0, "the name itself"),
        ("税务", 0, "a part of it"),
        ("shuiwuju", 0, "its sound from a syllable on"),
        ("xybx", 4, "its initials"),
        ("shui'wu ju", 0, "its sound as an input method spells it"),
        ("水务局", 0, "other characters of the same sound"),
        ("出口退锐", 2, "a wrong character"),
        ("ckts", 2, "initials of the shorter of two names that begin alike"),
        ("xinyongbaox", 4, "the beginning of its sound"),
        ("export crdit insurance", 5, "a letter left out"),
        ("tax bur", 0, "the beginning of another of its names"),
        ("수출환", 6, "without the space"),
    ],
)
def test_a_name_is_found_by(typed: str, owner: int, why: str) -> None:
    found = NAMES.search(typed, 3)
    assert found, why
    assert found[0].owner == owner, why


@pytest.mark.parametrize("typed", ["", " ", "huiwu", "天气预报", "qqqq"])
def test_no_name_is_found_by_what_is_none(typed: str) -> None:
    assert NAMES.search(typed, 3) == []


@given(st.text(max_size=20))
def test_whatever_is_typed_each_thing_is_found_once_and_the_best_first(typed: str) -> None:
    found = NAMES.search(typed, 4)
    assert len({each.owner for each in found}) == len(found) <= 4
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


# --- the look-up


@pytest.fixture(scope="session")
def lookup(assistant: Assistant) -> Lookup:
    return Lookup(assistant, Questions(assistant.index))


def first_clause(findings: Findings) -> tuple[str, str]:
    return findings.clauses[0].clause.document_id, findings.clauses[0].clause.number


@pytest.mark.parametrize(
    ("typed", "document", "number"),
    [
        ("出口退税几天办结", CERAMICS, "二"),
        ("展位费", CERAMICS, "一"),
        ("4", CERAMICS, "四"),
        ("chukoutuishui", CERAMICS, "二"),
        ("ckts", CERAMICS, "二"),
        ("btczfy", CERAMICS, "一"),
        ("export tax refund", CERAMICS, "二"),
        ("수출 환급", CERAMICS, "二"),
        ("烟花", MARKET, "第四条"),
    ],
)
def test_a_clause_is_found_by_words_number_and_pinyin_in_three_languages(
    lookup: Lookup, typed: str, document: str, number: str
) -> None:
    assert first_clause(lookup.search(typed)) == (document, number)


def test_pinyin_is_taken_for_the_name_that_sounds_so(lookup: Lookup) -> None:
    assert lookup.search("ckts").meant == "出口退税"
    assert lookup.search("7").meant == "第7条"
    assert lookup.search("tax refund").meant == "tax refund"


def test_a_known_question_is_found_by_its_letters_its_sounds_and_its_meaning(
    lookup: Lookup, index: Index
) -> None:
    for typed in ("摊位钱政府出", "tanweiqian", "去国外摆滩卖碗"):
        known = lookup.search(typed).questions
        assert known[0].question.text == "去国外摆摊卖碗，摊位钱政府出多少"
        assert known[0].clause == clause(index, "一")


def test_departments_and_terms_are_found_with_all_their_names(lookup: Lookup, index: Index) -> None:
    for typed in ("税务", "swj", "Tax Bur", "시 세무"):
        found = lookup.search(typed).departments
        assert "市税务局" in [index.departments.terms[each.owner].zh for each in found]
    for typed in ("glaze", "유약", "youliao"):
        found = lookup.search(typed).terms
        assert index.glossary.terms[found[0].owner].zh == "釉料"


def test_the_kind_with_the_best_finding_comes_first(lookup: Lookup) -> None:
    assert lookup.search("市税务局").order[0] == "departments"
    assert lookup.search("纳税记录良好的窑厂几个工作日办结出口退税").order[0] == "clauses"
    assert lookup.search("   ").order == ()


def test_findings_keep_to_the_document_and_the_department_that_are_chosen(
    lookup: Lookup,
) -> None:
    market = lookup.search("出口退税", scope=Scope(documents=frozenset([MARKET])))
    assert {hit.clause.document_id for hit in market.clauses} <= {MARKET}
    assert not market.questions
    financed = lookup.search("补贴", scope=Scope(department="财政局"))
    assert financed.clauses
    assert all("市财政局" in hit.clause.departments for hit in financed.clauses)


# --- questions that are known to be asked


def test_suggestions_are_questions_of_other_clauses_as_they_stand(
    assistant: Assistant, index: Index
) -> None:
    questions = Questions(index)
    answer = assistant.ask("出口退税几天办结？")
    assert answer.citations[0].clause.number == "二"
    asked = questions.suggestions(answer)
    assert set(asked) == {"去国外摆摊卖碗，摊位钱政府出多少", "烧柴的炉子换成用电的能拿多少钱"}
    refused = questions.suggestions(assistant.ask("窑厂养狗要交多少钱？"))
    assert set(refused) <= {questions[number].text for number in range(len(questions))}


def test_nothing_is_suggested_in_a_language_in_which_nobody_asks(
    assistant: Assistant, index: Index
) -> None:
    assert Questions(index).suggestions(assistant.ask("수출 환급은 며칠 걸리나요?")) == []
    assert Questions(index).suggestions(assistant.ask("你好")) == []


# --- the call script


def cited(assistant: Assistant, question: str, language: Language) -> Citation:
    return assistant.ask(question, language=language).citations[0]


OFFICE = HandOver("市税务局", lead=False, others=0)
SOURCE = Source("《意见》第一条", "第一条")


def phrase_patterns(language: Language) -> list[re.Pattern[str]]:
    texts = (text for key, text in catalogue(language).items() if key.startswith("script."))
    return [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(text))) for text in texts]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_script_is_quoted_sentences_between_fixed_phrases_in_the_callers_language(
    assistant: Assistant, language: Language
) -> None:
    citation = cited(assistant, "出口退税几天办结？", language)
    script = call_script(citation, language, SOURCE, replace(OFFICE, others=2, telephone="0631-1"))
    source = citation.translation.sentences if citation.translation else ()
    for line in script.lines:
        assert line.language == language
        if line.kind == "quote":
            assert line.text in source or line.text in citation.clause.text
        else:
            assert any(pattern.fullmatch(line.text) for pattern in phrase_patterns(language))
    assert [line.kind for line in script.lines].count("quote") >= 1
    assert "0631-1" in script.text
    assert script.seconds == seconds(script.lines) <= SECONDS


def quoted(script: CallScript) -> list[str]:
    return [line.text for line in script.lines if line.kind == "quote"]


def of_length(citation: Citation, *lengths: int) -> Citation:
    """A citation with sentences of so many characters, which begin at 0, 1, 2 …"""
    quote = citation.quotes[0]
    quotes = (
        replace(quote, start=place, text=f"{place}{'长' * length}。")
        for place, length in enumerate(lengths)
    )
    return replace(citation, quotes=tuple(quotes))


def test_half_a_minute_is_so_many_syllables_or_words() -> None:
    for text, language in (("字" * 130, "zh"), ("word " * 75, "en"), ("말" * 110, "ko")):
        assert seconds([Line(text, "quote", language)]) == pytest.approx(SECONDS)
    assert seconds([Line("2020年", "quote", "zh")]) == seconds([Line("二零二零年", "quote", "zh")])


def test_a_script_is_the_fullest_that_half_a_minute_has_room_for(
    assistant: Assistant, index: Index
) -> None:
    citation = assistant.cite_whole(clause(index, "一"), "zh")
    office = replace(OFFICE, others=2, telephone="0631-1")
    source = replace(SOURCE, full="一个很长的文件名称" * 2)

    def script(*lengths: int) -> CallScript:
        return call_script(of_length(citation, *lengths), "zh", source, office, best=1)

    everything = script(20, 20)
    assert len(quoted(everything)) == 2
    assert "0631-1" in everything.text
    brief = script(40, 50)
    assert [text[0] for text in quoted(brief)] == ["0", "1"]
    assert "0631-1" not in brief.text
    assert brief.left_out == 0
    best = script(80, 50)
    assert [text[0] for text in quoted(best)] == ["1"]
    assert best.left_out == 1
    assert not any(each.too_long for each in (everything, brief, best))
    for each in (everything, brief, best):
        assert OFFICE.name in each.text
        assert "转接" in each.text


def test_no_sentence_is_cut_and_one_that_takes_longer_is_said_to(
    assistant: Assistant, index: Index
) -> None:
    citation = of_length(assistant.cite_whole(clause(index, "一"), "zh"), 20, 150)
    script = call_script(citation, "zh", SOURCE, OFFICE, best=1)
    assert quoted(script) == [citation.quotes[1].text]
    assert script.too_long
    assert script.seconds == pytest.approx(seconds(script.lines))


def test_the_desk_reads_the_best_sentence_and_tells_the_seconds(
    desk: Desk, assistant: Assistant, index: Index
) -> None:
    html = opened(desk, index)["html"]
    best = assistant.cite("出口退税几天办结", clause(index, "二"), "zh", most=1).quotes
    assert len(best) == 1
    assert best[0].text in html
    assert re.search(r"约 \d+ 秒", html)


def test_a_script_says_that_there_is_no_translation(assistant: Assistant, index: Index) -> None:
    citation = assistant.cite_whole(clause(index, "第四条", MARKET), "ko")
    script = call_script(citation, "ko", SOURCE, None)
    assert catalogue("ko")["script.original_only"] in script.text
    assert {line.language for line in script.lines if line.kind == "quote"} == {"zh"}
    assert catalogue("ko")["script.nobody"] in script.text


def test_a_refusal_names_whom_to_ask() -> None:
    script = refusal_script("en", ["Hotline 12345", "Tax Bureau"])
    assert "Hotline 12345, Tax Bureau" in script.text
    assert isinstance(script, CallScript)


# --- who is responsible


def test_responsibility_tells_lead_from_support_in_the_words_of_the_policy(index: Index) -> None:
    policy = {document.id: document for document in index.documents}
    fifth = clause(index, "五")
    card = responsibility(fifth, policy[CERAMICS], index)
    assert [each.printed for each in card.lead] == ["市工业和信息化局"]
    assert [each.printed for each in card.others] == ["市财政局"]
    assert card.words == ("（责任单位：市工业和信息化局牵头，市财政局配合）",)
    assert all(words in fifth.text for words in card.words)
    assert card.first == card.lead[0]
    fourth = responsibility(clause(index, "四"), policy[CERAMICS], index)
    assert (fourth.first, fourth.words) == (None, ())


def test_a_department_that_no_table_knows_stays_as_printed(index: Index) -> None:
    unknown = party("市市场监管局", None, index)
    assert (unknown.name("en"), unknown.telephone, unknown.full) == ("市市场监管局", "", "")


def test_the_duties_of_a_department_are_all_clauses_that_name_it(index: Index) -> None:
    numbers = [index.clauses[place].number for place in duties("财政局", index)]
    assert numbers == ["一", "五"]


def test_a_telephone_comes_from_the_directory_and_from_nowhere_else(
    corpus_folder: Path, tmp_path: Path, encoder: BagOfCharacters
) -> None:
    table = corpus_folder / "departments.csv"
    header, *rows = table.read_text("utf-8").splitlines()
    told = [
        f"{header},telephone",
        *(f"{row},{'0631-5231234' if '税务' in row else ''}" for row in rows),
    ]
    table.write_text("\n".join(told), encoding="utf-8")
    build_quickly(corpus_folder, tmp_path / "index", encoder)
    index = open_index(tmp_path / "index")
    assert party("市税务局", None, index).telephone == "0631-5231234"
    assert party("市商务局", None, index).telephone == ""


# --- an answer as a Word file


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_file_holds_the_clause_word_for_word_with_the_quotes_marked(
    assistant: Assistant, index: Index, language: Language
) -> None:
    docx = pytest.importorskip("docx")
    citation = cited(assistant, "出口退税几天办结？", language)
    question = "退税\x00几天？ <w:p>"
    paper = docx.Document(io.BytesIO(word_document(question, [citation], index, language, "en")))
    paragraphs = [paragraph.text for paragraph in paper.paragraphs]
    assert paragraphs[0] == "退税几天？ <w:p>"
    assert citation.clause.text.rstrip() in paragraphs
    original = next(p for p in paper.paragraphs if p.text == citation.clause.text.rstrip())
    assert [run.text for run in original.runs if run.bold] == [q.text for q in citation.quotes]
    assert any("市税务局" in text for text in paragraphs)
    assert any(catalogue(language)["status.label.unknown"] in text for text in paragraphs)


# --- the desk


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


@pytest.fixture
def desk(assistant: Assistant, journal: Journal) -> Desk:
    return Desk(Chat(assistant), journal)


def opened(desk: Desk, index: Index, number: str = "二", **changes: Any) -> dict[str, str]:
    values = {"kind": "clause", "key": clause(index, number).id, "text": "出口退税几天办结"}
    return desk.open(Opened.model_validate({**values, **changes}), "tab")


def test_the_list_of_findings_names_each_kind_and_ends_with_none_of_these(desk: Desk) -> None:
    html = desk.search(Asked(text="出口退税", language="en"))
    assert html.count('role="option"') > 2
    assert "Faster export tax refunds" in html
    assert 'data-kind="none"' in html.rpartition('role="option"')[2]
    assert desk.search(Asked(text="  ")).strip() == ""


def test_what_is_typed_does_not_become_markup(desk: Desk, index: Index) -> None:
    hostile = "<img src=x onerror=alert(1)>出口退税"
    assert "<img" not in desk.search(Asked(text=hostile))
    assert "<img" not in desk.open(Opened(kind="none", text=hostile), "tab")["html"]
    assert "<img" not in opened(desk, index, text=hostile)["html"]
    assert "<img" not in desk.check(Pasted(text=hostile))


@pytest.mark.parametrize("caller", LANGUAGES)
def test_an_opened_clause_speaks_to_the_caller_and_to_the_clerk(
    desk: Desk, index: Index, caller: Language
) -> None:
    reply = opened(desk, index, language="zh", caller=caller)
    department = {"zh": "市税务局", "en": "Municipal Tax Bureau", "ko": "시 세무국"}[caller]
    sentence = {"zh": "3个工作日", "en": "within 3 working days", "ko": "3영업일"}[caller]
    assert department in reply["script"]
    assert sentence in reply["script"]
    assert catalogue("zh")["desk.responsibility"] in reply["html"]
    assert "自申报之日起3个工作日内办结出口退税" in reply["html"]


def test_a_policy_that_has_ended_is_said_to_have(assistant: Assistant, index: Index) -> None:
    citation = replace(
        assistant.cite_whole(clause(index, "二"), "zh"), validity=Validity(Status.REPEALED)
    )
    script = call_script(citation, "zh", SOURCE, OFFICE, catalogue("zh")["script.ended"])
    assert script.lines[0].text == catalogue("zh")["script.ended"]


def test_a_department_shows_its_names_and_duties_and_a_term_its_clauses(
    desk: Desk, index: Index
) -> None:
    place = [term.zh for term in index.departments.terms].index("市财政局")
    shown = desk.open(Opened(kind="department", key=str(place), language="en"), "tab")["html"]
    assert "시 재정국" in shown
    assert "Subsidising exhibition costs" in shown
    place = [term.zh for term in index.glossary.terms].index("釉料")
    shown = desk.open(Opened(kind="term", key=str(place), language="en"), "tab")["html"]
    assert "유약" in shown
    assert "Training glaze formulators" in shown


def test_a_call_is_marked_changed_and_taken_back(
    desk: Desk, index: Index, journal: Journal
) -> None:
    entry = opened(desk, index)["entry"]
    marked = {"entry": entry, "text": "出口退税几天办结", "tab": "1"}
    desk.mark(Marked(**marked, state=CallState.HANDED_OVER, to="市税务局"), "tab", "李")
    call = journal.call_of(entry)
    assert call
    assert (call.state, call.department, call.operator) == ("handed_over", "市税务局", "李")
    desk.mark(Marked(**marked, state=CallState.UNANSWERED, note="13800138000 回电"), "tab")
    (order,) = journal.work_orders()
    assert order.call.entry == entry
    assert "13800138000" not in order.call.note
    assert order.number in desk.log("zh")
    desk.mark(Marked(**marked), "tab")
    assert journal.call_of(entry) is None
    assert journal.work_orders() == ()


def test_a_question_that_is_opened_twice_is_written_down_once(
    desk: Desk, index: Index, journal: Journal
) -> None:
    entry = opened(desk, index)["entry"]
    assert opened(desk, index, entry=entry, number="一")["entry"] == entry
    assert [each.question for each in journal.today("desk")] == ["出口退税几天办结"]


def test_the_log_of_today_is_saved_as_excel(desk: Desk, index: Index) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    opened(desk, index)
    name, data = desk.workbook("zh")
    assert re.fullmatch(r"今日记录-\d{8}\.xlsx", name)
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "出口退税几天办结" in cells


def test_a_pasted_sentence_is_checked_against_the_policies(desk: Desk) -> None:
    told = "纳税记录良好的窑厂，自申报之日起3个工作日内办结出口退税。"
    assert catalogue("zh")["quote.verbatim"] in desk.check(Pasted(text=told))
    altered = desk.check(Pasted(text=told.replace("3个", "5个")))
    assert catalogue("zh")["quote.altered"] in altered
    assert "<del>" in altered
    assert catalogue("zh")["quote.absent"] in desk.check(Pasted(text="狗可以进入夜市活动区。"))


@pytest.mark.parametrize(
    "asked", [{"kind": "poem"}, {"kind": "clause", "text": "x" * 3000}, {"language": "fr"}]
)
def test_what_no_page_sends_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Opened.model_validate(asked)


def test_a_replaced_index_is_looked_up_from_then_on(
    assistant: Assistant, journal: Journal, tmp_path: Path, encoder: BagOfCharacters
) -> None:
    chat = Chat(assistant)
    desk = Desk(chat, journal)
    assert "六时开放" not in desk.search(Asked(text="公园几点开放"))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    text = "公园管理规定\n\n第一条 公园每日六时开放。\n\n第二条 禁止在公园内遛狗。\n"
    (corpus / "park.txt").write_text(text, encoding="utf-8")
    build_quickly(corpus, tmp_path / "index", encoder)
    chat.replace(Assistant(open_index(tmp_path / "index"), encoder, plain_ranking()))
    assert "六时开放" in desk.search(Asked(text="公园几点开放"))
