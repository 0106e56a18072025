"""Files that are written front to back and read on demand."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import qa.records
from qa.records import ArrayFile, Names, Records, TextFile, Texts, read_array, write_array

types = st.sampled_from([np.uint8, np.int8, np.int32, np.int64, np.uint64, np.float32, np.bool_])
parts = types.flatmap(
    lambda dtype: st.lists(
        arrays.arrays(dtype, st.tuples(st.integers(0, 5), st.just(3))), min_size=1, max_size=4
    )
)


@given(parts, st.sampled_from([0, 1 << 20]))
def test_an_array_written_in_parts_is_one_that_numpy_reads(
    tmp_path_factory: pytest.TempPathFactory, written: list[np.ndarray], small: int
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "array.npy"
    file = ArrayFile(path, written[0].dtype, (3,))
    for part in written:
        file.add(part)
    file.close()
    expected = np.concatenate(written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qa.records, "_SMALL", small)  # in memory, or mapped
        found = read_array(path)
    for array in (np.load(path), found):
        assert array.dtype == expected.dtype
        assert array.shape == expected.shape
        assert array.tobytes() == expected.tobytes()
    assert type(found) is np.ndarray
    assert not found.flags.writeable


@pytest.mark.parametrize(
    "data", [b"", b"\x93NUMPY", b"no array at all", b"\x93NUMPY\x01\x00\x05\x00{'a':"]
)
def test_what_is_no_array_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "array.npy").write_bytes(data)
    with pytest.raises(ValueError):
        read_array(tmp_path / "array.npy")


def test_an_array_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    write_array(path, np.arange(5))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"array\.npy is not as long as it says"):
        read_array(path)


def test_arrays_can_be_opened_by_many_threads_at_once(tmp_path: Path) -> None:
    """NumPy's own reader cannot under CPython 3.11: it parses Python."""
    write_array(tmp_path / "array.npy", np.arange(5))
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(200):
                assert read_array(tmp_path / "array.npy").tolist() == [0, 1, 2, 3, 4]
        except BaseException as failure:
            failures.append(failure)

    threads = [Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# Half a surrogate pair, as damaged input has it, is kept as well.
texts = st.text(st.characters(codec=None))


@given(st.lists(texts, max_size=6))
def test_texts_come_back_by_position(
    tmp_path_factory: pytest.TempPathFactory, written: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    file = TextFile(folder, "name")
    for text in written:
        file.add(text)
    file.close()
    read = Texts(folder, "name")
    assert list(read) == written
    assert read[1:3] == tuple(written[1:3])
    assert [read[-1]] == written[-1:] if written else not len(read)
    with pytest.raises(IndexError):
        read[len(written)]


def test_texts_that_lost_their_end_are_refused(tmp_path: Path) -> None:
    file = TextFile(tmp_path, "name")
    file.add("窑厂")
    file.close()
    (tmp_path / "name.txt").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"name\.txt is not as long as"):
        Texts(tmp_path, "name")


@given(st.lists(texts, max_size=8), texts)
def test_names_have_the_position_where_they_come_first(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], other: str
) -> None:
    folder = tmp_path_factory.mktemp("names")
    Names.write(folder, "name", names)
    found = Names(folder, "name", names.__getitem__)
    for name in names:
        assert found.position(name) == names.index(name)
    if other not in names:
        with pytest.raises(KeyError):
            found.position(other)


def test_names_with_one_key_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qa.records, "_name_key", lambda _: 1)
    names = ["a", "b", "c"]
    Names.write(tmp_path, "name", names)
    found = Names(tmp_path, "name", names.__getitem__)
    assert [found.position(name) for name in names] == [0, 1, 2]


def test_records_are_made_when_they_are_asked_for() -> None:
    made: list[int] = []

    def make(position: int) -> str:
        made.append(position)
        return f"record {position}"

    records = Records(1000, make)
    assert (len(records), made) == (1000, [])
    assert (records[3], records[-1], records[5:7]) == (
        "record 3",
        "record 999",
        ("record 5", "record 6"),
    )
    assert made == [3, 999, 5, 6]
    for position in (1000, -1001):
        with pytest.raises(IndexError):
            records[position]
