"""CSV in any encoding: one clause a row."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from qa.readers.reading import Reading, clean, printed, refusal, remark
from qa.readers.sheet import sheet_text
from qa.readers.text import decoded

_DELIMITERS = ",;\t|"
_LONGEST_CELL = 1_000_000


def read(path: Path, data: bytes) -> Reading:
    """The rows of a CSV file.

    Raises:
        CorpusError: it is no text, or no CSV; names the line.
    """
    text, encoding, remarks = decoded(path, data)
    text = clean(text)
    csv.field_size_limit(_LONGEST_CELL)
    head = text.lstrip("\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise refusal(path, "row", line=str(reader.line_num), detail=str(error)) from error
    words, named = sheet_text(rows)
    return Reading(
        text=words,
        format="csv",
        encoding=encoding,
        tables=1 if words else 0,
        characters=printed(text),
        remarks=remarks if named else (*remarks, remark("no_header")),
    )
