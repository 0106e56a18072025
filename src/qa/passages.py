"""A clause → the passages that it is found by: title, sentences, whole; each in every language.

Notes that name the departments are left out of the passages: half the clauses of a policy name
the customs, and a question about customs clearance is not a question about all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from qa.languages.zh import segment as chinese
from qa.text import sentence_spans
from qa.types import Clause, Document, Language, Passage, Translation

if TYPE_CHECKING:
    from qa.corpus import Wording

LONGEST_SENTENCE = 240
"""Characters; a longer sentence gives several passages (a static embedding blurs beyond)."""

LONGEST_UNNUMBERED = 500
"""Characters of a clause that is cut from text without numbers: what is quoted must be readable."""

_FIGURES = re.compile(r"[0-9０-９]+(?:\.[0-9]+)?[%％‰万亿元倍]|百分之|[0-9]+个?(?:工作日|月|年|天)")


def clause_sentences(clause: Clause, language: Language) -> list[tuple[int, int]]:
    """Spans, within ``clause.text``, of the sentences of its wording (without the notes); the title
    is the first of them where it is one itself, and says how much: 对改造按40%给予补贴。…"""
    borders = [
        clause.body_start,
        *(edge for note in clause.notes for edge in note),
        len(clause.text),
    ]
    spans = [(clause.title_start, clause.title_end + 1)] if _is_sentence(clause) else []
    for start, end in zip(borders[::2], borders[1::2], strict=True):
        wording = clause.text[start:end]
        spans += [
            (start + first, start + last) for first, last in sentence_spans(wording, language)
        ]
    return spans


def _is_sentence(clause: Clause) -> bool:
    """Whether the title is a sentence that runs on in the wording, with figures in it."""
    runs_on = clause.text[clause.title_end : clause.title_end + 1] == "。"
    return runs_on and bool(_FIGURES.search(clause.title))


def passages(
    clauses: Sequence[Clause],
    documents: Mapping[str, Document],
    translations: Mapping[str, Sequence[Translation]],
    wordings: Mapping[str, Sequence[Wording]],
) -> Iterator[Passage]:
    """All passages of ``clauses`` in order; ``translations`` and ``wordings`` by clause id."""
    for position, clause in enumerate(clauses):
        document = documents[clause.document_id]
        language = document.language
        sentences = [clause.text[start:end] for start, end in clause_sentences(clause, language)]
        title = clause.title or (clause.path[-1] if clause.path else "")
        yield from _variants(position, language, title, sentences)
        for translation in translations.get(clause.id, ()):
            yield from _variants(
                position, translation.language, translation.title, translation.sentences
            )
        for wording in wordings.get(clause.id, ()):
            yield Passage(position, "wording", wording.language, wording.question)


def _variants(
    clause: int, language: Language, title: str, sentences: Sequence[str]
) -> Iterator[Passage]:
    if title:
        yield Passage(clause, "title", language, title)
    for number, sentence in enumerate(sentences):
        for piece in pieces(sentence, LONGEST_SENTENCE * (1 if language == "zh" else 3)):
            yield Passage(clause, "sentence", language, piece, number)
    joint = "" if language == "zh" else " "
    repeated = bool(title) and joint.join(sentences).startswith(title)
    whole = sentences if repeated else [title, *sentences]
    yield Passage(clause, "clause", language, joint.join(whole).strip())


def pieces(text: str, longest: int) -> list[str]:
    """``text`` cut at the borders of phrases, else of words, into pieces of at most ``longest``."""
    return [text[start:end] for start, end in pairwise(_cuts(text, longest))]


def _cuts(text: str, longest: int) -> list[int]:
    cuts = [0]
    while len(text) - cuts[-1] > longest:
        window = text[cuts[-1] : cuts[-1] + longest]
        border = max(
            (window.rfind(mark) + 1 for mark in "。！？；;\n" if mark in window[longest // 2 :]),
            default=0,
        ) or max(
            (window.rfind(mark) + 1 for mark in "，、, " if mark in window[longest // 2 :]),
            default=0,
        )
        if not border:  # no mark at all: between two words
            words = chinese.cut(window)
            border = longest - len(words[-1]) if len(words) > 1 else longest
        cuts.append(cuts[-1] + border)
    return [*cuts, len(text)]


def all_clauses(document: Document) -> list[Clause]:
    """The clauses of a document, numbered and not, in the order of its text."""
    from qa.clauses import remainder, split  # to answer takes none of it

    numbered = split(document)
    outside = unnumbered_clauses(document, remainder(document, numbered))
    return sorted([*numbered, *outside], key=lambda clause: clause.start)


def unnumbered_clauses(document: Document, spans: Iterable[tuple[int, int]]) -> list[Clause]:
    """Text outside the numbered clauses as clauses without a number, readable in length.

    Preambles, closing formulas and notices without any numbering can be found and quoted, too.
    Consecutive paragraphs are joined while they stay below ``LONGEST_UNNUMBERED`` characters.
    """
    clauses: list[Clause] = []
    for start, end in spans:
        for first, last in _paragraphs(document, start, end):
            text = document.text[first:last]
            clauses.append(
                Clause(
                    id=f"{document.id}#+{len(clauses) + 1}",
                    document_id=document.id,
                    number="",
                    path=(),
                    title="",
                    start=first,
                    end=last,
                    text=text,
                )
            )
    return clauses


def _paragraphs(document: Document, start: int, end: int) -> Iterator[tuple[int, int]]:
    text = document.text[start:end]
    sentences = sentence_spans(text, document.language)
    limit = LONGEST_UNNUMBERED * (1 if document.language == "zh" else 3)
    first = last = -1
    for begin, finish in sentences:
        if first >= 0 and finish - first > limit:
            yield from _readable(start + first, text[first:last], limit)
            first = -1
        if first < 0:
            first = begin
        last = finish
    if first >= 0:
        yield from _readable(start + first, text[first:last], limit)


def _readable(offset: int, text: str, limit: int) -> Iterator[tuple[int, int]]:
    for first, last in pairwise(_cuts(text, limit)):
        stripped = text[first:last].strip()
        if stripped:
            begin = offset + first + text[first:last].index(stripped)
            yield begin, begin + len(stripped)
