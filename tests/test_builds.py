"""Which build of an index is in use, which was before it, and how one follows another."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.builds import (
    build_lock,
    current_name,
    held_corpus,
    previous_name,
    put_in_use,
    roll_back,
    write_in_one_step,
)
from qa.errors import BuildInProgress, IndexMissing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index folder with three builds, of which none is in use yet."""
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    return tmp_path


def builds(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def test_the_build_in_use_and_the_one_before_are_kept_and_no_other(folder: Path) -> None:
    put_in_use(folder, "first")
    assert (current_name(folder), previous_name(folder)) == ("first", "")
    assert builds(folder) == {"first"}
    for name in ("second", "third"):
        (folder / name).mkdir()
        (folder / name / "manifest.json").write_text("{}")
        put_in_use(folder, name)
    assert (current_name(folder), previous_name(folder)) == ("third", "second")
    assert builds(folder) == {"second", "third"}


def test_the_same_build_again_leaves_the_one_before(folder: Path) -> None:
    put_in_use(folder, "first")
    (folder / "second").mkdir()
    (folder / "second" / "manifest.json").write_text("{}")
    put_in_use(folder, "second")
    put_in_use(folder, "second")
    assert previous_name(folder) == "first"


def test_other_folders_and_files_are_nobodys_to_remove(folder: Path) -> None:
    (folder / "notes").mkdir()
    (folder / "cache.db").touch()
    put_in_use(folder, "first")
    assert (folder / "notes").is_dir()
    assert (folder / "cache.db").exists()


def test_rolling_back_twice_leads_to_where_it_began(folder: Path) -> None:
    write_in_one_step(folder / "CURRENT", "first")
    put_in_use(folder, "second")
    assert roll_back(folder, "digest") == "first"
    assert (current_name(folder), previous_name(folder)) == ("first", "second")
    assert roll_back(folder, "digest") == "second"


def test_a_build_that_was_rolled_back_to_is_held_for_the_corpus_as_it_is(folder: Path) -> None:
    write_in_one_step(folder / "CURRENT", "first")
    put_in_use(folder, "second")
    assert held_corpus(folder) == ""
    roll_back(folder, "digest")
    assert held_corpus(folder) == "digest"
    put_in_use(folder, "second")
    assert held_corpus(folder) == ""


def test_without_a_build_before_there_is_nothing_to_roll_back_to(folder: Path) -> None:
    put_in_use(folder, "first")
    with pytest.raises(IndexMissing, match="no build before"):
        roll_back(folder, "digest")
    assert current_name(folder) == "first"


def test_a_build_that_is_under_way_is_not_interfered_with(folder: Path) -> None:
    write_in_one_step(folder / "CURRENT", "first")
    put_in_use(folder, "second")
    with build_lock(folder), pytest.raises(BuildInProgress, match="wait until it has finished"):
        roll_back(folder, "digest")
    assert current_name(folder) == "second"


@pytest.mark.parametrize("step", ["PREVIOUS", "HELD", "CURRENT"])
def test_a_crash_at_any_step_leaves_a_build_in_use(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_in_one_step(folder / "CURRENT", "first")

    def crash(path: Path, text: str) -> None:
        if path.name == step:
            raise OSError("no space left on device")
        write_in_one_step(path, text)

    monkeypatch.setattr("qa.builds.write_in_one_step", crash)
    with pytest.raises(OSError, match="no space"):
        put_in_use(folder, "second", held_corpus="digest")
    assert current_name(folder) == "first"
    assert builds(folder) == {"first", "second", "third"}


def test_a_folder_that_cannot_be_moved_is_left_for_the_next_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use(*_: object) -> None:
        raise PermissionError("in use by another process")

    with monkeypatch.context() as windows:
        windows.setattr(Path, "rename", in_use)
        put_in_use(folder, "first")
    assert builds(folder) == {"first", "second", "third"}
    put_in_use(folder, "first")
    assert builds(folder) == {"first"}
