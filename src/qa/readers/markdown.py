"""Markdown (CommonMark with tables): its words without the marks, numbers as written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qa.readers import html
from qa.readers.grid import is_table, table_lines
from qa.readers.reading import Reading, Remark, clean, printed, remark
from qa.readers.residue import without_residue
from qa.readers.text import decoded

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.M)


def read(path: Path, data: bytes) -> Reading:
    """The text of a Markdown file.

    Raises:
        CorpusError: it is no text.
    """
    text, encoding, remarks = decoded(path, data)
    text = clean(text)
    front = _FRONT.match(text)
    title = _FRONT_TITLE.search(front.group(1)) if front else None
    body = _Lines(_parsed(text[front.end() :] if front else text))
    lines = list(body)
    return Reading(
        text=without_residue(clean("\n".join(lines))),
        format="markdown",
        encoding=encoding,
        title=title.group(1) if title else "",
        tables=body.tables,
        characters=sum(map(printed, lines)),
        remarks=(*remarks, *body.remarks()),
    )


def _parsed(text: str) -> list[Token]:
    from markdown_it import MarkdownIt

    # Policies indent their paragraphs: that is no code.
    return MarkdownIt("commonmark").enable("table").disable("code").parse(text)


class _Lines:
    """The lines of a document of tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self.tables = 0
        self.pictures = 0

    def remarks(self) -> tuple[Remark, ...]:
        """What the owner of the file should know."""
        return (remark("pictures", count=self.pictures),) if self.pictures else ()

    def __iter__(self) -> Iterator[str]:
        number = ""
        rows: list[list[str]] | None = None
        ordered: list[bool] = []
        for token in self._tokens:
            if token.type in ("ordered_list_open", "bullet_list_open"):
                ordered.append(token.type == "ordered_list_open")
            elif token.type in ("ordered_list_close", "bullet_list_close"):
                ordered.pop()
            elif token.type == "list_item_open":
                number = f"{token.info}{token.markup} " if ordered[-1] else ""
            elif token.type == "table_open":
                rows = []
            elif token.type == "tr_open" and rows is not None:
                rows.append([])
            elif token.type == "table_close" and rows is not None:
                lines = table_lines(rows)
                self.tables += is_table(lines)
                yield from ("", *lines, "")
                rows = None
            elif token.type == "inline":
                words = "".join(self._words(token.children or ()))
                if rows is not None:
                    rows[-1].append(words)
                else:
                    yield f"{number}{words}"
                    number = ""
            elif token.type == "fence":
                yield token.content.rstrip("\n")
            elif token.type == "html_block":
                yield html.page(token.content).text
            elif token.type in ("paragraph_close", "heading_close") and not token.hidden:
                yield ""

    def _words(self, tokens: Sequence[Token]) -> Iterator[str]:
        for token in tokens:
            if token.type in ("text", "code_inline"):
                yield token.content
            elif token.type in ("softbreak", "hardbreak"):
                yield "\n"
            elif token.type == "image":
                self.pictures += 1
