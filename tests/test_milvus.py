"""The store past one machine, against Milvus Lite: in a file, and as a server that can be killed.

What every engine must do stands in ``test_engines.py``; here is what a server adds: addresses,
passwords, builds that break off, answers that do not come.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, BagOfCharacters, build_quickly, plain_ranking
from numpy.typing import NDArray

from qa.assistant import Assistant
from qa.builds import roll_back
from qa.corpus import corpus_digest
from qa.errors import IndexDamaged, SettingsError, StoreUnavailable
from qa.index import open_index
from qa.stores import milvus
from qa.stores.milvus import Address, MilvusEngine, create, open_engine, remove_unused

DIMENSION = 4
Passages = list[tuple[list[float], dict[int, float]]]
"""Vector and terms (row → saturated frequency) of each passage."""

PASSAGES: Passages = [
    ([1, 0, 0, 0], {0: 1.0, 2: 0.5}),
    ([0, 1, 0, 0], {1: 0.25}),
    ([0.6, 0.8, 0, 0], {0: 0.5, 1: 0.5}),
    ([0, 0, 0, 0], {}),
]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"milvus+file:{tmp_path / 'engine.db'}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "index"
    made.mkdir()
    return made


def columns(
    passages: Passages,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """The arguments of ``MilvusWriter.add``."""
    vectors = np.array([vector for vector, _ in passages], np.float32)
    indptr = np.cumsum([0, *(len(terms) for _, terms in passages)])
    rows = np.array([row for _, terms in passages for row in terms], np.int32)
    values = np.array([value for _, terms in passages for value in terms.values()], np.float32)
    return vectors, indptr, rows, values


def write(store: str, folder: Path, digest: str = "abc", passages: Passages = PASSAGES) -> str:
    with create(store, folder, digest, DIMENSION) as writer:
        writer.add(0, *columns(passages))
        writer.close()
    return writer.reference


def collections(engine: MilvusEngine) -> list[str]:
    return sorted(engine._client.list_collections())


# --- addresses


def test_an_address_is_a_server_a_database_and_who_asks() -> None:
    address = Address.read("milvus+https://clerk:s3cret@search.example:19530/policies")
    assert address.uri == "https://search.example:19530"
    assert (address.user, address.password, address.database) == ("clerk", "s3cret", "policies")


def test_what_is_written_down_of_an_address_has_no_password() -> None:
    address = Address.read("milvus+http://clerk:s3cret@search.example:19530/policies")
    assert address.public == "milvus+http://search.example:19530/policies"


@pytest.mark.parametrize(
    "store",
    ["milvus", "milvus+ftp://host", "milvus+http://", "qdrant+http://host", "milvus+file:engine"],
)
def test_another_address_is_refused_with_those_that_are_taken(store: str) -> None:
    with pytest.raises(SettingsError, match=r"QA_STORE .*milvus\+http://host:19530"):
        Address.read(store)


def test_a_password_stands_in_no_error() -> None:
    with pytest.raises(SettingsError) as raised:
        Address.read("milvus+ftp://clerk:s3cret@host")
    assert "s3cret" not in str(raised.value)


# --- a build


def test_a_build_is_opened_by_its_reference(store: str, folder: Path) -> None:
    engine = open_engine(write(store, folder))
    assert len(engine) == 4
    similarities, positions = engine.dense(np.array([1, 0, 0, 0], np.float32), 2)
    assert positions.tolist() == [0, 2]
    assert similarities == pytest.approx([1.0, 0.6])


def test_higher_scores_are_better_and_come_first(store: str, folder: Path) -> None:
    engine = open_engine(write(store, folder))
    rows, weights = np.array([0, 1]), np.array([0.5, 1.0], np.float32)
    scores, positions = engine.lexical(rows, weights, 10)
    assert positions.tolist() == [2, 0, 1]
    assert scores == pytest.approx([0.75, 0.5, 0.25])


def test_a_build_in_several_parts_is_the_same(store: str, folder: Path) -> None:
    with create(store, folder, "parts", DIMENSION) as writer:
        writer.add(0, *columns(PASSAGES[:1]))
        writer.add(1, *columns(PASSAGES[1:]))
        writer.close()
    engine = open_engine(writer.reference)
    saturated = engine.saturated(np.array([0, 1, 2]), np.arange(4))
    assert saturated.tolist() == [[1, 0, 0.5, 0], [0, 0.25, 0.5, 0], [0.5, 0, 0, 0]]


def test_a_passage_with_more_terms_than_a_field_holds_keeps_them_all(
    store: str, folder: Path
) -> None:
    many = {row: (row % 8 + 1) / 8 for row in range(9000)}
    engine = open_engine(write(store, folder, passages=[*PASSAGES, ([0, 0, 1, 0], many)]))
    found = engine.saturated(np.arange(9000), np.array([4, 0]))
    assert found[:, 0].tolist() == list(many.values())
    assert found[:, 1].tolist() == [1.0, 0, 0.5, *[0] * 8997]
    assert engine.similarities(np.array([0, 0, 1, 0], np.float32), np.array([4]))[0] == 1


def test_a_build_that_breaks_off_leaves_nothing(store: str, folder: Path) -> None:
    engine = open_engine(write(store, folder))
    with pytest.raises(KeyboardInterrupt), create(store, folder, "other", DIMENSION) as writer:
        writer.add(0, *columns(PASSAGES))
        raise KeyboardInterrupt
    assert len(collections(engine)) == 1
    with pytest.raises(IndexDamaged, match=r"has no collection .*build_index\.py"):
        open_engine(writer.reference)


def test_what_a_killed_build_has_left_is_written_anew(store: str, folder: Path) -> None:
    killed = create(store, folder, "abc", DIMENSION)
    killed.add(0, *columns(PASSAGES[:3]))  # and never closed
    assert len(open_engine(write(store, folder))) == 4


def test_what_is_there_already_is_not_written_again(store: str, folder: Path) -> None:
    reference = write(store, folder)
    engine = open_engine(reference)
    with create(store, folder, "abc", DIMENSION) as writer:
        writer.add(0, *columns(PASSAGES))
        assert len(engine) == len(open_engine(reference)) == 4  # stays in use meanwhile
        writer.close()
    assert writer.reference == reference
    assert len(collections(engine)) == 1


def test_an_engine_that_lost_passages_is_not_taken_for_complete(
    store: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create(store, folder, "abc", DIMENSION) as writer:
        writer.add(0, *columns(PASSAGES))
        monkeypatch.setattr(MilvusEngine, "__len__", lambda _: 3)
        with pytest.raises(StoreUnavailable, match="kept 3 of 4 passages"):
            writer.close()


def test_builds_that_nothing_refers_to_are_removed(store: str, folder: Path) -> None:
    old, new = write(store, folder, "old"), write(store, folder, "new")
    create(store, folder, "killed", DIMENSION)
    engine = open_engine(new)
    remove_unused(store, folder, {new})
    assert collections(engine) == [new.rpartition("#")[2]]
    with pytest.raises(IndexDamaged):
        open_engine(old)


def test_the_builds_of_another_index_folder_stay(store: str, folder: Path, tmp_path: Path) -> None:
    neighbour = tmp_path / "neighbour"
    neighbour.mkdir()
    theirs, ours = write(store, neighbour), write(store, folder)
    remove_unused(store, folder, set())
    assert len(open_engine(theirs)) == 4
    with pytest.raises(IndexDamaged):
        open_engine(ours)


def test_the_graph_that_is_searched_above_a_size_finds_the_closest(
    store: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "_EXACT_UP_TO", 100)
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((1200, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with create(store, folder, "graph", 16) as writer:
        nothing = np.zeros(1201, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
        writer.add(0, vectors, *nothing)
        writer.close()
    engine = open_engine(writer.reference)
    found = [set(engine.dense(vector, 10)[1].tolist()) for vector in vectors[:50]]
    exact = [set(np.argsort(-(vectors @ vector))[:10].tolist()) for vector in vectors[:50]]
    recall = np.mean([len(a & b) / 10 for a, b in zip(found, exact, strict=True)])
    assert recall >= 0.99


# --- a mask as a condition


@pytest.mark.parametrize(
    ("allowed", "condition"),
    [
        ([1, 1, 1], ""),
        ([0, 1, 1, 0], "(id >= 1 and id < 3)"),
        ([1, 0, 1], "(id >= 0 and id < 1) or (id >= 2 and id < 3)"),
    ],
)
def test_a_mask_becomes_ranges(allowed: list[int], condition: str) -> None:
    assert milvus._expression(np.array(allowed, bool)) == condition


@pytest.mark.parametrize("kept", [3, 4])
def test_a_scattered_mask_keeps_what_it_allows(store: str, folder: Path, kept: int) -> None:
    size = 600
    allowed = np.arange(size) % 5 < kept
    passages: Passages = [([1, 0, 0, 0], {0: 1.0}) for _ in range(size)]
    engine = open_engine(write(store, folder, passages=passages))
    _, positions = engine.lexical(np.array([0]), np.ones(1, np.float32), size, allowed)
    assert positions.tolist() == np.flatnonzero(allowed).tolist()


def test_a_mask_that_allows_nothing_finds_nothing(store: str, folder: Path) -> None:
    engine = open_engine(write(store, folder))
    nothing = np.zeros(4, bool)
    assert len(engine.dense(np.ones(4, np.float32), 3, nothing)[1]) == 0


# --- a server


@contextmanager
def server(data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Milvus Lite as a server, until it is killed or the block ends."""
    command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--data-dir", str(data), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port)
            yield process
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"no server on port {port}")


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_server_answers_as_a_file_does(folder: Path, tmp_path: Path, port: int) -> None:
    with server(tmp_path / "data", port):
        reference = write(f"milvus+http://127.0.0.1:{port}", folder)
        assert reference.startswith(f"milvus+http://127.0.0.1:{port}#qa_")
        engine = open_engine(reference)
        assert engine.dense(np.array([1, 0, 0, 0], np.float32), 2)[1].tolist() == [0, 2]


def test_a_server_that_stops_is_named_and_one_that_comes_back_answers(
    folder: Path, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "ANSWER_WITHIN", 2.0)
    question = np.array([1, 0, 0, 0], np.float32)
    with server(tmp_path / "data", port):
        engine = open_engine(write(f"milvus+http://127.0.0.1:{port}", folder))
    start = time.monotonic()
    with pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port} .*QA_STORE"):
        engine.dense(question, 2)
    assert time.monotonic() - start < 20
    monkeypatch.setattr(milvus, "ANSWER_WITHIN", 20.0)
    with server(tmp_path / "data", port):
        assert engine.dense(question, 2)[1].tolist() == [0, 2]


def test_a_server_that_starts_later_is_waited_for(folder: Path, tmp_path: Path, port: int) -> None:
    with server(tmp_path / "data", port):
        reference = write(f"milvus+http://127.0.0.1:{port}", folder)
    command = "import sys, time; time.sleep(1.5); from milvus_lite.cmdline import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["server", "--host", "127.0.0.1", "--port", str(port), "--data-dir"]
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments, str(tmp_path / "data")],
        stdout=subprocess.DEVNULL,
    ) as late:
        try:
            assert len(open_engine(reference)) == 4
        finally:
            late.kill()


@pytest.fixture
def mute() -> Iterator[Callable[[], int]]:
    """A server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield lambda: int(listening.getsockname()[1])


def test_a_server_that_does_not_answer_is_given_up(
    mute: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "ANSWER_WITHIN", 1.0)
    start = time.monotonic()
    with pytest.raises(StoreUnavailable, match=rf"{mute()} cannot be used"):
        open_engine(f"milvus+http://127.0.0.1:{mute()}#qa_1_2")
    assert time.monotonic() - start < 15


# --- an index whose passages are in the engine


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory, encoder: BagOfCharacters) -> tuple[Path, str]:
    """The folder of an index of the small corpus, and the engine of its passages."""
    folder = tmp_path_factory.mktemp("remote")
    store = f"milvus+file:{folder / 'engine.db'}"
    build_quickly(SMALL, folder / "index", encoder, store=store)
    return folder / "index", store


QUESTIONS = (
    "窑炉改造有补贴吗",
    "can the kiln get a subsidy",
    "가마 보조금",
    "night market opening hours",
    "第三条",
    "大象",
)


def test_answers_are_those_of_an_index_on_this_machine(
    remote: tuple[Path, str], assistant: Assistant, encoder: BagOfCharacters
) -> None:
    beside = Assistant(open_index(*remote), encoder, plain_ranking())
    for question in QUESTIONS:
        ours, theirs = assistant.ask(question), beside.ask(question)
        assert [hit.clause.id for hit in theirs.hits] == [hit.clause.id for hit in ours.hits]
        assert theirs.citations == ours.citations
        assert [hit.probability for hit in theirs.hits] == pytest.approx(
            [hit.probability for hit in ours.hits], abs=0.01
        )


def test_the_folder_keeps_no_vectors_and_postings_of_passages(
    remote: tuple[Path, str], built: Path
) -> None:
    def files(folder: Path) -> set[str]:
        return {path.name for path in open_index(folder, remote[1]).folder.iterdir()}

    assert files(built) - files(remote[0]) == {
        "passages.faiss",
        "terms.counts.npy",
        "terms.forward_counts.npy",
        "terms.forward_starts.npy",
        "terms.forward_terms.npy",
        "terms.texts.npy",
    }


def test_the_engine_may_move_with_a_password_that_the_index_does_not_hold(
    folder: Path, tmp_path: Path, port: int, encoder: BagOfCharacters
) -> None:
    with server(tmp_path / "data", port):
        named = f"milvus+http://clerk:s3cret@127.0.0.1:{port}"
        build_quickly(SMALL, folder, encoder, store=named)
        for path in folder.rglob("*"):
            assert path.is_dir() or b"s3cret" not in path.read_bytes()
        assert len(open_index(folder, named).engine) == len(open_index(folder, "").engine)
    with pytest.raises(SettingsError):
        open_index(folder, "milvus+ftp://elsewhere")


def test_an_engine_that_is_down_breaks_a_build_off_and_the_old_index_stays(
    remote: tuple[Path, str],
    port: int,
    tmp_path: Path,
    encoder: BagOfCharacters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(milvus, "ANSWER_WITHIN", 0.5)
    folder = Path(shutil.copytree(remote[0], tmp_path / "copy"))
    before = (folder / "CURRENT").read_text()
    with pytest.raises(StoreUnavailable, match=f"{port}"):
        build_quickly(SMALL, folder, encoder, store=f"milvus+http://127.0.0.1:{port}")
    assert (folder / "CURRENT").read_text() == before
    assert list(folder.glob(".building-*")) == []


def test_an_index_whose_engine_lost_its_collection_says_what_to_do(
    folder: Path, store: str, encoder: BagOfCharacters
) -> None:
    build_quickly(SMALL, folder, encoder, store=store)
    remove_unused(store, folder, set())
    with pytest.raises(IndexDamaged, match=r"no collection .*build_index\.py"):
        open_index(folder, store)
    build_quickly(SMALL, folder, encoder, store=store)
    assert len(open_index(folder, store).clauses) > 0


def test_the_engine_keeps_the_build_in_use_and_the_one_before(
    corpus_folder: Path, folder: Path, store: str, encoder: BagOfCharacters
) -> None:
    policy = next(corpus_folder.glob("*.txt"))
    for clause in ("", "五、窑工培训由劳动局负责。", "五、窑工培训由商务局负责。"):
        policy.write_text(f"{policy.read_text('utf-8').strip()}\n{clause}\n", "utf-8")
        build_quickly(corpus_folder, folder, encoder, store=store)
    engine = open_index(folder, store).engine
    assert isinstance(engine, MilvusEngine)
    assert len(collections(engine)) == 2
    roll_back(folder, corpus_digest(corpus_folder))
    assert len(open_index(folder, store).engine) < len(engine)
