"""The ingest receipt: what became of each file, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.renderings import as_docx
from qa.clauses import remainder, split
from qa.corpus import read_corpus, read_document, scan, unite
from qa.errors import CorpusError
from qa.messages import catalogue
from qa.passages import unnumbered_clauses
from qa.receipt import FileReceipt, Receipt, covered, file_receipt, refused_receipt
from qa.types import LANGUAGES, Language

POLICY = """棠溪市夜市管理办法

一、摊位。每月三百元。（责任单位：市夜市管理中心）
二、卫生。收摊时清空垃圾桶。
扫一扫在手机打开当前页
"""


def ingest(folder: Path) -> Receipt:
    """The receipt of a folder, made as a build makes it."""
    files, found = [], []
    for source in scan(folder):
        name = source.path.relative_to(folder).as_posix()
        try:
            document, reading = read_document(source.path)
        except CorpusError as error:
            files.append(refused_receipt(name, error))
            continue
        clauses = split(document)
        outside = unnumbered_clauses(document, remainder(document, clauses))
        ordered = sorted((*clauses, *outside), key=lambda clause: clause.start)
        files.append(file_receipt(name, reading, document, ordered))
        found.append((source.path, document))
    _, repeated, _ = unite(found)
    names = {path.relative_to(folder).as_posix(): document for path, document in repeated.items()}
    return Receipt.of(files, read_corpus(folder).problems, names)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files: a policy, the same as a Word file, one in GBK without departments, a scan."""
    (tmp_path / "market.txt").write_text(POLICY, encoding="utf-8")
    (tmp_path / "copy.docx").write_bytes(as_docx(POLICY))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "fees.txt").write_bytes(
        "收费标准\n一、三百元。\n二、二百元。".encode("gbk")
    )
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n..")
    return tmp_path


def by_path(receipt: Receipt) -> dict[str, FileReceipt]:
    return {file.path: file for file in receipt.files}


def test_every_file_of_the_folder_is_in_the_receipt(folder: Path) -> None:
    receipt = ingest(folder)
    assert [file.path for file in receipt.files] == [
        "copy.docx",
        "market.txt",
        "old/fees.txt",
        "photo.png",
    ]


def test_a_file_that_was_read_has_its_figures(folder: Path) -> None:
    file = by_path(ingest(folder))["old/fees.txt"]
    assert (file.format, file.encoding, file.document) == ("txt", "gb18030", "fees")
    assert (file.clauses, file.without_department, file.unnumbered) == (2, 2, 1)  # the title
    assert file.characters == len("收费标准一、三百元。二、二百元。")
    assert file.covered == 1.0
    assert {"number", "issued", "issuer"} <= set(file.missing)
    assert file.indexed


def test_residue_is_counted(folder: Path) -> None:
    assert by_path(ingest(folder))["copy.docx"].removed == len("扫一扫在手机打开当前页")


def test_a_file_that_was_refused_has_reason_and_remedy_in_every_language(folder: Path) -> None:
    refused = by_path(ingest(folder))["photo.png"].refused
    assert refused is not None
    assert refused.reason == "picture"
    assert refused.told("zh") == "photo.png是图片，不含文字；请换用文字版，或先做文字识别（OCR）"
    assert refused.told("en").startswith("photo.png is a picture and holds no text; use the text")


def test_a_file_with_the_same_words_is_a_duplicate(folder: Path) -> None:
    files = by_path(ingest(folder))
    assert files["market.txt"].duplicate_of == "copy"
    assert not files["market.txt"].indexed
    assert read_corpus(folder).documents[0].sources == ("copy.docx", "market.txt")


def test_the_totals_count_what_is_indexed_once(folder: Path) -> None:
    totals = ingest(folder).totals()
    assert (totals["files"], totals["read"], totals["refused"], totals["duplicates"]) == (
        4,
        3,
        1,
        1,
    )
    assert (totals["documents"], totals["clauses"]) == (2, 4)
    assert totals["formats"] == {"docx": 1, "txt": 2}
    assert totals["covered"] == 1.0


def test_the_receipt_goes_through_json_and_back(folder: Path) -> None:
    receipt = ingest(folder)
    assert Receipt.from_json(json.loads(json.dumps(receipt.as_json()))) == receipt
    for file in receipt.files:
        assert FileReceipt.from_record(json.loads(json.dumps(file.as_record()))) == file


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_read_what_was_lost_and_what_is_worth_a_look(
    folder: Path, language: Language
) -> None:
    page = ingest(folder).page(language)
    assert "photo.png" in page
    assert "market.txt" in page
    assert "old/fees.txt" in page
    assert "{" not in page


def test_a_companion_that_is_refused_is_named(folder: Path) -> None:
    (folder / "translations").mkdir()
    (folder / "translations" / "absent.en.md").write_text("# T\n", encoding="utf-8")
    (folder / "translations" / "market.en.docx").write_bytes(b"PK")
    page = ingest(folder).page("en")
    assert "absent.en.md belongs to no policy" in page
    assert "market.en.docx is no file for translations/, where .md files are read" in page


def test_where_nothing_was_lost_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "market.txt").write_text(POLICY, encoding="utf-8")
    assert "No file was left out." in ingest(tmp_path).page("en")


def test_text_outside_all_clauses_lowers_what_is_covered(tmp_path: Path) -> None:
    (tmp_path / "market.txt").write_text(f"夜市办法\n{'前言。' * 30}\n一、摊位。", encoding="utf-8")
    document, _ = read_document(tmp_path / "market.txt")
    assert covered(document, split(document)) == pytest.approx((4 + 5) / (4 + 90 + 5))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_remedy(language: Language) -> None:
    texts = catalogue(language)
    reasons = {key.partition(".")[2] for key in texts if key.startswith("refused.")}
    assert {key.partition(".")[2] for key in texts if key.startswith("remedy.")} == reasons
