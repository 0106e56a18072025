"""Faults that are injected, beside those of test_index.py, test_builds.py and test_journal.py."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from conftest import SMALL, BagOfCharacters, build_quickly, run_python

from qa.builds import current_name
from qa.index import open_index
from qa.journal import Journal
from qa.operations.limits import Rates

SWAP = """
import os, sys
from pathlib import Path
from qa import builds
folder, name, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
count = 0
def dying(original):
    def call(*arguments, **more):
        global count
        count += 1
        if count == step:
            os._exit(9)
        return original(*arguments, **more)
    return call
os.replace, os.fsync = dying(os.replace), dying(os.fsync)
Path.replace = dying(Path.replace)
builds.put_in_use(folder, name)
"""


@pytest.mark.parametrize("step", range(1, 7))
def test_killed_while_an_index_is_put_in_use_a_whole_one_is_in_use(
    index_folder: Path, step: int
) -> None:
    import shutil

    old = current_name(index_folder)
    shutil.copytree(index_folder / old, index_folder / "new")
    done = run_python("-c", SWAP, str(index_folder), "new", str(step))
    assert done.returncode in (0, 9), done.stderr
    assert current_name(index_folder) in (old, "new")
    assert len(open_index(index_folder).clauses) > 0


@pytest.fixture(params=["256k"])
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of so many bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(folder)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("small_disk", ["4m"], indirect=True)
def test_on_a_full_disk_nothing_breaks_and_what_waits_is_stored_later(small_disk: Path) -> None:
    journal = Journal(small_disk / "journal.sqlite")
    first = journal.record("before", None, face="chat")
    assert journal.flush(10)
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    journal.record("meanwhile " * 50, None, face="chat")
    journal.flush(1)
    (small_disk / "filler").unlink()
    journal.close()
    again = Journal(small_disk / "journal.sqlite")
    assert first in {entry.id for entry in again.entries()}
    again.close()


def test_a_build_that_fills_the_disk_leaves_the_index_in_use(
    small_disk: Path, encoder: BagOfCharacters
) -> None:
    from qa.errors import PolicyError

    with pytest.raises((PolicyError, OSError)):
        build_quickly(SMALL, small_disk / "index", encoder)
    assert current_name(small_disk / "index") == ""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_an_index_on_a_disk_that_cannot_be_written_is_opened(index_folder: Path) -> None:
    paths = [index_folder, *index_folder.rglob("*")]
    modes = [path.stat().st_mode for path in paths]
    for path in reversed(paths):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert len(open_index(index_folder).clauses) > 0
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


def test_without_its_model_the_program_says_what_to_do(built: Path, tmp_path: Path) -> None:
    done = run_python(
        "app.py", "--port", "0", "--index", str(built), "--model", str(tmp_path / "gone")
    )
    assert done.returncode == 1
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr


def test_limits_follow_the_time_that_passes() -> None:
    rates = Rates("2/second")
    assert [rates.wait("a") for _ in range(3)][:2] == [0, 0]
    with mock.patch("time.time", return_value=time.time() + 3600):
        assert rates.wait("a") == 0  # forwards: what was asked an hour ago is forgotten
