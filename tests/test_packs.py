"""Knowledge packs: written, verified, compared, installed and taken back. A pack comes from a stick
that somebody handed over: it is hostile until it is checked."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import BagOfCharacters, build_quickly, run_python
from hypothesis import given
from hypothesis import strategies as st

from qa.builds import build_lock, current_name, held_corpus
from qa.cli import main
from qa.corpus import corpus_digest
from qa.errors import BuildInProgress, IndexMissing, PackError
from qa.index import FORMAT, check_corpus, open_index
from qa.packs.archive import (
    HEADER,
    SIGNATURE,
    Header,
    describe_files,
    read_pack,
    unsafe,
    write_pack,
)
from qa.packs.install import difference, install, mend, pack, take_back
from qa.packs.keys import Keys

MODEL = "bag-of-characters"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(
        "qa.packs.install.model_fingerprint", lambda _: BagOfCharacters().fingerprint
    )


def silent(_done: int, _total: int) -> None:
    """The progress that nobody watches."""


@dataclass
class Office:
    """A corpus with its index, and keys."""

    folder: Path

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def keys(self) -> Keys:
        return Keys(self.folder / "keys")

    def write(self, name: str, *clauses: str) -> None:
        self.corpus.mkdir(parents=True, exist_ok=True)
        text = "\n\n".join(f"第{'一二三四五'[i]}条 {c}" for i, c in enumerate(clauses))
        (self.corpus / f"{name}.txt").write_text(f"{name}\n\n{text}\n", encoding="utf-8")

    def build(self) -> str:
        build_quickly(self.corpus, self.index, BagOfCharacters())
        return current_name(self.index)

    def pack(self, name: str = "pack.zip", **options: Any) -> Path:
        path = self.folder / name
        pack(path, self.index, self.corpus, self.keys, silent, **options)
        return path

    def install(self, path: Path, choice: Any = "") -> Path | None:
        with read_pack(path, self.keys) as opened:
            return install(opened, self.index, self.corpus, MODEL, choice)

    def difference(self, path: Path) -> Any:
        with read_pack(path, self.keys) as opened:
            return difference(opened.header, self.index, self.corpus)

    def state(self) -> dict[str, bytes | str]:
        """All that a failure must leave as it is."""
        found: dict[str, bytes | str] = {}
        for root in (self.corpus, self.index / current_name(self.index)):
            for path in sorted(root.rglob("*")) if root.exists() else []:
                if path.is_file():
                    found[str(path)] = path.read_bytes()
        return found | {"current": current_name(self.index)}

    def documents(self) -> set[str]:
        return {document.id for document in open_index(self.index).documents}

    def left_over(self) -> list[str]:
        return [str(path) for path in self.folder.rglob(".unpacking-*")]


@pytest.fixture
def centre(tmp_path: Path) -> Office:
    """The office that packs: two policies."""
    office = Office(tmp_path / "centre")
    office.write("桥梁办法", "桥梁由市交通局养护。", "桥梁每年检查一次。")
    office.write("渡口办法", "渡口由市海事局管理。")
    office.build()
    return office


@pytest.fixture
def branch(tmp_path: Path, centre: Office) -> Office:
    """An office that trusts the centre and has nothing installed."""
    office = Office(tmp_path / "branch")
    office.keys.trust(centre.keys.public_key(), "the centre")
    return office


def rewrite(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The archive with its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    altered = path.with_name("altered.zip")
    with zipfile.ZipFile(altered, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return altered


def forge(path: Path, keys: Keys, change: Callable[[dict[str, Any]], object]) -> Path:
    """The pack with its header changed and signed anew: what a trusted sender might send."""

    def sign(members: dict[str, bytes]) -> None:
        header = json.loads(members[HEADER])
        change(header)
        members[HEADER] = json.dumps(header).encode()
        signature = base64.b64encode(keys.sign(members[HEADER])).decode()
        members[SIGNATURE] = json.dumps({"key": keys.public_key(), "signature": signature}).encode()

    return rewrite(path, sign)


# --- from one office to another


def test_a_pack_brings_documents_and_an_index_that_answers(centre: Office, branch: Office) -> None:
    assert branch.install(centre.pack()) is None
    assert branch.documents() == {"桥梁办法", "渡口办法"}
    assert current_name(branch.index) == current_name(centre.index)
    check_corpus(open_index(branch.index), branch.corpus)  # nothing is to be built again
    assert branch.build() == current_name(centre.index)
    assert branch.left_over() == []


def test_the_difference_names_what_is_added_removed_and_changed(
    centre: Office, branch: Office
) -> None:
    branch.install(centre.pack())
    centre.write("桥梁办法", "桥梁由市交通局养护。", "桥梁每年检查两次。", "桥梁设限高标志。")
    centre.write("夜市办法", "夜市由市商务局管理。")
    (centre.corpus / "渡口办法.txt").unlink()
    centre.build()
    changes = branch.difference(centre.pack())
    assert [each.id for each in changes.added] == ["夜市办法"]
    assert [each.id for each in changes.removed] == ["渡口办法"]
    assert [(old.clauses, new.clauses) for old, new in changes.changed] == [(2, 3)]
    assert (changes.same, changes.clauses_before, changes.clauses_after) == (0, 3, 4)
    assert changes.own == ()


def test_an_update_replaces_what_came_with_the_pack_before(centre: Office, branch: Office) -> None:
    branch.install(centre.pack())
    (centre.corpus / "渡口办法.txt").unlink()
    centre.build()
    aside = branch.install(centre.pack())
    assert aside
    assert (aside / "渡口办法.txt").exists()
    assert branch.documents() == {"桥梁办法"}
    centre.write("夜市办法", "夜市由市商务局管理。")
    centre.build()
    branch.install(centre.pack())
    assert not aside.exists()  # nothing in it was the office's own


def test_an_older_pack_is_told_to_be_older(centre: Office, branch: Office) -> None:
    old = centre.pack("old.zip")
    newer = forge(old, centre.keys, lambda header: header.update(created="2999-01-01T00:00:00"))
    branch.install(newer)
    assert branch.difference(old).older
    assert not branch.difference(newer).older


def test_installing_twice_changes_nothing(centre: Office, branch: Office) -> None:
    path = centre.pack()
    branch.install(path)
    before = branch.state()
    assert branch.install(path) is None
    assert branch.state() == before


# --- a corpus of one's own


def test_files_of_the_offices_own_are_not_covered_silently(centre: Office, branch: Office) -> None:
    branch.write("街市办法", "街市由街道办事处管理。")
    branch.build()
    before = branch.state()
    with pytest.raises(PackError, match=r"街市办法.txt.*--replace-corpus.*--keep-corpus"):
        branch.install(centre.pack())
    assert branch.state() == before
    assert branch.difference(centre.pack()).own == ("街市办法.txt",)


def test_a_corpus_that_is_replaced_is_put_aside(centre: Office, branch: Office) -> None:
    branch.write("街市办法", "街市由街道办事处管理。")
    branch.build()
    aside = branch.install(centre.pack(), "replace")
    assert aside
    assert [path.name for path in aside.iterdir()] == ["街市办法.txt"]
    centre.write("夜市办法", "夜市由市商务局管理。")
    centre.build()
    branch.install(centre.pack())
    assert aside.exists()  # it is the office's own


def test_a_corpus_that_is_kept_does_not_undo_the_pack(centre: Office, branch: Office) -> None:
    branch.write("街市办法", "街市由街道办事处管理。")
    branch.build()
    branch.install(centre.pack(), "keep")
    assert [path.name for path in branch.corpus.iterdir()] == ["街市办法.txt"]
    assert branch.documents() == {"桥梁办法", "渡口办法"}
    assert held_corpus(branch.index) == corpus_digest(branch.corpus)
    check_corpus(open_index(branch.index), branch.corpus)  # not stale, for the app would build it
    branch.write("夜市办法", "夜市由市商务局管理。")
    branch.build()
    assert branch.documents() == {"街市办法", "夜市办法"}


def test_a_file_of_a_pack_that_was_edited_is_the_offices_own(
    centre: Office, branch: Office
) -> None:
    branch.install(centre.pack())
    branch.write("桥梁办法", "桥梁由本办事处养护。")
    (centre.corpus / "渡口办法.txt").unlink()
    centre.build()
    with pytest.raises(PackError, match=r"桥梁办法\.txt"):
        branch.install(centre.pack())


# --- taking back


def test_a_pack_is_taken_back_with_its_documents(centre: Office, branch: Office) -> None:
    branch.write("街市办法", "街市由街道办事处管理。")
    branch.build()
    before = branch.state()
    branch.install(centre.pack(), "replace")
    branch.write("桥梁办法", "桥梁由本办事处养护。")  # edited since: not lost
    name, aside = take_back(branch.index, branch.corpus)
    assert branch.state() == before
    assert name == before["current"]
    assert aside
    assert "本办事处" in (aside / "桥梁办法.txt").read_text(encoding="utf-8")
    with pytest.raises(PackError, match="is not in use from a pack"):
        take_back(branch.index, branch.corpus)


def test_two_packs_are_taken_back_to_the_first(centre: Office, branch: Office) -> None:
    branch.install(centre.pack())
    first = branch.state()
    centre.write("夜市办法", "夜市由市商务局管理。")
    centre.build()
    branch.install(centre.pack())
    take_back(branch.index, branch.corpus)
    assert branch.state() == first


def test_the_first_thing_installed_cannot_be_taken_back(centre: Office, branch: Office) -> None:
    branch.install(centre.pack())
    before = branch.state()
    with pytest.raises(IndexMissing, match="no build from before the pack"):
        take_back(branch.index, branch.corpus)
    assert branch.state() == before


# --- who is trusted


def test_a_pack_by_somebody_unknown_is_refused_with_what_to_do(
    centre: Office, tmp_path: Path
) -> None:
    stranger = Office(tmp_path / "stranger")
    key = centre.keys.public_key()
    with pytest.raises(PackError, match="not trusted") as refused:
        stranger.install(centre.pack())
    assert f"--trust {key}" in str(refused.value)
    stranger.keys.trust(key)
    stranger.install(centre.pack())
    assert stranger.documents()


def test_ones_own_packs_are_trusted(centre: Office) -> None:
    path = centre.pack()
    centre.install(path)


def test_the_private_key_is_for_its_owner_alone_and_stays_the_same(centre: Office) -> None:
    key = centre.keys.public_key()
    (private,) = (centre.folder / "keys").glob("*.pem")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert centre.keys.public_key() == key
    assert len(key) == 44


@pytest.mark.parametrize("key", ["", "abc", "=" * 44, "A" * 43, "桥" * 44, "A" * 88])
def test_what_is_no_key_is_not_trusted(key: str, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="is not a key; copy the line"):
        Keys(tmp_path).trust(key)


def test_a_key_that_cannot_be_read_is_named(centre: Office) -> None:
    centre.keys.public_key()
    (centre.folder / "keys" / "signing-key.pem").write_bytes(b"nothing")
    with pytest.raises(PackError, match=r"signing-key\.pem cannot be used"):
        centre.keys.public_key()


# --- a file that is not what it should be; nothing has changed afterwards


def alter_a_byte(path: Path) -> Path:
    return rewrite(
        path, lambda m: m.update({n: d[:-1] + b"!" for n, d in m.items() if n.endswith(".txt")})
    )


def truncate(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def flip_bits(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(255 - byte for byte in data[middle : middle + 8])
    path.write_bytes(data)
    return path


def no_zip(path: Path) -> Path:
    path.write_bytes(b"a letter, not a pack")
    return path


def other_zip(path: Path) -> Path:
    return rewrite(path, lambda members: members.pop(HEADER))


def unsigned(path: Path) -> Path:
    return rewrite(path, lambda members: members.update({SIGNATURE: b"{}"}))


def header_changed(path: Path) -> Path:
    return rewrite(
        path, lambda m: m.update({HEADER: m[HEADER].replace(b'"format": 1', b'"format":  1')})
    )


def file_added(path: Path) -> Path:
    return rewrite(path, lambda members: members.update({"corpus/extra.txt": b"x"}))


def file_missing(path: Path) -> Path:
    return rewrite(path, lambda m: m.pop(next(name for name in m if name.endswith(".txt"))))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (alter_a_byte, "is not what was packed"),
        (truncate, "is not a whole pack"),
        (flip_bits, "damaged|altered|not a whole pack"),
        (no_zip, "is not a whole pack"),
        (other_zip, "is not a knowledge pack"),
        (unsigned, "has been altered"),
        (header_changed, "has been altered"),
        (file_added, "other files than it lists"),
        (file_missing, "other files than it lists"),
    ],
)
def test_a_pack_that_was_harmed_is_refused(
    harm: Callable[[Path], Path], said: str, centre: Office, branch: Office
) -> None:
    branch.install(centre.pack())
    before = branch.state()
    centre.write("夜市办法", "夜市由市商务局管理。")
    centre.build()
    with pytest.raises(PackError, match=said):
        branch.install(harm(centre.pack()))
    assert branch.state() == before
    assert branch.left_over() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 0}, "is of format 0, and this program reads 1"),
        ({"index_format": FORMAT - 1}, f"index of format {FORMAT - 1}"),
        ({"model_fingerprint": "another", "model": "models/other"}, "another model .models/other"),
        ({"build": "../../etc"}, "makes no sense"),
        ({"files": {"index/x": {"size": "many", "sha256": ""}}}, "makes no sense"),
        ({"files": 3}, "makes no sense"),
        ({"documents": [{}]}, "makes no sense"),
        ({"corpus_digest": "another"}, "reads otherwise"),
    ],
)
def test_a_pack_that_does_not_fit_is_refused_though_it_is_signed(
    change: dict[str, Any], said: str, centre: Office, branch: Office
) -> None:
    path = forge(centre.pack(), centre.keys, lambda header: header.update(change))
    with pytest.raises(PackError, match=said):
        branch.install(path)
    assert not branch.corpus.exists()
    assert current_name(branch.index) == ""
    assert branch.left_over() == []


def test_a_file_that_unpacks_to_more_than_it_says_is_not_read_on(
    centre: Office, branch: Office
) -> None:
    def bomb(members: dict[str, bytes]) -> None:
        name = next(name for name in members if name.endswith(".txt"))
        members[name] = b"0" * (64 << 20)

    with pytest.raises(PackError, match="is not what was packed"):
        branch.install(rewrite(centre.pack(), bomb))
    assert branch.left_over() == []


def test_a_header_that_unpacks_without_end_is_not_read(
    centre: Office, branch: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.packs.archive._LARGEST_HEADER", 1 << 20)
    path = rewrite(centre.pack(), lambda members: members.update({HEADER: b"0" * (2 << 20)}))
    with pytest.raises(PackError, match=r"pack\.json of more than"):
        branch.install(path)


HOSTILE = [
    "corpus/../../../escaped.txt", "/etc/passwd", "corpus//x", "corpus/./x", "corpus/a\\..\\b",
    "corpus/C:evil.txt", "corpus/nul", "corpus/aux.txt", "corpus/x\x00y", "corpus/x.", "corpus/ x",
    "elsewhere/x", "..", "corpus", "corpus/" + "x" * 256,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_path_that_leads_elsewhere_is_refused_though_it_is_signed(
    name: str, centre: Office, branch: Office
) -> None:
    def add(header: dict[str, Any]) -> None:
        header["files"][name] = {"size": 1, "sha256": "0" * 64}

    path = forge(centre.pack(), centre.keys, add)
    with pytest.raises(PackError):
        branch.install(path)
    assert not list(branch.folder.parent.rglob("escaped.txt"))
    assert branch.left_over() == []


def test_two_names_that_some_systems_take_for_one_are_refused(
    centre: Office, branch: Office
) -> None:
    def add(header: dict[str, Any]) -> None:
        header["files"]["corpus/a.txt"] = header["files"]["corpus/A.txt"] = {
            "size": 1,
            "sha256": "",
        }

    with pytest.raises(PackError, match="which are one name"):
        branch.install(forge(centre.pack(), centre.keys, add))


def test_a_link_in_a_pack_is_refused(centre: Office, branch: Office) -> None:
    path = centre.pack()
    linked = path.with_name("linked.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(linked, "w") as target:
        for member in source.infolist():
            data = source.read(member)
            if member.filename.endswith(".txt"):
                member.external_attr = (stat.S_IFLNK | 0o777) << 16
            target.writestr(member, data)
    with pytest.raises(PackError, match="which is no plain file"):
        branch.install(linked)


@given(st.text(max_size=30))
def test_a_path_that_is_not_refused_stays_in_its_folder(name: str) -> None:
    if not unsafe(name):
        path = Path("/base") / name
        assert path.is_relative_to("/base")
        assert ".." not in path.parts
        assert "\\" not in name


@given(st.binary(max_size=200))
def test_any_bytes_in_place_of_header_and_signature_give_an_error(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pack.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(HEADER, data)
            archive.writestr(SIGNATURE, data)
        with pytest.raises(PackError), read_pack(path, Keys(Path(folder))):
            pass


# --- what cannot be done


def test_a_file_that_is_not_there(branch: Office) -> None:
    with pytest.raises(PackError, match="does not exist"):
        branch.install(branch.folder / "absent.zip")


def test_an_index_that_is_not_that_of_the_corpus_is_not_packed(centre: Office) -> None:
    centre.write("夜市办法", "夜市由市商务局管理。")
    with pytest.raises(PackError, match="is not what the index in use was built from"):
        centre.pack()
    assert not (centre.folder / "pack.zip").exists()


def test_a_name_that_no_windows_can_hold_is_told_when_it_is_packed(centre: Office) -> None:
    centre.write("关于:夜市", "夜市由市商务局管理。")
    centre.build()
    with pytest.raises(PackError, match="has a name that cannot be carried"):
        centre.pack()


def test_a_file_that_changes_while_it_is_packed_is_noticed(centre: Office, tmp_path: Path) -> None:
    path = centre.pack()
    with read_pack(path, centre.keys) as opened:
        header: Header = opened.header
    sources = {name: tmp_path / name for name in ("index/x",)}
    (tmp_path / "index").mkdir()
    sources["index/x"].write_text("before")
    header = replace(header, files=describe_files(sources))
    sources["index/x"].write_text("after!")
    with pytest.raises(PackError, match="has changed while it was packed"):
        write_pack(tmp_path / "new.zip", header, sources, centre.keys, silent)
    assert not list(tmp_path.glob("*new.zip*"))


def test_while_an_index_is_built_nothing_is_installed(centre: Office, branch: Office) -> None:
    path = centre.pack()
    with build_lock(branch.index), pytest.raises(BuildInProgress):
        branch.install(path)


def test_a_full_disk_is_told_before_anything_is_written(
    centre: Office, branch: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("qa.packs.install.shutil.disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(PackError, match="make room; nothing has been changed"):
        branch.install(centre.pack())


# --- killed in the midst

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
import qa.packs.install as module
from qa.packs.archive import read_pack
from qa.packs.keys import Keys

module.model_fingerprint = lambda _: "bag-of-characters-64"
source, path = Path(sys.argv[1]), Path(sys.argv[2])
count, last = 0, -1  # last: the step at which to die

def die(event, arguments):
    global count
    if last < 0:
        return
    if event == "os.rename" or (event == "open" and str(arguments[0]).endswith(".txt")):
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
for step in range(1, 1000):
    folder = source.with_name(f"killed{step}")
    shutil.copytree(source, folder)
    child = os.fork()
    if not child:
        with read_pack(path, Keys(folder / "keys")) as opened:
            last = step
            module.install(opened, folder / "index", folder / "corpus", "bag-of-characters", "replace")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:  # it came to the end
        break
print(step)
"""


@pytest.mark.slow
def test_a_kill_at_any_step_loses_nothing(centre: Office, branch: Office, tmp_path: Path) -> None:
    branch.write("街市办法", "街市由街道办事处管理。")
    branch.build()
    old, new = branch.documents(), {"桥梁办法", "渡口办法"}
    path = centre.pack()
    done = run_python("-c", KILLED, str(branch.folder), str(path))
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 8  # each file of the corpus that is written, each rename
    seen = set()
    for step in range(1, steps):
        office = Office(tmp_path / f"killed{step}")
        seen.add(frozenset(office.documents()))  # an index answers
        assert len(list(office.folder.glob("corpus*/街市办法.txt"))) == 1  # nothing is lost
        mend(office.index, office.corpus)
        assert office.corpus.is_dir()
        office.install(path, "replace")  # and it can be done again
        assert office.documents() == new
        assert office.left_over() == []
        assert list(office.folder.glob("corpus*/街市办法.txt"))
    assert seen == {frozenset(old), frozenset(new)}


# --- the model goes along


def test_a_model_goes_along_where_it_is_asked_for(
    centre: Office, branch: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qa.builds import packed_model

    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"weights")
    fingerprint = BagOfCharacters().fingerprint
    path = centre.pack(model=str(model))
    monkeypatch.setattr(
        "qa.packs.install.model_fingerprint",
        lambda name: fingerprint if (Path(name) / "weights.bin").exists() else "another",
    )
    branch.install(path)
    packed = Path(packed_model(branch.index, fingerprint))
    assert (packed / "weights.bin").read_bytes() == b"weights"
    with pytest.raises(PackError, match="by another model"):
        branch.install(centre.pack("without.zip"))


# --- the commands


def run(office: Office, *arguments: str) -> int:
    places = ["--corpus", str(office.corpus), "--index", str(office.index), "--model", MODEL]
    os.environ["QA_KEYS"] = str(office.folder / "keys")
    try:
        return main([*arguments, *places])
    finally:
        del os.environ["QA_KEYS"]


def test_the_way_of_a_stick(
    centre: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = str(tmp_path / "stick.zip")
    branch = Office(tmp_path / "branch")
    branch.write("街市办法", "街市由街道办事处管理。")
    branch.build()
    assert run(centre, "pack", "--out", stick, "--note", "for the branches") == 0
    assert run(centre, "pack", "--public-key") == 0
    key = capsys.readouterr().out.splitlines()[-1]
    assert run(branch, "unpack", stick) == 1
    assert f"--trust {key}" in capsys.readouterr().err
    before = branch.state()
    assert run(branch, "unpack", stick, "--trust", key, "--check") == 0
    shown = capsys.readouterr().out
    for part in (
        "for the branches",
        "2 document(s) added",
        "桥梁办法",
        "1 document(s) removed",
        "sound",
    ):
        assert part in shown
    assert branch.state() == before
    assert run(branch, "unpack", stick) == 1
    assert "--keep-corpus" in capsys.readouterr().err
    assert run(branch, "unpack", stick, "--replace-corpus") == 0
    assert "put aside" in capsys.readouterr().out
    assert branch.documents() == {"桥梁办法", "渡口办法"}
    assert run(branch, "unpack", "--rollback") == 0
    assert branch.state() == before


@pytest.mark.parametrize(
    ("locale", "said"), [("zh_CN.UTF-8", "已写入"), ("ko_KR.UTF-8", "작성 완료")]
)
def test_people_are_told_in_the_language_of_their_terminal(
    centre: Office,
    locale: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert run(centre, "pack", "--out", str(centre.folder / "p.zip")) == 0
    assert said in capsys.readouterr().out
