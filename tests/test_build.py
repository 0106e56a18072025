"""The command that builds an index."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import SMALL, BagOfCharacters

import qa.build
from qa.config import DEFAULT_MODEL, ROOT, Settings
from qa.errors import IndexStale, ModelError, SettingsError
from qa.index import check_corpus, open_index
from qa.progress import read_state


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake encoder in place of a model, and the terms of the corpus only."""
    monkeypatch.setattr("qa.build.load_encoder", lambda name: BagOfCharacters(name))
    monkeypatch.setattr("qa.indexing.builtin_terms", lambda: ())


def arguments(corpus: Path, index: Path) -> Sequence[str]:
    return ["--corpus", str(corpus), "--index", str(index), "--model", "some-model"]


def test_a_build_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert qa.build.main(arguments(SMALL, tmp_path / "index")) == 0
    manifest = open_index(tmp_path / "index").manifest
    output = capsys.readouterr()
    assert (
        output.out
        == f"{tmp_path / 'index'}: 2 documents, 11 clauses, {manifest.passages} passages\n"
    )
    assert manifest.model == "some-model"
    for stage in (
        "looking at the corpus",
        "reading and analysing",
        "embedding passages",
        "writing the index",
    ):
        assert stage in output.err


def test_files_that_were_left_out_are_named(
    corpus_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    (corpus_folder / "empty.txt").touch()
    assert qa.build.main(arguments(corpus_folder, tmp_path / "index")) == 0
    said = capsys.readouterr().err
    assert "1 file(s) left out:" in said
    assert "empty.txt is empty; put the text" in said


def test_without_a_corpus_the_build_fails_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qa.build.main(arguments(tmp_path / "absent", tmp_path / "index")) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "is not a folder; create it" in output.err.splitlines()[-1]


def test_without_a_model_the_build_fails_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> None:
        raise ModelError(name, "is no model", "give the folder of one with --model")

    monkeypatch.setattr("qa.build.load_encoder", absent)
    assert qa.build.main(arguments(SMALL, tmp_path / "index")) == 1
    assert "some-model is no model; give the folder of one" in capsys.readouterr().err


def test_an_interrupted_build_says_that_the_old_index_stands(
    index_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qa.assembly.FaissWriter.close", interrupt)
    assert qa.build.main(arguments(SMALL, index_folder)) == 130
    assert "interrupted; the old index is still in use" in capsys.readouterr().err
    assert open_index(index_folder).manifest.clauses == 11


def test_places_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QA_CORPUS", "QA_INDEX", "QA_MODEL", "QA_HOST", "QA_PORT"):
        monkeypatch.delenv(name, raising=False)
    default = Settings.from_environment()
    assert (default.corpus, default.index) == (ROOT / "corpus", ROOT / "index")
    assert (default.model, default.host, default.port) == (str(DEFAULT_MODEL), "127.0.0.1", 7860)
    monkeypatch.setenv("QA_CORPUS", "here")
    monkeypatch.setenv("QA_PORT", "8080")
    assert Settings.from_environment().corpus == Path("here")
    assert Settings.from_environment().port == 8080


@pytest.mark.parametrize("value", ["not a port", "70000", "-1"])
def test_a_setting_without_sense_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("QA_PORT", value)
    with pytest.raises(SettingsError, match=f"QA_PORT is '{value}'.*correct it or unset it"):
        Settings.from_environment()


@pytest.mark.slow
def test_the_script_builds_with_the_shipped_model(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "build_index.py",
            "--corpus",
            str(SMALL),
            "--index",
            str(tmp_path / "index"),
        ],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "2 documents, 11 clauses" in done.stdout
    assert "Warning" not in done.stderr
    assert open_index(tmp_path / "index").manifest.model == "models/trilingual-static"


# --- the receipt


def test_the_receipt_is_written_where_it_is_asked_for(corpus_folder: Path, tmp_path: Path) -> None:
    (corpus_folder / "empty.txt").touch()
    file = tmp_path / "receipt.json"
    arguments_ = [*arguments(corpus_folder, tmp_path / "index"), "--receipt", str(file)]
    assert qa.build.main(arguments_) == 0
    receipt = json.loads(file.read_text(encoding="utf-8"))
    assert receipt["totals"]["read"] == 2
    (refused,) = [each["path"] for each in receipt["files"] if each["refused"]]
    assert refused == "empty.txt"


def test_a_receipt_that_cannot_be_written_leaves_the_index_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "absent" / "receipt.json")
    assert qa.build.main([*arguments(SMALL, tmp_path / "index"), "--receipt", file]) == 1
    assert "the index is built; name another file with --receipt" in capsys.readouterr().err
    assert open_index(tmp_path / "index").documents


# --- back to the build before


def test_a_rollback_is_served_until_the_corpus_changes(
    corpus_folder: Path, index_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = open_index(index_folder).folder.name
    (corpus_folder / "tangxi_market.txt").unlink()
    assert qa.build.main(arguments(corpus_folder, index_folder)) == 0
    assert qa.build.main([*arguments(corpus_folder, index_folder), "--rollback"]) == 0
    assert f"back to build {first} with 2 documents" in capsys.readouterr().out
    index = open_index(index_folder)
    assert index.folder.name == first
    check_corpus(index, corpus_folder)
    (corpus_folder / "glossary.csv").unlink()
    with pytest.raises(IndexStale):
        check_corpus(index, corpus_folder)


def test_without_a_build_before_a_rollback_says_so(
    index_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qa.build.main([*arguments(SMALL, index_folder), "--rollback"]) == 1
    assert "holds no build before the one in use" in capsys.readouterr().err


# --- how far it is


def test_a_build_leaves_its_state_for_those_who_serve(tmp_path: Path) -> None:
    qa.build.main(arguments(SMALL, tmp_path / "index"))
    state = read_state(tmp_path / "index")
    assert state
    assert (state.state, state.share) == ("done", 1.0)
    assert {"read", "vectors"} <= state.seconds.keys()


def test_a_build_that_fails_leaves_its_reason_for_those_who_serve(tmp_path: Path) -> None:
    qa.build.main(arguments(tmp_path / "absent", tmp_path / "index"))
    state = read_state(tmp_path / "index")
    assert state
    assert state.state == "failed"
    assert "is not a folder" in state.problem


def test_ctrl_c_ends_a_watch_cleanly(corpus_folder: Path, index_folder: Path) -> None:
    script = (
        "import sys; from conftest import BagOfCharacters; import qa.build, qa.watch;"
        "qa.build.load_encoder = lambda name: BagOfCharacters(name);"
        "qa.watch.model_fingerprint = lambda name: BagOfCharacters().fingerprint;"
        "sys.exit(qa.build.main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "--watch", *arguments(corpus_folder, index_folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert "watching" in process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors.splitlines() == ["build_index.py: stopped"]
