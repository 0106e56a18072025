"""The command that builds an index."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import SMALL, BagOfCharacters

import qa.build
from qa.config import DEFAULT_MODEL, ROOT, Settings
from qa.errors import ModelError, SettingsError
from qa.index import open_index


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
        "reading the corpus",
        "splitting into clauses",
        "indexing terms",
        "embedding passages",
    ):
        assert stage in output.err


def test_files_that_were_left_out_are_named(
    corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus_folder / "empty.txt").touch()
    assert qa.build.main(arguments(corpus_folder, tmp_path / "index")) == 0
    assert (
        f"left out: {corpus_folder / 'empty.txt'} is empty; put the text" in capsys.readouterr().err
    )


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

    monkeypatch.setattr("qa.indexing.FaissStore.save", interrupt)
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
