"""How well documents are split: precision, recall and F1 of clauses, titles and departments.

    python -m benchmarks.clauses DIR [--misses] [--renderings]

DIR holds pairs NAME.txt and NAME.json as described in DIR/README.md. A clause is found when its
number and the first characters of its body agree; titles, departments and leading departments are
compared per clause found, a clause missed counting with all its departments. White space never
counts. ``other_units`` are neither right nor wrong.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.renderings import RENDERINGS
from qa import readers
from qa.clauses import split
from qa.types import Clause, Document

FIGURES = ("clauses", "titles", "departments", "lead")


class Tally:
    """True positives, false positives and false negatives of each figure."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, figure: str, right: int, wrong: int, missed: int) -> None:
        for outcome, count in (("right", right), ("wrong", wrong), ("missed", missed)):
            self.counts[figure, outcome] += count

    def compare(self, figure: str, found: set[str], expected: set[str]) -> bool:
        self.add(figure, len(found & expected), len(found - expected), len(expected - found))
        return found == expected

    def scores(self, figure: str) -> tuple[float, float, float]:
        """Precision, recall and F1; 1 where there was nothing to find and nothing was."""
        right, wrong, missed = (
            self.counts[figure, outcome] for outcome in ("right", "wrong", "missed")
        )
        precision = right / (right + wrong) if right + wrong else 1.0
        recall = right / (right + missed) if right + missed else 1.0
        return (
            precision,
            recall,
            2 * right / (2 * right + wrong + missed or 1)
            if right
            else (0.0 if wrong + missed else 1.0),
        )


def bare(text: str) -> str:
    """Text without white space and in one width, as it is compared."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def begins(clause: Clause, label: Mapping[str, Any]) -> bool:
    """Whether the number and all that follows it, title and beginning of the body, agree."""
    if bare(clause.number) != bare(label["number"]):
        return False
    wording = _letters(clause.text[clause.title_start :])
    return wording.startswith(_letters(label["title"] + label["starts_with"]))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text))


def alternatives(label: Mapping[str, Any], elided: bool) -> list[set[str]]:
    """The sets of departments that are right."""
    printed = [bare(name) for name in label["departments"]]
    sets = [set(printed)]
    if elided:
        prefix = next((name[0] for name in printed if name[0] in "省市区县"), "")
        sets.append({name if name[0] in "省市区县各" else prefix + name for name in printed})
    if label.get("departments_from_table"):
        sets.append({bare(name) for name in label["departments_from_table"]})
    return sets


def measure(clauses: Iterable[Clause], truth: Mapping[str, Any]) -> tuple[Tally, list[str]]:
    """Compare the clauses of one document with its labels."""
    tally, misses = Tally(), []
    waiting = list(clauses)
    for label in truth["clauses"]:
        clause = next((clause for clause in waiting if begins(clause, label)), None)
        sets = alternatives(label, bool(truth.get("prefix_elided")))
        lead = {bare(name) for name in label["lead"]}
        tabled = {bare(name) for name in label.get("departments_from_table", ())}
        if clause and tabled and tabled == {bare(name) for name in clause.departments}:
            lead = {bare(name) for name in label["lead_from_table"]}
        if clause is None:
            misses.append(f"missed {label['number']} {label['title'] or label['starts_with']}")
            tally.add("clauses", 0, 0, 1)
            tally.add("titles", 0, 0, bool(label["title"]))
            tally.add("departments", 0, 0, len(sets[0]))
            tally.add("lead", 0, 0, len(lead))
            continue
        waiting.remove(clause)
        tally.add("clauses", 1, 0, 0)
        titles = {bare(clause.title)} - {""}, {bare(label["title"])} - {""}
        if not tally.compare("titles", *titles):
            misses.append(f"title {label['number']}: {titles[0]} for {titles[1]}")
        found = {bare(name) for name in clause.departments}
        expected = found if found in sets else sets[0]
        if not tally.compare("departments", found, expected):
            misses.append(f"departments {label['number']}: +{found - expected} -{expected - found}")
        leading = {bare(name) for name in clause.lead}
        if not tally.compare("lead", leading, lead):
            misses.append(f"lead {label['number']}: +{leading - lead} -{lead - leading}")
    others = Counter(bare(unit["number"]) for unit in truth.get("other_units", ()))
    for clause in waiting:
        if others[bare(clause.number)] > 0:
            others[bare(clause.number)] -= 1
        else:
            tally.add("clauses", 0, 1, 0)
            misses.append(f"extra {clause.id} {clause.text[:40]!r}")
    return tally, misses


def texts(path: Path, rendering: str) -> str:
    """The text of a policy: as it stands, or as it is read from one of its renderings."""
    text = unicodedata.normalize("NFC", path.with_suffix(".txt").read_text(encoding="utf-8"))
    if rendering == "txt":
        return text
    ending, render = RENDERINGS[rendering]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"policy{ending}"
        file.write_bytes(render(text))
        return readers.read(file).text


def score(directory: Path, rendering: str, *, details: bool, told: bool) -> None:
    """Print the figures of every document, if ``details``, and of all together."""
    total, characters, seconds = Tally(), 0, 0.0
    for path in sorted(directory.glob("*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        text = texts(path, rendering)
        document = Document(path.stem, truth.get("language", "zh"), truth["title"], text)
        began = time.perf_counter()
        clauses = split(document)
        seconds += time.perf_counter() - began
        characters += len(text)
        tally, misses = measure(clauses, truth)
        total.counts.update(tally.counts)
        if details:
            report(path.stem, tally)
        if told:
            print("".join(f"    {path.stem} {miss}\n" for miss in misses), end="")
    report(rendering, total)
    if details:
        print(f"{1e4 * seconds / max(characters, 1) * 1e3:.1f} ms for 10,000 characters")


def main() -> int:
    """Print the figures of every document and of all together, in every rendering asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--misses", action="store_true", help="print what was wrong")
    parser.add_argument(
        "--renderings", action="store_true", help="score the texts as Word, PDF and web pages, too"
    )
    arguments = parser.parse_args()
    print(f"{'document':32}" + "".join(f"{figure + ' P/R/F1':>24}" for figure in FIGURES))
    score(arguments.directory, "txt", details=True, told=arguments.misses)
    for rendering in RENDERINGS if arguments.renderings else ():
        score(arguments.directory, rendering, details=False, told=arguments.misses)
    return 0


def report(name: str, tally: Tally) -> None:
    scores = ("/".join(f"{value:.3f}" for value in tally.scores(figure)) for figure in FIGURES)
    print(f"{name:32}" + "".join(f"{score:>24}" for score in scores))


if __name__ == "__main__":
    sys.exit(main())
