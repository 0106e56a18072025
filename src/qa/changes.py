"""What changed between two versions of a policy, clause by clause.

Clauses are matched by their wording, whatever number they have now; those that are left by number
and title and likeness, as the best assignment of all (Kuhn 1955, by SciPy).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from rapidfuzz import fuzz, process

from qa.differences import Change, Form, differences
from qa.types import Clause, number_path

_ALIKE = 0.5
"""Likeness from which two clauses are versions of each other."""
_SAME_PLACE = 0.3
"""Likeness that is enough where number and title are the same."""
_TITLE_COUNTS, _NUMBER_COUNTS = 0.15, 0.05


class Kind(StrEnum):
    """What became of a clause."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ClauseChange:
    """A clause of the old version, of the new, or of both; ``changes`` spell out where they differ
    (empty unless it is changed). ``renumbered``: both have it, under different numbers."""

    kind: Kind
    old: Clause | None
    new: Clause | None
    changes: tuple[Change, ...] = ()

    @property
    def renumbered(self) -> bool:
        """Whether the number is another now."""
        both = self.old is not None and self.new is not None
        return both and number_path(self.old) != number_path(self.new)  # type: ignore[arg-type]


def compare(old: Sequence[Clause], new: Sequence[Clause]) -> tuple[ClauseChange, ...]:
    """The changes from the clauses of one version to those of another, in the order of the new
    one; what was removed stands where it stood between its neighbours."""
    pairs = _pairs(old, new)
    partner = {j: i for i, j in pairs}
    kept = set(partner.values())
    removed: defaultdict[int, list[int]] = defaultdict(list)
    after = -1  # the last clause of the old version that is still there
    for i in range(len(old)):
        if i in kept:
            after = i
        else:
            removed[after].append(i)
    changes = [ClauseChange(Kind.REMOVED, old[i], None) for i in removed[-1]]
    for j, clause in enumerate(new):
        position = partner.get(j)
        if position is None:
            changes.append(ClauseChange(Kind.ADDED, None, clause))
            continue
        changes.append(_compared(old[position], clause))
        changes += [ClauseChange(Kind.REMOVED, old[i], None) for i in removed[position]]
    return tuple(changes)


def _compared(old: Clause, new: Clause) -> ClauseChange:
    found = differences(_wording(old), _wording(new))
    if all(change.same for change in found):
        return ClauseChange(Kind.UNCHANGED, old, new)
    return ClauseChange(Kind.CHANGED, old, new, found)


def _wording(clause: Clause) -> str:
    """The text without its number: that another clause was put before it changes nothing."""
    text = clause.text
    if clause.title and clause.title_start:
        return text[clause.title_start :]
    return text[clause.body_start :] if clause.number else text


def _pairs(old: Sequence[Clause], new: Sequence[Clause]) -> list[tuple[int, int]]:
    """Positions of the clauses that are versions of each other."""
    forms_old = [Form(_wording(clause)).text for clause in old]
    forms_new = [Form(_wording(clause)).text for clause in new]
    waiting: defaultdict[str, list[int]] = defaultdict(list)
    for j, form in enumerate(forms_new):
        waiting[form].append(j)
    pairs = []
    for i, form in enumerate(forms_old):
        if waiting[form]:
            pairs.append((i, waiting[form].pop(0)))
    left_old = sorted(set(range(len(old))) - {i for i, _ in pairs})
    left_new = sorted(set(range(len(new))) - {j for _, j in pairs})
    if not left_old or not left_new:
        return pairs
    alike = process.cdist(
        [forms_old[i] for i in left_old], [forms_new[j] for j in left_new], scorer=fuzz.ratio
    ).astype(float) / 100  # fmt: skip
    same_title = _equal([old[i].title for i in left_old], [new[j].title for j in left_new])
    same_number = _equal(
        [number_path(old[i]) for i in left_old], [number_path(new[j]) for j in left_new]
    )
    score = alike + _TITLE_COUNTS * same_title + _NUMBER_COUNTS * same_number
    possible = (alike >= _ALIKE) | (same_title & same_number & (alike >= _SAME_PLACE))
    from scipy.optimize import linear_sum_assignment  # a third of a second to load

    rows, columns = linear_sum_assignment(np.where(possible, -score, 0.0))
    return pairs + [
        (left_old[row], left_new[column])
        for row, column in zip(rows, columns, strict=True)
        if possible[row, column]
    ]


def _equal(
    first: Sequence[str], second: Sequence[str]
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which of the names are the same, shape (first, second); empty names are not."""
    left, right = np.array(first, object)[:, None], np.array(second, object)[None, :]
    same: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = ((left == right) & (left != "")).astype(
        bool
    )
    return same
