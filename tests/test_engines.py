"""Engines: every test holds on this machine, compressed or not, and in Milvus; comparing
everything by numpy is the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qa.lexical import LexicalIndex
from qa.stores import Allowed, Engine, Positions, Scores, Vectors
from qa.stores.faiss import FaissStore
from qa.stores.local import LocalEngine
from qa.stores.milvus import open_engine
from qa.stores.remote import move_passages

KINDS = ("exact", "faiss", "faiss compressed", "milvus")
AXES = np.eye(4, dtype=np.float32)
TEXTS = ("w:kiln w:kiln w:tax", "w:kiln", "w:tax w:refund w:days", "")


@dataclass(frozen=True)
class Exact:
    """The oracle: vectors, and the saturated frequency of each row in each passage."""

    stored: Vectors
    held: Scores

    def dense(self, vector: Vectors, k: int, allowed: Allowed = None) -> tuple[Scores, Positions]:
        return self._best(self.stored @ vector, k, allowed)

    def lexical(
        self, rows: Positions, weights: Scores, k: int, allowed: Allowed = None
    ) -> tuple[Scores, Positions]:
        sums, positions = self._best(weights @ self.saturated(rows, self._all()), k, allowed)
        return sums[sums > 0], positions[sums > 0]

    def similarities(self, vector: Vectors, positions: Positions) -> Scores:
        return self.stored[positions] @ vector

    def saturated(self, rows: Positions, positions: Positions) -> Scores:
        unknown = np.zeros((1, len(self.stored)), np.float32)
        return np.concatenate([self.held, unknown])[rows][:, positions]  # row −1 is the last

    def _all(self) -> Positions:
        return np.arange(len(self.stored), dtype=np.int64)

    def _best(self, scores: Scores, k: int, allowed: Allowed) -> tuple[Scores, Positions]:
        positions = self._all() if allowed is None else np.flatnonzero(allowed)
        order = np.lexsort((positions, -scores[positions]))[:k]
        return scores[positions[order]], positions[order]


@dataclass(frozen=True)
class Built:
    """An engine with its lexicon, and the oracle of the same passages."""

    engine: Engine
    lexicon: LexicalIndex
    oracle: Exact

    def rows(self, terms: str) -> Positions:
        return self.lexicon.rows(terms.split())


Build: TypeAlias = Callable[[Vectors, Sequence[str]], Built]


def make(kind: str, vectors: Vectors, texts: Sequence[str], folder: Path) -> Built:
    index, build = folder / "index", folder / "index" / "build"
    build.mkdir(parents=True)
    lexicon = LexicalIndex.build([Counter(text.split()) for text in texts], build, "terms")
    store = FaissStore.build(vectors, build, "passages", compressed=kind == "faiss compressed")
    everything = np.arange(len(texts), dtype=np.int64)
    rows = np.arange(lexicon.size, dtype=np.int64)
    exact = Exact(store.vectors(everything), lexicon.saturated(rows, everything))
    if kind == "exact":
        return Built(exact, lexicon, exact)
    if kind == "milvus":
        address = f"milvus+file:{folder / 'engine.db'}"
        reference = move_passages(address, index, build, vectors.shape[1])
        return Built(open_engine(reference), LexicalIndex(build, "terms", False), exact)
    return Built(LocalEngine(store, lexicon), lexicon, exact)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=KINDS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return make(request.param, AXES, TEXTS, tmp_path_factory.mktemp("engine"))


def test_the_closest_come_first(built: Built) -> None:
    question = np.array([0.6, 0.0, 0.8, 0.0], np.float32)
    similarities, positions = built.engine.dense(question, 2)
    assert positions.tolist() == [2, 0]
    assert similarities == pytest.approx([0.8, 0.6], abs=0.01)
    assert (similarities.dtype, positions.dtype) == (np.float32, np.int64)


def test_the_highest_sums_come_first_and_only_those_above_zero(built: Built) -> None:
    weights = np.array([0.5, 0.25, 1.0], np.float32)
    sums, positions = built.engine.lexical(built.rows("w:kiln w:tax w:unheard"), weights, 9)
    expected = built.oracle.lexical(built.rows("w:kiln w:tax w:unheard"), weights, 9)
    assert positions.tolist() == expected[1].tolist()
    assert sorted(positions.tolist()) == [0, 1, 2]
    assert sums == pytest.approx(expected[0], abs=1e-6)
    assert (np.diff(sums) <= 0).all()


def test_what_no_passage_has_finds_nothing(built: Built) -> None:
    for rows in (built.rows("w:unheard"), np.zeros(0, np.int64)):
        sums, positions = built.engine.lexical(rows, np.ones(len(rows), np.float32), 5)
        assert sums.shape == positions.shape == (0,)


def test_what_is_not_allowed_is_left_out_before_the_best_are_chosen(built: Built) -> None:
    allowed = np.array([False, True, True, True])
    assert built.engine.dense(AXES[0], 4, allowed)[1].tolist() == [1, 2, 3]
    weights = np.ones(1, np.float32)
    assert built.engine.lexical(built.rows("w:tax"), weights, 4, allowed)[1].tolist() == [2]
    nothing = np.zeros(4, bool)
    assert built.engine.dense(AXES[0], 4, nothing)[1].shape == (0,)
    assert built.engine.lexical(built.rows("w:tax"), weights, 4, nothing)[1].shape == (0,)


def test_similarities_are_those_of_the_positions_asked_for(built: Built) -> None:
    question = np.array([0.6, 0.0, 0.8, 0.0], np.float32)
    found = built.engine.similarities(question, np.array([2, 1, 2]))
    assert found == pytest.approx([0.8, 0.0, 0.8], abs=0.01)
    assert built.engine.similarities(question, np.zeros(0, np.int64)).shape == (0,)


def test_saturated_frequencies_are_those_of_rows_and_positions(built: Built) -> None:
    rows, positions = built.rows("w:tax w:unheard w:kiln w:tax"), np.array([3, 2, 0, 2])
    found = built.engine.saturated(rows, positions)
    assert found == pytest.approx(built.oracle.saturated(rows, positions), abs=0.001)
    assert found[:, 0].tolist() == found[1].tolist() == [0, 0, 0, 0]
    assert found[2, 2] > 0
    assert built.engine.saturated(rows[:0], positions).shape == (0, 4)
    assert built.engine.saturated(rows, positions[:0]).shape == (4, 0)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 9])
def test_of_the_equally_good_the_first_position_comes_first(
    kind: str, k: int, tmp_path: Path
) -> None:
    texts = [TEXTS[i] for i in (1, 0, 0, 1, 0, 0)]
    built = make(kind, AXES[[1, 0, 0, 1, 0, 0]], texts, tmp_path)
    expected = [1, 2, 4, 5, 0, 3][:k]
    assert built.engine.dense(AXES[0], k)[1].tolist() == expected
    tax = [position for position in expected if position not in (0, 3)]
    found = built.engine.lexical(built.rows("w:tax"), np.ones(1, np.float32), k)
    assert found[1].tolist() == tax


# Sums of products of small whole numbers are exact whatever their order: ties are true ties.
texts = st.lists(st.sampled_from(["w:a", "w:b", "g:a", "c:1"]), max_size=3).map(" ".join)


@pytest.mark.parametrize("kind", KINDS[1:])
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_engine_finds_what_comparing_everything_finds(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    passages = data.draw(st.lists(texts, min_size=1, max_size=9))
    axes = data.draw(st.lists(st.integers(0, 3), min_size=len(passages), max_size=len(passages)))
    chosen = data.draw(st.none() | st.lists(st.booleans(), min_size=9, max_size=9))
    allowed: NDArray[np.bool_] | None = None
    if chosen is not None:
        allowed = np.array(chosen[: len(passages)])
    k = data.draw(st.integers(1, 10))
    built = make(kind, AXES[axes], passages, tmp_path_factory.mktemp("drawn"))
    rows = built.rows("w:a w:b g:a c:1")
    weights = np.array([1.0, 0.5, 0.25, 0.125], np.float32)
    for found, expected in (
        (built.engine.dense(AXES[1], k, allowed), built.oracle.dense(AXES[1], k, allowed)),
        (
            built.engine.lexical(rows, weights, k, allowed),
            built.oracle.lexical(rows, weights, k, allowed),
        ),
    ):
        assert found[0] == pytest.approx(expected[0], abs=1e-5)
        assert found[1].tolist() == expected[1].tolist()
