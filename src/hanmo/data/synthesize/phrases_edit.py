"""How people ask for a change of a card, in English and Chinese: the patterns of training instructions.

`{Q}` is the new text, `{O}` the old one, `{new}` and `{old}` are colours, `{tail}` an afterthought, `{lead}`
how the request begins. Patterns of "color" and "background" may quote the text, which stays, as `{Q}`.
No sentence of `held_out.py` may come out of these. See `grammar.py` for the notation.
"""

from __future__ import annotations

LEAD_EN = "[|||||||please |please |can you |could you |now |i want you to |let's |just |you should |kindly ]"
LEAD_ZH = "[|||||||请|请|请你|帮我|麻烦|能不能|可以|现在|给我|请帮我]"
TAIL_EN = {
    "text": (
        "[||||||||, keep the rest|, keep everything else|, keep the colors|, same colors"
        "|, leave the background alone| and keep the style| and change nothing else|, please|, thanks"
        "|, same background|, in the same style]"
    ),
    "color": (
        "[||||||||, keep the rest|, keep the text|, keep the background|, same background"
        "| and change nothing else|, leave the background alone|, please|, thanks|, nothing else]"
    ),
    "background": (
        "[||||||||, keep the rest|, keep the text|, keep the letters|, same text| and change nothing else"
        "|, leave the text alone|, please|, thanks|, nothing else]"
    ),
}
TAIL_ZH = {
    "text": (
        "[||||||||，其他不变|，颜色不变|，背景不变|，其余保持不变|，别的不要动|，保持原来的样式|，谢谢|，样式不变]"
    ),
    "color": "[||||||||，其他不变|，背景不变|，内容不变|，其余保持不变|，别的不要动|，谢谢|，文字内容不变]",
    "background": ("[||||||||，其他不变|，文字不变|，内容不变|，其余保持不变|，别的不要动|，谢谢|，字的颜色不变]"),
}

_THING = "[card|card|sign|poster|label|picture|image|banner|board]"
_WORDS = "[text|text|word|words|letters|lettering|writing|title|caption|message]"
_LETTERS = "[letters|text|lettering|writing|word|words|characters|type]"
_SURFACE = "[area|space|surface|part|paper|wall|field|color|background]"
_GROUND = "[background|background|ground|background color|background colour]"

ENGLISH: dict[str, tuple[str, ...]] = {
    "text": (
        f"{{lead}}[change|edit|update|modify|set|switch|turn] the {_WORDS} [to|into] {{Q}}{{tail}}",
        f"{{lead}}[change|edit|update|modify|set|switch] the {_WORDS} on the {_THING} to {{Q}}{{tail}}",
        f"{{lead}}[change|edit|update|modify|switch] the {_WORDS} from {{O}} [to|into] {{Q}}{{tail}}",
        "{lead}[change|edit|modify|turn|rewrite|switch] [the word |the text |]{O} [to|into] {Q}{tail}",
        "{lead}[replace|exchange] [the word |the text |the letters |]{O} [with|by] {Q}{tail}",
        f"{{lead}}replace the {_WORDS} [with|by] {{Q}}{{tail}}",
        f"{{lead}}replace the {_WORDS} on the {_THING} with {{Q}}{{tail}}",
        "{lead}make it [say|read|show] {Q}{tail}",
        f"{{lead}}make the {_THING} [say|read|show] {{Q}}{{tail}}",
        "{lead}make it [say|read] {Q} instead of {O}{tail}",
        f"{{lead}}[write|put|print] {{Q}} on the {_THING}[ instead|]{{tail}}",
        "{lead}[write|put|print|use] {Q} instead of {O}{tail}",
        "{lead}[write|put|print] {Q} instead{tail}",
        "{lead}[write|put|print] {Q} in place of {O}{tail}",
        f"the {_THING} should [say|read|show] {{Q}}{{tail}}",
        f"the {_WORDS} should [be|read|say] {{Q}}{{tail}}",
        f"the {_WORDS} should be {{Q}} [instead of|and not|rather than] {{O}}{{tail}}",
        "instead of {O}[,|] [write|put|print] {Q}{tail}",
        "[not|no longer] {O} but {Q}{tail}",
        "{O} [should become|becomes|is now|must become] {Q}{tail}",
        "{O} -> {Q}",
        "[new text|text|new title|change to]: {Q}{tail}",
        "{lead}[delete|remove|cross out] {O} and [write|put|print] {Q}{tail}",
        f"{{lead}}[delete|remove] the {_WORDS} and [write|put] {{Q}} [there|in its place|instead]{{tail}}",
        f"{{lead}}rewrite the {_WORDS} [as|to say|so that it reads|to read] {{Q}}{{tail}}",
        f"{{lead}}edit the {_THING} so that it [says|reads|shows] {{Q}}{{tail}}",
        "{Q} instead of {O}{tail}",
        f"{{Q}} should be on the {_THING}[ now| instead|]{{tail}}",
        "let it [say|read] {Q}{tail}",
        f"[i want|i would like|i'd like|i need] the {_WORDS} to [be|say|read] {{Q}}{{tail}}",
        f"[i want|i would like|we need] {{Q}} on the {_THING}[ instead of {{O}}|]{{tail}}",
        f"keep the {_THING} but [change|set] the {_WORDS} to {{Q}}",
    ),
    "color": (
        f"{{lead}}[make|turn|paint|color|colour|dye] the {_LETTERS} [in |]{{new}}{{tail}}",
        f"{{lead}}[change|turn|set|switch] the {_LETTERS} [to|into] {{new}}{{tail}}",
        f"{{lead}}[change|set|switch|turn] the [color|colour] of the {_LETTERS} to {{new}}{{tail}}",
        "{lead}[change|set|switch|update] the [text|letter|font|word] [color|colour] to {new}{tail}",
        "{lead}[change|switch|turn] the [text|letter|font] [color|colour] from {old} to {new}{tail}",
        f"{{lead}}[change|turn] the {{old}} {_LETTERS} [to|into] {{new}}{{tail}}",
        f"{{lead}}make the {{old}} {_LETTERS} {{new}}{{tail}}",
        f"{{lead}}[recolor|recolour|repaint] the {_LETTERS} [in|to|as] {{new}}{{tail}}",
        "{lead}[use|choose|take] {new} [letters|text|lettering]{tail}",
        f"{{lead}}use {{new}} for the {_LETTERS}[ instead of {{old}}|]{{tail}}",
        f"{{lead}}[write|print|paint] the {_LETTERS} in {{new}}{{tail}}",
        "{lead}[write|print|paint] {Q} in {new}{tail}",
        "{lead}[make|turn|paint|color] {Q} {new}{tail}",
        "{lead}[make|turn|paint] the [word|text] {Q} {new}{tail}",
        "{lead}[change|set|switch] the [color|colour] of {Q} to {new}{tail}",
        f"the {_LETTERS} should be {{new}}[ instead of {{old}}|]{{tail}}",
        f"the {_LETTERS} must be [in |]{{new}}{{tail}}",
        f"[i want|i would like|i'd like|i need] the {_LETTERS} in {{new}}{{tail}}",
        "[i want|i would like|i'd like|i need] {new} [letters|text]{tail}",
        "{new} [letters|text|lettering|writing][ instead| now|]{tail}",
        "{new} instead of {old} [letters|text]{tail}",
        f"{_LETTERS} in {{new}}{{tail}}",
        "[text|letter|font] [color|colour]: {new}{tail}",
        "letters: {new}{tail}",
        f"{{lead}}replace the {{old}} of the {_LETTERS} [with|by] {{new}}{{tail}}",
        f"{{lead}}[make|turn|paint|color] the {_LETTERS} [on|in front of] the {_SURFACE} {{new}}{{tail}}",
        "{lead}[make|paint|turn] [what|everything that|all that] is written {new}{tail}",
        f"the {_LETTERS} [on|in front of] the [background|{_THING}] should be {{new}}{{tail}}",
        f"{{lead}}[fill|cover] the {_LETTERS} with {{new}}{{tail}}",
        f"{{lead}}[set|print|show] the {_LETTERS} in {{new}}{{tail}}",
    ),
    "background": (
        f"{{lead}}[make|turn|paint|color|colour] the {_GROUND} [in |]{{new}}{{tail}}",
        f"{{lead}}[change|turn|set|switch] the {_GROUND} [to|into] {{new}}{{tail}}",
        "{lead}[change|set|switch] the [color|colour] of the background to {new}{tail}",
        f"{{lead}}[change|set|switch] the {_GROUND} of the {_THING} to {{new}}{{tail}}",
        f"{{lead}}[change|switch|turn] the {_GROUND} from {{old}} to {{new}}{{tail}}",
        "{lead}[change|turn] the {old} background [to|into] {new}{tail}",
        "{lead}make the {old} background {new}{tail}",
        "{lead}[recolor|recolour|repaint] the background [in|to|as] {new}{tail}",
        "{lead}[use|choose|take] a {new} background[ instead|]{tail}",
        "{lead}use {new} [as|for] the background[ color| colour|][ instead of {old}|]{tail}",
        f"{{lead}}[put|place|set|show] the {_LETTERS} on a {{new}} [background|{_THING}]{{tail}}",
        "{lead}[put|place|write] {Q} on a {new} background{tail}",
        "{lead}[put|place|write] it on a {new} background{tail}",
        f"{{lead}}[make|turn|paint] the {_THING} {{new}}{{tail}}",
        f"{{lead}}[change|turn] the {_THING} [to|into] {{new}}{{tail}}",
        f"{{lead}}[change|set] the [color|colour] of the {_THING} to {{new}}{{tail}}",
        "{lead}[replace|exchange|swap] the {old} background [with|by|for] a {new} one{tail}",
        "{lead}[replace|swap] the background [with|for] {new}{tail}",
        f"the {_GROUND} should be {{new}}[ instead of {{old}}|]{{tail}}",
        f"the {_THING} should be {{new}}[ instead of {{old}}|]{{tail}}",
        f"[i want|i would like|i'd like|i need] the {_GROUND} [in|to be] {{new}}{{tail}}",
        f"[i want|i would like|i'd like|i need] a {{new}} [background|{_THING}]{{tail}}",
        f"a {{new}} [background|{_THING}][, please| instead| now|]{{tail}}",
        "{new} background[ instead| instead of {old}| now|]{tail}",
        "[background|background color|background colour]: {new}{tail}",
        "background in {new}{tail}",
        "{Q} on {new}[ instead of {old}| now|]{tail}",
        f"{{lead}}[set|place|print|show|write|move] the {_LETTERS} [on|onto|over|against] {{new}}{{tail}}",
        "{lead}[set|place|print|show|write] [it|{Q}] [on|over|against] {new}{tail}",
        f"{{lead}}[make|turn|paint|color|colour] the {_SURFACE} behind [the {_LETTERS}|{{Q}}|it] {{new}}{{tail}}",
        f"{{lead}}[change|turn|switch] the {_SURFACE} behind [the {_LETTERS}|{{Q}}] [to|into] {{new}}{{tail}}",
        f"{{lead}}[make|paint|color|turn] [all|what there is|the whole {_THING}] behind the {_LETTERS} {{new}}{{tail}}",
        f"the {_SURFACE} behind the {_LETTERS} [should|must] be {{new}}[ instead of {{old}}|]{{tail}}",
        f"behind the {_LETTERS}[ it should be| i want| there should be| use|:] {{new}}{{tail}}",
        f"{{new}} behind the {_LETTERS}[ instead| now|]{{tail}}",
        f"{{lead}}[make|paint|turn] [everything|all|the {_THING}] [but|except|around] the {_LETTERS} {{new}}",
        f"{{lead}}[fill|cover] the {_SURFACE} [behind|around|under] the {_LETTERS} with {{new}}{{tail}}",
        f"[what is|what lies|everything that is] [behind|around|under] the {_LETTERS} should be {{new}}{{tail}}",
    ),
    "repaint": (
        "[keep|leave] the [picture|image|card] as it is",
        "[keep|leave] [everything|it] [as it is|the same|unchanged]",
        "[change nothing|do not change anything|don't change anything]",
        "[return|show|give back|repeat|copy] the [same |][picture|image|card]",
        "[show|paint|draw] the same [picture|image|card] again",
        "the same [picture|image|card][ again|]",
    ),
}
_ZI = "[文字|文字|字|内容|上面的字|卡片上的字|图片中的文字|图中的字|标题|文本|牌子上的文字]"
_KA = "[卡片|卡片|牌子|海报|图片|标签|图|横幅]"
_TO = "[改成|改成|改为|换成|换成|变成|替换成|替换为|修改为|更改为|变为]"
_FIELD = "[字的颜色|文字颜色|文字的颜色|字体颜色|字色]"
_AROUND = "[后面|背后|周围|底下|四周|下面]"
_BACK = "[背景|背景|底色|背景色|背景颜色|卡片的背景|底|图片背景]"

CHINESE: dict[str, tuple[str, ...]] = {
    "text": (
        f"{{lead}}把{_ZI}{_TO}{{Q}}{{tail}}",
        f"{{lead}}将{_ZI}{_TO}{{Q}}{{tail}}",
        f"{{lead}}把[文字|字|]{{O}}{_TO}{{Q}}{{tail}}",
        f"{{lead}}将[文字|字|]{{O}}{_TO}{{Q}}{{tail}}",
        f"{{lead}}把{_ZI}从{{O}}{_TO}{{Q}}{{tail}}",
        "{lead}用{Q}[替换|代替|换掉|取代][文字|]{O}{tail}",
        f"{{lead}}用{{Q}}[替换|代替|取代]{_ZI}{{tail}}",
        f"{_ZI}{_TO}{{Q}}{{tail}}",
        f"{_ZI}[应该是|应该写|要写成|要改成|应改为]{{Q}}{{tail}}",
        "{O}[改成|改为|换成|变成|换为]{Q}{tail}",
        "[不要|不写|别写]{O}[了，|，][写|改写|写成|换成]{Q}{tail}",
        f"{{lead}}让{_KA}[上|]写着{{Q}}{{tail}}",
        f"{{lead}}让{_KA}显示{{Q}}{{tail}}",
        f"{{lead}}[在{_KA}上|]改写{{Q}}{{tail}}",
        f"{{lead}}在{_KA}上[写上|写|写成|改写成]{{Q}}{{tail}}",
        "{lead}[写成|改写成|改写为|写上]{Q}{tail}",
        "{lead}[删掉|删除|擦掉|去除|抹去]{O}[，|并|再|然后][写上|写|改写]{Q}{tail}",
        f"{{lead}}[删掉|删除|擦掉]{_ZI}[，|并|再|然后][写上|写]{{Q}}{{tail}}",
        f"{{lead}}修改{_ZI}[为|：|，写]{{Q}}{{tail}}",
        f"{{lead}}更新{_ZI}[为|：|成]{{Q}}{{tail}}",
        f"{{lead}}更换{_ZI}[为|：|成]{{Q}}{{tail}}",
        "[新文字|新内容|文字|内容|改成|换成]：{Q}{tail}",
        f"{_KA}上[应该写|应该是|改成|要写成|改写]{{Q}}{{tail}}",
        f"{_KA}上的{{O}}{_TO}{{Q}}{{tail}}",
        f"{{lead}}把{_KA}上的{{O}}{_TO}{{Q}}{{tail}}",
        "[我要|我想要|我需要][文字|内容|字]是{Q}{tail}",
        "[我要|我想]把{O}[改成|换成]{Q}{tail}",
        "{O}→{Q}",
        "{lead}重新写[成|上|]{Q}{tail}",
        "是{Q}[，|][不是|而不是]{O}{tail}",
        f"保留{_KA}，[文字|字][改成|换成|改为]{{Q}}",
    ),
    "color": (
        f"{{lead}}把[文字|字|字体|字母|上面的字|卡片上的字]{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}将[文字|字|字体|字母|上面的字]{_TO}{{new}}{{tail}}",
        f"{{lead}}把{_FIELD}{_TO}{{new}}{{tail}}",
        f"{{lead}}将{_FIELD}{_TO}{{new}}{{tail}}",
        f"{{lead}}把{_FIELD}从{{old}}{_TO}{{new}}{{tail}}",
        f"{{lead}}把{{old}}的[字|文字]{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}把{{old}}[字|文字]{_TO}{{new}}[字|文字]{{tail}}",
        f"{{lead}}把[文字|字|]{{Q}}{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}把{{Q}}的颜色{_TO}{{new}}{{tail}}",
        "{lead}[用|使用|换用]{new}[的字|的文字|文字|字]{tail}",
        "{lead}用{new}[的字|][写|重写]{Q}{tail}",
        f"[文字|字|字体]{_TO}{{new}}[的|]{{tail}}",
        f"{_FIELD}{_TO}{{new}}{{tail}}",
        f"{_FIELD}[用|应该是|要|选]{{new}}{{tail}}",
        "[文字|字|字体][应该是|要用|应为|应该用]{new}[的|]{tail}",
        "{lead}让[文字|字|字体]变[成|为]{new}{tail}",
        "{lead}[文字|字]用{new}{tail}",
        "{lead}给[文字|字]换[成|]{new}{tail}",
        "{lead}[修改|更改|更换]{_FIELD}[为|成|：]{new}{tail}".replace("{_FIELD}", _FIELD),
        "[文字颜色|字体颜色|字的颜色]：{new}{tail}",
        "{new}的[字|文字]{tail}",
        "{old}[字|文字]{_TO}{new}[字|文字]{tail}".replace("{_TO}", _TO),
        "[我要|我需要|想要]{new}的[字|文字]{tail}",
        "{lead}把[字|文字][涂成|染成|画成|写成]{new}{tail}",
        "不要{old}的字，[要|用]{new}的{tail}",
    ),
    "background": (
        f"{{lead}}把{_BACK}{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}将{_BACK}{_TO}{{new}}{{tail}}",
        f"{{lead}}把{_BACK}从{{old}}{_TO}{{new}}{{tail}}",
        f"{{lead}}把{{old}}的?{_BACK}{_TO}{{new}}{{tail}}".replace("的?", "[的|]"),
        f"{{lead}}把{{old}}背景{_TO}{{new}}背景{{tail}}",
        f"{{lead}}把{_KA}{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}将{_KA}{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}把{_KA}的颜色{_TO}{{new}}{{tail}}",
        f"{_BACK}{_TO}{{new}}[的|]{{tail}}",
        f"{_BACK}[用|应该是|要用|选|应为]{{new}}[的|]{{tail}}",
        f"{_KA}{_TO}{{new}}[的|]{{tail}}",
        f"{_KA}[应该是|要用|应为]{{new}}的{{tail}}",
        "{lead}[用|使用|换用|改用]{new}[的背景|背景|的底色|底色|作背景|做背景]{tail}",
        f"{{lead}}让{_BACK}变[成|为]{{new}}{{tail}}",
        f"{{lead}}给{_KA}换[成|上|][一个|]{{new}}[的背景|背景|底色]{{tail}}",
        f"{{lead}}[修改|更改|更换]{_BACK}[为|成|：]{{new}}{{tail}}",
        "[背景|底色|背景颜色|背景色]：{new}{tail}",
        "{new}[背景|的背景|底色|底|的底]{tail}",
        "{lead}把[文字|字|{Q}]放[在|到]{new}[的|][背景|卡片]上{tail}",
        "{lead}把{Q}写在{new}[的|][背景|卡片]上{tail}",
        "{Q}的背景[换成|改成|用]{new}{tail}",
        "[我要|我需要|想要]{new}的[背景|底色|卡片]{tail}",
        f"{{lead}}把{_BACK}[涂成|染成|刷成|画成]{{new}}{{tail}}",
        "不要{old}的背景，[要|用|换成]{new}的{tail}",
        f"{{old}}背景{_TO}{{new}}[背景|]{{tail}}",
        f"{{lead}}把[文字|字|{{Q}}]{_AROUND}[的颜色|的部分|的地方|]{_TO}{{new}}[的|]{{tail}}",
        f"{{lead}}把[字|文字][以外|之外]的[部分|地方|颜色]{_TO}{{new}}{{tail}}",
        f"[文字|字]{_AROUND}[应该是|要用|用|是]{{new}}[的|]{{tail}}",
        f"除了[字|文字][，|以外，|][其他|别的地方|其余]都{_TO}{{new}}",
    ),
    "repaint": (
        "[保持|维持][图片|原样|画面|卡片]不变",
        "[不要改动|不要改|不做任何改动|不要变动][图片|卡片|]",
        "[原样|照原样][画|输出|返回|重画][一遍|这张图|]",
        "[重画|复制|返回]同样的[图片|卡片]",
        "[图片|卡片|画面]保持原样",
    ),
}
