"""What was found of a quotation, and what changed between two versions: for people and as records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from qa.changes import ClauseChange, Kind
from qa.differences import Change
from qa.messages import message
from qa.quotes import Finding, Verdict
from qa.render import clause_label, imprint, validity_text
from qa.types import Clause, Language

_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~", Kind.UNCHANGED: "="}


def marked(changes: Sequence[Change]) -> str:
    """An alignment in one line, as ``wdiff`` prints it: ``补贴[-4-]{+5+}0%``."""
    return "".join(
        change.after
        if change.same
        else f"{f'[-{change.before}-]' if change.before else ''}{f'{{+{change.after}+}}' if change.after else ''}"
        for change in changes
    )


# --- quotations


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as JSON types. ``start`` and ``end`` count characters of what was pasted, ``first``
    and ``last`` those of the clause (of the document, where there is no clause)."""
    return {
        "text": finding.text,
        "start": finding.start,
        "end": finding.end,
        "verdict": str(finding.verdict),
        "document": finding.document.id if finding.document else "",
        "number": finding.clause.number if finding.clause else "",
        "title": finding.clause.title if finding.clause else "",
        "original": finding.original,
        "first": finding.first,
        "last": finding.last,
        "similarity": finding.similarity,
        "changes": _change_records(finding.changes, "original", "pasted"),
        "added_numbers": list(finding.added),
        "missing_numbers": list(finding.missing),
        "negated": finding.negated,
        "omitted": finding.omitted,
        "status": str(finding.validity.status),
        "also": finding.also,
    }


def finding_lines(finding: Finding, language: Language) -> Iterator[str]:
    """A finding for a reader at a terminal."""
    yield f"■ {message(language, f'quote.{finding.verdict}')}"
    yield f"  「{finding.text}」"
    if finding.verdict is Verdict.ALTERED:
        yield f"  {message(language, 'quote.original')}: 「{finding.original}」"
        yield f"  {marked(finding.changes)}"
    for key in ("added", "missing"):
        if numbers := getattr(finding, key):
            yield f"  {message(language, f'quote.{key}', numbers=', '.join(numbers))}"
    if finding.omitted:
        yield f"  {message(language, 'quote.omitted', words=finding.omitted)}"
    if finding.negated:
        yield f"  {message(language, 'quote.negated')}"
    if finding.document is None:
        return
    label = clause_label(finding.clause, language) if finding.clause else ""
    source = [finding.document.title, label, *imprint(finding.document)]
    yield f"  {message(language, 'source')}: {' · '.join(part for part in source if part)}"
    yield f"  {validity_text(finding.validity, language)}"
    if finding.also:
        yield f"  {message(language, 'quote.also', count=finding.also)}"


# --- versions


def change_record(change: ClauseChange) -> dict[str, Any]:
    """What became of a clause, as JSON types."""
    return {
        "kind": str(change.kind),
        "old": _clause_record(change.old),
        "new": _clause_record(change.new),
        "renumbered": change.renumbered,
        "changes": _change_records(change.changes, "old", "new"),
    }


def change_lines(changes: Sequence[ClauseChange], language: Language) -> Iterator[str]:
    """All that changed, for a reader at a terminal, and a summary at the end."""
    for change in changes:
        clause = change.new or change.old
        assert clause is not None
        if change.kind is Kind.UNCHANGED and not change.renumbered:
            continue
        label = clause_label(clause, language)
        if change.renumbered and change.old:
            label += f" ({message(language, 'change.renumbered', old=clause_label(change.old, language))})"
        yield f"{_SIGNS[change.kind]} {message(language, f'change.{change.kind}')}: {label}"
        if change.kind is Kind.CHANGED:
            yield f"    {marked(change.changes)}"
        elif change.kind is not Kind.UNCHANGED:
            yield f"    {clause.text}"
    counts = Counter(change.kind for change in changes)
    yield message(language, "change.summary", **{str(kind): counts[kind] for kind in Kind})


def _clause_record(clause: Clause | None) -> dict[str, Any] | None:
    if clause is None:
        return None
    return {"id": clause.id, "number": clause.number, "title": clause.title, "text": clause.text}


def _change_records(changes: Sequence[Change], before: str, after: str) -> list[dict[str, Any]]:
    return [{before: c.before, after: c.after, "same": c.same} for c in changes]
