"""An answer as plain text for people and as a record for programs; the stable output of the CLI."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from qa.glossary import Term
from qa.index import Index
from qa.messages import message
from qa.numbers import clause_number, is_article
from qa.places import around, document_places, places_in
from qa.types import (
    Answer,
    Citation,
    Clause,
    Document,
    Focus,
    Language,
    Outcome,
    Status,
    Validity,
    number_chain,
)

_LISTS = (Focus.DUTIES, Focus.CONTENTS)
_NEAR = 0.05
"""The probability from which the departments of a clause are worth asking."""


def department_name(
    index: Index, printed: str, language: Language, document: Document | None = None
) -> str:
    """The name of a department in a language; as printed where no table knows it.

    The table of one city must not rename the departments of another: 市商务局 is printed
    everywhere, "Weihai Municipal Bureau of Commerce" is in Weihai only.
    """
    term = department_term(index, printed, document)
    return (term and term.name(language)) or printed


def department_term(index: Index, printed: str, document: Document | None = None) -> Term | None:
    """The entry of the directory for a department, where one has just this name."""
    named = index.departments.named(printed)
    return next((term for term in named if _is_of(term, document)), None)


@lru_cache(maxsize=10_000)
def _home(name: str) -> frozenset[str]:
    return places_in(name)


def _is_of(term: Term, document: Document | None) -> bool:
    """Whether a department may be one of the place that issued ``document``."""
    if document is None:
        return True
    home = _home(term.en)
    return not home or bool(around(home) & document_places(document))


def clause_label(clause: Clause, language: Language, title: str = "") -> str:
    """How a clause is called: number and title, else its first words."""
    name = title or clause.title
    if not clause.number:
        return name or f"{' '.join(clause.text[:24].split())}…"
    # Who does not read Chinese does not read 十三 either.
    numbers = [
        _bare(part) if language == "zh" else str(clause_number(part) or _bare(part))
        for part in number_chain(clause)
    ]
    if len(numbers) > 1 and not is_article(clause.number):
        return f"{numbers[0]}{''.join(f'({n})' for n in numbers[1:])} {name}".strip()
    return f"{message(language, 'clause', number=numbers[-1])} {name}".strip()


def _bare(number: str) -> str:
    return number.strip("第条條제조（）() ")


def imprint(document: Document) -> list[str]:
    """What the text says of itself beside its title: number and date, as far as it does."""
    return [part for part in (document.number, document.issued) if part]


def validity_text(validity: Validity, language: Language) -> str:
    """Whether a policy holds, in one line: the status and the days that it rests on."""
    status = validity.status
    details = []
    if status is Status.UNKNOWN:
        details.append(message(language, "status.unknown"))
    elif status is Status.IN_FORCE:
        details.append(message(language, "status.since", date=validity.since))
        if validity.date:
            details.append(message(language, "status.until", date=validity.date))
    elif validity.date:
        key = {Status.NOT_YET: "since", Status.EXPIRED: "expired_on"}.get(status, "ended_on")
        details.append(message(language, f"status.{key}", date=validity.date))
    if validity.successor_name:
        details.append(message(language, "status.successor", title=validity.successor_name))
    joint, left, right = ("，", "（", "）") if language == "zh" else (", ", " (", ")")
    label = message(language, f"status.label.{status}")
    return f"{label}{left}{joint.join(details)}{right}" if details else label


def contacts(answer: Answer, index: Index) -> list[str]:
    """Whom to ask where no clause answers: the hotline, and who answers for the nearest clause."""
    near = (hit.clause for hit in answer.hits if hit.probability >= _NEAR)
    nearest = next((clause for clause in near if clause.departments), None)
    names = [message(answer.language, "contact.hotline")]
    if nearest:
        first = (nearest.lead or nearest.departments)[0]
        document = index.document(nearest.document_id)
        names.append(department_name(index, first, answer.language, document))
    return names


def record(answer: Answer) -> dict[str, Any]:
    """The answer as JSON types; the format is documented in README.md and kept stable."""
    return {
        "question": answer.question,
        "language": answer.language,
        "outcome": str(answer.outcome),
        "hits": [
            {
                "document": hit.clause.document_id,
                "number": hit.clause.number,
                "title": hit.clause.title,
                "text": hit.clause.text,
                "start": hit.clause.start,
                "end": hit.clause.end,
                "probability": round(hit.probability, 6),
                "departments": list(hit.clause.departments),
                "status": str(hit.validity.status),
            }
            for hit in answer.hits
        ],
        "citations": [
            {
                "document": citation.clause.document_id,
                "number": citation.clause.number,
                "quote": quote.text,
                "translation": quote.translation,
                "status": str(citation.validity.status),
            }
            for citation in answer.citations
            for quote in citation.quotes
        ],
    }


def clause_record(clause: Clause) -> dict[str, Any]:
    """A clause as JSON types, for ``qa clauses``."""
    return {
        "number": clause.number,
        "path": list(clause.path),
        "title": clause.title,
        "text": clause.text,
        "start": clause.start,
        "end": clause.end,
        "departments": list(clause.departments),
        "lead": list(clause.lead),
    }


def text(answer: Answer, index: Index) -> str:
    """The answer for a reader at a terminal."""
    return "\n".join(_lines(answer, index))


def _lines(answer: Answer, index: Index) -> Iterator[str]:
    language = answer.language
    if answer.outcome in (Outcome.SMALL_TALK, Outcome.INVALID):
        yield message(language, f"reply.{answer.reply}")
        return
    if answer.outcome is Outcome.NO_CLAUSE:
        yield from _refusal(answer, index)
        return
    if answer.outcome is Outcome.CLARIFY:
        yield message(language, "outcome.clarify")
    if answer.focus is Focus.DUTIES:
        names = ", ".join(department_name(index, name, language) for name in answer.departments)
        yield message(language, "duties", department=names, count=answer.total)
    if answer.focus is Focus.CONTENTS:
        title = document_title(answer.citations[0], language, index)
        yield message(language, "contents", title=title, count=answer.total)
    for citation in answer.citations or answer.choices:
        if answer.focus not in _LISTS:
            yield ""
        yield from _card(citation, answer, index)
    if answer.focus in _LISTS and answer.total > len(answer.citations):
        yield message(language, "listed", shown=len(answer.citations), count=answer.total)
    for number in answer.numbers:
        if not number.found:
            yield message(language, "number.missing", number=number.text)


def _card(citation: Citation, answer: Answer, index: Index) -> Iterator[str]:
    language, clause = answer.language, citation.clause
    translation = citation.translation
    departments = f"  {departments_text(citation, language, index)}"
    if answer.focus is Focus.DEPARTMENTS:
        yield departments
    yield f"■ {clause_label(clause, language, translation.title if translation else '')}"
    # Of duties and contents the list is the answer; each clause can be asked for.
    for quote in citation.quotes if answer.focus not in _LISTS else ():
        yield f"  「{quote.text}」"
        if quote.translation:
            yield f"  {quote.translation}"
    if answer.focus is Focus.CLAUSE:
        yield departments
    if answer.focus is Focus.CONTENTS or (
        answer.focus is Focus.DUTIES and len(index.documents) == 1
    ):
        return
    title = document_title(citation, language, index)
    yield f"  {message(language, 'source')}: {' · '.join([title, *imprint(citation.document)])}"
    yield f"  {validity_text(citation.validity, language)}"
    if len(citation.document.sources) > 1:
        yield f"  {message(language, 'sources')}: {', '.join(citation.document.sources)}"


def document_title(citation: Citation, language: Language, index: Index) -> str:
    """The title of a citation's policy in a language, where it has one, else as printed."""
    return index.titles.get((citation.document.id, language), "") or citation.document.title


def departments_text(citation: Citation, language: Language, index: Index) -> str:
    """The departments responsible for a clause in one line, or that its text names none."""
    clause, document = citation.clause, citation.document
    if not clause.departments:
        return message(language, "no_departments")
    names = [
        department_name(index, name, language, document)
        + (f" ({message(language, 'lead')})" if name in clause.lead else "")
        for name in clause.departments
    ]
    joined = "、".join(names) if language == "zh" else "; ".join(names)
    return f"{message(language, 'departments')}: {joined}"


def _refusal(answer: Answer, index: Index) -> Iterator[str]:
    language = answer.language
    yield message(language, "outcome.no_clause")
    yield message(
        language,
        "searched",
        documents=len(index.documents),
        clauses=int(index.numbered.sum()),
    )
    if answer.uncovered:
        yield message(language, "uncovered", words=", ".join(answer.uncovered))
    if answer.hits:
        yield f"{message(language, 'nearest')}:"
        for hit in answer.hits[:3]:
            yield f"  · {clause_label(hit.clause, language, _title(hit.clause, language, index))}"
    yield message(language, "contact", contacts=" / ".join(contacts(answer, index)))


def _title(clause: Clause, language: Language, index: Index) -> str:
    translation = index.translation(clause, language)
    return translation.title if translation else ""
