"""Packs are made from what is installed, compared with it, put in its place, and taken back.

Putting in place, every step of which leaves something whole:

    1. build and corpus are unpacked beside, checked, and on the disk
    2. PACK.json says what is about to happen
    3. corpus ──▶ corpus.before-<time>;  unpacked corpus ──▶ corpus
    4. CURRENT names the build

Killed before 3: nothing has changed. Within 3: ``mend`` puts the old corpus back. Before 4: the
old index answers, and the next build of the new corpus is that of the pack.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from qa.builds import (
    MODELS,
    build_lock,
    current_name,
    put_in_use,
    write_in_one_step,
)
from qa.config import located_model
from qa.corpus import corpus_digest
from qa.encoder import model_fingerprint
from qa.errors import IndexMissing, IndexUnusable, PackError
from qa.index import FORMAT as INDEX_FORMAT
from qa.index import Index, is_intact, open_index
from qa.packs.archive import (
    CORPUS,
    FORMAT,
    INDEX,
    MODEL,
    Header,
    Pack,
    PackedDocument,
    Progress,
    describe_files,
    write_pack,
)
from qa.packs.keys import Keys

RECORD = "PACK.json"
_STAGED = ".unpacking-"
_BEFORE = ".before-"

CorpusChoice: TypeAlias = Literal["", "replace", "keep"]
"""What becomes of a corpus that holds files of its own: refuse, put it aside, leave it."""


# --- packing


def pack(
    path: Path,
    index_folder: Path,
    corpus: Path,
    keys: Keys,
    progress: Progress,
    *,
    model: str = "",
    note: str = "",
) -> Header:
    """Writes the index in use and the corpus that it was built from into one signed file.

    Args:
        model: the folder of the model, which then goes along.
        note: a line that is shown to those who install the pack.

    Raises:
        IndexUnusable: there is no index, or it is not that of the corpus.
        PackError: a file cannot be carried, or the pack cannot be written.
    """
    index = open_index(index_folder)
    index.verify()
    manifest = index.manifest
    if manifest.corpus_digest != corpus_digest(corpus):
        raise PackError(
            corpus, "is not what the index in use was built from", "run: python build_index.py"
        )
    if getattr(manifest, "store", ""):
        raise PackError(
            index_folder,
            "keeps its vectors in a database, which no file can carry",
            "build an index without QA_STORE and pack that",
        )
    build = index.folder
    sources = {f"{INDEX}/{build.name}/{name}": build / name for name in _files(build)}
    sources |= {f"{CORPUS}/{name}": corpus / name for name in _files(corpus)}
    if model:
        sources |= {f"{MODEL}/{name}": Path(model) / name for name in _files(Path(model))}
    header = Header(
        format=FORMAT,
        product=_product_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        build=build.name,
        index_format=manifest.format,
        model=manifest.model,
        model_fingerprint=manifest.model_fingerprint,
        corpus_digest=manifest.corpus_digest,
        documents=tuple(packed_documents(index)),
        files=describe_files(sources),
        note=" ".join(note.split()),
    )
    write_pack(path, header, sources, keys, progress)
    return header


def packed_documents(index: Index) -> Iterator[PackedDocument]:
    """The documents of an index as they are compared with those of another."""
    clauses = np.bincount(index.document_of[index.numbered], minlength=len(index.documents))
    for document, count in zip(index.documents, clauses, strict=True):
        yield PackedDocument(
            id=document.id,
            title=document.title,
            number=document.number,
            issued=document.issued,
            clauses=int(count),
            digest=hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest(),
        )


def _files(folder: Path) -> list[str]:
    """The files below a folder, from there on; hidden ones belong to nobody."""
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(path).relative_to(folder)
        found += [(inside / name).as_posix() for name in sorted(names) if not name.startswith(".")]
    return [name for name in found if (folder / name).is_file()]


def _product_version() -> str:
    try:
        return version("qa-policy")
    except PackageNotFoundError:
        return ""


# --- comparing


@dataclass(frozen=True, slots=True)
class Difference:
    """What a pack would change: of documents, and of files of the corpus.

    ``own`` are the files of the corpus that the pack does not hold as they are and that came with
    no pack: those that somebody would miss. ``older`` says that a newer pack is installed.
    """

    added: tuple[PackedDocument, ...]
    removed: tuple[PackedDocument, ...]
    changed: tuple[tuple[PackedDocument, PackedDocument], ...]
    same: int
    clauses_before: int
    clauses_after: int
    own: tuple[str, ...]
    installed: str
    older: bool


def difference(header: Header, index_folder: Path, corpus: Path) -> Difference:
    """What a pack would change of what is installed."""
    try:
        before = {each.id: each for each in packed_documents(open_index(index_folder))}
    except IndexUnusable:
        before = {}
    after = {each.id: each for each in header.documents}
    both = before.keys() & after.keys()
    changed = sorted(each for each in both if before[each].digest != after[each].digest)
    record = _record(index_folder)
    installed = str(record.get("created", "")) if record else ""
    return Difference(
        added=tuple(after[each] for each in sorted(after.keys() - before.keys())),
        removed=tuple(before[each] for each in sorted(before.keys() - after.keys())),
        changed=tuple((before[each], after[each]) for each in changed),
        same=len(both) - len(changed),
        clauses_before=sum(each.clauses for each in before.values()),
        clauses_after=sum(each.clauses for each in after.values()),
        own=tuple(_own_files(corpus, header, _record(index_folder, of_any_build=True))),
        installed=installed,
        older=header.created < installed,
    )


def _own_files(corpus: Path, header: Header, record: dict[str, Any] | None) -> Iterator[str]:
    packed = header.part(CORPUS)
    came = [each["corpus"] for each in (record, (record or {}).get("before")) if each]
    for name in _files(corpus):
        digest = _digest(corpus / name)
        held = packed.get(name)
        if (held is None or held.sha256 != digest) and all(
            each.get(name) != digest for each in came
        ):
            yield name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- installing


def install(
    opened: Pack,
    index_folder: Path,
    corpus: Path,
    model: str,
    choice: CorpusChoice = "",
    progress: Progress | None = None,
) -> Path | None:
    """Puts a pack in place; nothing has changed where it cannot be.

    Args:
        model: the configured model, which has to be that of the index unless the pack holds it.
        choice: what becomes of a corpus with files of its own.

    Returns:
        The folder in which the corpus was put aside; None where there was nothing to put aside.

    Raises:
        PackError: it does not fit this program or model, or would cover files of the corpus.
        BuildInProgress: an index is being built.
    """
    header = opened.header
    check_fit(opened, model)
    try:
        with build_lock(index_folder):
            mend(index_folder, corpus)
            _check_corpus(header, index_folder, corpus, choice)
            _check_room(opened, index_folder, corpus)
            with _staged(index_folder) as build, _staged(corpus.parent, corpus.name) as documents:
                opened.extract(INDEX, build, progress)
                if not is_intact(build / header.build):
                    raise PackError(opened.path, "holds an index that is damaged", "pack it again")
                if choice != "keep":
                    opened.extract(CORPUS, documents / CORPUS, progress)
                    if corpus_digest(documents / CORPUS) != header.corpus_digest:
                        raise PackError(
                            opened.path,
                            "holds a corpus that this program reads otherwise",
                            "bring both programs to the same version and pack again",
                        )
                if header.part(MODEL):
                    _install_model(opened, index_folder)
                return _put_in_place(opened, index_folder, corpus, build, documents, choice)
    except OSError as error:
        raise PackError(
            error.filename or index_folder,
            f"cannot be written ({error.strerror or error})",
            "make room or correct the permissions; what was installed is still in use",
        ) from error


def check_fit(opened: Pack, model: str) -> None:
    """Raises PackError where this program, or the model that is here, cannot use the index."""
    header = opened.header
    if header.index_format != INDEX_FORMAT:
        raise PackError(
            opened.path,
            f"holds an index of format {header.index_format} (version {header.product}), "
            f"and this program reads {INDEX_FORMAT} (version {_product_version()})",
            "bring both programs to the same version and pack again",
        )
    if not header.part(MODEL) and header.model_fingerprint != model_fingerprint(
        located_model(model)
    ):
        raise PackError(
            opened.path,
            f"was built by another model ({header.model})",
            "name that model with --model or QA_MODEL, or have it packed with --with-model",
        )


def _check_corpus(header: Header, index_folder: Path, corpus: Path, choice: CorpusChoice) -> None:
    own = list(_own_files(corpus, header, _record(index_folder, of_any_build=True)))
    if own and not choice:
        named = ", ".join(own[:5]) + (f" and {len(own) - 5} more" if len(own) > 5 else "")
        raise PackError(
            corpus,
            f"holds files that are not in the pack ({named})",
            "--replace-corpus puts the folder aside and the pack's in its place, --keep-corpus leaves "
            "it (then the next build is of these files, without those of the pack)",
        )


def _check_room(opened: Pack, index_folder: Path, corpus: Path) -> None:
    needed = opened.header.size
    for folder in {index_folder, corpus.parent}:
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise PackError(
                folder,
                f"has {free >> 20} MB left, and the pack unpacks to {needed >> 20} MB",
                "make room; nothing has been changed",
            )


@contextlib.contextmanager
def _staged(parent: Path, name: str = "") -> Iterator[Path]:
    """A folder that is gone afterwards, as is what a killed process left of one."""
    prefix = f"{_STAGED}{name}-"
    for left in parent.glob(f"{glob.escape(prefix)}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install_model(opened: Pack, index_folder: Path) -> None:
    """Puts the model of a pack beside the builds, where its index looks for it."""
    target = index_folder / MODELS / opened.header.model_fingerprint[:16]
    if target.is_dir() and model_fingerprint(str(target)) == opened.header.model_fingerprint:
        return
    target.parent.mkdir(exist_ok=True)
    with _staged(target.parent) as folder:
        opened.extract(MODEL, folder / MODEL)
        if model_fingerprint(str(folder / MODEL)) != opened.header.model_fingerprint:
            raise PackError(opened.path, "holds a model that is damaged", "pack it again")
        shutil.rmtree(target, ignore_errors=True)
        (folder / MODEL).rename(target)


def _put_in_place(
    opened: Pack,
    index_folder: Path,
    corpus: Path,
    build: Path,
    documents: Path,
    choice: CorpusChoice,
) -> Path | None:
    header = opened.header
    target = index_folder / header.build
    if not is_intact(target):
        shutil.rmtree(target, ignore_errors=True)
        (build / header.build).rename(target)
    before = _record(index_folder, of_any_build=True)
    replaced = choice != "keep"
    moved = replaced and corpus_digest_of(corpus) != header.corpus_digest
    aside = _beside(corpus) if moved and corpus.is_dir() else None
    record = {
        "state": "installing",
        "build": header.build,
        "previous": current_name(index_folder),
        "created": header.created,
        "installed": datetime.now(UTC).isoformat(timespec="seconds"),
        "key": opened.key,
        "aside": str(aside) if aside else "",
        "own": bool(aside and list(_own_files(corpus, header, before))),
        "corpus": {name: entry.sha256 for name, entry in header.part(CORPUS).items()}
        if replaced
        else {},
        "before": {**before, "before": None} if before else None,
    }
    _write_record(index_folder, record)
    if aside:
        corpus.rename(aside)
    if moved:
        (documents / CORPUS).rename(corpus)
    put_in_use(index_folder, header.build, "" if replaced else corpus_digest_of(corpus))
    _write_record(index_folder, {**record, "state": "installed"})
    _forget_aside(before, corpus)
    return aside


def _beside(corpus: Path) -> Path:
    """A folder for a corpus that is put aside, which nobody has used yet."""
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return corpus.with_name(f"{corpus.name}{_BEFORE}{moment}")


def corpus_digest_of(corpus: Path) -> str:
    """The digest of a corpus; a word that is none where there is no corpus."""
    return corpus_digest(corpus) if corpus.is_dir() else "no corpus"


def _forget_aside(record: dict[str, Any] | None, corpus: Path) -> None:
    """Removes what an earlier pack put aside, where all of it had come with a pack."""
    if record and record.get("aside") and record.get("own") is False:
        aside = Path(record["aside"])
        if aside.parent == corpus.parent and aside.name.startswith(f"{corpus.name}{_BEFORE}"):
            shutil.rmtree(aside, ignore_errors=True)


def mend(index_folder: Path, corpus: Path) -> None:
    """Puts a corpus back that was put aside by a process which was killed before it could put the
    new one in its place. Does nothing in any other case."""
    record = _record(index_folder, of_any_build=True)
    if record and record.get("state") == "installing" and record.get("aside"):
        aside = Path(record["aside"])
        if aside.is_dir() and not corpus.exists():
            aside.rename(corpus)


# --- taking back


def take_back(index_folder: Path, corpus: Path) -> tuple[str, Path | None]:
    """Puts index and corpus back as they were before the pack that is installed.

    Returns:
        The name of the build that is in use now, and the folder in which the corpus of the pack,
        with whatever was changed in it since, was put aside.

    Raises:
        PackError: what is in use did not come with a pack.
        IndexMissing: there is no index before it.
    """
    try:
        with build_lock(index_folder):
            mend(index_folder, corpus)
            record = _record(index_folder)
            if record is None:
                raise PackError(
                    index_folder,
                    "is not in use from a pack",
                    "to go back to the build before: python build_index.py --rollback",
                )
            name = str(record.get("previous", ""))
            if not name or not (index_folder / name / "manifest.json").is_file():
                raise IndexMissing(
                    index_folder,
                    "holds no build from before the pack",
                    "run: python build_index.py",
                )
            aside = _corpus_back(record, corpus)
            put_in_use(index_folder, name, corpus_digest_of(corpus))
            _write_record(index_folder, record.get("before"))
            return name, aside
    except OSError as error:
        raise PackError(
            error.filename or index_folder,
            f"cannot be changed ({error.strerror or error})",
            "correct the permissions",
        ) from error


def _corpus_back(record: dict[str, Any], corpus: Path) -> Path | None:
    before = Path(record["aside"]) if record.get("aside") else None
    if before is None or not before.is_dir():
        return None
    aside = _beside(corpus) if corpus.is_dir() else None  # none: killed in the midst of this
    if aside:
        corpus.rename(aside)
    before.rename(corpus)
    return aside


def _write_record(index_folder: Path, record: dict[str, Any] | None) -> None:
    if record:
        write_in_one_step(index_folder / RECORD, json.dumps(record, ensure_ascii=False))
    else:
        (index_folder / RECORD).unlink(missing_ok=True)


def _record(index_folder: Path, *, of_any_build: bool = False) -> dict[str, Any] | None:
    """What was written down of the pack that is installed; None where the build in use is of none."""
    try:
        record = json.loads((index_folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("corpus"), dict):
        return None
    return record if of_any_build or record.get("build") == current_name(index_folder) else None
