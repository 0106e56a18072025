"""``python -m qa pack | unpack``."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa.config import Settings, located_model
from qa.errors import PackError
from qa.messages import message, terminal_language

if TYPE_CHECKING:
    from tqdm import tqdm

    from qa.packs.archive import Header, PackedDocument, Progress
    from qa.packs.install import Difference

_LISTED = 20
"""Documents of a kind that are named; the others are counted."""


def add_command(commands: argparse._SubParsersAction[Any], settings: Settings) -> None:
    """Adds ``qa pack`` and ``qa unpack`` to the command line."""
    pack = commands.add_parser("pack", help="write documents and index into one signed file")
    what = pack.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="FILE", help="the file to write")
    what.add_argument(
        "--public-key",
        action="store_true",
        help="show the key by which others know our packs; the first time makes it",
    )
    _places(pack, settings)
    pack.add_argument("--with-model", action="store_true", help="put the model in, too")
    pack.add_argument("--note", default="", metavar="TEXT", help="shown to those who install it")
    pack.set_defaults(run=_pack)
    unpack = commands.add_parser("unpack", help="install such a file, or take it back")
    what = unpack.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", metavar="FILE")
    what.add_argument(
        "--rollback", action="store_true", help="back to what there was before the last pack"
    )
    _places(unpack, settings)
    unpack.add_argument(
        "--trust", metavar="KEY", help="trust the packs of who has this key, from now on"
    )
    unpack.add_argument(
        "--check", action="store_true", help="verify it and show what would change; change nothing"
    )
    corpus = unpack.add_mutually_exclusive_group()
    corpus.add_argument(
        "--replace-corpus",
        dest="choice",
        action="store_const",
        const="replace",
        default="",
        help="put a corpus that holds files of its own aside",
    )
    corpus.add_argument(
        "--keep-corpus",
        dest="choice",
        action="store_const",
        const="keep",
        help="install the index only, and leave the corpus as it is",
    )
    unpack.set_defaults(run=_unpack)


def _places(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--corpus", type=Path, default=settings.corpus, metavar="DIR")
    parser.add_argument("--index", type=Path, default=settings.index, metavar="DIR")
    parser.add_argument("--model", default=settings.model, metavar="NAME_OR_PATH")
    parser.set_defaults(keys=settings.keys)


def _pack(options: argparse.Namespace) -> int:
    from qa.packs.install import pack
    from qa.packs.keys import Keys

    keys = Keys(options.keys)
    if options.public_key:
        print(keys.public_key())
        return 0
    model = located_model(options.model) if options.with_model else ""
    if model and not Path(model).is_dir():
        raise PackError(model, "is not a folder", "name the folder of the model with --model")
    with _Bar("pack.packing") as bar:
        header = pack(
            options.out,
            options.index,
            options.corpus,
            keys,
            bar,
            model=model,
            note=options.note,
        )
    say = partial(message, terminal_language())
    print(
        say(
            "pack.written",
            file=options.out,
            size=_megabytes(options.out.stat().st_size),
            documents=len(header.documents),
            clauses=sum(document.clauses for document in header.documents),
        )
    )
    print(say("pack.key", public=keys.public_key()))
    return 0


def _unpack(options: argparse.Namespace) -> int:
    from qa.packs.archive import read_pack
    from qa.packs.install import check_fit, difference, install
    from qa.packs.keys import Keys

    say = partial(message, terminal_language())
    if options.rollback:
        return _take_back(options)
    keys = Keys(options.keys)
    if options.trust:
        keys.trust(options.trust)
    with read_pack(options.file, keys) as opened:
        check_fit(opened, options.model)
        for line in described(opened.header):
            print(line)
        for line in compared(difference(opened.header, options.index, options.corpus)):
            print(line)
        with _Bar("pack.checking" if options.check else "pack.installing") as bar:
            if options.check:
                opened.check(bar)
                aside = None
            else:
                aside = install(
                    opened,
                    options.index,
                    options.corpus,
                    options.model,
                    options.choice,
                    bar,
                )
    if options.check:
        print(say("pack.checked"))
        return 0
    if aside:
        print(say("pack.aside", folder=aside))
    if options.choice == "keep":
        print(say("pack.kept", folder=options.corpus))
    print(say("pack.installed"))
    return 0


def _take_back(options: argparse.Namespace) -> int:
    from qa.packs.install import take_back

    say = partial(message, terminal_language())
    name, aside = take_back(options.index, options.corpus)
    if aside:
        print(say("pack.aside", folder=aside))
    print(say("pack.taken_back", build=name))
    return 0


def described(header: Header) -> list[str]:
    """What a pack is, in lines for people."""
    say = partial(message, terminal_language())
    lines = [
        say(
            "pack.is",
            created=header.created.replace("T", " "),
            product=header.product,
            documents=len(header.documents),
            size=_megabytes(header.size),
        )
    ]
    return [*lines, header.note] if header.note else lines


def compared(changes: Difference) -> list[str]:
    """What a pack changes, in lines for people."""
    say = partial(message, terminal_language())
    lines = [say("pack.older", installed=changes.installed)] if changes.older else []
    lines += _listed("pack.added", [_named(each) for each in changes.added])
    lines += _listed("pack.removed", [_named(each) for each in changes.removed])
    lines += _listed(
        "pack.changed",
        [
            say("pack.change", name=_named(new), before=old.clauses, after=new.clauses)
            for old, new in changes.changed
        ],
    )
    lines.append(
        say(
            "pack.same",
            same=changes.same,
            before=changes.clauses_before,
            after=changes.clauses_after,
        )
    )
    return lines


def _listed(key: str, names: list[str]) -> list[str]:
    if not names:
        return []
    say = partial(message, terminal_language())
    lines = [say(key, count=len(names)), *(f"  {name}" for name in names[:_LISTED])]
    if len(names) > _LISTED:
        lines.append(f"  {say('pack.more', count=len(names) - _LISTED)}")
    return lines


def _named(document: PackedDocument) -> str:
    imprint = " ".join(part for part in (document.number, document.issued) if part)
    title = document.title or document.id
    return f"{title} ({imprint})" if imprint else title


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f}"


class _Bar:
    """A bar over the bytes of a pack, on standard error."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Progress:
        from tqdm import tqdm

        self._bar = tqdm(
            desc=message(terminal_language(), self._key),
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            file=sys.stderr,
            disable=None,
        )
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _show(self, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)
