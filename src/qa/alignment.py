"""Translations and wordings laid to the clauses of their policy, by the printed number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from qa.corpus import Corpus, DocumentTranslation, Wording
from qa.errors import CorpusError
from qa.passages import clause_sentences
from qa.types import Clause, Translation, number_path


def clause_translations(corpus: Corpus, clauses: Sequence[Clause]) -> dict[str, list[Translation]]:
    """Translations by clause id; a block belongs to the clause with its number or its path."""
    found: dict[str, list[Translation]] = {}
    keys = _clause_keys(clauses)
    languages = {document.id: document.language for document in corpus.documents}
    for document_translation in corpus.translations:
        language = languages[document_translation.document_id]
        for block in document_translation.clauses:
            clause = keys.get((document_translation.document_id, block.number))
            if clause is None:
                continue
            found.setdefault(clause.id, []).append(
                Translation(
                    clause.id,
                    document_translation.language,
                    block.title,
                    block.sentences,
                    block.note,
                    aligned=len(block.sentences) == len(clause_sentences(clause, language)),
                )
            )
        preamble = _preamble_translation(document_translation, clauses)
        if preamble:
            found.setdefault(preamble.clause_id, []).append(preamble)
    return found


def _preamble_translation(
    translation: DocumentTranslation, clauses: Sequence[Clause]
) -> Translation | None:
    first = next((c for c in clauses if c.document_id == translation.document_id), None)
    if first is None or first.number or not translation.preamble:
        return None
    return Translation(first.id, translation.language, "", translation.preamble, aligned=False)


def clause_wordings(corpus: Corpus, clauses: Sequence[Clause]) -> dict[str, list[Wording]]:
    """Wordings by clause id; those that name no clause of their document are left out."""
    keys = _clause_keys(clauses)
    found: dict[str, list[Wording]] = {}
    for wording in corpus.wordings:
        clause = keys.get((wording.document_id, wording.clause))
        if clause is not None:
            found.setdefault(clause.id, []).append(wording)
    return found


def unmatched(corpus: Corpus, clauses: Sequence[Clause]) -> Iterator[CorpusError]:
    """The translations and wordings that name a clause which their policy does not have."""
    keys = _clause_keys(clauses)
    blocks = [
        ("translation", t.document_id, b.number) for t in corpus.translations for b in t.clauses
    ]
    rows = [("wordings", w.document_id, w.clause) for w in corpus.wordings if w.clause]
    for kind, document, number in dict.fromkeys((*blocks, *rows)):
        if (document, number) not in keys:
            yield CorpusError(
                f"the {kind} of {document}",
                f"has a clause {number!r}, which the policy does not have or has more than once",
                "write the number as printed, with those above it: 一/（二）; "
                "`python -m qa clauses` shows them",
            )


def _clause_keys(clauses: Sequence[Clause]) -> dict[tuple[str, str], Clause]:
    """Clauses by document and path of numbers (一/（二）), and by printed number alone where only
    one clause of the document has it: a translation must not be laid to the wrong clause."""
    numbered = [clause for clause in clauses if clause.number]
    counts = Counter((clause.document_id, clause.number) for clause in numbered)
    keys = {
        (clause.document_id, clause.number): clause
        for clause in numbered
        if counts[clause.document_id, clause.number] == 1
    }
    keys |= {(clause.document_id, number_path(clause)): clause for clause in numbered}
    return keys
