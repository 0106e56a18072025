"""The index: what it holds, and that no fault can take the one in use away."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SMALL, TESTS, BagOfCharacters, plain_ranking, run_python
from conftest import build_quickly as build_index
from filelock import FileLock

import qa.assembly
import qa.index
import qa.indexing
from qa.builds import previous_name
from qa.cache import Cache
from qa.corpus import read_corpus
from qa.errors import (
    BuildInProgress,
    CorpusError,
    IndexDamaged,
    IndexMissing,
    IndexStale,
    PolicyError,
)
from qa.index import Index, check_corpus, check_model, open_index
from qa.lexical import LexicalWriter
from qa.passages import clause_sentences
from qa.records import TextFile
from qa.retrieval import Retriever
from qa.stores.faiss import FaissWriter
from qa.types import LANGUAGES, PASSAGE_KINDS

ENCODER = BagOfCharacters()


def current(folder: Path) -> Path:
    """The folder of the build in use."""
    return folder / (folder / "CURRENT").read_text(encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(current(folder).iterdir())}


def builds(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".building-")]


# --- what it holds


def test_every_clause_is_a_slice_of_its_document(index: Index) -> None:
    texts = {document.id: document.text for document in index.documents}
    assert len(index.clauses) == 11  # five, four, and the text above each
    for clause in index.clauses:
        assert texts[clause.document_id][clause.start : clause.end] == clause.text


def test_what_is_opened_is_what_was_read(index: Index) -> None:
    corpus = read_corpus(SMALL)
    assert tuple(index.documents) == corpus.documents
    assert index.departments.terms == corpus.departments
    assert index.glossary.terms == corpus.glossary
    assert index.titles["tangxi_ceramics", "ko"] == "탕시시 도자기 수출 지원 조치"
    manifest = index.manifest
    assert (manifest.documents, manifest.clauses) == (2, len(index.clauses))
    assert manifest.passages == len(index.passages) == len(index.terms)
    assert manifest.corpus_digest == corpus.digest
    assert (manifest.model, manifest.dimension) == (ENCODER.name, ENCODER.dimension)


def test_vectors_are_those_of_the_passages_and_words(index: Index) -> None:
    passages = ENCODER.encode([passage.text for passage in index.passages])
    everything = np.arange(len(passages))
    for question in ENCODER.encode(["窑厂的补贴", "fees", "수출"]):
        found = index.engine.similarities(question, everything)
        assert found.tolist() == pytest.approx((passages @ question).tolist())
    word = list(index.vocabulary).index(index.terms.rows(["w:窑厂"])[0])
    assert index.words.vectors(np.array([word])).tolist() == ENCODER.encode(["窑厂"]).tolist()
    titles = ENCODER.encode([document.title for document in index.documents])
    assert index.document_titles.vectors(np.arange(2)).tolist() == titles.tolist()


def test_arrays_say_of_each_clause_and_passage_what_its_record_says(index: Index) -> None:
    ids = [document.id for document in index.documents]
    for position, clause in enumerate(index.clauses):
        assert ids[index.document_of[position]] == clause.document_id
        assert bool(index.numbered[position]) == bool(clause.number)
        assert position in index.clause_range(index.document_position(clause.document_id))
        assert index.position(clause.id) == position
        assert index.clause(clause.id) == clause
        spoken = {t.language for t in index.translations.get(clause.id, ())} | {"zh"}
        assert {LANGUAGES[b] for b in range(3) if index.languages[position] >> b & 1} == spoken
        for passage in index.clause_passages(position):
            assert index.passages[passage].clause == index.clause_of[passage] == position
            assert PASSAGE_KINDS[index.kind_of[passage]] == index.passages[passage].kind
    by_id = sorted(range(len(index.clauses)), key=lambda i: index.clauses[i].id)
    assert [int(index.id_rank[position]) for position in by_id] == list(range(len(by_id)))


def test_printed_numbers_are_values(index: Index) -> None:
    values = {
        index.clauses[i].number: (
            int(index.first_number[i]),
            int(index.last_number[i]),
            int(index.chain_length[i]),
            bool(index.article[i]),
        )
        for i in range(len(index.clauses))
    }
    assert values["三"] == (3, 3, 1, False)
    assert values["第四条"] == (4, 4, 1, True)
    assert values[""] == (0, 0, 0, False)


def test_clauses_are_found_by_the_departments_that_they_name(index: Index) -> None:
    for position, clause in enumerate(index.clauses):
        named = {
            index.departments.terms[term].zh
            for printed in clause.departments
            for term in index.departments.find(printed)
        }
        assert index.departments_of(position) == (named or set(clause.departments))
        for name in named:
            assert position in index.clauses_of_departments(frozenset({name}))
    assert index.clauses_of_departments(frozenset({"没有这个局"})).tolist() == []


def test_an_unknown_id_has_no_position(index: Index) -> None:
    for look_up in (index.clause, index.position, index.document, index.document_position):
        with pytest.raises(KeyError):
            look_up("nothing#一")


def test_a_heading_is_the_document_without_its_text(index: Index) -> None:
    expected = [replace(document, text="") for document in index.documents]
    assert list(index.documents.headings()) == expected


def test_wordings_are_found_without_reading_passages(index: Index) -> None:
    wordings = [i for i, passage in enumerate(index.passages) if passage.kind == "wording"]
    assert index.wordings().tolist() == wordings


def test_a_translation_is_aligned_where_its_sentences_can_be_counted_off(index: Index) -> None:
    clauses = {clause.id: clause for clause in index.clauses}
    aligned = {}
    for group in index.translations.values():
        for translation in group:
            clause = clauses[translation.clause_id]
            if clause.number:
                same = len(translation.sentences) == len(clause_sentences(clause, "zh"))
                assert translation.aligned == same
                aligned[clause.number, translation.language] = same
    assert aligned["三", "en"] is False  # one English sentence for two Chinese ones
    assert [key for key, same in aligned.items() if not same] == [("三", "en")]


def test_the_translation_of_a_preamble_is_that_of_the_first_clause_without_a_number(
    index: Index,
) -> None:
    preamble = index.clauses[0]
    assert not preamble.number
    assert {t.language: t.text for t in index.translations[preamble.id]} == {
        "en": "These measures are made to help the city's kilns to go abroad.",
        "ko": "시내 가마의 해외 진출을 돕기 위하여 다음 조치를 정한다.",
    }


def test_a_translation_or_wording_of_no_clause_is_left_out(
    corpus_folder: Path, tmp_path: Path
) -> None:
    with (corpus_folder / "translations" / "tangxi_ceramics.en.md").open(
        "a", encoding="utf-8"
    ) as file:
        file.write("\n## 九 Nothing\n\nThere is no such clause.\n")
    (corpus_folder / "wordings" / "tangxi_market.zh.csv").write_text(
        "clause,language,question\n第二条,zh,摆摊交多少\n第九条,zh,没有这条\n", encoding="utf-8"
    )
    build_index(corpus_folder, tmp_path / "index", ENCODER)
    texts = [passage.text for passage in open_index(tmp_path / "index").passages]
    assert "摆摊交多少" in texts
    assert "没有这条" not in texts
    assert "There is no such clause." not in texts


def test_the_stages_of_a_build_are_reported_in_order(tmp_path: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    build_index(SMALL, tmp_path / "index", ENCODER, lambda *report: reports.append(report))
    stages = list(dict.fromkeys(stage for stage, _, _ in reports))
    assert stages == ["read", "terms", "vectors", "index", "done"]
    assert all(0 <= done <= total for _, done, total in reports)
    assert reports[-1] == ("done", 1, 1)
    for stage in stages[:-1]:
        assert (stage, 2, 2) in reports


def test_an_index_of_a_corpus_without_numbers_or_companions(
    write_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus = write_corpus(note="夜市今晚停业。明晚照常。", english="The market is closed tonight.")
    build_index(corpus, tmp_path / "index", ENCODER)
    index = open_index(tmp_path / "index")
    assert [(clause.document_id, clause.text) for clause in index.clauses] == [
        ("english", "The market is closed tonight."),
        ("note", "夜市今晚停业。明晚照常。"),
    ]


# --- the same corpus gives the same bytes


def test_two_builds_of_one_corpus_are_the_same(built: Path, tmp_path: Path) -> None:
    build_index(SMALL, tmp_path / "index", ENCODER)
    assert current(tmp_path / "index").name == current(built).name
    assert contents(tmp_path / "index") == contents(built)


BUILD = """
import sys
from pathlib import Path
from conftest import BagOfCharacters, SMALL
from conftest import build_quickly
build_quickly(Path(sys.argv[2]) if len(sys.argv) > 2 else SMALL, Path(sys.argv[1]), BagOfCharacters())
"""


def test_another_process_with_other_hashes_and_locale_builds_the_same(
    built: Path, tmp_path: Path
) -> None:
    done = run_python(
        "-c", BUILD, str(tmp_path / "index"), PYTHONHASHSEED="4321", LC_ALL="C", PYTHONUTF8="0"
    )
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "index") == contents(built)


def test_a_change_of_the_corpus_gives_another_build_and_keeps_only_the_one_before(
    index_folder: Path, corpus_folder: Path
) -> None:
    first = current(index_folder)
    (corpus_folder / "tangxi_market.txt").unlink()
    build_index(corpus_folder, index_folder, ENCODER)
    second = current(index_folder)
    assert second != first
    assert first.exists()
    assert len(open_index(index_folder).documents) == 1
    (corpus_folder / "glossary.csv").unlink()
    build_index(corpus_folder, index_folder, ENCODER)
    assert second.exists()
    assert not first.exists()


def test_building_again_leaves_the_files_in_use_where_they_are(index_folder: Path) -> None:
    manifest = current(index_folder) / "manifest.json"
    before = manifest.stat().st_ino
    build_index(SMALL, index_folder, ENCODER)
    assert manifest.stat().st_ino == before
    assert left_over(index_folder) == []


# --- an index that cannot be used says so, and what to do


def test_no_index(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"holds no index; run: python build_index\.py"):
        open_index(tmp_path / "absent")


def test_another_model(index: Index) -> None:
    check_model(index, ENCODER.fingerprint)
    with pytest.raises(IndexStale, match=r"another model; run: python build_index\.py"):
        check_model(index, "another")


def test_another_corpus(index: Index, corpus_folder: Path) -> None:
    check_corpus(index, corpus_folder)
    (corpus_folder / "tangxi_market.txt").write_text("改了。", encoding="utf-8")
    with pytest.raises(IndexStale, match=r"before the corpus changed; run: python build_index\.py"):
        check_corpus(index, corpus_folder)


def test_another_format(index_folder: Path) -> None:
    manifest = current(index_folder) / "manifest.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**record, "format": 0}), encoding="utf-8")
    with pytest.raises(IndexStale, match=r"another version; run: python build_index\.py"):
        open_index(index_folder)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("harm", [flip, truncate, empty, Path.unlink])
def test_harm_to_any_file_is_found(harm: Callable[[Path], None], index_folder: Path) -> None:
    build = current(index_folder)
    for path in sorted(build.iterdir()):
        sound = path.read_bytes()
        if harm is not Path.unlink and not sound:
            continue
        harm(path)
        with pytest.raises(IndexDamaged, match=r"run: python build_index\.py"):
            open_index(index_folder)
        path.write_bytes(sound)
    assert open_index(index_folder).manifest.clauses == 11


def test_harm_to_a_large_file_is_found_beside_the_first_questions(
    index_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.index, "VERIFIED_AT_ONCE", 0)  # no file is small enough to wait for
    index = open_index(index_folder)
    index.verify()
    index.check()
    flip(current(index_folder) / "passages.faiss")
    harmed = open_index(index_folder)
    with pytest.raises(IndexDamaged, match=r"passages\.faiss is not the file that was built"):
        harmed.verify()
    retriever = Retriever(harmed, ENCODER, plain_ranking())
    with pytest.raises(IndexDamaged, match=r"run: python build_index\.py"):
        retriever.search("窑厂的补贴", "zh")


@pytest.mark.parametrize("name", ["", "..", "../x", "nothing", "\0", "a b"])
def test_a_pointer_to_no_build_is_found(name: str, index_folder: Path) -> None:
    (index_folder / "CURRENT").write_text(name, encoding="utf-8")
    with pytest.raises(IndexDamaged, match=r"CURRENT names no build; run: python build_index\.py"):
        open_index(index_folder)


def test_a_pointer_that_is_no_text_is_found(index_folder: Path) -> None:
    (index_folder / "CURRENT").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(IndexDamaged, match=r"run: python build_index\.py"):
        open_index(index_folder)


def test_a_build_repairs_a_damaged_index(index_folder: Path) -> None:
    flip(current(index_folder) / "clauses.txt")
    build_index(SMALL, index_folder, ENCODER)
    assert open_index(index_folder).manifest.clauses == 11


# --- a build that fails leaves the index in use


STEPS: dict[str, tuple[Any, str]] = {
    "reading": (qa.indexing, "parse_all"),
    "keeping results": (Cache, "put"),
    "making the folder": (qa.indexing.tempfile, "mkdtemp"),
    "writing records": (TextFile, "add_record"),
    "writing arrays": (qa.assembly, "write_array"),
    "writing terms": (LexicalWriter, "close"),
    "encoding": (BagOfCharacters, "encode"),
    "writing vectors": (FaissWriter, "close"),
    "writing the manifest": (Path, "write_text"),
    "flushing": (qa.indexing.os, "fsync"),
    "renaming the build": (Path, "rename"),
    "replacing the pointer": (Path, "replace"),
}
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def changed(corpus_folder: Path) -> Path:
    """The small corpus with one clause more: its build differs from the one in use."""
    path = corpus_folder / "tangxi_market.txt"
    path.write_text(
        f"{path.read_text('utf-8')}\n第五条（垃圾）摊主收摊时应当清空垃圾桶。\n", encoding="utf-8"
    )
    return corpus_folder


@pytest.mark.parametrize("failure", [FULL, KeyboardInterrupt()], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_leaves_the_index_in_use(
    step: str,
    failure: BaseException,
    changed: Path,
    index_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(index_folder)

    def fail(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], fail)
        expected = PolicyError if failure is FULL else type(failure)
        with pytest.raises(expected) as caught:
            build_index(changed, index_folder, ENCODER)
    if failure is FULL:
        assert "cannot be written (No space left on device); make room on the disk" in str(
            caught.value
        )
    assert contents(index_folder) == before
    assert open_index(index_folder).manifest.clauses == 11
    assert left_over(index_folder) == []
    build_index(changed, index_folder, ENCODER)
    assert open_index(index_folder).manifest.clauses == 12
    assert builds(index_folder) == {current(index_folder).name, previous_name(index_folder)}


def test_the_index_cannot_be_written_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PolicyError, match="cannot be written"):
        build_index(SMALL, tmp_path / "file", ENCODER)


def test_without_a_corpus_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        build_index(tmp_path / "absent", tmp_path / "index", ENCODER)
    assert not (tmp_path / "index").exists()


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"


@pytest.mark.slow
@pytest.mark.parametrize("limit", [100, 10_000, 60_000])
def test_when_the_kernel_refuses_to_write_the_index_in_use_stays(
    limit: int, changed: Path, index_folder: Path
) -> None:
    before = contents(index_folder)
    script = LIMITED.format(limit=limit) + BUILD
    done = run_python("-c", script, str(index_folder), str(changed))
    assert "PolicyError" in done.stderr
    assert "the old index is still in use" in done.stderr
    assert contents(index_folder) == before
    assert left_over(index_folder) == []


# --- a build that is killed outright


KILLED = """
import os, signal, sys
from pathlib import Path
from conftest import BagOfCharacters
from conftest import build_quickly

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

step = sys.argv[3]
if step == "rename":
    Path.rename = die
elif step == "replace":
    Path.replace = die
build_quickly(Path(sys.argv[2]), Path(sys.argv[1]), BagOfCharacters(), lambda stage, *_: stage == step and die())
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["read", "terms", "vectors", "index", "rename", "replace", "done"])
def test_a_build_that_is_killed_leaves_an_index_in_use(
    step: str, changed: Path, index_folder: Path
) -> None:
    done = run_python("-c", KILLED, str(index_folder), str(changed), step)
    assert done.returncode == -signal.SIGKILL, done.stderr
    # Up to the last step the old one is in use, after it the new one.
    assert open_index(index_folder).manifest.clauses == (12 if step == "done" else 11)
    build_index(changed, index_folder, ENCODER)
    assert open_index(index_folder).manifest.clauses == 12
    assert left_over(index_folder) == []
    assert builds(index_folder) == {current(index_folder).name, previous_name(index_folder)}


@pytest.mark.slow
@pytest.mark.parametrize("step", ["vectors", "rename", "replace"])
def test_a_repeated_build_that_is_killed_leaves_the_index_in_use(
    step: str, index_folder: Path
) -> None:
    run_python("-c", KILLED, str(index_folder), str(SMALL), step)
    assert open_index(index_folder).manifest.clauses == 11


def test_what_a_killed_build_left_is_removed_by_the_next(index_folder: Path) -> None:
    remains = index_folder / ".building-killed"
    remains.mkdir()
    (remains / "passages.faiss").write_bytes(b"half")
    build_index(SMALL, index_folder, ENCODER)
    assert left_over(index_folder) == []


# --- two builds at once


def test_while_another_build_runs_a_build_is_refused(index_folder: Path) -> None:
    before = contents(index_folder)
    with (
        FileLock(index_folder / ".lock"),
        pytest.raises(
            BuildInProgress, match="being built by another process; wait until it has finished"
        ),
    ):
        build_index(SMALL, index_folder, ENCODER)
    assert contents(index_folder) == before
    build_index(SMALL, index_folder, ENCODER)


WAITING = """
import sys
from pathlib import Path
from conftest import BagOfCharacters, SMALL
from conftest import build_quickly

def wait(stage, *_):
    if stage == "terms":
        print(stage, flush=True)
        sys.stdin.readline()

build_quickly(SMALL, Path(sys.argv[1]), BagOfCharacters(), wait)
"""


def test_of_two_processes_that_build_one_is_refused(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path / "index")],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "terms\n"
        with pytest.raises(BuildInProgress):
            build_index(SMALL, tmp_path / "index", ENCODER)
        other.communicate("\n" * 10, timeout=120)
        assert other.returncode == 0
    assert open_index(tmp_path / "index").manifest.clauses == 11
