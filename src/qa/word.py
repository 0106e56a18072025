"""An answer as a Word document: the question, each clause as published, its translation, who is
responsible, where it stands. The only place that uses python-docx."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from qa.index import Index
from qa.messages import message
from qa.render import clause_label, department_name, imprint, validity_text
from qa.types import Citation, Language

_FONTS: dict[Language, str] = {"zh": "Microsoft YaHei", "en": "Calibri", "ko": "Malgun Gothic"}
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def word_document(
    question: str,
    citations: Sequence[Citation],
    index: Index,
    answered: Language,
    interface: Language,
) -> bytes:
    """The bytes of a .docx file.

    Args:
        question: as asked.
        citations: the clauses that answer it.
        index: names departments and documents.
        answered: the language of titles, translations and departments.
        interface: the language of labels.
    """
    import docx

    paper = docx.Document()
    paper.core_properties.author = message(interface, "page.name")
    paper.core_properties.title = _clean(question)[:200]
    _write(paper.add_heading(level=1), question, answered)
    for citation in citations:
        _write_citation(paper, citation, index, answered, interface)
    footer = paper.sections[0].footer.paragraphs[0]
    _write(footer, message(interface, "page.footer"), interface)
    stream = io.BytesIO()
    paper.save(stream)
    return stream.getvalue()


def _write_citation(
    paper: Any, citation: Citation, index: Index, answered: Language, interface: Language
) -> None:
    clause, document, translation = citation.clause, citation.document, citation.translation
    title = translation.title if translation else ""
    _write(paper.add_heading(level=2), clause_label(clause, answered, title), answered)
    status = validity_text(citation.validity, answered)
    name = index.titles.get((document.id, answered), "") or document.title or document.id
    source = " · ".join([name, *imprint(document), status])
    _write(paper.add_paragraph(), f"{message(interface, 'source')}: {source}", answered)
    if translation and answered != document.language:
        _write(paper.add_heading(level=3), message(interface, "translation"), interface)
        quoted = {quote.translation for quote in citation.quotes if quote.translation}
        paragraph = paper.add_paragraph()
        space = "" if answered == "zh" else " "
        for sentence in translation.sentences:
            _write(paragraph, sentence + space, answered, marked=sentence in quoted)
    _write(paper.add_heading(level=3), message(interface, "original"), interface)
    _write_original(paper, citation)
    _write(paper.add_heading(level=3), message(interface, "departments"), interface)
    for printed in clause.departments:
        text = department_name(index, printed, answered, document)
        if text != printed:
            text = f"{text} ({printed})"
        if printed in clause.lead:
            text = f"{text} – {message(interface, 'lead')}"
        _write(paper.add_paragraph(style="List Bullet"), text, answered)
    if not clause.departments:
        _write(paper.add_paragraph(), message(interface, "no_departments"), interface)


def _write_original(paper: Any, citation: Citation) -> None:
    """The clause as published, word for word, the settling sentences marked."""
    text, language = citation.clause.text, citation.document.language
    paragraph = paper.add_paragraph()
    position = 0
    for quote in sorted(citation.quotes, key=lambda quote: quote.start):
        _write(paragraph, text[position : quote.start], language)
        _write(paragraph, text[quote.start : quote.end], language, marked=True)
        position = quote.end
    _write(paragraph, text[position:].rstrip(), language)


def _write(paragraph: Any, text: str, language: Language, marked: bool = False) -> None:
    """A run of text in the fonts of its language."""
    from docx.enum.text import WD_COLOR_INDEX
    from docx.oxml.ns import qn

    if not text:
        return
    run = paragraph.add_run(_clean(text))
    font = _FONTS[language]
    run.font.name = font
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    if marked:
        run.bold = True
        run.font.highlight_color = WD_COLOR_INDEX.YELLOW


def _clean(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)
