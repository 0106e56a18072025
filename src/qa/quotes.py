"""Is a sentence that is said to be policy really there? Verbatim, altered, or not in the corpus.

pasted text ──pieces──▶ sentence ──rare grams──▶ candidate clauses ──alignment──▶ Finding

Two texts are the same words where they differ in white space, in full and half width, or in the
variants of a punctuation mark; where they differ in traditional and simplified characters too,
that is said. The alignment is the best infix by edit distance (Levenshtein 1966; Myers 1999, as
rapidfuzz computes it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from qa.analysis import analyse
from qa.differences import QUOTATION_MARKS, Change, Form, differences
from qa.index import Index
from qa.numbers import find_numbers
from qa.scope import Catalogue
from qa.types import Clause, Document, Validity

LONGEST_PASTE = 20_000
"""Characters; more is a document: compare versions instead (``qa.changes``)."""

_ALTERED = 0.6
"""Share of a sentence that a passage must hold for the one to be an alteration of the other."""
_ALIKE = 4
"""Characters in a row that they must share: below, any two sentences of an office are alike."""
_SHORTEST = 6
"""Letters from which a piece is checked by itself; a shorter one goes with its neighbour."""
_SMALL = 2_000
"""Clauses that are all read where nothing else finds a piece."""
_STOPS = re.compile(r"[。！？!?\n]")
_DOCUMENTS = 10
"""Policies that are read where no clause has a piece."""
_GRAMS = 48
_PASSAGES = 300
_CANDIDATES = 60
_MARGIN = 40
_SENTENCES = re.compile(r"(?<=[。！？!?；;\n])[”’」』）)》\"']*|(?<=[.])(?=\s+[A-Z])")
_ELLIPSIS = re.compile(r"…+|\.{3,}|。{3,}|⋯+")
_NEGATION = re.compile(
    r"不得|不|未|无|無|非(?!常)|禁止|严禁|嚴禁|除外|勿|免(?!费)|没有|除.{1,12}外"
    r"|\b(?:not|no|never|without|except|unless|neither|nor|cannot)\b|n't\b|않|아니|금지|못하|없|제외",
    re.IGNORECASE,
)
_UNKNOWN = Validity()


_DENIED = re.compile(rf"(?:{_NEGATION.pattern})\s?$", re.IGNORECASE)


class Verdict(StrEnum):
    """What became of a sentence that is said to be policy."""

    VERBATIM = "verbatim"
    OTHER_SCRIPT = "other_script"  # verbatim, but traditional for simplified characters or so
    ALTERED = "altered"
    ABSENT = "absent"


_EXACT = ((Verdict.VERBATIM, False), (Verdict.OTHER_SCRIPT, True))


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found for ``text[start:end]`` of what was pasted.

    ``original`` is the passage that it is or that it alters: ``clause.text[first:last]``; where
    there is no clause (a title, a heading) ``document.text[first:last]``. The ``changes`` spell
    out the alignment and join up to both texts.

    Attributes:
        similarity: share of the characters that both have in order, in [0, 1].
        added, missing: the numbers, in their normal form, that only what was pasted has, and that
            only the original has.
        negated: one of them denies what the other says, or is silent on the words that deny it.
        omitted: the words of the clause that an ellipsis before this sentence stands for.
        validity: whether the source holds.
        also: how many other clauses have the same words.
    """

    text: str
    start: int
    end: int
    verdict: Verdict
    clause: Clause | None = None
    document: Document | None = None
    original: str = ""
    first: int = 0
    last: int = 0
    similarity: float = 0.0
    changes: tuple[Change, ...] = ()
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    negated: bool = False
    omitted: str = ""
    validity: Validity = _UNKNOWN
    also: int = 0


class QuoteChecker:
    """Looks pasted sentences up in an index."""

    def __init__(self, index: Index, catalogue: Catalogue) -> None:
        self._index, self._catalogue = index, catalogue
        self._form = lru_cache(maxsize=2_000)(self._form_of_clause)

    def check(self, text: str, today: date | None = None) -> tuple[Finding, ...]:
        """What is found of a pasted text, sentence by sentence, in its order; sentences that
        stand together in one clause are one finding.

        Args:
            text: what is said to be policy, at most ``LONGEST_PASTE`` characters of which count.
            today: the day on which the status of the sources holds.
        """
        day = today or date.today()
        text = text[:LONGEST_PASTE]
        findings: list[Finding] = []
        for start, end in _pieces(text):
            before = findings[-1].clause if findings else None
            found = self._check(text[start:end], start, day, before)
            joined = self._joined(findings[-1], found, text, day) if findings else None
            if findings and not joined and _ELLIPSIS.search(text[findings[-1].end : start]):
                found = _with_omission(findings[-1], found)
            if joined:
                findings[-1] = joined
            else:
                findings.append(found)
        return tuple(findings)

    def _joined(self, first: Finding, second: Finding, text: str, day: date) -> Finding | None:
        """Two findings that stand together in one clause as one, None where they do not."""
        exact = (Verdict.VERBATIM, Verdict.OTHER_SCRIPT)
        if first.verdict not in exact or second.verdict not in exact:
            return None
        between = text[first.end : second.start]
        if _ELLIPSIS.search(between):
            return None
        whole = text[first.start : second.end]
        clauses = [clause for clause in (first.clause, second.clause) if clause]
        return self._exact(whole, first.start, clauses, day)

    def _check(self, piece: str, start: int, day: date, before: Clause | None) -> Finding:
        candidates = [self._index.clauses[place] for place in self._candidates(piece)]
        if before is not None:
            candidates = [before, *(clause for clause in candidates if clause.id != before.id)]
        return (
            self._exact(piece, start, candidates, day)
            or self._outside_clauses(piece, start, day)
            or self._anywhere(piece, start, day)
            or self._altered(piece, start, candidates, day)
            or Finding(piece, start, start + len(piece), Verdict.ABSENT)
        )

    # --- candidates

    def _candidates(self, piece: str) -> list[int]:
        """The positions of the clauses that share most of the rarest grams of ``piece``."""
        terms = self._index.terms
        analysis = analyse(piece)
        grams = [term for channel in "gw" for term in analysis.channel(channel)]
        rows = np.unique(terms.rows(grams))
        rows = rows[rows >= 0]
        frequencies = terms.frequencies(rows)
        rarest = np.argsort(frequencies, kind="stable")[:_GRAMS]
        weights = (1 / np.log2(2 + frequencies[rarest])).astype(np.float32)
        _, passages = self._index.engine.lexical(rows[rarest], weights, _PASSAGES)
        clauses = dict.fromkeys(self._index.clause_of[passages].tolist())
        return [*list(clauses)[:_CANDIDATES], *self._of_notes(piece)]

    def _of_notes(self, piece: str) -> list[int]:
        """Clauses by what no passage holds: the departments that ``piece`` names."""
        return self._catalogue.clauses_naming(piece)[:_CANDIDATES]

    def _form_of_clause(self, clause: Clause, simplified: bool) -> Form:
        return Form(clause.text, simplified=simplified)

    # --- verdicts

    def _exact(
        self, piece: str, start: int, candidates: Sequence[Clause], day: date
    ) -> Finding | None:
        for verdict, simplified in _EXACT:
            wanted = Form(piece, simplified=simplified).text
            if not wanted:
                return None
            holders = []
            for clause in candidates:
                place = self._form(clause, simplified).text.find(wanted)
                if place >= 0:
                    holders.append((self._finding(piece, start, verdict, clause, day), place))
            if holders:
                # Where several have the words, one that holds is the source.
                found, place = min(holders, key=lambda holder: _lapsed(holder[0].validity))
                assert found.clause is not None
                first, last = self._form(found.clause, simplified).span(place, place + len(wanted))
                original = found.clause.text[first:last]
                negated = _cut_off(found.clause, first)
                same = Change(original, piece, same=True)
                return replace(
                    found,
                    original=original,
                    first=first,
                    last=last,
                    similarity=1.0,
                    changes=(same,),
                    also=len(holders) - 1,
                    negated=negated,
                )
        return None

    def _outside_clauses(self, piece: str, start: int, day: date) -> Finding | None:
        """What stands in a policy and in no clause of it (titles, headings), or in no passage of
        one: looked for in the policies that have most of its words."""
        wanted = {
            simplified: Form(piece, simplified=simplified).text for simplified in (False, True)
        }
        for place in self._likely_documents(piece):
            document = self._index.documents[place]
            for verdict, simplified in _EXACT:
                form = Form(document.text, simplified=simplified)
                found = form.text.find(wanted[simplified])
                if found < 0:
                    continue
                first, last = form.span(found, found + len(wanted[simplified]))
                original = document.text[first:last]
                return Finding(
                    piece,
                    start,
                    start + len(piece),
                    verdict,
                    document=document,
                    original=original,
                    first=first,
                    last=last,
                    similarity=1.0,
                    changes=(Change(original, piece, same=True),),
                    validity=self._catalogue.validity(document.id, day),
                )
        return None

    def _likely_documents(self, piece: str) -> list[int]:
        terms = self._index.document_terms
        analysis = analyse(piece)
        scores = sum(terms.score(terms.weigh(analysis.channel(channel))) for channel in "wg")
        by_document = np.asarray(scores).reshape(-1, 2).max(axis=1)
        best = np.argsort(-by_document, kind="stable")[:_DOCUMENTS]
        return [int(place) for place in best if by_document[place] > 0]

    def _anywhere(self, piece: str, start: int, day: date) -> Finding | None:
        """What stands in no passage, as notes on who is responsible do, by reading all: in a small
        corpus only."""
        if len(self._index.clauses) > _SMALL:
            return None
        clauses = list(self._index.clauses)
        return self._exact(piece, start, clauses, day) or self._altered(piece, start, clauses, day)

    def _altered(
        self, piece: str, start: int, candidates: Sequence[Clause], day: date
    ) -> Finding | None:
        pasted = Form(piece)
        best: tuple[float, Clause, int, int] | None = None
        for clause in candidates:
            whole = self._form(clause, False)
            similarity, first, last = _best_infix(pasted.text, whole.text, best[0] if best else 0.0)
            if best is None or similarity > best[0]:
                best = similarity, clause, first, last
        if best is None or best[0] < _ALTERED:
            return None
        similarity, clause, first, last = best
        first, last = self._form(clause, False).span(first, last)
        original = clause.text[first:last]
        changes = differences(original, piece)
        if max((len(c.after) for c in changes if c.same), default=0) < _ALIKE:
            return None
        return replace(
            self._finding(piece, start, Verdict.ALTERED, clause, day),
            original=original,
            first=first,
            last=last,
            similarity=round(similarity, 4),
            changes=changes,
            added=tuple(sorted(_numbers(piece) - _numbers(original))),
            missing=tuple(sorted(_numbers(original) - _numbers(piece))),
            negated=len(_NEGATION.findall(piece)) != len(_NEGATION.findall(original)),
        )

    def _finding(
        self, piece: str, start: int, verdict: Verdict, clause: Clause, day: date
    ) -> Finding:
        document = self._catalogue.headings[self._catalogue.position(clause.document_id)]
        validity = self._catalogue.clause_validity(clause, day)
        end = start + len(piece)
        return Finding(piece, start, end, verdict, clause, document, validity=validity)


def _cut_off(clause: Clause, first: int) -> bool:
    """Whether a passage begins right after a word that denies it: 在补贴范围内 of 不在补贴范围内."""
    return bool(_DENIED.search(clause.text[max(first - 12, 0) : first]))


def _with_omission(before: Finding, found: Finding) -> Finding:
    """A finding after an ellipsis, with the words that the ellipsis stands for where both sides
    of it are of one clause. Leaving out "not" is no omission but the contrary."""
    same = (
        before.clause is not None
        and found.clause is not None
        and before.clause.id == found.clause.id
    )
    if not same or found.clause is None or not before.last <= found.first:
        return found
    omitted = found.clause.text[before.last : found.first]
    within = not _STOPS.search(omitted)
    return replace(
        found, omitted=omitted, negated=found.negated or bool(within and _NEGATION.search(omitted))
    )


def _lapsed(validity: Validity) -> bool:
    return validity.status.ended


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.value for number in find_numbers(text))


def _pieces(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of a pasted text, cut at ellipses too, without the quotation marks
    around it; pieces too short to be looked up by themselves go with their neighbours."""
    spans: list[tuple[int, int]] = []
    for start, end in _between(text, _ELLIPSIS):
        cuts = [start, *(m.end() for m in _SENTENCES.finditer(text, start, end)), end]
        part: list[tuple[int, int]] = []
        for first, last in pairwise(cuts):
            first, last = _trimmed(text, first, last)
            if first >= last:
                continue
            if part and (
                _letters(text, first, last) < _SHORTEST or _letters(text, *part[-1]) < _SHORTEST
            ):
                part[-1] = (part[-1][0], last)
            else:
                part.append((first, last))
        spans += part
    return [span for span in spans if _letters(text, *span)]


def _between(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for found in pattern.finditer(text):
        yield start, found.start()
        start = found.end()
    yield start, len(text)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without white space, and without the quotation marks that enclose it."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    opens = start < end and text[start] in QUOTATION_MARKS
    closes = start < end and text[end - 1] in QUOTATION_MARKS
    inside = sum(character in QUOTATION_MARKS for character in text[start:end])
    if opens and (inside == 1 or (closes and inside == 2)):
        start += 1
    if closes and inside <= 2 and start < end and (inside == 1 or opens):
        end -= 1
    return start, end


def _letters(text: str, start: int, end: int) -> int:
    return sum(character.isalnum() for character in text[start:end])


def _best_infix(pasted: str, whole: str, at_least: float) -> tuple[float, int, int]:
    """Where in ``whole`` a passage like ``pasted`` stands: its similarity in [0, 1], and its span."""
    if not pasted or not whole:
        return 0.0, 0, 0
    rough = fuzz.partial_ratio_alignment(pasted, whole, score_cutoff=100 * max(at_least, 0.3))
    if rough is None:
        return 0.0, 0, 0
    window = (rough.dest_start, rough.dest_end) if len(pasted) <= len(whole) else (0, len(whole))
    # The window is as long as what was pasted: words left out or put in move its borders.
    spans = {_tightened(pasted, whole, *window), _widened(pasted, whole, *window)}
    return max((_similarity(pasted, whole[start:end]), start, end) for start, end in spans)


def _similarity(pasted: str, passage: str) -> float:
    return 1 - Levenshtein.distance(pasted, passage) / max(len(pasted), len(passage), 1)


def _widened(pasted: str, whole: str, first: int, last: int) -> tuple[int, int]:
    """The span of what an alignment keeps in a wider window."""
    margin = min(_MARGIN, len(pasted) // 2 + 1)
    first, last = max(first - margin, 0), min(last + margin, len(whole))
    kept = [op for op in Levenshtein.opcodes(pasted, whole[first:last]) if op.tag == "equal"]
    if not kept:
        return first, last
    start = first + max(kept[0].dest_start - kept[0].src_start, 0)
    end = min(first + kept[-1].dest_end + len(pasted) - kept[-1].src_end, last)
    return _tightened(pasted, whole, start, end)


def _tightened(pasted: str, whole: str, start: int, end: int) -> tuple[int, int]:
    """A span without what an alignment would only insert at its ends."""
    codes = Levenshtein.opcodes(pasted, whole[start:end])
    if codes and codes[0].tag == "insert":
        start += codes[0].dest_end - codes[0].dest_start
    if len(codes) > 1 and codes[-1].tag == "insert":
        end -= codes[-1].dest_end - codes[-1].dest_start
    return start, end
