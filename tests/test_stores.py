"""Vector stores: every test holds for each of them; comparing everything by numpy is the oracle."""

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

import qa.stores.faiss
from qa.stores import VectorStore
from qa.stores.faiss import Codes, FaissStore

Vectors: TypeAlias = NDArray[np.float32]
Build: TypeAlias = Callable[..., VectorStore]

AXES = np.eye(3, dtype=np.float32)


@pytest.fixture(params=["exact", "compressed"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    def made(vectors: Vectors) -> VectorStore:
        return FaissStore.build(vectors, tmp_path, compressed=request.param == "compressed")

    return made


def oracle(
    stored: Vectors, question: Vectors, k: int, allowed: NDArray[np.bool_] | None = None
) -> list[int]:
    """The positions of the closest by comparing everything, of the equally close the first."""
    similarities = stored @ question
    positions = range(len(stored)) if allowed is None else np.flatnonzero(allowed).tolist()
    return sorted(positions, key=lambda i: (-similarities[i], i))[:k]


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
    assert store.vectors(np.array([2, 0, 2])) == pytest.approx(AXES[[2, 0, 2]])
    assert store.vectors(np.zeros(0, np.int64)).shape == (0, 3)
    found = store.similarities(np.array([0.6, 0.0, 0.8], np.float32), np.array([2, 1, 0]))
    assert found.tolist() == pytest.approx([0.8, 0.0, 0.6])


def test_what_is_not_allowed_is_left_out_before_the_closest_are_chosen(build: Build) -> None:
    store = build(AXES[[0, 0, 1, 2]])
    allowed = np.array([False, True, False, True])
    similarities, positions = store.search(AXES[:2], 3, allowed)
    assert positions.tolist() == [[1, 3], [1, 3]]
    assert similarities.tolist() == pytest.approx(np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert store.search(AXES[:1], 3, np.zeros(4, bool))[1].shape == (1, 0)


# Sums of products of small whole numbers are exact whatever their order: ties are true ties.
small = st.integers(-2, 2).map(float)
shapes = st.tuples(st.integers(1, 12), st.just(4))


@given(
    arrays.arrays(np.float32, shapes, elements=small),
    arrays.arrays(np.float32, shapes, elements=small),
    st.integers(0, 14),
    st.none() | st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_an_exact_store_finds_what_comparing_everything_finds(
    tmp_path_factory: pytest.TempPathFactory,
    stored: Vectors,
    questions: Vectors,
    k: int,
    chosen: list[bool] | None,
) -> None:
    allowed = None if chosen is None else np.array(chosen[: len(stored)])
    store = FaissStore.build(stored, tmp_path_factory.mktemp("store"), compressed=False)
    _, found = store.search(questions, k, allowed)
    assert found.tolist() == [oracle(stored, question, k, allowed) for question in questions]


# --- many vectors


def unit(count: int, dimension: int, seed: int) -> Vectors:
    """Vectors in clusters, as texts have them."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((count // 20, dimension))
    vectors = centres[generator.integers(len(centres), size=count)]
    vectors = vectors + 0.7 * generator.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def many() -> Vectors:
    return unit(30_000, 96, 0)


@pytest.fixture(scope="module")
def compressed(many: Vectors, tmp_path_factory: pytest.TempPathFactory) -> FaissStore:
    folder = tmp_path_factory.mktemp("many")
    store = FaissStore.build(many, folder)
    assert (folder / "vectors.codes.npy").stat().st_size < many.nbytes / 3.9
    return store


@pytest.mark.parametrize("share", [1.0, 0.9, 0.3, 0.01])
def test_a_compressed_store_finds_nearly_all_that_comparing_everything_finds(
    share: float, many: Vectors, compressed: FaissStore
) -> None:
    allowed = np.random.default_rng(1).random(len(many)) < share if share < 1 else None
    questions = many[::750] + 0.05 * np.random.default_rng(2).standard_normal((40, 96))
    questions = questions.astype(np.float32)
    _, found = compressed.search(questions, 10, allowed)
    recall = []
    for question, positions in zip(questions, found, strict=True):
        assert allowed is None or allowed[positions].all()
        recall.append(len(set(oracle(many, question, 10, allowed)) & set(positions.tolist())) / 10)
    assert np.mean(recall) >= 0.97


def test_similarities_of_compressed_vectors_are_off_by_less_than_a_hundredth(
    many: Vectors, compressed: FaissStore
) -> None:
    positions = np.arange(0, len(many), 7)
    question = unit(40, 96, 3)[0]
    exact = many[positions] @ question
    assert np.abs(compressed.similarities(question, positions) - exact).max() < 0.01


def test_the_code_of_a_vector_depends_on_no_other(many: Vectors) -> None:
    alone, among = Codes.of(many[5:8]), Codes.of(many[:300])
    assert alone.sketches.tolist() == among.sketches[5:8].tolist()
    assert alone.codes.tolist() == among.codes[5:8].tolist()
    assert alone.scales.tolist() == among.scales[5:8].tolist()


def test_a_store_that_grows_beyond_what_is_kept_as_it_is_is_compressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.stores.faiss, "EXACT_UP_TO", 2)
    FaissStore.build(AXES[:2], tmp_path, "few")
    FaissStore.build(AXES, tmp_path, "many")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "few.faiss",
        "many.codes.npy",
        "many.faiss",
        "many.scales.npy",
    ]
