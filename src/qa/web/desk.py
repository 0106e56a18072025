"""The desk of the hotline: what its page asks for, and the HTML that it gets back. Knows nothing of
Gradio. Whatever comes from the page is checked, as anybody can send it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from threading import Lock
from time import perf_counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from qa.assistant import Assistant
from qa.desk.call_script import CallScript, HandOver, Source, call_script, refusal_script
from qa.desk.lookup import Findings, Lookup
from qa.desk.names import Found
from qa.desk.responsibility import Party, Responsibility, duties, full_name, responsibility
from qa.glossary import Term
from qa.journal import CallState, Journal, Span
from qa.messages import message
from qa.quotes import LONGEST_PASTE, QuoteChecker
from qa.render import clause_label, contacts, department_name
from qa.scope import Scope
from qa.text import detect_language
from qa.types import LANGUAGES, Answer, Citation, Clause, Language
from qa.web.cards import (
    Badge,
    Link,
    Piece,
    badge,
    clause_pieces,
    render,
    translation_pieces,
)
from qa.web.chat import Chat, View, cite_again

_LONGEST = 2000
_MOST_LISTED = 60
_MOST_OFFERED = 400
"""Documents and departments that the filters offer."""
_MOST_CONCERNED = 5
_CONCERNS = 0.1
"""The probability from which a clause concerns a term."""
_GIST = 90
"""Characters of the sentence that a finding shows."""

Kind = Literal["clause", "question", "department", "term", "none"]


class Asked(BaseModel):
    """What is in the search field of a tab, and how it is to be read."""

    model_config = ConfigDict(frozen=True)

    text: str = Field("", max_length=_LONGEST)
    language: Language = "zh"
    caller: Language = "zh"
    document: str = ""
    department: str = ""


class Pasted(BaseModel):
    """A text that is said to be policy."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(max_length=LONGEST_PASTE)
    language: Language = "zh"


class Opened(Asked):
    """A finding that is opened; ``key`` is the id of a clause or a position in a glossary."""

    kind: Kind
    key: str = ""
    entry: str = ""


class Marked(Asked):
    """What became of a call."""

    entry: str = ""
    state: CallState | None = None
    to: str = Field("", max_length=200)
    note: str = Field("", max_length=_LONGEST)
    tab: str = Field("", max_length=40)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list of findings."""

    kind: Kind
    key: str
    text: str
    language: Language
    link: Link | None = None
    gist: str = ""
    badge: Badge | None = None
    aside: str = ""


class Opening:
    """A view with what the desk needs of its index; a desk keeps one, until the index changes."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.lookup = Lookup(view.assistant, view.questions)

    @cached_property
    def checker(self) -> QuoteChecker:
        """Finds what is said to be policy."""
        return QuoteChecker(self.view.assistant.index, self.view.assistant.catalogue)


class Desk:
    """Answers the desk page from the index that the chat uses."""

    def __init__(self, chat: Chat, journal: Journal) -> None:
        self._chat = chat
        self.journal = journal
        self._opening: Opening | None = None
        self._lock = Lock()

    def warm(self) -> None:
        """Makes the look-up of the index in use, which takes about a second once."""
        self._open()

    def _open(self) -> Opening:
        view = self._chat.view
        with self._lock:
            if self._opening is None or self._opening.view is not view:
                self._opening = Opening(view)
            return self._opening

    # --- what the page asks for

    def filters(self, language: Language) -> dict[str, list[tuple[str, str]]]:
        """The documents and the departments by which findings can be limited: (key, name), the
        first hundreds of them, by name."""
        view = self._open().view
        index = view.assistant.index
        documents = [
            (document.id, view.cards.document_title(document.id, language))
            for document in map(index.documents.heading, range(_offered(len(index.documents))))
        ]
        names = {
            term.zh: term.name(language) or term.zh
            for term in index.departments.terms[:_MOST_OFFERED]
        }
        by_name = sorted(names.items(), key=lambda each: each[1])
        return {"documents": documents, "departments": by_name}

    def search(self, asked: Asked) -> str:
        """The list of what fits the text of a tab, as HTML."""
        opening = self._open()
        documents = frozenset([asked.document]) if asked.document else None
        scope = Scope(documents=documents, department=asked.department)
        findings = opening.lookup.search(asked.text, scope=scope)
        index = opening.view.assistant.index
        groups = {
            "clauses": self._clauses(findings, asked, opening),
            "questions": [
                Row(
                    "question",
                    known.clause.id,
                    known.question.text,
                    known.question.language,
                    opening.view.cards.link(known.clause, asked.language, asked.language),
                )
                for known in findings.questions
            ],
            "departments": [
                _named("department", found, index.departments.terms[found.owner], asked.language)
                for found in findings.departments
            ],
            "terms": [
                _named("term", found, index.glossary.terms[found.owner], asked.language)
                for found in findings.terms
            ],
        }
        return render(
            "found.html",
            asked.language,
            groups=[(kind, groups[kind]) for kind in findings.order],
            meant=findings.meant,
            text=asked.text.strip(),
        )

    def open(self, opened: Opened, session: str) -> dict[str, str]:
        """What was chosen, in full: ``html``, the ``script`` for the clipboard, and the ``entry``
        of the question in the journal (the one given, where the question is the same)."""
        opening = self._open()
        if opened.kind == "department":
            return {"html": self._department(opened, opening), "script": "", "entry": opened.entry}
        if opened.kind == "term":
            return {"html": self._term(opened, opening), "script": "", "entry": opened.entry}
        began = perf_counter()
        if opened.kind == "none":
            answer = opening.view.assistant.ask(opened.text, language=opened.caller)
            html, script = self._refusal(opened, answer, opening)
        else:
            answer, html, script = self._clause(opened, opening)
        entry = opened.entry or self.journal.record(
            opened.text or answer.question,
            answer if opened.text else None,
            face="desk",
            session=session,
            milliseconds=1000 * (perf_counter() - began),
        )
        return {"html": html, "script": script.text, "entry": entry}

    def mark(self, marked: Marked, session: str, operator: str = "") -> dict[str, str]:
        """Writes down what became of a call (without a state it is taken back), and says so.

        Raises:
            JournalUnavailable: it could not be stored.
        """
        entry = marked.entry or self.journal.record(
            marked.text,
            self._open().view.assistant.ask(marked.text, language=marked.caller),
            face="desk",
            session=session,
        )
        if marked.state is None:
            self.journal.withdraw_call(entry)
            return {"entry": entry, "said": message(marked.language, "desk.withdrawn")}
        self.journal.call(
            entry,
            marked.state,
            department=marked.to,
            note=marked.note,
            caller=marked.tab,
            operator=operator,
        )
        return {"entry": entry, "said": message(marked.language, f"desk.marked.{marked.state}")}

    def check(self, pasted: Pasted) -> str:
        """Whether what was pasted is in the policies, sentence by sentence, as HTML."""
        opening = self._open()
        cards = opening.view.cards
        findings = [
            (
                found,
                cards.link(found.clause, pasted.language, pasted.language)
                if found.clause
                else None,
                badge(found.validity, pasted.language),
            )
            for found in opening.checker.check(pasted.text)
        ]
        return render("checked.html", pasted.language, findings=findings)

    def log(self, language: Language) -> str:
        """The questions of today at the desk with what became of them, as HTML."""
        rows = [(entry, self.journal.call_of(entry.id)) for entry in self.journal.today("desk")]
        orders = {order.call.entry: order.number for order in self.journal.work_orders(None)}
        return render("log.html", language, rows=rows, orders=orders, enabled=self.journal.enabled)

    def workbook(self, language: Language) -> tuple[str, bytes]:
        """Name and bytes of the Excel file of today.

        Raises:
            JournalUnavailable: the journal cannot be read.
        """
        today = date.today()
        name = f"{message(language, 'desk.log')}-{today:%Y%m%d}.xlsx"
        return name, self.journal.workbook(Span(today, today), language)

    # --- parts

    def _clauses(self, findings: Findings, asked: Asked, opening: Opening) -> list[Row]:
        cards = opening.view.cards
        answer = findings.answer
        cited = (*answer.citations, *answer.choices) if answer else ()
        same = answer is not None and answer.language == asked.language
        gists = {
            citation.clause.id: (same and citation.quotes[0].translation) or citation.quotes[0].text
            for citation in cited
        }
        rows = []
        for hit in findings.clauses:
            clause = hit.clause
            translation = opening.view.assistant.index.translation(clause, asked.language)
            text = gists.get(clause.id) or (translation.text if translation else clause.wording())
            link = cards.link(clause, asked.language, asked.language)
            rows.append(
                Row(
                    "clause",
                    clause.id,
                    link.title,
                    link.language,
                    link,
                    gist=text[:_GIST] + ("…" if len(text) > _GIST else ""),
                    badge=badge(hit.validity, asked.language),
                )
            )
        return rows

    def _clause(self, opened: Opened, opening: Opening) -> tuple[Answer, str, CallScript]:
        view, assistant = opening.view, opening.view.assistant
        clause = view.clauses[opened.key]
        question = opened.text.strip() or clause.title
        documents = frozenset([clause.document_id])
        answer = assistant.ask(question, documents=documents)
        citation, best = _citation(clause, question, assistant, opened.caller)
        document = citation.document
        parties = responsibility(clause, document, assistant.index)
        script = _script(citation, best, parties, opened.caller, view)
        html = render(
            "clause_detail.html",
            opened.language,
            link=view.cards.link(clause, opened.language, opened.language),
            badge_of=badge(citation.validity, opened.language),
            printed=document.language,
            source=view.cards.document_title(document.id, opened.language),
            script=script,
            spoken=opened.caller,
            names={each: message(each, "language_name") for each in LANGUAGES},
            lead=[_shown(each, opened.language) for each in parties.lead],
            others=[_shown(each, opened.language) for each in parties.others],
            no_telephone=not any(each.telephone for each in parties.parties),
            words=parties.words,
            departments=self._destinations(parties, opened, opening),
            columns=_columns(citation, opened, assistant),
        )
        return answer, html, script

    def _refusal(self, opened: Opened, answer: Answer, opening: Opening) -> tuple[str, CallScript]:
        view = opening.view
        whom = contacts(answer, view.assistant.index)
        script = refusal_script(opened.caller, whom)
        html = render(
            "refusal_detail.html",
            opened.language,
            text=opened.text.strip(),
            script=script,
            spoken=opened.caller,
            names={each: message(each, "language_name") for each in LANGUAGES},
            uncovered=answer.uncovered,
            departments=self._destinations(None, opened, opening),
        )
        return html, script

    def _destinations(
        self, parties: Responsibility | None, opened: Opened, opening: Opening
    ) -> list[tuple[str, str]]:
        """Where a call may go: the departments of the clause, then those of the directory."""
        own = [
            (each.printed, each.name(opened.language))
            for each in (parties.parties if parties else ())
        ]
        terms = opening.view.assistant.index.departments.terms[:_MOST_OFFERED]
        others = [(term.zh, term.name(opened.language) or term.zh) for term in terms]
        return [*own, *(each for each in others if each not in own)]

    def _department(self, opened: Opened, opening: Opening) -> str:
        index = opening.view.assistant.index
        term = index.departments.terms[int(opened.key)]
        positions = duties(term.zh, index)
        cards = opening.view.cards
        return render(
            "department_detail.html",
            opened.language,
            term=term,
            full=full_name(term),
            aliases=_aliases(term),
            names={each: message(each, "language_name") for each in LANGUAGES},
            links=[
                cards.link(index.clauses[place], opened.language, opened.language)
                for place in positions[:_MOST_LISTED]
            ],
            count=len(positions),
            left_out=max(0, len(positions) - _MOST_LISTED),
        )

    def _term(self, opened: Opened, opening: Opening) -> str:
        assistant, cards = opening.view.assistant, opening.view.cards
        term = assistant.index.glossary.terms[int(opened.key)]
        hits = [hit for hit in assistant.ask(term.zh).hits if hit.probability >= _CONCERNS]
        return render(
            "term_detail.html",
            opened.language,
            term=term,
            links=[
                cards.link(hit.clause, opened.language, opened.language)
                for hit in hits[:_MOST_CONCERNED]
            ],
            aliases=_aliases(term),
            names={each: message(each, "language_name") for each in LANGUAGES},
        )


def _offered(count: int) -> int:
    return min(count, _MOST_OFFERED)


def _named(kind: Kind, found: Found, term: Term, language: Language) -> Row:
    """A department or a term as a line: its name in the language of the page, the name that fits
    where that is another, and what it is called in the other languages."""
    own = term.name(language) or term.zh
    others = [term.name(each) for each in LANGUAGES if each != language and term.name(each)]
    gist = found.name if found.name != own and found.name not in others else ""
    return Row(kind, str(found.owner), own, language, gist=gist, aside=" · ".join(others))


def _aliases(term: Term) -> dict[Language, list[str]]:
    return {
        language: [name for of, name in term.aliases if of == language] for language in LANGUAGES
    }


def _citation(
    clause: Clause, question: str, assistant: Assistant, language: Language
) -> tuple[Citation, int]:
    """The clause with the sentences that settle the question best, in the caller's language,
    whatever the question was typed in; and where the best of them begins."""
    asked_in = detect_language(question)
    settling = assistant.cite(question, clause, asked_in).quotes
    best = settling
    if len(settling) > 1:
        best = assistant.cite(question, clause, asked_in, most=1).quotes
    starts = [quote.start for quote in settling]
    return cite_again(assistant, clause, starts, language), best[0].start


def _script(
    citation: Citation, best: int, parties: Responsibility, language: Language, view: View
) -> CallScript:
    clause, document = citation.clause, citation.document
    first = parties.first
    hand_over = None
    if first:
        name = department_name(view.assistant.index, first.printed, language, document)
        others = len(clause.departments) - 1
        hand_over = HandOver(name, bool(parties.lead), others, first.telephone)
    title = view.cards.document_title(document.id, language)
    label = _spoken_label(clause, language)
    source = Source(message(language, "script.source", document=title, clause=label), label)
    ended = citation.validity.status.ended
    warning = message(language, "script.ended") if ended else ""
    return call_script(citation, language, source, hand_over, warning, best)


def _spoken_label(clause: Clause, language: Language) -> str:
    """The number of a clause as it is said; its title where it has none."""
    return clause_label(replace(clause, title=""), language) if clause.number else clause.title


def _shown(each: Party, language: Language) -> dict[str, str]:
    name = each.name(language)
    return {
        "key": each.printed,
        "name": name,
        "printed": each.printed if each.printed != name else "",
        "full": each.full if each.full not in (name, each.printed) else "",
        "telephone": each.telephone,
    }


def _columns(
    citation: Citation, opened: Opened, assistant: Assistant
) -> list[tuple[str, Language, tuple[Piece, ...]]]:
    """The clause as published, then its translations for the caller and for the clerk."""
    clause, document = citation.clause, citation.document
    columns: list[tuple[str, Language, tuple[Piece, ...]]] = [
        ("original", document.language, clause_pieces(clause, citation.quotes))
    ]
    starts = {quote.start for quote in citation.quotes}
    for language in dict.fromkeys((opened.caller, opened.language)):
        if language == document.language:
            continue
        whole = assistant.cite_whole(clause, language)
        if whole.translation:
            quotes = [quote for quote in whole.quotes if quote.start in starts]
            columns.append(("translation", language, translation_pieces(whole.translation, quotes)))
    return columns
