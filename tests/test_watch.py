"""A corpus that is watched: built again when it has changed, and read only once it has settled."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from conftest import BagOfCharacters, build_quickly

import qa.watch
from qa.builds import current_name, roll_back
from qa.corpus import corpus_digest
from qa.errors import BuildInProgress, PolicyError
from qa.index import open_index
from qa.progress import BuildReport, read_state
from qa.watch import look_at, up_to_date, watch

PATIENCE = 30.0
QUICK = {"settled": 0.15, "look": 0.5, "again": 0.3}


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.watch.model_fingerprint", lambda _: BagOfCharacters().fingerprint)


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


class Builds:
    """Builds for a watch, and counts."""

    def __init__(self, corpus: Path, index: Path) -> None:
        self.corpus, self.index = corpus, index
        self.count = 0
        self.failures: list[Exception] = []

    def __call__(self) -> None:
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        build_quickly(self.corpus, self.index, BagOfCharacters())

    def documents(self) -> set[str]:
        try:
            return {document.id for document in open_index(self.index).documents}
        except PolicyError:
            return set()


@contextmanager
def watching(builds: Builds) -> Iterator[Builds]:
    stop = Event()
    thread = Thread(
        target=watch,
        args=[builds.corpus, builds.index, "model", stop, builds],
        kwargs=QUICK,
        daemon=True,
    )
    thread.start()
    try:
        yield builds
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def builds(corpus_folder: Path, index_folder: Path) -> Builds:
    return Builds(corpus_folder, index_folder)


def add(builds: Builds, name: str = "bridge") -> Path:
    path = builds.corpus / f"{name}.txt"
    path.write_text(f"桥梁办法\n\n第一条 {name} 由市交通局养护。\n", encoding="utf-8")
    return path


def test_an_index_that_is_up_to_date_is_left_alone(builds: Builds) -> None:
    with watching(builds):
        time.sleep(1)
    assert builds.count == 0


def test_a_missing_index_is_built_at_once(corpus_folder: Path, tmp_path: Path) -> None:
    with watching(Builds(corpus_folder, tmp_path / "new")) as builds:
        assert eventually(lambda: len(builds.documents()) == 2)


def test_additions_edits_and_deletions_are_built(builds: Builds) -> None:
    with watching(builds):
        path = add(builds)
        assert eventually(lambda: "bridge" in builds.documents())
        path.write_text("桥梁办法\n\n第一条 桥梁由市水利局养护。\n", encoding="utf-8")
        assert eventually(lambda: any("水利" in d.text for d in open_index(builds.index).documents))
        path.unlink()
        assert eventually(lambda: "bridge" not in builds.documents())


def test_many_files_at_once_are_one_build(builds: Builds) -> None:
    with watching(builds):
        time.sleep(0.3)
        for count in range(20):
            add(builds, f"bridge{count}").write_text(f"第一条 {count} 号桥。\n", encoding="utf-8")
        assert eventually(lambda: "bridge19" in builds.documents())
        time.sleep(0.5)
    assert builds.count <= 2  # one, or two where the machine paused between the files


def test_a_file_is_not_read_while_it_grows(builds: Builds) -> None:
    with watching(builds):
        time.sleep(0.3)
        with (builds.corpus / "bridge.txt").open("w", encoding="utf-8") as file:
            for number in range(30):
                file.write(f"第{number + 1}条 桥梁由市交通局养护。\n")
                file.flush()
                time.sleep(0.03)
        assert eventually(lambda: "bridge" in builds.documents())
    assert builds.count == 1


def test_a_file_that_was_only_touched_is_not_built(builds: Builds) -> None:
    with watching(builds):
        time.sleep(0.3)
        os.utime(builds.corpus / "tangxi_market.txt", (1, 1))
        time.sleep(1.5)
    assert builds.count == 0


@pytest.mark.parametrize(
    "failure",
    [PolicyError("disk", "is full", "make room"), RuntimeError("bad file")],
    ids=["an error", "a defect"],
)
def test_after_a_build_that_fails_the_watch_goes_on_and_tries_again(
    builds: Builds, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    builds.failures = [failure]
    with watching(builds):
        add(builds)
        assert eventually(lambda: "bridge" in builds.documents())
    assert str(failure) in caplog.text


def test_a_corpus_that_cannot_be_used_is_tried_when_it_changes(
    tmp_path: Path, index_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    builds = Builds(tmp_path / "later", index_folder)
    with watching(builds):
        assert eventually(lambda: "is not a folder" in caplog.text)
        builds.corpus.mkdir()
        add(builds)
        assert eventually(lambda: builds.documents() == {"bridge"}, 60)


def test_another_build_is_waited_for(builds: Builds) -> None:
    builds.failures = [BuildInProgress(builds.index, "is being built", "wait")]
    with watching(builds):
        add(builds)
        assert eventually(lambda: "bridge" in builds.documents())


def test_a_folder_that_is_replaced_is_watched_on(builds: Builds, tmp_path: Path) -> None:
    with watching(builds):
        time.sleep(0.3)
        builds.corpus.rename(tmp_path / "old")
        builds.corpus.mkdir()
        add(builds)
        assert eventually(lambda: builds.documents() == {"bridge"})


def test_a_build_that_was_rolled_back_stays_so_until_the_corpus_changes(builds: Builds) -> None:
    first = current_name(builds.index)
    add(builds)
    builds()
    roll_back(builds.index, corpus_digest(builds.corpus))
    with watching(builds):
        time.sleep(1)
        assert current_name(builds.index) == first
        add(builds, "bridge2")
        assert eventually(lambda: "bridge2" in builds.documents())


def test_a_failure_is_forgotten_when_what_it_tried_is_taken_back(builds: Builds) -> None:
    with pytest.raises(PolicyError), BuildReport(builds.index):
        raise PolicyError("x", "is broken", "mend it")
    with watching(builds):
        assert eventually(lambda: getattr(read_state(builds.index), "state", "") == "done")
    assert builds.count == 0


def test_without_notifications_it_looks_for_itself(
    builds: Builds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_here(*_: object, **__: object) -> None:
        raise RuntimeError("inotify watch limit reached")

    monkeypatch.setattr(qa.watch, "notified", none_here)
    with watching(builds):
        add(builds)
        assert eventually(lambda: "bridge" in builds.documents())


def test_what_an_index_has_to_be_to_be_up_to_date(builds: Builds) -> None:
    assert up_to_date(builds.corpus, builds.index, "model")
    assert not up_to_date(builds.corpus, builds.index / "absent", "model")
    manifest = builds.index / current_name(builds.index) / "manifest.json"
    sound = manifest.read_text()
    manifest.write_text(sound.replace(BagOfCharacters().fingerprint, "another model"))
    assert not up_to_date(builds.corpus, builds.index, "model")
    manifest.write_text("{")
    assert not up_to_date(builds.corpus, builds.index, "model")
    manifest.write_text(sound)
    add(builds)
    assert not up_to_date(builds.corpus, builds.index, "model")


def test_hidden_files_and_loops_of_links_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".copying").touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "policy.txt").touch()
    (tmp_path / "below" / "loop").symlink_to(tmp_path)
    names = {Path(path).name for path, _, _ in look_at(tmp_path)}
    assert names == {"policy.txt", "loop"}
