"""This product beside what one would take instead, from the project's folder:

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.peers ../shared/data/ncp/dev.jsonl --json docs/peers.json

The same passages (our clauses, as they were published, and their translations), the same questions
and the same encoder for all (``systems.py``). Each system builds in one fresh process and answers
in another, on one core. Prints tables in Markdown; quality with 95 % intervals.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ncp
from benchmarks.systems import SYSTEMS, Passage, Source
from qa.config import ROOT, Settings
from qa.evaluation import bootstrap_interval, read_questions
from qa.index import Index, open_index
from qa.types import LANGUAGES

_QUIET = {
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
    "TQDM_DISABLE": "1",
}
_WARM = 20

Quality = dict[str, list[float]]
"""What came of each question, 1 or 0, by measure."""


@dataclass(frozen=True, slots=True)
class Task:
    """Passages and questions, and what a ranking of clause ids is worth."""

    name: str
    source: Source
    questions: list[str]
    judge: Callable[[Sequence[Sequence[str]]], Quality]


@dataclass(frozen=True, slots=True)
class Run:
    """What one system did with one task. Times in seconds (``p50``, ``p95``: milliseconds a
    question by the clock, ``processor`` the median of what the processor spent on one, which other
    work on the machine disturbs less), memory and sizes in MB."""

    task: str
    system: str
    build: float
    build_memory: float
    index_size: float
    open: float
    memory: float
    p50: float
    p95: float
    processor: float
    quality: dict[str, tuple[float, float, float]]


def main() -> None:
    """Runs every system over every task and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="questions on real policies: ncp/dev.jsonl")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--model", default=Settings.from_environment().model)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    os.environ.update(_QUIET)
    with tempfile.TemporaryDirectory() as scratch:
        tasks = [
            policies(options.file, Path(scratch), options.model),
            policy("one policy, three languages", ("wordings",), Path(scratch), options.model),
            policy("the same with wordings", (), Path(scratch), options.model),
        ]
        runs = [run(task, system, Path(scratch)) for task in tasks for system in options.systems]
    packages = {system: installed(SYSTEMS[system].packages) for system in options.systems}
    for task in tasks:
        print_table(task, [each for each in runs if each.task == task.name])
    print_packages(packages)
    if options.json:
        record = {
            "machine": machine(),
            "runs": [asdict(each) for each in runs],
            "packages": packages,
        }
        options.json.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")


# --- the tasks


def policies(file: Path, scratch: Path, model: str) -> Task:
    """Real questions on real policies, all in one index."""
    contexts, questions = ncp.read(file)
    corpus = scratch / "policies"
    ncp.write_corpus(contexts, corpus)
    index = _index(corpus, scratch, model)
    clauses = {clause.id: clause for clause in index.clauses}

    def judge(ranked: Sequence[Sequence[str]]) -> Quality:
        return ncp.measures([[clauses[i] for i in row] for row in ranked], questions)

    return Task(
        "real policies", Source(corpus, _passages(index), model), [q.text for q in questions], judge
    )


def policy(name: str, left_out: Sequence[str], scratch: Path, model: str) -> Task:
    """The shipped policy with its translations, and the half of our gold questions that no
    training reads: those that a clause settles."""
    corpus = scratch / name.replace(" ", "-")
    shutil.copytree(ROOT / "corpus", corpus, ignore=shutil.ignore_patterns(*left_out))
    index = _index(corpus, scratch, model)
    numbers = {clause.id: clause.number for clause in index.clauses}
    questions = [
        (language, question)
        for language in LANGUAGES
        for question in read_questions(ROOT / "tests" / "eval" / f"{language}.jsonl", "report")
        if question.clauses
    ]

    def judge(ranked: Sequence[Sequence[str]]) -> Quality:
        quality: Quality = {f"{language} first": [] for language in LANGUAGES}
        quality |= {"all first": [], "all in three": []}
        for (language, question), row in zip(questions, ranked, strict=True):
            right = [numbers[clause] in question.clauses for clause in row]
            quality[f"{language} first"].append(float(any(right[:1])))
            quality["all first"].append(float(any(right[:1])))
            quality["all in three"].append(float(any(right[:3])))
        return quality

    return Task(
        name, Source(corpus, _passages(index), model), [q.text for _, q in questions], judge
    )


def _index(corpus: Path, scratch: Path, model: str) -> Index:
    """An index of ours to take the clauses from; built apart, so that no import is measured."""
    folder = scratch / f"{corpus.name}-clauses"
    SYSTEMS["this"].build(Source(corpus, [], model), folder)
    return open_index(folder)


def _passages(index: Index) -> list[Passage]:
    """Each clause as published, its translations, and the wordings it is known to be asked in."""
    passages = []
    for clause in index.clauses:
        passages.append(Passage(clause.id, clause.text))
        for language in LANGUAGES:
            if translation := index.translation(clause, language):
                text = f"{translation.title} {translation.text} {translation.note}"
                passages.append(Passage(clause.id, text.strip()))
    passages += [
        Passage(index.clauses[passage.clause].id, passage.text)
        for passage in index.passages
        if passage.kind == "wording"
    ]
    return passages


# --- the measurements


def run(task: Task, system: str, scratch: Path) -> Run:
    """Builds and asks, each in a process of its own."""
    folder = scratch / f"{task.source.corpus.name}-{system}"
    folder.mkdir()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        built = pool.submit(_build, system, task.source, folder).result()
        ranked, asked = pool.submit(_ask, system, task.source, task.questions, folder).result()
    quality = {
        measure: (float(np.mean(values)), *bootstrap_interval(values))
        for measure, values in task.judge(ranked).items()
    }
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return Run(task.name, system, **built, index_size=size, **asked, quality=quality)


def _build(system: str, source: Source, folder: Path) -> dict[str, float]:
    _on_one_core()
    before, start = _memory("VmRSS"), time.perf_counter()
    SYSTEMS[system].build(source, folder)
    return {
        "build": time.perf_counter() - start,
        "build_memory": _memory("VmHWM") - before,
    }


def _ask(
    system: str, source: Source, questions: list[str], folder: Path
) -> tuple[list[list[str]], dict[str, float]]:
    _on_one_core()
    before, start = _memory("VmRSS"), time.perf_counter()
    search = SYSTEMS[system].open(source, folder)
    search(questions[0])
    opened = time.perf_counter() - start
    for question in questions[:_WARM]:
        search(question)
    ranked, times, spent = [], [], []
    for question in questions:
        start, used = time.perf_counter(), time.process_time()
        ranked.append(search(question))
        times.append((time.perf_counter() - start) * 1000)
        spent.append((time.process_time() - used) * 1000)
    gc.collect()
    return ranked, {
        "open": opened,
        "memory": _memory("VmRSS") - before,
        "p50": float(np.quantile(times, 0.5)),
        "p95": float(np.quantile(times, 0.95)),
        "processor": float(np.median(spent)),
    }


def _on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _memory(field: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (at most so far) of this process in MB; NaN but on Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    found = re.search(rf"{field}:\s+(\d+) kB", status.read_text())
    return int(found.group(1)) / 1e3 if found else float("nan")


def installed(packages: Iterable[str]) -> dict[str, Any]:
    """What a system installs, with all that it needs, and how much of it this product does not:
    versions, and sizes on the disk in MB."""
    ours = _closure(_requirements())
    theirs = _closure(packages) if packages else ours
    return {
        "versions": {name: metadata.version(name) for name in packages},
        "all": _size(theirs),
        "beyond": _size(theirs - ours),
        "packages": len(theirs),
    }


def _requirements() -> list[str]:
    """The packages that the product needs when it runs: those above its training and tests."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").partition("# Training")[0].splitlines()
    return [line.partition("==")[0] for line in lines if line and line[0].isalpha()]


def _closure(names: Iterable[str]) -> frozenset[str]:
    """The distributions that ``names`` need, and theirs, as far as they are installed."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    left = list(names)
    while left:
        try:
            distribution = metadata.distribution(left.pop())
        except metadata.PackageNotFoundError:
            continue  # needed on another platform
        name = re.sub("[-_.]+", "-", distribution.name).lower()
        if name in found:
            continue
        found.add(name)
        needed = [Requirement(line) for line in distribution.requires or ()]
        left += [r.name for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    return frozenset(found)


def _size(names: Iterable[str]) -> float:
    files = [file for name in names for file in metadata.files(name) or ()]
    paths = {Path(str(file.locate())) for file in files}
    return sum(path.stat().st_size for path in paths if path.exists()) / 1e6


# --- the tables


def print_table(task: Task, runs: Sequence[Run]) -> None:
    """One row a system: quality, times, memory."""
    print(
        f"\n### {task.name}: {len(task.source.passages)} passages, {len(task.questions)} questions\n"
    )
    measures = list(runs[0].quality)
    columns = [
        *measures,
        "p50 / p95 ms",
        "processor ms",
        "build s",
        "open s",
        "serving MB",
        "build peak MB",
        "index MB",
    ]
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for each in runs:
        cells = [
            f"{mean:.3f} [{low:.3f}, {high:.3f}]"
            for mean, low, high in (each.quality[measure] for measure in measures)
        ]
        cells += [
            f"{each.p50:.1f} / {each.p95:.1f}",
            f"{each.processor:.1f}",
            f"{each.build:.1f}",
            f"{each.open:.1f}",
            f"{each.memory:.0f}",
            f"{each.build_memory:.0f}",
            f"{each.index_size:.1f}",
        ]
        print(f"| {each.system} | " + " | ".join(cells) + " |")


def print_packages(packages: dict[str, dict[str, Any]]) -> None:
    """What each system installs."""
    print("\n| | versions | packages | installed MB | of them not needed here | tokens |")
    print("|---|---|---|---|---|---|")
    for system, found in packages.items():
        versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        print(
            f"| {system} | {versions} | {found['packages']} | {found['all']:.0f} |"
            f" {found['beyond']:.0f} | {SYSTEMS[system].tokens} |"
        )
    print(f"\n{machine()}")


def machine() -> str:
    """Where and when the figures were measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{date.today()}, {platform.system()} {platform.machine()}, {cores} cores of which each"
        f" system had one, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
