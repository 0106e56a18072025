"""What the tests share: a corpus that fits a page, and an encoder that a reader can compute.

The corpus (``corpus_small``) is invented: measures for the kilns of a city that does not exist,
with translations, wordings, departments and terms, and the rules of its night market without any.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from qa.assistant import Assistant
from qa.config import DEFAULT_MODEL, ROOT
from qa.encoder import Encoder, load_encoder
from qa.evidence import FEATURES
from qa.index import Index, open_index
from qa.indexing import Built, Progress, build_index
from qa.ranking import FILE, MODES, SIGNALS, Ranking, Weights

TESTS = Path(__file__).parent
SMALL = TESTS / "corpus_small"

# What tests ask must not stand in the journal of whoever runs them.
os.environ["QA_JOURNAL"] = str(Path(tempfile.mkdtemp(prefix="qa-journal-")) / "journal.sqlite")

# Shared machines are slow at times: what is tested is what comes out, not how soon.
settings.register_profile(
    "tests", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


@dataclass(frozen=True)
class BagOfCharacters:
    """An encoder by arithmetic: dimension ``ord(character) % 64`` counts, then length 1."""

    name: str = "bag-of-characters"
    fingerprint: str = "bag-of-characters-64"
    dimension: int = 64

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for character in text:
                vectors[row, ord(character) % self.dimension] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, 1e-12)


def build_quickly(
    corpus: Path,
    folder: Path,
    encoder: Encoder,
    progress: Progress | None = None,
    store: str = "",
) -> Built:
    """``build_index`` with the terms of the corpus only: the built-in ones take most of the time."""
    with mock.patch("qa.indexing.builtin_terms", return_value=()):
        return build_index(corpus, folder, encoder, progress, store=store)


def plain_ranking() -> Ranking:
    """A ranking by hand: the more words, grams and concepts a clause shares, the likelier it is."""
    counts = ("words_", "grams_", "concepts_")
    weights = dict.fromkeys(FEATURES, 0.0)
    for name in FEATURES:
        if name.startswith(counts) and not name.endswith(("_heading", "_document")):
            weights[name] = 1.0
    weights["unnumbered"] = -1.0
    rank = np.array(list(weights.values()), np.float32)
    calibrate = np.array([*(6.0 * (name == "score") for name in SIGNALS), -6.0], np.float32)
    return Ranking({mode: Weights(rank, calibrate) for mode in MODES}, answer=0.6, clarify=0.3)


def write_ranking(folder: Path, ranking: Ranking) -> None:
    """Writes a ranking as ``Ranking.load`` reads it."""
    record: dict[str, object] = {
        "features": FEATURES,
        "signals": SIGNALS,
        "answer": ranking.answer,
        "clarify": ranking.clarify,
    }
    for mode, weights in ranking.weights.items():
        record[mode] = {"rank": weights.rank.tolist(), "calibrate": weights.calibrate.tolist()}
    (folder / FILE).write_text(json.dumps(record), encoding="utf-8")


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs another Python that can import the tests' helpers."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture(scope="session")
def loops() -> Iterator[None]:
    """Closes the event loops that Gradio makes for each page and leaves open."""
    made: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def making() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    with mock.patch("asyncio.new_event_loop", making):
        yield
    for loop in made:
        if not loop.is_running():
            loop.close()


@pytest.fixture(scope="session")
def encoder() -> BagOfCharacters:
    return BagOfCharacters()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, encoder: BagOfCharacters) -> Path:
    """The folder of an index of the small corpus; not to be changed."""
    folder = tmp_path_factory.mktemp("built")
    built = build_quickly(SMALL, folder, encoder)
    assert built.receipt.refused == []
    return folder


@pytest.fixture(scope="session")
def index(built: Path) -> Index:
    return open_index(built)


@pytest.fixture(scope="session")
def assistant(index: Index, encoder: BagOfCharacters) -> Assistant:
    return Assistant(index, encoder, plain_ranking())


@pytest.fixture
def index_folder(built: Path, tmp_path: Path) -> Path:
    """A copy of the index, to be changed at will."""
    return Path(shutil.copytree(built, tmp_path / "index"))


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    """A copy of the small corpus, to be changed at will."""
    return Path(shutil.copytree(SMALL, tmp_path / "corpus"))


@pytest.fixture
def write_corpus(tmp_path: Path) -> Callable[..., Path]:
    """Writes a corpus of the given policies (name → text) and gives its folder."""

    def write(**policies: str) -> Path:
        folder = tmp_path / "written"
        folder.mkdir()
        for name, text in policies.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def shipped_encoder() -> Encoder:
    """The encoder that the product ships."""
    return load_encoder(str(DEFAULT_MODEL))


@pytest.fixture(scope="session")
def shipped_index(tmp_path_factory: pytest.TempPathFactory, shipped_encoder: Encoder) -> Path:
    """An index of the shipped corpus by the shipped encoder."""
    folder = tmp_path_factory.mktemp("shipped")
    build_index(ROOT / "corpus", folder, shipped_encoder)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped encoder with the ranking of these tests: what programs under test load."""
    folder = tmp_path_factory.mktemp("model")
    for path in DEFAULT_MODEL.rglob("*"):
        beside = folder / path.relative_to(DEFAULT_MODEL)
        if path.is_dir():
            beside.mkdir()
        elif path.name != FILE:
            beside.symlink_to(path)
    write_ranking(folder, plain_ranking())
    return folder
