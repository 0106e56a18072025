"""A folder of policies: what is read, what is left out, what is refused."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL
from hypothesis import given
from hypothesis import strategies as st

from qa.corpus import (
    Wording,
    clean,
    corpus_digest,
    make_document,
    read_corpus,
    read_document,
    read_translation,
    read_wordings,
)
from qa.errors import CorpusError

CERAMICS, MARKET = "tangxi_ceramics", "tangxi_market"


def test_everything_in_the_folder_is_read() -> None:
    corpus = read_corpus(SMALL)
    assert [(document.id, document.language, document.title) for document in corpus.documents] == [
        (CERAMICS, "zh", "棠溪市扶持陶瓷出口若干措施"),
        (MARKET, "zh", "棠溪市夜市管理办法"),
    ]
    assert [(t.document_id, t.language, len(t.clauses)) for t in corpus.translations] == [
        (CERAMICS, "en", 5),
        (CERAMICS, "ko", 5),
    ]
    assert corpus.wordings[0] == Wording(
        CERAMICS, "三", "en", "my vases may break when customs opens the boxes, who pays"
    )
    assert [wording.clause for wording in corpus.wordings] == ["三", "一", "五"]
    assert len(corpus.departments) == 7
    assert [term.zh for term in corpus.glossary[:2]] == ["窑厂", "釉料"]
    assert corpus.problems == ()


def test_a_translation_has_title_preamble_sentences_and_note() -> None:
    translation = read_corpus(SMALL).translations[0]
    first = translation.clauses[0]
    assert translation.title == "Measures of Tangxi City for Supporting Exports of Ceramics"
    assert translation.preamble == (
        "These measures are made to help the city's kilns to go abroad.",
    )
    assert (first.number, first.title) == ("一", "Subsidising exhibition costs")
    assert first.sentences[1] == "Air tickets of exhibitors are not subsidised."
    assert (
        first.note
        == "(Responsible departments: Municipal Bureau of Commerce; Municipal Finance Bureau)"
    )
    assert len(first.sentences) == 2


# --- what is left out, and said so


def problems(folder: Path) -> str:
    return "\n".join(str(problem) for problem in read_corpus(folder).problems)


def test_a_policy_that_is_no_text_is_left_out_and_named(corpus_folder: Path) -> None:
    (corpus_folder / "scan.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff")
    assert "scan.txt is a picture and holds no text; use the text" in problems(corpus_folder)
    assert len(read_corpus(corpus_folder).documents) == 2


def test_an_empty_policy_is_left_out_and_named(corpus_folder: Path) -> None:
    (corpus_folder / "empty.txt").write_text("\ufeff \n\n", encoding="utf-8")
    assert "empty.txt is empty; put the text" in problems(corpus_folder)


def test_of_two_files_with_one_name_the_first_is_read(corpus_folder: Path) -> None:
    below = corpus_folder / "year" / "2021"
    below.mkdir(parents=True)
    (below / f"{MARKET}.txt").write_text("另一个办法", encoding="utf-8")
    assert f"has the name of another policy ({MARKET}) but other words; rename one" in problems(
        corpus_folder
    )
    assert read_corpus(corpus_folder).documents[1].title == "棠溪市夜市管理办法"


def test_a_translation_of_nothing_is_left_out_and_named(corpus_folder: Path) -> None:
    (corpus_folder / "translations" / "absent.en.md").write_text("# T\n", encoding="utf-8")
    assert "absent.en.md belongs to no policy of this folder; name it after" in problems(
        corpus_folder
    )


def test_a_companion_that_cannot_be_read_is_left_out_and_named(corpus_folder: Path) -> None:
    (corpus_folder / "wordings" / f"{MARKET}.zh.csv").write_text(
        "question\n摊位\n", encoding="utf-8"
    )
    (corpus_folder / "glossary.csv").write_bytes(b"zh,en\n\xff\xff,x\n")
    found = problems(corpus_folder)
    assert f"{MARKET}.zh.csv has no column 'clause' in line 1; start it with" in found
    assert "glossary.csv is not text in any encoding that is known" in found
    assert read_corpus(corpus_folder).glossary == ()


def test_a_folder_in_the_place_of_a_file_is_left_out_and_named(corpus_folder: Path) -> None:
    (corpus_folder / "translations" / f"{MARKET}.en.md").mkdir()
    assert f"{MARKET}.en.md cannot be read" in problems(corpus_folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_left_out_and_named(corpus_folder: Path) -> None:
    (corpus_folder / f"{MARKET}.txt").chmod(0)
    assert f"{MARKET}.txt cannot be read (Permission denied)" in problems(corpus_folder)


def test_a_folder_that_may_not_be_looked_into_is_named(
    corpus_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corpus_folder / "closed").mkdir()
    assert "closed" not in problems(corpus_folder)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "closed")
    assert "closed cannot be read" in problems(corpus_folder)


@pytest.mark.parametrize("name", [".~lock.txt", "~$market.docx", "Thumbs.db", "README.md"])
def test_files_of_the_system_and_read_me_files_are_no_policies(
    name: str, corpus_folder: Path
) -> None:
    (corpus_folder / name).write_text("锁", encoding="utf-8")
    assert len(read_corpus(corpus_folder).documents) == 2
    assert problems(corpus_folder) == ""


def test_a_link_to_nowhere_is_named(corpus_folder: Path) -> None:
    (corpus_folder / "gone.txt").symlink_to(corpus_folder / "nowhere.txt")
    assert "gone.txt cannot be read (No such file or directory)" in problems(corpus_folder)


def test_without_a_folder_there_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not a folder; create it"):
        read_corpus(tmp_path / "absent")


def test_a_folder_without_a_readable_policy_says_what_is_wrong_with_each(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    with pytest.raises(CorpusError, match=r"(?s)no readable policy.*empty\.txt is empty"):
        read_corpus(tmp_path)


# --- how text is read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_encodings_of_offices_give_one_text(
    encoding: str, line_end: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.txt"
    text = "棠溪市夜市管理办法\n\n第一条 夜市的营业时间为18时。\n"
    path.write_bytes(text.replace("\n", line_end).encode(encoding))
    document, reading = read_document(path)
    assert document.text == reading.text == text
    assert (document.id, document.language, document.title) == (
        "policy",
        "zh",
        "棠溪市夜市管理办法",
    )


def test_text_is_composed() -> None:
    assert make_document("d", unicodedata.normalize("NFD", "가마 é")).text == "가마 é"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("棠政发〔2021〕3号\n关于夜市的通知\n各区县：\n一、摊位", "关于夜市的通知"),
        ("各区县：\n夜市管理办法\n", "夜市管理办法"),
        ("Night Market Measures of Tangxi\n\n1. Stalls\n", "Night Market Measures of Tangxi"),
        ("没有标题词的首行\n正文。", "没有标题词的首行"),
        ("棠溪夜市 第一条 摊位。第二条 费用。" + "长" * 90 + "。", "棠溪夜市"),
        (
            "棠溪市政府关于做好当前夜市\n管理工作的若干意见\n各区县：",
            "棠溪市政府关于做好当前夜市管理工作的若干意见",
        ),
        ("棠溪市人民政府\n关于夜市的通知\n各区县：", "棠溪市人民政府关于夜市的通知"),
        ("棠溪市人民政府文件\n棠政发〔2021〕3号\n关于夜市的通知", "关于夜市的通知"),
        (
            "棠溪市人民政府\n关于印发《棠溪市夜市若干\n政策措施（试行）》的通知\n各区县：",
            "棠溪市人民政府关于印发《棠溪市夜市若干政策措施（试行）》的通知",
        ),
        ("首页\n关于我们\n夜市管理办法\n", "夜市管理办法"),
        ("最新文件\n关于夜市的通知\n关于早市的通知\n", "关于夜市的通知"),
        (
            "棠溪市关于做好夜市 管理工作的通知 各区： 为" + "长" * 90 + "。",
            "棠溪市关于做好夜市管理工作的通知",
        ),
    ],
)
def test_the_title_is_the_first_line_that_reads_like_one(text: str, title: str) -> None:
    assert make_document("d", text).title == title


@given(st.text())
def test_cleaning_leaves_nothing_to_clean(text: str) -> None:
    once = clean(text)
    assert "\r" not in once
    assert "\0" not in once
    assert unicodedata.is_normalized("NFC", once)


# --- formats of companions


def test_a_heading_without_a_number_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.en.md"
    path.write_text("# Title\n\n## \n", encoding="utf-8")
    with pytest.raises(
        CorpusError, match="heading without a number in line 3; write '## 一 Title'"
    ):
        read_translation(path)


@pytest.mark.parametrize("name", ["policy.md", "policy.fr.md", ".en.md"])
def test_a_translation_is_named_after_policy_and_language(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("# Title\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"call it <policy>\.en\.md"):
        read_translation(tmp_path / name)


def test_wordings_without_a_question_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "policy.zh.csv"
    path.write_text("clause,language,question\n 一 ,zh, 摊位？ \n二,zh,\n", encoding="utf-8")
    assert read_wordings(path) == (Wording("policy", "一", "zh", "摊位？"),)


HEADS = {
    "any.txt": "一、标题\n",
    "any.en.md": "# T\n## 一 T\n",
    "any.zh.csv": "clause,language,question\n一,zh,",
}


@pytest.mark.parametrize(
    ("name", "read"),
    [("any.txt", read_document), ("any.en.md", read_translation), ("any.zh.csv", read_wordings)],
)
@given(data=st.data())
def test_whatever_a_file_holds_it_is_read_or_refused(
    name: str,
    read: Callable[[Path], object],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    head = HEADS[name].encode() if data.draw(st.booleans()) else b""
    path.write_bytes(head + data.draw(st.binary() | st.text().map(str.encode)))
    try:
        read(path)
    except CorpusError as error:
        assert str(path) in str(error)
        assert error.remedy


# --- the digest


def test_the_digest_is_that_of_the_contents_not_of_place_and_time(corpus_folder: Path) -> None:
    os.utime(corpus_folder / f"{MARKET}.txt", (0, 0))
    assert corpus_digest(corpus_folder) == corpus_digest(SMALL) == read_corpus(SMALL).digest


@pytest.mark.parametrize(
    "name",
    [
        f"{MARKET}.txt",
        f"translations/{CERAMICS}.ko.md",
        f"wordings/{CERAMICS}.zh.csv",
        "departments.csv",
        "glossary.csv",
    ],
)
@pytest.mark.parametrize("change", ["altered", "removed", "renamed"])
def test_every_change_of_a_file_changes_the_digest(
    name: str, change: str, corpus_folder: Path
) -> None:
    path = corpus_folder / name
    if change == "altered":
        path.write_bytes(path.read_bytes() + b"\n")
    elif change == "removed":
        path.unlink()
    else:
        path.rename(path.with_name(f"x_{path.name}"))
    assert corpus_digest(corpus_folder) != corpus_digest(SMALL)


def test_files_that_no_index_is_made_from_do_not_change_the_digest(corpus_folder: Path) -> None:
    (corpus_folder / "README.md").write_text("notes", encoding="utf-8")
    (corpus_folder / ".hidden.txt").write_text("notes", encoding="utf-8")
    (corpus_folder / "translations" / "notes.docx").write_bytes(b"PK")
    assert corpus_digest(corpus_folder) == corpus_digest(SMALL)


def test_swapping_the_contents_of_two_policies_changes_the_digest(corpus_folder: Path) -> None:
    first, second = corpus_folder / f"{MARKET}.txt", corpus_folder / f"{CERAMICS}.txt"
    aside = corpus_folder.parent / "aside"
    shutil.move(first, aside)
    shutil.move(second, first)
    shutil.move(aside, second)
    assert corpus_digest(corpus_folder) != corpus_digest(SMALL)


@pytest.mark.parametrize(
    ("text", "number", "issued"),
    [
        ("棠溪市人民政府\n棠政发〔2031〕7号\n\n关于扶持窑厂的通知\n\n正文。\n\n2031年5月6日\n", "棠政发〔2031〕7号", "2031-05-06"),
        ("关于扶持窑厂的通知（棠政办发〔2031〕12号）\n正文。", "棠政办发〔2031〕12号", ""),
        ("关于扶持窑厂的通知\n（2031年12月1日）\n正文。", "", "2031-12-01"),
        ("关于扶持窑厂的通知 各区县： 正文。 棠溪市商务局 2031年5月6日", "", "2031-05-06"),
        ("关于扶持窑厂的通知\n自2031年5月6日起施行，依据棠政发〔2030〕1号文件。", "", ""),
        ("关于扶持窑厂的通知\n正文。\n2031年13月40日", "", ""),
    ],
)  # fmt: skip
def test_a_document_says_its_number_and_date_itself(text: str, number: str, issued: str) -> None:
    document = make_document("d", text)
    assert (document.number, document.issued) == (number, issued)
