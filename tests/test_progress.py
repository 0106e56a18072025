"""How far a build has come, as those who serve from its folder read it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qa.errors import BuildInProgress
from qa.progress import FILE, BuildReport, forget_failure, read_state


def written(folder: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads((folder / FILE).read_text())
    return record


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.progress._WRITTEN_SECONDS", 0.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; a test moves it on."""
    now = [1_000_000.0]
    monkeypatch.setattr("qa.progress.time.time", lambda: now[0])
    monkeypatch.setattr("qa.progress.time.monotonic", lambda: now[0])
    return now


def test_a_build_tells_its_stage_and_process(tmp_path: Path) -> None:
    with BuildReport(tmp_path / "index") as report:
        report("terms", 30, 120)
        state = read_state(tmp_path / "index")
        assert state
        assert (state.state, state.stage, state.done, state.total) == ("building", "terms", 30, 120)
        assert state.pid == os.getpid()
    state = read_state(tmp_path / "index")
    assert state
    assert (state.state, state.share) == ("done", 1.0)


def test_rate_and_time_left_follow_from_the_time_it_took(
    tmp_path: Path, clock: list[float]
) -> None:
    with BuildReport(tmp_path) as report:
        report("read", 1, 1)
        report("vectors", 0, 100)
        clock[0] += 10
        report("vectors", 50, 100)
        state = read_state(tmp_path)
        assert state
        assert state.rate == 5.0
        assert state.remaining == pytest.approx(10 * (1 - state.share) / state.share)


def test_no_time_left_is_told_before_it_can_be_known(tmp_path: Path, clock: list[float]) -> None:
    with BuildReport(tmp_path) as report:
        clock[0] += 0.1
        report("terms", 1, 1000)
        state = read_state(tmp_path)
        assert state
        assert state.remaining is None


def test_stages_weigh_as_long_as_they_took_the_last_time(
    tmp_path: Path, clock: list[float]
) -> None:
    with BuildReport(tmp_path) as report:
        report("read", 0, 1)
        clock[0] += 1
        report("vectors", 0, 1)
        clock[0] += 99
        report("done", 1, 1)
    with BuildReport(tmp_path) as report:
        report("read", 1, 1)
        report("vectors", 1, 2)
        state = read_state(tmp_path)
        assert state
        assert state.share == pytest.approx(0.01 + 0.99 / 2, abs=0.01)


def test_the_share_never_goes_back(tmp_path: Path) -> None:
    shares = []
    with BuildReport(tmp_path) as report:
        for stage, done, total in [
            ("read", 1, 1), ("vectors", 9, 9), ("vectors", 1, 9), ("new stage", 0, 0), ("terms", 1, 9),
        ]:  # fmt: skip
            report(stage, done, total)
            state = read_state(tmp_path)
            assert state
            shares.append(state.share)
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] < 1


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(OSError), BuildReport(tmp_path) as report:
        report("terms", 1, 2)
        raise OSError("the disk is full")
    state = read_state(tmp_path)
    assert state
    assert (state.state, state.problem) == ("failed", "the disk is full")
    forget_failure(tmp_path)
    state = read_state(tmp_path)
    assert state
    assert (state.state, state.problem) == ("done", "")


def test_a_process_that_ended_without_a_word_builds_nothing(
    tmp_path: Path, clock: list[float]
) -> None:
    with BuildReport(tmp_path) as report:
        report("terms", 1, 2)
        text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text)  # as kill -9 leaves it
    assert read_state(tmp_path)
    clock[0] += 60
    assert read_state(tmp_path) is None


def test_a_long_step_is_not_taken_for_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.progress._STAMPED_SECONDS", 0.01)
    with BuildReport(tmp_path) as report:
        report("terms", 1, 2)
        first = written(tmp_path)["updated"]
        for _ in range(200):
            if written(tmp_path)["updated"] != first:
                return
            report._ended.wait(0.02)
    pytest.fail("the state was never stamped again")


def test_a_build_that_finds_another_one_under_way_leaves_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BuildReport(tmp_path) as report:
        report("terms", 1, 2)
        with monkeypatch.context() as other:
            other.setattr("qa.progress.os.getpid", lambda: 1)
            with pytest.raises(BuildInProgress), BuildReport(tmp_path) as second:
                second("read", 0, 1)
                raise BuildInProgress(tmp_path, "is being built", "wait")
        assert written(tmp_path)["pid"] == os.getpid()
        assert written(tmp_path)["stage"] == "terms"


def test_a_folder_that_cannot_be_written_keeps_no_build_from_succeeding(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with BuildReport(tmp_path / "file" / "index") as report:
        report("terms", 1, 2)
    assert read_state(tmp_path / "file" / "index") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"state": 3}', '{"state": "done", "share": "x"}', '{"other": 1}'],
)
def test_a_state_that_makes_no_sense_is_no_state(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_state(tmp_path) is None
    with BuildReport(tmp_path) as report:
        report("terms", 1, 2)
    assert read_state(tmp_path)
