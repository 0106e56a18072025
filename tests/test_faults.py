"""Faults that are injected, beside those of test_index.py, test_builds.py and test_journal.py."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from unittest import mock

import pytest
from conftest import SMALL, BagOfCharacters, build_quickly, run_python

from qa.access import (
    SESSION_SECONDS,
    Access,
    Failures,
    Role,
    TooManyFailures,
    User,
    hasher,
    write_users,
)
from qa.builds import current_name
from qa.errors import PolicyError
from qa.index import open_index
from qa.journal import Journal
from qa.operations.keys import KeyRing, Scope, new_key, write_keys
from qa.operations.limits import Busy, Gate, Rates

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
    with pytest.raises((PolicyError, OSError)):
        build_quickly(SMALL, small_disk / "index", encoder)
    assert current_name(small_disk / "index") == ""


class Disk:
    """A disk that can be made read-only: of its own where this process may mount one, else a folder
    without permissions, which stop everybody but root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mounted = not _mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder))
        if not self._mounted and os.geteuid() == 0:
            pytest.skip("root may write everywhere, and cannot mount a disk here")

    def read_only(self, so: bool = True) -> None:
        """Makes it read-only, or writable again."""
        if self._mounted:
            assert not _mount("-o", f"remount,{'ro' if so else 'rw'}", str(self.folder))
        else:
            for path in sorted(self.folder.rglob("*"), reverse=so):
                path.chmod((0o555 if so else 0o755) if path.is_dir() else (0o444 if so else 0o644))
            self.folder.chmod(0o555 if so else 0o755)
        with pytest.raises(OSError) if so else nullcontext():
            (self.folder / "probe").touch()

    def remove(self) -> None:
        if self._mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)
        else:
            self.read_only(False)


def _mount(*arguments: str) -> int:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = Disk(folder)
    yield disk
    disk.remove()


@pytest.mark.skipif(os.name != "posix", reason="disks of POSIX")
def test_an_index_on_a_disk_that_cannot_be_written_answers_and_stays(
    disk: Disk, encoder: BagOfCharacters
) -> None:
    folder = disk.folder / "index"
    build_quickly(SMALL, folder, encoder)
    name = current_name(folder)
    disk.read_only()
    index = open_index(folder)
    assert index.clauses[0].text
    with pytest.raises((PolicyError, OSError)):
        build_quickly(SMALL, folder, encoder)
    assert current_name(folder) == name
    assert len(open_index(folder).clauses) == len(index.clauses)


@pytest.mark.skipif(os.name != "posix", reason="disks of POSIX")
def test_a_journal_on_a_disk_that_cannot_be_written_catches_up_when_it_can(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("qa.journal.writer._AGAIN", 0.05)
    journal = Journal(disk.folder / "journal.sqlite")
    before = journal.record("before", None, face="chat")
    assert journal.flush(10)
    disk.read_only()
    meanwhile = [journal.record(f"meanwhile {n}", None, face="chat") for n in range(3)]
    assert not journal.flush(10)
    assert not journal.flush(10)
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if "cannot be written" in text]) == 1
    disk.read_only(False)
    end = time.monotonic() + 10
    while not journal.flush(1) and time.monotonic() < end:
        time.sleep(0.02)
    assert {before, *meanwhile} <= {entry.id for entry in journal.entries()}
    assert journal.lost == 0
    journal.close()


def test_without_its_model_the_program_says_what_to_do(built: Path, tmp_path: Path) -> None:
    done = run_python(
        "app.py", "--port", "0", "--index", str(built), "--model", str(tmp_path / "gone")
    )
    assert done.returncode == 1
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr


# --- clocks


@contextmanager
def clock(seconds: float) -> Iterator[None]:
    """The calendar's clock, set so many seconds forwards (or back); it goes on from there."""
    real = time.time
    with mock.patch("time.time", lambda: real() + seconds):
        yield


DAY = 86400.0


@pytest.mark.parametrize("jump", [DAY, -DAY, 400 * DAY, -400 * DAY])
def test_a_clock_that_jumps_costs_a_client_one_window_at_most(jump: float) -> None:
    rates = Rates("2/second; 3/minute")
    assert [rates.wait("a") for _ in range(2)] == [0, 0]
    assert rates.wait("a") > 0
    with clock(jump):
        waits = [rates.wait("a") for _ in range(4)]
        assert waits[:2] == [0, 0]
        assert 0 < waits[-1] <= 60
    with clock(jump + 121):
        assert rates.wait("a") == 0


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_who_tried_too_many_passwords_waits_whatever_the_clock_says(jump: float) -> None:
    failures = Failures()
    for _ in range(5):
        failures.add("client", "li")
    with clock(jump), pytest.raises(TooManyFailures) as raised:
        failures.check("client", "li")
    assert 290 < raised.value.seconds <= 300


def test_a_session_ends_by_the_calendar_and_none_is_of_tomorrow(tmp_path: Path) -> None:
    users = tmp_path / "users.json"
    write_users(users, {"li": User("li", (Role.DESK,), hasher().hash("a long password"))})
    access = Access(users, "a secret of the tests")
    token = access.log_in("li", "a long password", "") or ""
    assert access.user(token)
    with clock(SESSION_SECONDS - 60):
        assert access.user(token)
    with clock(SESSION_SECONDS + 60):
        assert access.user(token) is None
    with clock(-60):  # set back: it asks to log in again rather than last too long
        assert access.user(token) is None
    assert access.user(token)


def test_a_key_ends_by_the_calendar(tmp_path: Path) -> None:
    secret, kept = new_key("portal", (Scope.ASK,), days=1)
    write_keys(tmp_path / "keys.json", {kept.number: kept})
    ring = KeyRing(tmp_path / "keys.json")
    for jump, valid in ((0, True), (DAY - 60, True), (DAY + 60, False), (-DAY, True)):
        with clock(jump):
            assert (ring.find(secret) is not None) is valid
            assert ring.configured  # one that has ended still shuts the door


def test_what_waits_for_its_turn_waits_by_a_clock_that_does_not_jump() -> None:
    async def waits() -> float:
        gate = Gate(1, 5)
        async with gate.entered():
            with mock.patch("qa.operations.limits._PATIENCE", 0.2), clock(DAY):
                began = time.monotonic()
                with pytest.raises(Busy):
                    async with gate.entered():
                        pass
        return time.monotonic() - began

    assert 0.15 < asyncio.run(waits()) < 5
