"""How Chinese policy documents name the departments responsible for a clause."""

from __future__ import annotations

import re

from qa.languages.grammar import NoteGrammar, Role
from qa.languages.zh.script import both
from qa.layout import FILLER


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(both(words))


_KIND = "(?:责任)?(?:单位|部门|处室|科室|机构|机关|主体)"
_AREA = (
    "(?:自治[县州旗]|[市县区州旗盟]|开发区|新区|园区|功能区|管理区|乡镇|街道|[乡镇]"
    "|[（(〔\\[][^）)〕\\]]{1,12}[）)〕\\]])"
)
_UNFINISHED = _pattern(
    rf"^各?(?:有关|相关)?(?:地级以上|设区)?{_AREA}+(?:、{_AREA}+)*(?:党委|党工委)?$"
)
_ZONE = _pattern("开发区|新区|园区|功能区|管理区")
_PARTY = ("党委", "党工委")
_GOVERNMENT = _pattern("(?:人民)?政府$|管委会$")
_AREA_TAIL = _pattern(rf"{_AREA}+(?:两级)?(?:人民政府|政府|党委、?政府|管委会|管理委员会|党委)?$")
_ENDING = (
    "(?:[局委部厅办府会司室署社处院所联协县市州盟旗校队馆台团网]|海关|机关|集团|中心|小组|专班|单位|部门|机构|企业"
    "|银行|[分支总人央商]行|各地|地区|各区|[新城园辖治发市管]区|[^充加油]站|大学|学院|基金|日报|车务段"
    "|[街乡]镇|镇街|街道)"
)
_ORGANISATION = _pattern(rf"{_ENDING}(?:[（(〔].{{0,30}}[）)〕])?$|^各[^要应须将和与及]{{1,16}}$")
_SHARED = _pattern("[市县区州盟旗]?(?P<office>人民政府|政府|管委会|管理委员会)$")
_CITY = _pattern("[\u4e00-\u9fff]{2,4}[市县区州盟旗](?:人民)?政府$")
_OPEN_NAME = _pattern("(?:新区|开发区|高新区|经开区|园区|自治州|[市县]|^.{1,3}[区旗])$")
_SHORT = 4  # characters of the name of a city
_JOINT = _pattern("以及|会同|及|和|与|并")
_BARE = _pattern("(?:有关|相关|其他)?(?:单位|部门|机构|企业|政府|地区)$")


def divide(name: str) -> list[str]:
    """Take 市商务局和市财政局 apart, but not 市自然资源和规划局 nor 各有关部门和单位.

    >>> divide("国务院相关部门及各地区")
    ['国务院相关部门', '各地区']
    """
    parts: list[str] = []
    start = 0
    for joint in _JOINT.finditer(name):
        left, right = name[start : joint.start()], _JOINT.split(name[joint.end() :], maxsplit=1)[0]
        certain = joint.group() in ("会同", "以及") and not _BARE.match(right)
        if certain or (_whole(left) and (right.startswith("各") or _whole(right))):
            parts.append(left)
            start = joint.end()
    return [*parts, name[start:]]


def _whole(name: str) -> bool:
    """Whether half of a joined name is a name by itself."""
    return len(name) > 2 and bool(_ORGANISATION.search(name)) and not _BARE.match(name)


def belongs(name: str, following: str) -> bool:
    """Whether 、 between the two is inside one name, as in 各区、县（市）政府.

    A zone is beside the districts, not one of their kinds: 各县区、开发区管委会 are two.
    """
    if name.endswith(_PARTY):
        return bool(_GOVERNMENT.match(following))
    if _ZONE.match(following):
        return False
    return bool(_UNFINISHED.match(name) and _AREA_TAIL.match(following))


def complete(name: str, following: str) -> str:
    """The name with what it shares with the next: 广州 before 深圳市政府 is 广州市政府."""
    shared = _SHARED.search(following)
    if not shared or name.startswith("各") or following.startswith("各"):
        return name
    if _OPEN_NAME.search(name):
        return name + shared.group("office")
    named = not _ORGANISATION.search(name) or name.endswith("州")
    plain = len(name) <= _SHORT and named
    return name + shared.group() if plain and _CITY.match(following) else name


_LEVEL = "(?:[省市区县](?:级|直)|政策)?"
_LABELS: tuple[tuple[str, Role], ...] = (
    (rf"{_LEVEL}(?:总?牵头|主办|主责|第一责任|主要责任|主要负责|总负责|主管)(?:{_KIND})", "lead"),
    (
        rf"{_LEVEL}(?:责任|负责|对接|联系|咨询|受理|办理|审核|指导|服务|业务|主要|配合|协办|协同|协作|协助|参与|参加|承办|实施|落实|会办|支持|分工|成员|执行|"
        rf"配合责任|协同责任|共同责任|工作责任|任务落实|具体实施|组织实施|分工负责|其他责任){_KIND}"
        rf"(?:[和及与、](?:{_KIND}|.{{0,4}}{_KIND}))?|责任分工|任务分工|职责分工",
        "plain",
    ),
    ("牵头|主办", "lead"),
    ("配合|协办|参与|责任|落实", "plain"),
    (
        "(?:完成|办理|落实|推进|实施)?(?:时限|期限|时间|节点|进度)(?:要求|安排)?|责任(?:人|领导)|联系(?:人|方式)|"
        "(?:分管|牵头|市级)领导|备注|工作目标|目标|(?:政策|业务)?(?:咨询|联系|服务|办公|监督)(?:电话|热线)",
        "skip",
    ),
)

NOTES = NoteGrammar(
    labels=tuple((both(label), role) for label, role in _LABELS),
    copula="(?<=[位门室构])[为是]",
    told=_pattern(f"(?:负责|牵头|配合|参与|协助|协办|承办|实施|落实|推进){FILLER}?(?=[。.：])"),
    roles=_pattern(
        "(?:按照?|根据|依据?|依照)?(?:各自)?(?:职责|职能|任务|权限)?(?:范围|权限)?(?:和|及)?(?:分工|工作)?"
        "(?:共同|分别|具体|组织|统筹|协同|积极|依法|联合|等)*(?:"
        "(?P<lead>(?:负责)?(?:总?牵头|主办|主抓|主责)(?:负责|组织|实施|落实|推进|抓总|协调)*)"
        "|(?:组织)?(?:负责|配合|参与|参加|协助|协办|承办|落实|推进|支持|协同|实施|执行|会办)(?:落实|实施|推进|配合|做好)*)$"
        "|依法(?:办理|查处)$|(?:按|依|根据)照?(?:各自)?(?:职责|职能)(?:分工)?$"
    ),
    role_ends=frozenset(both("头办抓责实进总调合与加助持同施行好工能处理")) - {"[", "]"},
    turn=_pattern(
        "(?<=[局委部厅办府会行关司心])(?:总?牵头|主办)(?:负责|组织)?(?=[省市县区各国中人])"
    ),
    separators="、，,；;。.／/\n\t |｜",
    groups="，,；;。",
    stops="。",
    before=_pattern(
        "(?:(?:以上|上述)(?:各项|[两三四]项)?(?:工作|任务|措施|事项|内容|政策)?[，,]?(?=[由请])"
        "|由|请|会同(?!(?:有关|相关)(?:部门|单位|方面)$)|以及|和|与|及|并|同时|其中|具体)(?!平)"
    ),
    after=_pattern(
        "(?<![高平均])等(?:[\u4e00-\u9fff0-9]{0,12}?(?:部门|单位|机构|方面|成员|委办局|企业))?(?:和单位)?$"
        "|会同(?:有关|相关)(?:部门|单位|方面)$|[:：。，、*]$"
    ),
    remark=_pattern(
        "[（(〔〈\\[](?:(?P<lead>(?P<all>共同|联合|均为)?(?:总?牵头|主办|主责)(?:单位|部门)?)|(?:不?含|包括|以下|下同|负责|配合|参与|协办|排名|列|按).{0,60})[）)〕〉\\]]$"
    ),
    organisation=_ORGANISATION,
    collective=_pattern(
        "各|有关|相关|国务院(?:有关|相关)|(?:省|市|县|区)(?:直|级)?(?:有关|相关|各)"
    ),
    name_limit=45,
    noise=_pattern(
        "下同$|.{0,30}(?:完成|建成|到位|见效)$|(?:企业|单位|部门|机构|学校|政府|协会|商会|银行|社会)$|[^（(]{0,4}[0-9]{4}年|.{0,12}(?:底|月|日|年)前|(?:长期|持续|常态化?)(?:推进|坚持|实施)?$|(?:责任|牵头|配合|主办|协办|承办|主管|参与|实施)(?:单位|部门|处室|科室|机构)$|列|排|(?:以下|以上|上述|涉及|不再|均|带|标|加)|.{0,16}为.{0,4}(?:牵头|责任|主办)"
    ),
    section=_pattern(
        r"(?:^|(?<=[。；\n]))[ \t\u3000]{0,8}[（(]?(?:(?P<below>以下|下列|本章|本节|本部分)|(?P<above>以上|上述))"
        "(?:各项|各条|所有|全部|[0-9]{1,2}项|[二两三四五六七八九十]{1,3}项)?(?:重点)?(?:工作任务|任务|工作|措施|政策|事项|条款)"
        "[，,]?(?:均|全部|统一|都)?(?P<names>由[^。；：:\\n]{2,120}(?:负责|牵头|配合|参与|协助|落实|承担|实施|推进))"
        r"[）)]?(?=[。；\n]|$)"
    ),
    first_leads=_pattern(
        "(?:排|列|位|居|署|名)[^。；;）)\n]{0,8}(?:首|第一)[^。；;）)\n]{0,10}(?:牵头|主办|主要责任|主责|第一责任)"
        "|(?:首个|首位|第一个|第一家|首家)(?:责任)?(?:单位|部门)[^。；;）)\n]{0,8}(?:牵头|主办|主责)"
    ),
    first_group_leads=_pattern(
        '(?:逗号|[“"「]，[”"」])(?:之|以)?前[^。；;）)\n]{0,12}(?:牵头|主办|主责)'
    ),
    divide=divide,
    complete=complete,
    unfinished=_UNFINISHED,
    belongs=belongs,
)
