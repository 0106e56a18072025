"""A build does only what no build before it has done, and what comes out does not depend on it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from conftest import TESTS, BagOfCharacters, build_quickly
from numpy.typing import NDArray

import qa.indexing
import qa.shards
from qa.cache import Cache
from qa.evidence import Collector
from qa.index import open_index
from qa.splicing import LexicalSplicer


@dataclass(frozen=True)
class Counting(BagOfCharacters):
    """An encoder that notes which texts it was given."""

    seen: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen.extend(texts)
        return super().encode(texts)


def name_of(index: Path) -> str:
    """The name of the build in use, which is the digest of all that it holds."""
    return (index / "CURRENT").read_text(encoding="utf-8")


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed."""
    names: list[str] = []
    parse = qa.shards.parse

    def noted(path: Path, name: str) -> tuple[str, bytes, bytes]:
        names.append(name)
        return parse(path, name)

    for module in ("qa.workers", "qa.indexing"):
        monkeypatch.setattr(f"{module}.parse", noted)
    return names


@pytest.fixture
def index(corpus_folder: Path, tmp_path: Path) -> Path:
    """A build of the small corpus, with what it kept."""
    build_quickly(corpus_folder, tmp_path / "index", BagOfCharacters())
    return tmp_path / "index"


def test_a_second_build_parses_and_embeds_nothing(
    corpus_folder: Path, index: Path, counting: Counting, parsed: list[str]
) -> None:
    before = name_of(index)
    build_quickly(corpus_folder, index, counting)
    assert (name_of(index), parsed, counting.seen) == (before, [], [])


def test_of_a_changed_corpus_only_what_changed_is_parsed_and_embedded(
    corpus_folder: Path, index: Path, counting: Counting, parsed: list[str]
) -> None:
    path = corpus_folder / "tangxi_market.txt"
    path.write_text(path.read_text("utf-8").replace("摊主", "商贩"), encoding="utf-8")
    build_quickly(corpus_folder, index, counting)
    assert parsed == ["tangxi_market.txt"]
    texts = {passage.text for passage in open_index(index).passages}
    embedded = {text for text in counting.seen if text in texts}
    assert any("商贩" in text for text in embedded)
    assert not any("窑" in text for text in embedded)


def test_a_small_change_copies_the_terms_of_the_rest_and_comes_out_the_same(
    corpus_folder: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.indexing, "_FEW_CHANGED", 9.0)
    taken: list[range] = []
    take = LexicalSplicer.take

    def noted(splicer: LexicalSplicer, texts: range) -> None:
        taken.append(texts)
        take(splicer, texts)

    monkeypatch.setattr(LexicalSplicer, "take", noted)
    path = corpus_folder / "tangxi_market.txt"
    path.write_text(path.read_text("utf-8").replace("摊主", "商贩"), encoding="utf-8")
    (corpus_folder / "new.txt").write_text("新窑办法\n\n第一条 新窑补贴。\n", encoding="utf-8")
    build_quickly(corpus_folder, index, BagOfCharacters())
    assert taken
    build_quickly(corpus_folder, tmp_path / "at_once", BagOfCharacters())
    assert name_of(index) == name_of(tmp_path / "at_once")
    path.unlink()
    build_quickly(corpus_folder, index, BagOfCharacters())
    build_quickly(corpus_folder, tmp_path / "again", BagOfCharacters())
    assert name_of(index) == name_of(tmp_path / "again")


@pytest.mark.parametrize("damage", ["terms.texts.npy", "manifest.json"])
def test_terms_of_a_damaged_build_are_not_copied(
    damage: str, corpus_folder: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.indexing, "_FEW_CHANGED", 9.0)
    file = index / name_of(index) / damage
    file.write_bytes(file.read_bytes()[:-2] + b"xx")
    path = corpus_folder / "tangxi_market.txt"
    path.write_text(path.read_text("utf-8").replace("摊主", "商贩"), encoding="utf-8")
    build_quickly(corpus_folder, index, BagOfCharacters())
    build_quickly(corpus_folder, tmp_path / "at_once", BagOfCharacters())
    assert name_of(index) == name_of(tmp_path / "at_once")


def test_a_changed_wording_costs_its_document_only(
    corpus_folder: Path, index: Path, counting: Counting, parsed: list[str]
) -> None:
    (corpus_folder / "wordings" / "tangxi_market.zh.csv").write_text(
        "clause,language,question\n第二条,zh,摆摊交多少\n", encoding="utf-8"
    )
    build_quickly(corpus_folder, index, counting)
    assert parsed == []
    assert "摆摊交多少" in counting.seen
    assert not any("窑" in text for text in counting.seen)


def test_another_glossary_embeds_nothing_again(
    corpus_folder: Path, index: Path, counting: Counting
) -> None:
    (corpus_folder / "glossary.csv").write_text(
        "zh,en,ko,zh_aliases,en_aliases,ko_aliases\n柴窑,wood kiln,장작가마,,,\n", encoding="utf-8"
    )
    build_quickly(corpus_folder, index, counting)
    assert counting.seen == []
    collector = Collector(open_index(index), counting)
    found = collector.collect(collector.query("wood kiln")).features
    assert (found[:, qa.evidence.FEATURES.index("concepts_clause")] > 0).any()


def test_vectors_of_another_model_are_never_used(corpus_folder: Path, index: Path) -> None:
    other = Counting(fingerprint="another")
    build_quickly(corpus_folder, index, other)
    texts = {passage.text for passage in open_index(index).passages}
    assert texts <= set(other.seen)
    assert open_index(index).manifest.model_fingerprint == "another"


def test_code_that_changed_uses_nothing_of_the_old(
    corpus_folder: Path, index: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.shards, "code_digest", lambda: b"new code")
    build_quickly(corpus_folder, index, BagOfCharacters())
    assert sorted(parsed) == ["tangxi_ceramics.txt", "tangxi_market.txt"]


# --- the same whatever was kept


def garbage(cache: Path) -> None:
    cache.write_bytes(b"no database at all" * 1000)


def half(cache: Path) -> None:
    os.truncate(cache, cache.stat().st_size // 2)


def no_table(cache: Path) -> None:
    with sqlite3.connect(cache) as database:
        database.execute("DROP TABLE kept")
    database.close()


def flipped_values(cache: Path) -> None:
    with sqlite3.connect(cache) as database:
        for key, value in database.execute("SELECT key, value FROM kept").fetchall():
            harmed = bytearray(value)
            harmed[-1] ^= 1
            database.execute("UPDATE kept SET value = ? WHERE key = ?", (bytes(harmed), key))
    database.close()


def flipped_heads(cache: Path) -> None:
    with sqlite3.connect(cache) as database:
        database.execute("UPDATE kept SET head = x'00112233445566778899'")
    database.close()


def words_for_bytes(cache: Path) -> None:
    with sqlite3.connect(cache) as database:
        database.execute("UPDATE kept SET head = 'words', value = 'words'")
    database.close()


@pytest.mark.parametrize(
    "harm", [Path.unlink, garbage, half, no_table, flipped_values, flipped_heads, words_for_bytes]
)
def test_whatever_happens_to_the_cache_the_build_is_the_same(
    harm: Callable[[Path], None], corpus_folder: Path, index: Path
) -> None:
    before = name_of(index)
    harm(index / "cache.db")
    build_quickly(corpus_folder, index, BagOfCharacters())
    assert name_of(index) == before
    assert len(open_index(index).clauses) == 11


def test_a_corpus_that_went_back_gives_the_build_that_it_gave(
    corpus_folder: Path, index: Path
) -> None:
    before = name_of(index)
    path = corpus_folder / "tangxi_market.txt"
    text = path.read_bytes()
    path.unlink()
    build_quickly(corpus_folder, index, BagOfCharacters())
    assert name_of(index) != before
    path.write_bytes(text)
    build_quickly(corpus_folder, index, BagOfCharacters())
    assert name_of(index) == before


def test_what_no_document_needs_is_forgotten(corpus_folder: Path, index: Path) -> None:
    def kept() -> int:
        with sqlite3.connect(index / "cache.db") as database:
            (count,) = database.execute("SELECT count(*) FROM kept").fetchone()
        database.close()
        return int(count)

    before = kept()
    (corpus_folder / "tangxi_market.txt").unlink()
    build_quickly(corpus_folder, index, BagOfCharacters())
    assert 0 < kept() < before


def test_many_passages_are_compressed_and_found(
    corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.indexing.EXACT_UP_TO", 5)
    monkeypatch.setattr("qa.assembly._WORDS_EXACT_UP_TO", 5)
    build_quickly(corpus_folder, tmp_path / "index", BagOfCharacters())
    index = open_index(tmp_path / "index")
    assert (index.folder / "passages.codes.npy").exists()
    for position in range(len(index.passages)):
        (vector,) = BagOfCharacters().encode([index.passages[position].text])
        similarities, found = index.engine.dense(vector, 1)
        assert index.passages[int(found[0])].text == index.passages[position].text
        assert similarities[0] == pytest.approx(1, abs=0.01)


# --- several processes


WORKERS = """
import sys
from pathlib import Path
import qa.workers
from conftest import SMALL, BagOfCharacters, build_quickly
qa.workers._WORTH_A_PROCESS = 1
if __name__ == "__main__":
    from unittest import mock
    from qa.indexing import build_index
    with mock.patch("qa.indexing.builtin_terms", return_value=()):
        build_index(SMALL, Path(sys.argv[1]), BagOfCharacters(), workers=int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_processes_changes_nothing(workers: int, built: Path, tmp_path: Path) -> None:
    script = tmp_path / "build.py"
    script.write_text(WORKERS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "index"), str(workers)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert name_of(tmp_path / "index") == name_of(built)


HANGING = """
import os, sys, time
from pathlib import Path
from qa.workers import _spread

def tell(folder, number):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    list(_spread(tell, [(sys.argv[1], i) for i in range(4)], 2, ()))
"""


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_processes_end_with_the_build_that_is_killed(tmp_path: Path) -> None:
    script, noted = tmp_path / "hang.py", tmp_path / "noted"
    script.write_text(HANGING, encoding="utf-8")
    noted.mkdir()
    build = subprocess.Popen([sys.executable, str(script), str(noted)])
    deadline = time.monotonic() + 120
    while len(list(noted.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [int(path.name) for path in noted.iterdir()]
    assert len(workers) == 2
    build.send_signal(signal.SIGKILL)
    build.wait()
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, workers))


# --- taken up where it was


STOPPED = """
import os, signal, sys
from pathlib import Path
import qa.cache
from conftest import BagOfCharacters, build_quickly
qa.cache._COMMIT_SECONDS = -1

def die(stage, done, total):
    if (stage, done) == (sys.argv[3], 1):
        os.kill(os.getpid(), signal.SIGKILL)

build_quickly(Path(sys.argv[2]), Path(sys.argv[1]), BagOfCharacters(), die)
"""


@pytest.mark.slow
def test_a_build_that_was_killed_is_taken_up_where_it_was(
    corpus_folder: Path, tmp_path: Path, counting: Counting, built: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(tmp_path / "index"), str(corpus_folder), "vectors"],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    build_quickly(corpus_folder, tmp_path / "index", counting)
    assert name_of(tmp_path / "index") == name_of(built)
    # The ceramics come first: their vectors were there; those of the market were not.
    assert not any("窑厂" in text for text in counting.seen if len(text) > 10)
    assert any("摊主" in text for text in counting.seen if len(text) > 10)


# --- the cache itself


def test_what_was_put_is_there_for_the_next(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache.db") as cache:
        assert cache.get(b"a") is None
        cache.put(b"a", b"value", b"head")
        cache.put(b"b", b"")
    with Cache(tmp_path / "cache.db") as cache:
        assert (cache.get(b"a"), cache.head(b"a")) == (b"value", b"head")
        assert (cache.get(b"b"), cache.head(b"b")) == (b"", b"")
        cache.put(b"a", b"other")
        assert cache.get(b"a") == b"other"
        cache.keep_only([b"b", b"nothing"])
        assert (cache.get(b"a"), cache.get(b"b")) == (None, b"")


def test_a_folder_that_takes_no_database_takes_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "cache.db").mkdir()
    with Cache(tmp_path / "cache.db") as cache:
        cache.put(b"a", b"value")
        assert cache.get(b"a") == b"value"
