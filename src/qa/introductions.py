"""The names by which people introduce themselves, found where a text says that they are names.

    我叫王小明…   姓名：张三   my name is John Smith   저는 김철수입니다   성명: 김철수

Conservative: companies, departments, places and offices stay. So does who says no more than what
they are (我是…, "I am …"), for a role stands there as often as a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# --- Chinese

_SURNAMES_ZH = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖萧田董潘袁蔡蒋余于杜叶程魏苏吕"
    "丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫阎雷段龙黎史陶贺毛郝顾龚邵万覃武钱"
    "戴严莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯"
    "纪梅童凌毕单季裴霍涂成苗谷曲盛冉翁蓝骆路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪"
    "简车项连芦麦褚娄窦戚岑党宫费卜冷晏席卫米柏宗瞿桂佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛"
    "仲虞敖巩明佘池查麻苑迟邝"
)
_COMPOUND_ZH = "欧阳|上官|司马|诸葛|司徒|东方|独孤|南宫|夏侯|皇甫|尉迟|公孙|慕容|令狐|长孙|宇文|端木|轩辕|申屠|呼延"
_HAN = r"[\u4e00-\u9fff]"
_NAME_ZH = rf"(?:(?:{_COMPOUND_ZH}){_HAN}{{1,2}}?|[{_SURNAMES_ZH}]{_HAN}{{1,2}}?|{_HAN}{{1,8}}·{_HAN}{{1,8}})"
_AFTER_ZH = r"(?=$|[^\u4e00-\u9fff·]|想|要|请|咨|问|来自|在|是|的|电话|手机|联系|身份|性别|住|今年|今天|我|现)"
_WESTERN = r"[A-Z][a-zA-Z'’-]+(?: [A-Z][a-zA-Z'’-]+){0,3}"
_INTRODUCED_ZH = re.compile(
    r"(?:(?:我|本人)的?(?:(?:名字|姓名|全名)(?:叫做?|是|为)?|就?叫做?|名叫)"
    r"|(?<!公司)(?<!企业)(?<!单位)(?<!产品)姓名(?:是|为)?"
    r"|联系人|经办人|申请人|负责人|法定代表人|法人代表|收件人|来电人|咨询人|办税员)"
    rf"(?:\s{{0,3}}[:：]\s{{0,3}}| ?)({_NAME_ZH}{_AFTER_ZH}|{_WESTERN})"
)
_WITH_COLON = re.compile(r"(?:人|代表|员|姓名)\s{0,3}[:：]|我|本人|姓名(?:是|为)")
"""What a form asks for is followed by a colon; without one it is a word of a sentence."""
_OFFICES_ZH = re.compile(
    r"(?:局|部|处|科|厅|署|办|委|厂|省|市|县|区|镇|乡|企|司|行|店|社|站|中心|所|院|税|费|款|证|表|业|户)\Z"
)

# --- Korean

_SURNAMES_KO = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함"
    "변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국은편용"
)
_NAME_KO = rf"(?:(?:남궁|황보|제갈|선우|독고|사공)[가-힣]{{1,2}}|[{_SURNAMES_KO}][가-힣]{{2}})"
_AFTER_KO = r"(?=$|[^가-힣]|입니다|이라고|라고|이고|이며|인데|이에요|예요|님|씨)"
_INTRODUCED_KO = re.compile(
    r"(?:(?<!회사 )(?<!업체 )(?<!기업 )(?<!제품 )(?<!파일 )(?<!문서 )(?<!정책 )(?<!사업 )(?<!기관 )(?<!부서 )"
    r"(?:이름|성명|성함|본명)(?:은|이)?\s{0,2}[:：]?\s{0,2}"
    r"|(?:담당자|신청인|신청자|예금주|대표자|문의자|연락인)\s{0,2}[:：]\s{0,2}"
    rf"|(?<![가-힣])(?:저는|나는|제가)\s{{1,2}}(?={_NAME_KO}(?:입니다|이라고|라고|이에요|예요|인데|이고)))"
    rf"({_NAME_KO}){_AFTER_KO}"
)
_PLACES_KO = re.compile(r"[도시군구족국]\Z")

# --- English

_WORD_EN = r"(?:[A-Z]\.|(?!I\b)[A-Z][\w'’-]+)"
_CAPITALS = rf"(?:(?:Mr|Mrs|Ms|Miss|Dr)\.? )?{_WORD_EN}(?: (?:{_WORD_EN}|van|de|der|bin|al)){{0,3}}"
_INTRODUCED_EN = re.compile(
    r"(?:\b[Mm][Yy] (?:full |own )?[Nn]ame(?: is|['’]s|:)|\b[Ii](?: a|['’])m called"
    r"|\b(?:[Ii](?: a|['’])m|[Tt]his is)(?= (?:Mr|Mrs|Ms|Miss|Dr)\b)"
    r"|(?:^|[\n,;(])[ \t]{0,3}(?:[Ff]ull |[Cc]ontact |[Aa]pplicant )?[Nn]ame ?[:：])"
    rf" ?({_CAPITALS}|[a-z][a-z'’-]+(?: [a-z][a-z'’-]+){{0,2}}?(?=$|[,.;!\n]| and i\b| from\b| i\b| i['’]m\b))"
)
_NO_NAME_EN = re.compile(
    r"\b(?:not|on|in|at|of|the|a|an|to|as|is|no|wrong|misspell?ed|misspelt|spell?ed|spelt|written|missing|"
    r"incorrect|different|changed|listed|registered|printed|also|already|still|too|unknown|confidential)\b"
    r"|\b(?:Ltd|Limited|Co|Inc|Company|Corp|Corporation|LLC|Group|Bureau|Trading|University|Bank|Ministry|"
    r"Office|Policy|Import|Export|Department|Commission|Committee|Notice|Measures|Plan|Technology|Industr\w+|"
    r"Logistics|Association|Authority|Factory|Zone|City|Province)\b"
)
_COMPANY_EN = re.compile(r",? (?:Co|Ltd|Limited|Inc|LLC|Corp|Company|Bureau|Group)\b")


def names(text: str) -> list[tuple[int, int]]:
    """Where names stand by which somebody is introduced: (start, end), in order."""
    return sorted({*_chinese(text), *_korean(text), *_english(text)})


def _chinese(text: str) -> Iterator[tuple[int, int]]:
    for match in _INTRODUCED_ZH.finditer(text):
        cue = text[match.start() : match.start(1)]
        if _WITH_COLON.search(cue) and not _OFFICES_ZH.search(match.group(1)):
            yield match.span(1)


def _korean(text: str) -> Iterator[tuple[int, int]]:
    for match in _INTRODUCED_KO.finditer(text):
        from qa.languages.ko.segment import is_proper

        if not _PLACES_KO.search(match.group(1)) and is_proper(match.group(1)):
            yield match.span(1)


def _english(text: str) -> Iterator[tuple[int, int]]:
    for match in _INTRODUCED_EN.finditer(text):
        company = _COMPANY_EN.match(text, match.end())
        if not company and not _NO_NAME_EN.search(match.group(1)):
            yield match.span(1)
