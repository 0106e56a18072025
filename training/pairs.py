"""Stage 1: collect pairs of texts that mean, or answer, the same.

A pair is a positive example for contrastive learning: translations (parallel corpora, the
product's glossary), a question and the clause that answers it, two questions about one clause,
neighbouring sentences of a law. Evaluation data is never opened here.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import random
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from training.augment import Typist
from training.config import PairsConfig

LANGUAGES = ("zh", "ko", "en")
LAW_MEMBER_LIMIT = 2_000_000
ARTICLE = re.compile(r"^第[一二三四五六七八九十百千零〇]+条(?:之[一二三四五六七八九十]+)?[\s　]+")
PHRASE_END = re.compile(r"[，、：。；,:;]")
SENTENCE_END = re.compile(r"(?<=[。；;])")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that belong together.

    ``record`` names what both are about: two pairs of one record are not each other's negatives
    (empty when unknown). ``source`` and the two languages decide which pairs share a batch.
    """

    source: str
    languages: str
    record: str
    left: str
    right: str


def oriented(source: str, record: str, first: tuple[str, str], second: tuple[str, str]) -> Pair:
    """The pair of two (language, text), in the order of ``LANGUAGES``."""
    left, right = sorted((first, second), key=lambda side: LANGUAGES.index(side[0]))
    return Pair(source, f"{left[0]}-{right[0]}", record, left[1], right[1])


def in_holdout(record: str, share: float) -> bool:
    """Whether a record belongs to the validation part: decided by its hash, so it never moves."""
    return int(hashlib.sha256(record.encode()).hexdigest()[:8], 16) < share * 0xFFFFFFFF


def read_parallel(folder: Path) -> Iterator[Pair]:
    """All pairs of ``<source>.<left>-<right>.tsv`` files in a folder, in a fixed order."""
    for path in sorted(folder.glob("*.tsv")):
        source, languages, _ = path.name.rsplit(".", 2)
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            left, _, right = line.partition("\t")
            if left.strip() and right.strip():
                yield Pair(source, languages, "", left.strip(), right.strip())


def read_words(folder: Path) -> Iterator[str]:
    """All words of the monolingual ``*.txt`` lists in a folder."""
    for path in sorted(folder.glob("*.txt")):
        yield from filter(None, map(str.strip, path.read_text(encoding="utf-8-sig").splitlines()))


def read_glossary(folder: Path) -> Iterator[Pair]:
    """All pairs across and within languages of each row of the glossary's CSV files.

    Columns: ``zh,en,ko`` and ``zh_aliases,en_aliases,ko_aliases`` (separated by ``|``).
    """
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                terms = [
                    (language, term.strip())
                    for language in LANGUAGES
                    for column in (language, f"{language}_aliases")
                    for term in (row.get(column) or "").split("|")
                    if term.strip()
                ]
                record = f"glossary/{path.stem}/{terms[0][1] if terms else ''}"
                for left, right in itertools.combinations(dict.fromkeys(terms), 2):
                    yield oriented("glossary", record, left, right)


def read_translations(folder: Path) -> Iterator[Pair]:
    """Every two texts of each row of the ``*.tsv`` files in a folder: the same in other words or
    languages. The first line names the language of each column.

    Raises ``ValueError`` when a row has more or fewer columns than the first.
    """
    for path in sorted(folder.glob("*.tsv")):
        lines = path.read_text(encoding="utf-8").splitlines()
        languages = lines[0].split("\t")
        for number, line in enumerate(lines[1:], start=2):
            texts = line.split("\t")
            if len(texts) != len(languages):
                raise ValueError(
                    f"{path}, line {number}: {len(texts)} columns, the first line has {len(languages)}"
                )
            sides = list(zip(languages, texts, strict=True))
            for first, second in itertools.combinations(sides, 2):
                yield oriented(f"written.{path.stem}", f"{path.stem}/{number}", first, second)


@dataclass(frozen=True, slots=True)
class Record:
    """One clause written for training, in three languages, with questions that it answers."""

    id: str
    topic: str
    clause: dict[str, str]
    title: dict[str, str]
    questions: dict[str, list[str]]


def read_records(folder: Path) -> Iterator[Record]:
    """The records of all ``*.jsonl`` files in a folder; a line cut off mid-writing is skipped."""
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            try:
                item = json.loads(line)
            except json.JSONDecodeError:
                continue
            if item.get("clause"):
                yield Record(
                    f"texts/{path.stem}/{number}",
                    item.get("topic", ""),
                    item["clause"],
                    item.get("title", {}),
                    item.get("questions", {}),
                )


def record_pairs(record: Record, typist: Typist, typo_share: float) -> Iterator[Pair]:
    """Pairs of one record: clause ↔ clause, title ↔ title, title ↔ clause, question ↔ clause, and
    question ↔ question; a share of the questions comes a second time with typing errors."""
    clauses = [(language, text) for language, text in record.clause.items() if text]
    titles = [(language, text) for language, text in record.title.items() if text]
    questions = [(language, q) for language, qs in record.questions.items() for q in qs if q]
    questions += [
        (language, typist.mistype(question, language))
        for language, question in questions
        if typist.random.random() < typo_share
    ]
    for kind, pairs in (
        ("translation", itertools.combinations(clauses, 2)),
        ("translation", itertools.combinations(titles, 2)),
        ("title", itertools.product(titles, clauses)),
        ("question", itertools.product(questions, clauses)),
        ("paraphrase", itertools.combinations(questions, 2)),
    ):
        for left, right in pairs:
            yield oriented(f"texts.{kind}", record.id, left, right)


def read_laws(archive: Path) -> Iterator[tuple[str, list[str]]]:
    """Title and articles (``第…条``, number removed) of every law in the archive."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if not (member.isfile() and member.name.endswith(".md")):
                continue
            file = tar.extractfile(member)
            if file is None or member.size > LAW_MEMBER_LIMIT:
                continue
            title, articles = _parse_law(file.read().decode("utf-8", errors="replace"))
            if title and len(articles) >= 3:
                yield title, articles


def _parse_law(text: str) -> tuple[str, list[str]]:
    title, articles = "", []
    open_article = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            title = title or line.lstrip("# ")
            open_article = False
        elif ARTICLE.match(line):
            articles.append(ARTICLE.sub("", line))
            open_article = True
        elif line and open_article:
            articles[-1] += "\n" + line
    return title, articles


def law_pairs(archive: Path, config: PairsConfig, rng: random.Random) -> Iterator[Pair]:
    """Pairs from laws: a sentence and its article, and the title of a law with one of its articles.

    The first kind is the inverse cloze task (Lee et al. 2019, "Latent Retrieval for Weakly
    Supervised Open Domain Question Answering"), over sentences instead of passages. Most sentences
    are taken out of the article; some stay, which teaches that equal words count too. Some are cut
    down to one phrase, as short as a question.
    """
    split_articles, titled = [], []
    for title, articles in read_laws(archive):
        for number, article in enumerate(articles):
            sentences = [s.strip() for s in SENTENCE_END.split(article) if len(s.strip()) >= 8]
            if len(sentences) >= 2:
                split_articles.append((f"law/{title}/{number}", sentences))
            if len(article) >= 30:
                titled.append((title, article))
    neighbours = min(config.laws_neighbours, len(split_articles))
    for record, sentences in rng.sample(split_articles, neighbours):
        asked, rest = _cloze(sentences, config, rng)
        yield Pair("laws.neighbours", "zh-zh", record, asked[:200], rest[:400])
    for title, article in rng.sample(titled, min(config.laws_titles, len(titled))):
        yield Pair("laws.titles", "zh-zh", f"law/{title}", title, article[:300])


def _cloze(sentences: list[str], config: PairsConfig, rng: random.Random) -> tuple[str, str]:
    """One of ``sentences``, or a phrase of it, and the others, perhaps with it."""
    cut = rng.randrange(len(sentences))
    kept = rng.random() < config.laws_kept
    rest = "".join(s for place, s in enumerate(sentences) if kept or place != cut)
    phrases = [phrase for phrase in PHRASE_END.split(sentences[cut]) if len(phrase) >= 8]
    if phrases and rng.random() < config.laws_phrases:
        return rng.choice(phrases), rest
    return sentences[cut], rest


def limited(pairs: Iterable[Pair], limits: dict[str, int], rng: random.Random) -> list[Pair]:
    """At most ``limits[glob]`` pairs, drawn at random, of each source that a glob matches."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[f"{pair.source}.{pair.languages}"].append(pair)
    kept: list[Pair] = []
    for name, members in groups.items():
        limit = match(limits, name, len(members))
        kept += members if limit >= len(members) else rng.sample(members, limit)
    return kept


def match(table: dict[str, int], name: str, default: int) -> int:
    """The value of the first glob in ``table`` that matches ``name``."""
    return next((value for glob, value in table.items() if fnmatch(name, glob)), default)


def collect(data: Path, repository: Path, config: PairsConfig, seed: int) -> list[Pair]:
    """All training pairs: parallel corpora, laws, glossary, records; held-out records left out."""
    rng = random.Random(seed)
    parallel = list(read_parallel(data / "parallel" / "train"))
    typist = Typist((pair.left for pair in parallel if pair.languages.startswith("zh")), rng)
    glossary = read_glossary(repository / "src" / "qa" / "glossary")
    records = read_records(repository / "training" / "texts")
    written = (
        pair for record in records for pair in record_pairs(record, typist, config.typo_share)
    )
    kept = [
        p for p in itertools.chain(glossary, written) if not in_holdout(p.record, config.holdout)
    ]
    translations = read_translations(repository / "training" / "texts")
    laws = law_pairs(data / "laws.tar.xz", config, rng)
    return limited([*parallel, *laws, *kept, *translations], config.limits, rng)


def write_pairs(pairs: Iterable[Pair], path: Path) -> None:
    """Write pairs as tab-separated lines (line breaks and tabs within texts become spaces)."""
    with path.open("w", encoding="utf-8") as file:
        for pair in pairs:
            fields = (pair.source, pair.languages, pair.record, pair.left, pair.right)
            file.write("\t".join(" ".join(field.split()) for field in fields) + "\n")


def read_pairs(path: Path) -> list[Pair]:
    """Read what :func:`write_pairs` wrote."""
    with path.open(encoding="utf-8") as file:
        return [Pair(*line.rstrip("\n").split("\t")) for line in file]
