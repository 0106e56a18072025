"""How the product grows: ``python benchmarks/scale.py ../shared/data/laws.tar.xz ../shared/data/ncp/dev.jsonl``.

Builds indexes of a thousand to a million passages from an archive of laws (repeated with variation
where it is used up), asks each the questions of the file, and writes ``docs/scale.md`` with
``docs/scale.svg``: time of the build by stage, size, memory of the serving process, time of dense and
lexical search and of whole answers, recall@10 against comparing everything, and the memory
bandwidth that bounds a search which reads every vector. ``--sizes`` and ``--steps`` measure some of
it only; what was measured stays in the scratch folder, so that a run can be continued.

Needs ``benchmarks/requirements.txt`` (matplotlib draws) and, for a million, 8 GB of scratch space.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ncp import read
from qa.assistant import Assistant
from qa.config import ROOT, Settings
from qa.encoder import Encoder, load_encoder
from qa.index import Index, open_index
from qa.indexing import build_index
from qa.retrieval import Retriever

LAWS = 629_595
"""What makes the corpus of all laws, each once."""

SIZES = (1_000, 10_000, 150_000, LAWS, 1_000_000)
_STEPS = ("build", "serve")
_PASSAGES_A_CHARACTER = 1 / 32
"""Of the laws; the passages that came out are what is reported."""
_WARMED = 100
"""Questions that are asked before those that are timed."""
_DROPPED = 0.15
"""Share of the phrases that a repetition leaves out."""


def main() -> None:
    """Measures the sizes and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("laws", type=Path, help="archive of texts (.tar.xz)")
    parser.add_argument("questions", type=Path, help="JSON lines with the key 'question'")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/qa-scale"))
    parser.add_argument("--steps", nargs="+", choices=_STEPS, default=_STEPS)
    parser.add_argument("--model", default=Settings.from_environment().model)
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        (size,) = arguments.sizes
        folder = arguments.scratch / str(size)
        step = {"build": _build, "serve": _serve}[arguments.step]
        print(json.dumps(step(folder, arguments.questions, arguments.model)))
        return
    for step in arguments.steps:
        for size in arguments.sizes:
            figures = arguments.scratch / str(size) / f"{step}.json"
            if not figures.exists():
                write_corpus(arguments.laws, figures.with_name("corpus"), size)
                found = _in_a_process(step, size, arguments)
                figures.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if measured := _measured(arguments.scratch):
        report(measured)


def _measured(scratch: Path) -> list[dict[str, Any]]:
    """The figures of both steps by size, of the sizes that have both."""
    folders = sorted(
        (path.parent for path in scratch.glob("*/serve.json")), key=lambda f: int(f.name)
    )
    return [
        {step: json.loads((folder / f"{step}.json").read_text("utf-8")) for step in _STEPS}
        for folder in folders
    ]


def _in_a_process(step: str, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Each step has a process of its own: what one leaves in memory is not measured in the other."""
    command = [sys.executable, "-m", "benchmarks.scale", arguments.laws, arguments.questions]
    options = {"scratch": arguments.scratch, "model": arguments.model, "sizes": size, "step": step}
    for name, value in options.items():
        command += [f"--{name}", value]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


# --- the corpus


def write_corpus(archive: Path, folder: Path, passages: int) -> None:
    """Writes laws, then repetitions of them with variation, up to about ``passages``."""
    if folder.exists():
        return
    beside = folder.with_name("corpus.part")
    beside.mkdir(parents=True, exist_ok=True)
    wanted = passages / _PASSAGES_A_CHARACTER
    for name, text in _texts(archive):
        (beside / f"{name}.md").write_text(text, encoding="utf-8")
        wanted -= len(text)
        if wanted <= 0:
            break
    beside.rename(folder)


def _texts(archive: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(archive) as tar:
        laws = [
            (f"{number:05}-{Path(member.name).stem[:40]}", file.read().decode("utf-8", "replace"))
            for number, member in enumerate(tar)
            if member.name.endswith(".md") and (file := tar.extractfile(member))
        ]
    random.Random(0).shuffle(laws)  # the archive is ordered by subject
    yield from laws
    for repetition in range(1, 100):
        for name, text in laws:
            yield f"{name}-{repetition}", _varied(text, random.Random(f"{name}{repetition}"))


def _varied(text: str, chance: random.Random) -> str:
    """The text without some of its phrases: another with nearly the same words."""
    phrases = re.split(r"(?<=[，；])", text)
    return "".join(phrase for phrase in phrases if chance.random() >= _DROPPED)


# --- building


def _build(folder: Path, _questions: Path, model: str) -> dict[str, Any]:
    encoder = load_encoder(model)
    stages: dict[str, float] = {}
    last = time.perf_counter()

    def progress(stage: str, _done: int, _total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last
        last = now

    load = os.getloadavg()[0]
    start = time.perf_counter()
    manifest, _ = build_index(folder / "corpus", folder / "index", encoder, progress)
    seconds = time.perf_counter() - start
    path = next((folder / "corpus").iterdir())
    path.write_text(path.read_text("utf-8") + "\n附则的新的一句话。\n", encoding="utf-8")
    start, processor = time.perf_counter(), time.process_time()
    build_index(folder / "corpus", folder / "index", encoder)
    again, again_processor = time.perf_counter() - start, time.process_time() - processor
    build = open_index(folder / "index").folder
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "passages": manifest.passages,
        "clauses": manifest.clauses,
        "documents": manifest.documents,
        "seconds": seconds,
        "stages": stages,
        "processor": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        "again": again,
        "again_processor": again_processor,
        "load": load,
        "bytes": sum(each.stat().st_size for each in build.iterdir()),
        "cache": (folder / "index" / "cache.db").stat().st_size,
        "peak": own.ru_maxrss * 1024,
    }


# --- serving


def _serve(folder: Path, questions: Path, model: str) -> dict[str, Any]:
    asked = list(dict.fromkeys(question.text for question in read(questions)[1]))
    encoder = load_encoder(model)
    Assistant.open(_warm(folder, encoder), lambda _: encoder, model).ask("退税")
    before = _memory()
    load = os.getloadavg()[0]
    start = time.perf_counter()
    assistant = Assistant.open(folder / "index", lambda _: encoder, model)
    opened = time.perf_counter() - start
    first = _times(assistant.ask, asked[:1])[0]
    retriever: Retriever = assistant._retriever
    index, collector = retriever.index, retriever.collector
    # Answers are kept: what has warmed the files up must not be asked again.
    for question in asked[:_WARMED]:
        assistant.ask(question)
    asked = asked[_WARMED:]
    queries = [collector.query(question) for question in asked]
    figures: dict[str, Any] = {
        "open": opened,
        "first": first,
        "dense": _times(lambda query: index.engine.dense(query.vector, 10), queries),
        "lexical": _times(
            lambda query: index.engine.lexical(
                np.array([term.row for term in query.terms["words"]], np.int64),
                np.array([term.weight for term in query.terms["words"]], np.float32),
                10,
            ),
            queries,
        ),
    }
    figures["answer"], figures["answer_processor"] = _both_times(assistant.ask, asked)
    after = _memory()
    index.verify()
    vectors = np.stack([query.vector for query in queries])
    return {
        **figures,
        "load": load,
        "memory": {name: after[name] - before[name] for name in after},
        "recall": recall_at_10(index, encoder, vectors),
        "bandwidth": bandwidth(),
        "dimension": encoder.dimension,
    }


def _warm(folder: Path, encoder: Encoder) -> Path:
    """A small index that loads all libraries: their memory is not that of the index."""
    small = folder / "warm"
    if not small.exists():
        build_index(ROOT / "corpus", small, encoder)
    return small


def _times(function: Callable[[Any], object], arguments: Sequence[Any]) -> list[float]:
    """Milliseconds of each call."""
    times = []
    for argument in arguments:
        start = time.perf_counter()
        function(argument)
        times.append((time.perf_counter() - start) * 1000)
    return times


def _both_times(
    function: Callable[[Any], object], arguments: Sequence[Any]
) -> tuple[list[float], list[float]]:
    """Milliseconds of each call by the clock and of the processor: where others use it, too, the
    one says what they cost, the other what the call does."""
    times, processor = [], []
    for argument in arguments:
        start = time.process_time()
        times += _times(function, [argument])
        processor.append((time.process_time() - start) * 1000)
    return times, processor


def _memory() -> dict[str, int]:
    """Bytes of this process: its own (anonymous), and its share of all (PSS), files included."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return {"anonymous": sizes["Anonymous"], "all": sizes["Pss"]}


def recall_at_10(index: Index, encoder: Encoder, queries: NDArray[np.float32]) -> float:
    """Share of the ten closest passages, by vectors embedded again, that the engine finds; of the
    equally close any will do."""
    best = np.full((len(queries), 10), -2, np.float32)
    for start in range(0, len(index.passages), 20_000):
        texts = [passage.text for passage in index.passages[start : start + 20_000]]
        similarities = queries @ encoder.encode(texts).T
        best = np.sort(np.concatenate([best, similarities], axis=1), axis=1)[:, -10:]
    shares = []
    for query, exact in zip(queries, best, strict=True):
        _, found = index.engine.dense(query, 10)
        again = encoder.encode([index.passages[position].text for position in found.tolist()])
        shares.append(np.count_nonzero(again @ query >= exact[0] - 1e-5) / len(exact))
    return float(np.mean(shares))


def bandwidth() -> float:
    """Bytes a second that one core reads from memory: the best of ten sums over 1 GB."""
    data = np.ones(1 << 27, np.float64)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        data.sum()
        times.append(time.perf_counter() - start)
    return data.nbytes / min(times)


# --- the report


def report(sizes: Sequence[dict[str, Any]]) -> None:
    """Writes ``docs/scale.md`` and ``docs/scale.svg``."""
    rows = [
        _HEADER,
        "|---" * (_HEADER.count("|") - 1) + "|",
        *(_row(each["build"], each["serve"]) for each in sizes),
    ]
    limits = [
        _LIMITS,
        "|---" * (_LIMITS.count("|") - 1) + "|",
        *(_limit(each["build"], each["serve"]) for each in sizes),
    ]
    path = ROOT / "docs" / "scale.md"
    text = path.read_text(encoding="utf-8")
    for name, table in (("table", rows), ("limits", limits)):
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        text = head + begin + "\n".join(table) + "\n" + end + rest.partition(end)[2]
    path.write_text(text, encoding="utf-8")
    plot(sizes, path.with_suffix(".svg"))
    print("\n".join([*rows, "", *limits]))


_HEADER = (
    "| passages | documents | build, s (read, terms, vectors, index) | processor, s | one file changed, s (processor) "
    "| index, MB | open, s | memory, MB (own / with mapped files) | dense, ms | words, ms | answer, ms | answer, ms of the processor "
    "| recall@10 |"
)
_LIMITS = "| passages | all vectors as float32, ms | sketches, ms | dense search, p50 ms |"


def _row(build: dict[str, Any], serve: dict[str, Any]) -> str:
    whole = "seconds" in build  # not where a build was taken up from what another had done
    stages = ", ".join(
        f"{build.get('stages', {}).get(s, 0):.0f}" for s in ("read", "terms", "vectors", "index")
    )
    memory = serve["memory"]
    cells = [
        f"{build['passages']:,}",
        f"{build['documents']:,}",
        f"{build['seconds']:.0f} ({stages})" if whole else "–",
        f"{build['processor']:.0f}" if whole else "–",
        f"{build['again']:.1f} ({build['again_processor']:.1f})",
        f"{build['bytes'] / 1e6:.0f}",
        f"{serve['open']:.2f}",
        f"{memory['anonymous'] / 1e6:.0f} / {memory['all'] / 1e6:.0f}",
        *(_quantiles(serve[name]) for name in ("dense", "lexical", "answer", "answer_processor")),
        f"{serve['recall']:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def _limit(build: dict[str, Any], serve: dict[str, Any]) -> str:
    vectors = build["passages"] * serve["dimension"]
    exact, sketches = (1000 * size / serve["bandwidth"] for size in (4 * vectors, vectors / 8))
    median = np.quantile(serve["dense"], 0.5)
    return f"| {build['passages']:,} | {exact:.2f} | {sketches:.2f} | {median:.2f} |"


def _quantiles(times: Sequence[float]) -> str:
    return f"{np.quantile(times, 0.5):.1f}, p95 {np.quantile(times, 0.95):.1f}"


def plot(sizes: Sequence[dict[str, Any]], path: Path) -> None:
    """Draws the times over the number of passages, both logarithmic."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "qa"
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    passages = [each["build"]["passages"] for each in sizes]
    for name, label in (("answer", "answer"), ("dense", "dense"), ("lexical", "words")):
        for quantile, style in ((0.95, "-"), (0.5, ":")):
            values = [np.quantile(each["serve"][name], quantile) for each in sizes]
            axes.plot(passages, values, style, marker="o", label=f"{label}, p{quantile * 100:.0f}")
    exact = [
        4000 * each["build"]["passages"] * each["serve"]["dimension"] / each["serve"]["bandwidth"]
        for each in sizes
    ]
    axes.plot(passages, exact, "--", color="grey", label="reading all vectors once")
    axes.set(xscale="log", yscale="log", xlabel="passages", ylabel="milliseconds")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main()
