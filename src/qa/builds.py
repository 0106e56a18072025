"""The builds in an index folder: which is in use, which was before it, and how one follows another.

    index/
      CURRENT      the name of the build in use, replaced in one step
      PREVIOUS     the name of the build before it, kept so that it can be rolled back to
      HELD         the digest of the corpus beside which a build was chosen by hand (see ``put_in_use``)
      models/      models that came with packs, each under the first 16 digits of its fingerprint
      .lock        held by the process that changes any of this
      <build>/     a build; ``index.py`` says what is in it

A build that was in use may still be open in a running program: on POSIX its files stay readable
after they are removed; Windows refuses to rename its folder, which is then left for the next time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import BuildInProgress, IndexMissing

_CURRENT, _PREVIOUS, _HELD = "CURRENT", "PREVIOUS", "HELD"
_REMOVED = ".removed-"
MODELS = "models"


@contextmanager
def build_lock(folder: Path) -> Iterator[None]:
    """Keeps every other process from changing what is in an index folder, which is made.

    Raises:
        BuildInProgress: another process is changing it.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise BuildInProgress(
            folder, "is being built by another process", "wait until it has finished"
        ) from error


def current_name(folder: Path) -> str:
    """The name of the build in use; empty where there is none."""
    return _read(folder / _CURRENT)


def previous_name(folder: Path) -> str:
    """The name of the build that can be rolled back to; empty where there is none."""
    name = _read(folder / _PREVIOUS)
    there = name not in ("", current_name(folder)) and (folder / name / "manifest.json").is_file()
    return name if there else ""


def packed_model(folder: Path, fingerprint: str) -> str:
    """The folder of a model that came with a pack; empty where none did."""
    model = folder / MODELS / fingerprint[:16]
    return str(model) if model.is_dir() else ""


def put_in_use(folder: Path, name: str, held_corpus: str = "") -> None:
    """Makes ``name`` the build in use and removes all but it and the one before. Needs the lock.

    A crash at any point leaves either build in use, and both on the disk.

    Args:
        held_corpus: for a build that is chosen by hand, the digest of the corpus beside it: until
            the corpus is another one, nothing is built of itself, which would undo the choice.
    """
    before = current_name(folder)
    if before not in ("", name) and (folder / before).is_dir():
        write_in_one_step(folder / _PREVIOUS, before)
    if held_corpus:
        write_in_one_step(folder / _HELD, held_corpus)
    else:
        (folder / _HELD).unlink(missing_ok=True)
    write_in_one_step(folder / _CURRENT, name)
    _remove_all_but(folder, {name, previous_name(folder)})


def roll_back(folder: Path, corpus_digest: str) -> str:
    """Puts the build before the one in use into use, and gives its name; again undoes it.

    Args:
        corpus_digest: the digest of the corpus as it is, for which the build is held.

    Raises:
        BuildInProgress: a build is under way.
        IndexMissing: there is no build before.
    """
    with build_lock(folder):
        name = previous_name(folder)
        if not name:
            raise IndexMissing(
                folder, "holds no build before the one in use", "run: python build_index.py"
            )
        put_in_use(folder, name, corpus_digest)
    return name


def held_corpus(folder: Path) -> str:
    """The digest of the corpus for which the build in use was chosen by hand; empty for none."""
    return _read(folder / _HELD)


def write_in_one_step(path: Path, text: str) -> None:
    """Replaces a file so that it has either its old content or all of the new, on the disk."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _remove_all_but(folder: Path, kept: set[str]) -> None:
    for build in folder.iterdir():
        if build.name not in kept and (build / "manifest.json").is_file():
            # Renamed first: a folder of which some files are in use is removed whole or not at all.
            with suppress(OSError):
                build.rename(folder / f"{_REMOVED}{build.name}")
    for removed in folder.glob(f"{_REMOVED}*"):
        shutil.rmtree(removed, ignore_errors=True)
