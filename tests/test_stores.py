"""Vector stores: every test holds for each of them; the exact one is the oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from qa.stores import VectorStore
from qa.stores.exact import ExactStore
from qa.stores.faiss import FaissStore

Vectors: TypeAlias = NDArray[np.float32]
Build: TypeAlias = Callable[[Vectors], VectorStore]

BUILD: dict[str, Build] = {"exact": ExactStore, "faiss": FaissStore.build}
LOAD: dict[str, Callable[[Path], VectorStore]] = {
    "exact": ExactStore.load,
    "faiss": FaissStore.load,
}
AXES = np.eye(3, dtype=np.float32)


@pytest.fixture(params=sorted(BUILD))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def build(kind: str) -> Build:
    return BUILD[kind]


def test_the_closest_come_first(build: Build) -> None:
    question = np.array([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]], np.float32)
    similarities, positions = build(AXES).search(question, 2)
    assert positions.tolist() == [[2, 0], [1, 0]]
    assert similarities == pytest.approx(np.array([[0.8, 0.6], [1.0, 0.0]]))
    assert similarities.dtype == np.float32
    assert positions.dtype == np.int64


@pytest.mark.parametrize("k", range(1, 7))
def test_of_the_equally_close_the_first_position_comes_first(build: Build, k: int) -> None:
    store = build(AXES[[1, 0, 0, 1, 0, 0]])
    _, positions = store.search(AXES[:1], k)
    assert positions.tolist() == [[1, 2, 4, 5, 0, 3][:k]]


def test_asked_for_more_than_there_is_a_store_gives_what_there_is(build: Build) -> None:
    similarities, positions = build(AXES).search(AXES, 10)
    assert similarities.shape == positions.shape == (3, 3)
    assert [sorted(row) for row in positions.tolist()] == [[0, 1, 2]] * 3


def test_asked_for_none_it_gives_none(build: Build) -> None:
    similarities, positions = build(AXES).search(AXES, 0)
    assert similarities.shape == positions.shape == (3, 0)


def test_an_empty_store_finds_nothing(build: Build) -> None:
    store = build(np.zeros((0, 3), np.float32))
    assert len(store) == 0
    assert store.search(AXES, 5)[1].shape == (3, 0)


def test_no_question_has_no_answer(build: Build) -> None:
    assert build(AXES).search(np.zeros((0, 3), np.float32), 2)[1].shape == (0, 2)


@pytest.mark.parametrize("shape", [(1, 2), (1, 4), (3,)])
def test_a_question_of_another_dimension_is_refused(build: Build, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the store has dimension 3"):
        build(AXES).search(np.ones(shape, np.float32), 1)


def test_vectors_come_back_by_position(build: Build) -> None:
    store = build(AXES)
    assert store.vectors(np.array([2, 0, 2])).tolist() == AXES[[2, 0, 2]].tolist()
    assert store.vectors(np.zeros(0, np.int64)).shape == (0, 3)


def test_what_is_saved_can_be_loaded(kind: str, tmp_path: Path) -> None:
    store = BUILD[kind](AXES)
    store.save(tmp_path / "store")
    loaded = LOAD[kind](tmp_path / "store")
    assert len(loaded) == 3
    assert loaded.vectors(np.arange(3)).tolist() == AXES.tolist()


# Sums of products of small whole numbers are exact whatever their order: ties are true ties.
small = st.integers(-2, 2).map(float)
shapes = st.tuples(st.integers(1, 12), st.just(4))


@given(
    arrays.arrays(np.float32, shapes, elements=small),
    arrays.arrays(np.float32, shapes, elements=small),
    st.integers(0, 14),
)
def test_faiss_finds_what_comparing_everything_finds(
    stored: Vectors, questions: Vectors, k: int
) -> None:
    expected, found = (
        ExactStore(stored).search(questions, k),
        FaissStore.build(stored).search(questions, k),
    )
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()


def test_the_oracle_itself_is_right() -> None:
    generator = np.random.default_rng(0)
    stored = generator.standard_normal((50, 8)).astype(np.float32)
    question = generator.standard_normal(8).astype(np.float32)
    by_hand = sorted(
        range(50),
        key=lambda i: (
            -sum(float(a) * float(b) for a, b in zip(stored[i], question, strict=True)),
            i,
        ),
    )
    assert ExactStore(stored).search(question[None], 7)[1].tolist() == [by_hand[:7]]
