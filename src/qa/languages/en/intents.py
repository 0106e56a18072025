"""How people ask in English."""

from __future__ import annotations

import re

from qa.languages.intents import Intents

_END = r"[\s,.!?~]*$"
_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
NUMERALS = {
    word: value for words in (_ONES, _ORDINALS) for value, word in enumerate(words, start=1)
}
"""Spelled-out numbers of clauses."""

_UNIT = r"(?:clause|article|section|paragraph|measure|item|point)"

INTENTS = Intents(
    clause_reference=re.compile(
        rf"\b{_UNIT}s?\s*(?:no\.?|number|#)?\s*(\d+|{'|'.join(_ONES)})\b"
        rf"|\b(?:the\s+)?(\d+)(?:st|nd|rd|th)\s+{_UNIT}\b|\b({'|'.join(_ORDINALS)})\s+{_UNIT}\b"
    ),
    departments=re.compile(
        r"\b(which|what)\s+(\w+\s+)?(departments?|authorit(y|ies)|agenc(y|ies)|offices?|bureaus?|bod(y|ies)|institutions?|units?|ministr(y|ies))\b"
        r"|\bwho('s|\s+is|\s+are|\s+will\s+be)?\s+(\w+\s+){0,2}(responsible|in\s+charge|handl\w+|deals?|leads?|leading|runs?|running|manages?|managing|oversees?|supervis\w+)\b"
        r"|\bwho\s+(do|should|can|must|shall|to)\s+(i|we|one)?\s*(ask|contact|call|talk|speak|turn|approach|apply|go)\b|\bwhom\b|\bresponsible\s+(department|authority|body|bodies|unit|agency)\b"
    ),
    quantity=re.compile(
        r"\bhow\s+(much|many|long|soon|fast|quickly|often|big|high|large)\b|\bwhen\b|\bwhat\s+(is\s+the\s+)?(rate|percentage|share|amount|limit|deadline|target|number)\b|\b(rate|percent(age)?|deadline|days)\b"
    ),
    duties=re.compile(
        r"\bwhat\s+(does|do|is|are|will|would|should|can)\s+(the\s+)?.{2,60}?\s*(do|doing|handle|handling|cover|role|dut(y|ies)|tasks?|responsib\w+|in\s+charge|job)\b"
        r"|\b(role|dut(y|ies)|tasks?|responsibilit(y|ies)|jobs?)\s+(of|for|does|do)\b|\bresponsible\s+for\s+(what|which)\b|\b(what|which)\s+(clauses?|measures?|articles?|parts?|things?)\b.{0,40}\b(involve|name|mention|concern|assign|belong|handled|fall|responsible|cover)\w*"
    ),
    continues=re.compile(
        r"^(and|but|so|also|then|what\s+about|how\s+about|ok(ay)?,?\s+(and|but|so)|what\s+if|in\s+that\s+case|for\s+\w+)\b|\b(it|that|this|those|these|they|them)\b"
    ),
    more=re.compile(
        r"\b(more|further)\s+(details?|information|info)\b|\btell\s+me\s+more\b|\b(go|carry)\s+on\b|\bcontinue\b|\bfull\s+text\b|\bin\s+(more\s+)?detail\b|\belaborate\b|\bexplain\b|^\s*more\W*$"
    ),
    small_talk={
        "greeting": re.compile(
            rf"^(hi|hello|hey|hiya|greetings|good\s+(morning|afternoon|evening|day)|yo)(\s+(there|all|everyone|everybody|team|bot|friend))?(,?\s*(is\s+any(body|one)\s+(here|there)|are\s+you\s+(here|there)|how\s+are\s+you|how's\s+it\s+going|what's\s+up)(\s+(today|doing))?)?{_END}|^(how\s+are\s+you|how\s+do\s+you\s+do|what's\s+up|is\s+anyone\s+there|anybody\s+there|are\s+you\s+there)(\s+(today|doing))?{_END}"
        ),
        "thanks": re.compile(
            rf"^(ok(ay)?|great|perfect|cool|nice|got\s+it|i\s+see|understood|alright|all\s+right|fine|super|awesome|very\s+good|good)?[,.!\s]*(thanks|thank\s+you|thx|ty|cheers|much\s+appreciated|got\s+it|ok(ay)?|great|perfect)(\s+(a\s+lot|so\s+much|very\s+much|again|you|for\s+(the|your)\s+(help|answer|time|info|information)|[,.!]|that's\s+all|that\s+helps|that\s+is\s+all|(that|this|it|you)('s|'re|\s+was|\s+is|\s+were|\s+are)\s+((very|really|so|most)\s+)?(helpful|great|useful|kind|clear|good)))*{_END}"
        ),
        "bye": re.compile(
            rf"^(bye|goodbye|bye\s+bye|see\s+(you|ya)(\s+\w+)?|farewell|good\s+night|take\s+care|have\s+a\s+(nice|good|great)\s+\w+){_END}"
        ),
        "identity": re.compile(
            r"\b(who|what)\s+are\s+you\b(?!\s+\w+ing\b)|\bwho\s+(made|built|created|wrote|trained|programmed)\s+you\b|\bwhat('s|\s+is)\s+your\s+(name|model|purpose|favou?rite)\b|\bare\s+you\s+(an?\s+)?(real|human|robot|bot|ai|chatgpt|gpt|person|machine)\b|\bwhat\s+can\s+you\s+(do|help(\s+(me|us))?)(\s+with|\s+for\s+(me|us))?[\s,.!?~]*$|\bhow\s+old\s+are\s+you\b|\bdo\s+you\s+(love|like|have\s+feelings|sleep|dream)\b"
        ),
        "instructions": re.compile(
            r"\b(ignore|disregard|forget)\b.{0,30}\b(instructions?|prompts?|rules?|guidelines?|guardrails?|restrictions?|everything\s+above|above)\b|\b(override|bypass|skip)\b.{0,12}\b(all|any|previous|prior|above|your)\b.{0,20}\b(instructions?|prompts?|rules?|guidelines?|guardrails?|restrictions?)\b|\b(system|hidden|initial)\s+prompts?\b|\b(pretend|role-?play)\s+(to\s+be|as|that|like)\b|(^|[.!?;:,]\s*|\b(please|now|you|you\s+must|you\s+will)\s+)act\s+(as|like)\b|\byou\s+are\s+now\b|\bfrom\s+now\s+on,?\s+you\b|\bjailbreak\b|\bdeveloper\s+mode\b|<\s*script|\bdrop\s+table\b|\bselect\s+\*\s+from\b|\bunion\s+select\b|\breveal\s+your\b"
        ),
        "chat": re.compile(
            rf"\b(tell|know)\b.{{0,12}}\b(joke|story|jokes|stories|riddle)\b|\b(sing|write|compose)\s+(me\s+|us\s+)?(an?|some)\s+(\w+\s+)?(song|poem|haiku|essay|code|email)\b|\bi\s+(love|hate|miss)\s+you\b|\byou('re|\s+are)\s+(so\s+|very\s+)?(smart|stupid|funny|cute|awesome|great|useless|amazing|dumb)\b|^(lol|haha+|hehe+|wow|hmm+|test(ing)?)(\s+(lol|haha+|1\s*2\s*3|one\s+two\s+three))?{_END}|\bi('m|\s+am)\s+(so\s+)?(bored|tired|sad|hungry|happy)\b"
        ),
    },
    generic=re.compile(
        r"\b(please|kindly|hello|hi|thanks|tell|me|us|we|i|you|know|want|need|like|would|could|can|may|should|shall|will|do|does|did|is|are|was|were|be|been|am|has|have|had|a|an|the|this|that|these|those|it|its|they|them|their|our|my|your|his|her|in|on|of|for|to|at|by|with|from|about|under|into|as|and|or|but|so|if|then|also|too|there|here"
        r"|which|what|who|whom|whose|how|when|where|why|departments?|authority|authorities|agency|agencies|offices?|bureaus?|body|bodies|units?|responsible|responsibility|responsibilities|charge|handles?|handled|handling|deals?|dealing|duty|duties|role|tasks?|job|contact|ask|apply|go|going"
        r"|polic(y|ies)|measures?|clauses?|articles?|sections?|documents?|rules?|provisions?|details?|information|info|more|further|full|text|say|says|said|mean|means|explain|elaborate|continue|part|parts|things?|something|anything|everything|all|any|some|other|no|not|yes|ok|okay|weihai|city|municipal|government|company|companies|firms?|enterprises?|business|case|one|ones)\b"
    ),
)
