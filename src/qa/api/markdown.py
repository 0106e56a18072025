"""An answer as Markdown: quotations as block quotes, the sources under them.

The words of a policy are data. Whatever of them Markdown or HTML would take for markup is escaped,
so that a renderer shows them word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qa.index import Index
from qa.messages import message
from qa.render import (
    clause_label,
    contacts,
    department_name,
    departments_text,
    document_title,
    imprint,
    validity_text,
)
from qa.types import Answer, Citation, Focus, Language, Outcome

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~&!^$]")
_ORDERED = re.compile(r"^(\s*\d{1,9})([.)])", re.MULTILINE)
_BULLET = re.compile(r"^(\s*)([-+=])", re.MULTILINE)
_LINKED = re.compile(r"(?<=\w)([:@])(?=[/\w])|(?<=www)(\.)")
_LISTS = (Focus.DUTIES, Focus.CONTENTS)


def markdown(answer: Answer, index: Index) -> str:
    """The answer as blocks of Markdown (CommonMark), separated by empty lines."""
    return "\n\n".join(block for block in _blocks(answer, index) if block)


def escaped(text: str) -> str:
    """Text that renders as itself: on one line, without what Markdown or HTML takes for markup."""
    line = " ".join(text.split())
    line = _ORDERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", line))
    return _LINKED.sub(lambda match: "\\" + match[0], _BULLET.sub(r"\1\\\2", line))


def _blocks(answer: Answer, index: Index) -> Iterator[str]:
    language = answer.language
    if answer.outcome in (Outcome.SMALL_TALK, Outcome.INVALID):
        yield escaped(message(language, f"reply.{answer.reply}"))
        return
    if answer.outcome is Outcome.NO_CLAUSE:
        yield from _refusal(answer, index)
        return
    if answer.outcome is Outcome.CLARIFY:
        yield escaped(message(language, "outcome.clarify"))
    if answer.focus in _LISTS:
        yield from _list(answer, index)
    else:
        for citation in answer.citations or answer.choices:
            yield from _card(citation, answer, index)
    for number in answer.numbers:
        if not number.found:
            yield escaped(message(language, "number.missing", number=number.text))


def _card(citation: Citation, answer: Answer, index: Index) -> Iterator[str]:
    language = answer.language
    departments = escaped(departments_text(citation, language, index))
    first = answer.focus is Focus.DEPARTMENTS
    yield f"**{_label(citation, language)}**"
    if first:
        yield departments
    for quote in citation.quotes:
        yield f"> {escaped(quote.text)}"
        if quote.translation:
            yield f"*{escaped(quote.translation)}*"
    if not first:
        yield departments
    yield _source(citation, language, index)


def _list(answer: Answer, index: Index) -> Iterator[str]:
    """Clauses of which the list is the answer."""
    language, first = answer.language, answer.citations[0]
    if answer.focus is Focus.DUTIES:
        names = ", ".join(department_name(index, name, language) for name in answer.departments)
        yield escaped(message(language, "duties", department=names, count=answer.total))
    else:
        title = document_title(first, language, index)
        yield escaped(message(language, "contents", title=title, count=answer.total))
    documents = {citation.document.id for citation in answer.citations}
    lines = []
    for citation in answer.citations:
        title = document_title(citation, language, index) if len(documents) > 1 else ""
        lines.append(f"- {_label(citation, language)}" + (f" · {escaped(title)}" if title else ""))
    yield "\n".join(lines)
    if answer.total > len(answer.citations):
        shown = len(answer.citations)
        yield escaped(message(language, "listed", shown=shown, count=answer.total))
    if len(documents) == 1:
        yield _source(first, language, index)


def _refusal(answer: Answer, index: Index) -> Iterator[str]:
    language = answer.language
    yield escaped(message(language, "outcome.no_clause"))
    if answer.uncovered:
        yield escaped(message(language, "uncovered", words=", ".join(answer.uncovered)))
    if answer.hits:
        nearest = []
        for hit in answer.hits[:3]:
            translation = index.translation(hit.clause, language)
            label = clause_label(hit.clause, language, translation.title if translation else "")
            nearest.append(f"- {escaped(label)}")
        yield "\n".join([f"{escaped(message(language, 'nearest'))}:\n", *nearest])
    asked = " / ".join(contacts(answer, index))
    yield escaped(message(language, "contact", contacts=asked))


def _label(citation: Citation, language: Language) -> str:
    translation = citation.translation
    return escaped(
        clause_label(citation.clause, language, translation.title if translation else "")
    )


def _source(citation: Citation, language: Language, index: Index) -> str:
    parts = [document_title(citation, language, index), *imprint(citation.document)]
    source = f"{message(language, 'source')}: {' · '.join(parts)}"
    return f"{escaped(source)} · {escaped(validity_text(citation.validity, language))}"
