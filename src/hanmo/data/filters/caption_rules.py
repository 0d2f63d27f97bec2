"""Captions that describe nothing: refusals, boilerplate, names of files (report section 3.2, stage 3, invalid caption).

A rule is a name and a pure function of the text, for English and Chinese together. What stands between quotation
marks is what the picture says and not what the caption says of itself, so the rules on wording do not see it: a sign
that reads "Sorry, I cannot come" is a good caption. Rules look for forms, not for meaning: a refusal in words that
nobody foresaw, a caption of another picture, or a sentence that is grammatical nonsense pass. They are tuned on the
captions of `tests/caption_table.txt`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from hanmo.data.filters.scripts import HAN, units_of


def _one_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_QUOTED = _one_of(
    r"\"[^\"\n]{1,300}\"",
    r"“[^”\n]{1,300}”",
    r"„[^“”\n]{1,300}[“”]",
    r"«[^»\n]{1,300}»",
    r"(?<!\w)'[^'\n]{1,300}'(?!\w)",
    r"‘[^’\n]{1,300}’(?!\w)",
    r"「[^」\n]{1,300}」",
    r"『[^』\n]{1,300}』",
    r"《[^》\n]{1,300}》",
)
_LONGEST = 4000
"""Characters that are looked at; some patterns take time as the square of them."""

_PICTURE = r"(?:images?|pictures?|photos?|photographs?|pics?|previews?|thumbnails?|graphics?|screenshots?)"
_PICTURE_ZH = r"(?:图片|图像|照片|图|相片|预览|缩略图|封面)"

# --- refusals ---------------------------------------------------------------------------------------

_CANNOT = (
    r"(?:can(?:no|['’])?t|can not|could(?: no|n['’])t|won['’]t|will not"
    r"|(?:am|['’]m|are|['’]re|be)(?: \w+)? (?:un|not )able)"
)
_REGRET = r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|regret)\b"
_REFUSAL = _one_of(
    rf"{_REGRET}[^.!?]{{0,40}}\b(?:i|we)(?: |['’])[^.!?]{{0,20}}?(?:{_CANNOT}|\bnot\b)",
    rf"(?:^|[.!?;,]\s*|\bbut )(?:i|we)\b[^.!?,]{{0,12}}?\W?{_CANNOT}\b(?! help but)",
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model|(?:text|llm)\S* (?:model|assistant))\b"
    r"[^.!?\n]{0,40}\b(?:i|my)\b",
    r"\bi(?:['’]m| am) (?:just |only )?an? (?:ai|(?:large )?language|text)\S*\b",
    r"\bi (?:don['’]?t|do not) (?:see|have)\b[^.!?]{0,30}\b(?:image|picture|photo|ability|access)",
    rf"\b(?:no|not any) {_PICTURE}\b[^.!?]{{0,20}}\b(?:provided|uploaded|attached|shared|included)",
    r"\b(?:upload|provide|attach|share|send)\b[^.!?]{0,20}\b(?:image|picture|photo)\b[^.!?]{0,40}\b(?:i|me)\b",
    rf"\b{_PICTURE} (?:that )?you(?:['’]ve| have)? (?:provided|uploaded|shared|sent|attached)",
    r"against my (?:guidelines|polic|programming)",
)
_MODEL_ZH = r"(?:一[个名款])?(?:人工智能|AI|大?语言模型|大模型|文本模型|智能助手)"
_REFUSAL_ZH = _one_of(
    r"(?:抱歉|对不起|很遗憾|不好意思|恐怕)[^。！？]{0,6}我们?[^。！？]{0,8}?"
    r"(?:无法|不能|没有?办法|不可以|帮不|做不到|不便)",
    r"(?:^|[。！？，,；;]\s*|因此|所以)我(?:们)?"
    r"(?:无法|不能|没有?办法|帮不|做不到|看不到|没有看到|没看到|未看到|没有直接)",
    rf"作为{_MODEL_ZH}[^。！？]{{0,12}}我",
    rf"我(?:只)?是{_MODEL_ZH}",
    rf"(?:没有|未)(?:提供|上传|附上|收到|看到)(?:任何)?{_PICTURE_ZH}",
    rf"请(?:您)?(?:提供|上传|发送|分享){_PICTURE_ZH}",
    rf"您(?:所)?(?:提供|上传|发送|附上)的{_PICTURE_ZH}",
    r"违反了?我的|无法完成(?:该|您的|此)请求",
)


def _refuses(text: str) -> bool:
    return bool(_REFUSAL.search(text) or _REFUSAL_ZH.search(text))


# --- captions that say that there is none -----------------------------------------------------------

_GONE = (
    r"(?:is |are |was |has been |have been |could |can |can['’]t |cannot |not |currently |no longer |be |temporarily )*"
    r"(?:un)?(?:available|found|removed|deleted|loaded|displayed|missing|coming soon|exist)"
)
_NOTHING = rf"(?:{_PICTURE}|description|caption|alt text|title|text)"
_UNAVAILABLE = _one_of(
    r"(?:(?:sorry|error|oops)\W*)?(?:(?:the|this|failed to load|no|missing)\s+)?"
    rf"(?:{_PICTURE}|descriptions?|captions?|alt(?:ernative)? text)\s+{_GONE}(?: (?:at this time|yet|here|now))?",
    rf"(?:no|missing|without) {_NOTHING}(?: available| provided| given| yet)?",
    rf"(?:error\W*)?failed to load(?: the| this)? {_PICTURE}",
    r"(?:error )?40[34](?: (?:error|not found|forbidden|page not found))?",
    r"n/?a|nan|null|none|nil|undefined|unknown|untitled(?:[-_ ]?\d+)?|blank|empty|test|todo|tbd|loading",
    rf"removed|deleted|{_PICTURE}|caption|description|image description|alt text|placeholder(?: image)?",
)
_UNAVAILABLE_ZH = _one_of(
    rf"(?:该|此|本|这张)?(?:{_PICTURE_ZH}|内容|描述|说明|页面|文件)(?:已(?:被)?|暂时?|目前|未能|无法|不|加载|尚)*"
    r"(?:删除|移除|失效|过期|不可用|可用|显示|存在|失败|加载|找到|未找到|丢失)",
    rf"(?:暂时?|目前)?(?:没有|无|未有|缺少)(?:任何)?{_PICTURE_ZH}?(?:的)?"
    r"(?:描述|说明|简介|标题|文字|内容|介绍|题注|图片|图像|照片|预览|封面)?",
    rf"未命名(?:[-_ ]?\d+)?|空白?|加载中|正在加载|未知|待补充|测试|{_PICTURE_ZH}|描述|说明|标题",
    r"请在微信客户端打开|(?:此|该|本)?图片来自[^。]{0,12}未经允许不可引用",
)


def _is_unavailable(text: str) -> bool:
    bare = _bare(text)
    return bool(_UNAVAILABLE.fullmatch(bare) or _UNAVAILABLE_ZH.fullmatch(bare))


# --- addresses and names of files -------------------------------------------------------------------

_ADDRESS = re.compile(r"(?:https?://|ftp://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)
_EXTENSION = r"(?:jpe?g|png|gif|webp|bmp|tiff?|heic|avif|svg|psd|nef|cr2|cr3|arw|dng|raw|mp4|mov|pdf)"
_CAMERA = (
    r"(?:(?:img|image|dsc[nf]?|pxl|mvimg|vid|mov|p|dji|gopr|wp|sam|cimg|imag|kimg|hpim|pict|scan|photo|pic|picture|wa"
    r"|mmexport|screen ?shots?|screenshot_?|beautyplus|snapchat|received|fb_?img|照片|屏幕截图|屏幕快照|未命名|图像"
    r"|(?:微信|qq|tim)?(?:图片|截图|截屏))"
    r"[-_ ]*(?:at|[-_ .:()\d]|wa|am|pm|上午|下午|img)*\d(?:[-_ .:()\d]|wa|am|pm|burst|edit|copy|~)*)"
)
_FILE = _one_of(
    rf"{_CAMERA}(?:\.{_EXTENSION})?",
    rf"[^\s/。，！？]{{1,80}}\.{_EXTENSION}",
    rf"[\w()-]+(?: [\w()-]+){{0,5}}\.{_EXTENSION}",
    r"(?=\S*\d)(?=\S*[a-f])[0-9a-f]{16,64}",
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
)


def _is_address(text: str) -> bool:
    """Whether an address is there and hardly anything else."""
    rest = _ADDRESS.sub(" ", text)
    return rest != text and units_of(rest).letters < 3


def _is_file_name(text: str) -> bool:
    return bool(_FILE.fullmatch(text.strip().strip("\"'[]()")))


# --- repetition and gibberish -----------------------------------------------------------------------

_UNIT = re.compile(rf"[{HAN}]|[^\W_](?:[^\W_]|['’])*")
_LOOP = 4
"""Times that a phrase follows itself: children and poets say things three times."""


def _repeats(text: str) -> bool:
    """Whether a phrase of 1 to 12 units follows itself over and over, or one character does."""
    if re.search(r"([^\W\d_])\1{7,}", text):
        return True
    units = [unit.lower() for unit in _UNIT.findall(text)]
    for length in range(1, min(12, len(units) // _LOOP) + 1):
        run = 0
        for before, after in zip(units, units[length:], strict=False):
            run = run + 1 if before == after else 0
            if run >= length * (_LOOP - 1) and (length > 1 or run >= _LOOP):
                return True
    return False


_MOJIBAKE = _one_of(
    "\ufffd",
    "Ã[\u0080-\u00bf]",
    "â€|ï¿½|锟斤拷|烫烫烫|屯屯屯",
    "[äåçèéæ][\u0080-\u00bf\u2018-\u203a\u20ac\u0152-\u017e]",  # a Chinese character's three bytes as Latin
)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _is_gibberish(text: str) -> bool:
    """No words at all, wrongly decoded bytes, or mostly words that no mouth could say."""
    units = units_of(text)
    if not units.letters or _MOJIBAKE.search(text):
        return True
    words = [word.lower() for word in re.findall(r"[A-Za-z]{4,}", text)]
    odd = sum(len(word) for word in words if _unsayable(word))
    return bool(words) and units.english >= units.letters / 2 and 2 * odd > sum(map(len, words)) and odd >= 8


def _unsayable(word: str) -> bool:
    return not re.search("[aeiouy]", word) or bool(re.search("[^aeiouy]{7}", word)) or any(word in row for row in _ROWS)


# --- what belongs to a page, a program or a prompt ---------------------------------------------------

_MARKUP = _one_of(
    r"</?(?:p|div|span|a|img|br|b|i|li|ul|td|tr|table|h\d|strong|em)\b[^>]{0,200}>",
    r"&(?:nbsp|lt|gt|amp|quot|#\d+);",
    r"!\[[^\]]*\]\(",
    r"(?:\\u[0-9a-f]{4}){2}",
    r"^\s*[{\[]\s*\"[^\"]{1,30}\"\s*:",
    r"[\[【{<](?:insert|your|add|在此|此处|请)[^\]】}>]{0,40}[\]】}>]",
    r"\{\{?\w+\}?\}",
    r"lorem ipsum",
)
_ECHO = _one_of(
    r"<\|?(?:image|im_start|im_end|endoftext|img|s|vision_start)\|?>|\[/?inst\]",
    r"^\W*(?:user|assistant|system|human|bot|gpt|caption|prompt|output|answer|用户|助手|系统|回答|问题)\s*[:：]",
    r"^\W*(?:please |kindly )?(?:describe|caption|explain|summari[sz]e) (?:what|the|this|these|following|in)\b"
    rf"[^.?!]{{0,60}}\b(?:{_PICTURE}|see)\b",
    r"^\W*(?:(?:sure|certainly|of course|okay|absolutely|great)\b[^a-z]{0,4})?here(?:['’]s| is| are)\b"
    r"[^.:]{0,60}\b(?:captions?|descriptions?)\b[^.:]{0,40}(?::|$)",
    r"^\W*(?:sure|certainly|of course)[!,] ",
    r"^\W*请?(?:您|你|帮我)?(?:用[^。]{0,8})?(?:详细|简要|简单)?地?描述(?:一下|下)?[^。]{0,16}"
    r"(?:图片|图像|照片|[这该此][张幅]图|图[中里])[^。]{0,14}(?:[。：:？?]|$)",
    rf"^\W*(?:好的|当然|没问题)?\W{{0,2}}(?:以下|这|下面)(?:就?是)[^。：:]{{0,12}}{_PICTURE_ZH}?[^。：:]{{0,6}}"
    r"(?:描述|说明|标题|介绍)[^。：:]{0,4}[：:]",
    r"图片里有什么",
)
_BOILERPLATE = _one_of(
    rf"(?:click|tap|press)(?: here| on)?(?: (?:the |this )?{_PICTURE})?(?: here)? (?:to|for)[^.,]{{0,40}}",
    r"all rights reserved|(?:copyright (?=©|\(c\)|\d|by)|©|\(c\))[^.,。]{0,40}",
    r"buy now|add to cart|free shipping|read more|see more|learn more|sign up|log ?in|subscribe(?: now)?",
    r"share (?:on|this)[^.,]{0,30}|follow us[^.,]{0,30}|image credit[^.]{0,40}",
    rf"(?:点击|点按|长按|扫码|扫描)[^。！]{{0,6}}(?:{_PICTURE_ZH}|二维码|此处|这里|链接)?"
    r"(?:查看|放大|关注|识别|下载|打开|进入|加)[^。！]{0,14}",
    r"版权所有|转载请[^。]{0,12}|未经[^。]{0,8}(?:禁止|不得|不可)[^。]{0,6}|翻版必究",
    r"关注(?:我们|公众号)[^。]{0,8}|阅读原文|查看原图|更多精彩[^。]{0,8}",
)


def _is_boilerplate(text: str) -> bool:
    """Whether set phrases of web pages are there and hardly anything else."""
    rest = _BOILERPLATE.sub(" ", text)
    return rest != text and units_of(rest).letters < 3


# --- all of them ------------------------------------------------------------------------------------

_SAYS: dict[str, Callable[[str], bool]] = {
    "refusal": _refuses,
    "boilerplate": _is_boilerplate,
}
"""Rules on wording: they see the text without what it quotes."""

_IS: dict[str, Callable[[str], bool]] = {
    "unavailable": _is_unavailable,
    "address": _is_address,
    "file_name": _is_file_name,
    "repetition": _repeats,
    "gibberish": _is_gibberish,
    "markup": lambda text: bool(_MARKUP.search(text)),
    "echo": lambda text: bool(_ECHO.search(text)),
}
"""Rules on form: they see the whole text."""

_ENOUGH = 12
"""Units from which a text's script says something about its language; names and brands are shorter."""

RULES: tuple[str, ...] = (*_SAYS, *_IS, "wrong_language")


def broken_rules(text: str, language: str = "und") -> tuple[str, ...]:
    """The names of the rules that a caption breaks, in the order of `RULES`; () for a valid one.

    Args:
        text: a caption.
        language: what it is said to be written in, as a language tag; only "en" and "zh" are checked.
    """
    text = unicodedata.normalize("NFC", text[:_LONGEST]).strip()
    spoken = _QUOTED.sub(" ", text)
    found = [name for name, rule in _SAYS.items() if rule(spoken)]
    found += [name for name, rule in _IS.items() if rule(text)]
    return (*found, "wrong_language") if _in_another_language(text, language) else tuple(found)


def _in_another_language(text: str, language: str) -> bool:
    units = units_of(_QUOTED.sub(" ", text))
    if units.letters < _ENOUGH:
        return False
    match language.lower().partition("-")[0]:
        case "zh":
            return units.share("chinese") < 0.2  # Chinese captions are full of names in Latin letters
        case "en":
            return units.share("english") < 0.5
    return False


def _bare(text: str) -> str:
    """Without the brackets, dots and spaces around it."""
    return " ".join(text.split()).strip(" .。…!！?？[]()（）【】<>-—_*\"'“”")
