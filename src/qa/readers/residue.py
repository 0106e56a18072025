"""What a web page or an office system leaves in a text and no policy says: whole lines only."""

from __future__ import annotations

import re

_LONGEST = 60  # characters of such a line
_LINE = re.compile(
    r"[ \t\u3000\xa0【\[（(>＞|｜·•\-]*(?:"
    r"扫一扫(?:[，,：:]?(?:在|用|分享|关注|打开|手机|微信|二维码|进入|查看|下载|访问).{0,20})?"
    r"|.{0,6}(?:微信|手机)(?:扫一扫|扫码)(?:在|分享|关注|打开|查看|下载|访问|阅读).{0,16}|.{0,4}扫描?二维码(?:在|分享|关注|打开|查看|下载|访问|阅读).{0,16}|(?:微信|手机)扫一扫|用手机(?:打开|浏览|访问).{0,12}"
    r"|分享(?:到|至|本页|本文|按钮)?[：:]?(?:[ \t\u3000]*(?:微信|微博|新浪微博|QQ空间|QQ|朋友圈|更多|[|｜]))*"
    r"|(?:[ \t\u3000]*(?:打印(?:本页|本文|此页|页面)?|关闭(?:窗口|本页|页面)?|收藏(?:本页)?|返回(?:顶部|首页|列表|上一页)|复制链接|下载(?:文字版|PDF版?|图片版)|[|｜【】\[\]]))+"
    r"|[【\[]?(?:字体|字号)[：:]?(?:大小)?[ \t\u3000]*[\[【（(]?(?:[ \t\u3000|｜/]*[大中小])+[\]】）)]?(?:[ \t\u3000]*(?:打印(?:本页)?|关闭(?:窗口)?))*"
    r"|(?:浏览|阅读|点击|访问)(?:次数|量|数)?[：:][ \t]*[0-9,]*[ \t]*次?"
    r"|(?:上一篇|下一篇|上一条|下一条|上一页|下一页)(?:[：:].{0,50})?"
    r"|(?:[您你](?:的|现在)?(?:当前|所在)*(?:的)?位置|当前(?:所在)?位置)[：:].{0,50}"
    r"|[^。]{0,20}?(?:版权所有|Copyright|©).{0,40}|.{0,12}ICP备.{0,20}|.{0,10}公网安备.{0,24}|(?:政府)?网站标识码[：:]?.{0,20}"
    r"|\[if [^\]]{1,20}\].{0,10}|网站地图.{0,30}|无障碍(?:阅读|浏览)?|长者(?:模式|版|专区)|设为首页.{0,20}|加入收藏"
    r")[ \t\u3000\xa0】\])）<＜|｜]*",
    re.IGNORECASE,
)
_CERTAIN = re.compile(
    r"扫一扫|二维码|手机扫|微信扫|用手机(?:打开|浏览|访问)|分享|打印|关闭|返回|复制链接|字体|字号|位置|次数|阅读|浏览|点击|访问"
    r"|[上下]一[篇条页]|版权所有|Copyright|©|ICP备|公网安备|标识码|网站地图|无障碍|长者|设为首页|加入收藏|收藏|下载",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\n(?:[ \t\u3000\xa0]*\n){2,}")


def without_residue(text: str, *, tidy: bool = True) -> str:
    """``text`` without lines that are residue and nothing else; if ``tidy``, with at most one
    blank line between two others.

    >>> without_residue("一、支持参展。\\n扫一扫在手机打开当前页\\n\\n\\n\\n二、支持投保。")
    '一、支持参展。\\n\\n二、支持投保。'
    """
    kept = "\n".join(line for line in text.split("\n") if not is_residue(line))
    return _BLANKS.sub("\n\n", kept).strip("\n") if tidy else kept


def is_residue(line: str) -> bool:
    """Whether a line is residue of a web page."""
    line = line.strip()
    if not 1 < len(line) <= _LONGEST or not _CERTAIN.search(line):
        return False
    return bool(_LINE.fullmatch(line))
