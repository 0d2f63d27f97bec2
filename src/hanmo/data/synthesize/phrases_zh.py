"""How people ask for a card in Chinese: the patterns of training captions.

`{Q}` is the text, `{bg}` the ground's colour (红色), `{bg1}` in one character (红), `{color}` and `{color1}`
the letters' colour likewise, `{bgen}` the ground's in English for those who mix, `{look}` adjectives of text,
`{tail}` whatever else is said about them, `{lead}` how the request begins, `{obj}` what a card is called.
No sentence of `held_out.py` may come out of these. See `grammar.py` for the notation.
"""

from __future__ import annotations

OBJECT = (
    "[卡片|卡片|卡片|牌子|牌子|海报|标签|横幅|标牌|图片|图|贴纸|名片|告示牌|门牌|招牌|卡"
    "|看板|封面|徽章|纸|纸牌|标语牌|便签|旗子]"
)
ONE = "[一张|一张|一张|一个|一块|张||]"
SAYS = (
    "[上面写着|上面写着|写着|写着|上面写有|写有|上面印着|印着|上面有文字|文字是|内容是|文字为|上面写|写上"
    "|上面是|带有文字|标有|上书|显示|显示文字|上面的字是|标题是|标题为|内容为|上面的文字是]"
)
LEAD = (
    "[||||||||||画|画出|画个图：|生成|请生成|请画|帮我画|帮我做|帮我生成|给我画|给我做|制作|请制作|创建"
    "|设计|请设计|做|来|我要|我想要|我需要|绘制|请绘制|请帮我画|请帮我生成|请给我|麻烦画|能不能画|可以画"
    "|展示|生成图片：|请创建]"
)
PATTERNS = (
    "{lead}{one}{bg}的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg}的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg}{obj}，{says}{Q}{tail}",
    "{lead}{one}{kind}{bg}{obj}，{says}{look}[字|文字]{Q}{tail}",
    "{lead}{one}[写着|印着|写有|标有|带有]{Q}的{bg}{obj}{tail}",
    "{lead}{one}[写着|印着|写有]{look}[文字|字]{Q}的{bg}{obj}{tail}",
    "{lead}{one}{obj}，{bg}[背景|底|底色]，{says}{Q}{tail}",
    "{lead}{one}{obj}，背景是{bg}，{says}{Q}{tail}",
    "{lead}{one}{obj}，背景[为|用]{bg}，[文字|字|内容][为|是]{Q}{tail}",
    "{lead}{one}{bg}背景的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg}底的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg1}底的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg}的{obj}，[中间|上面|正面][写着|是|有|印着]{Q}{tail}",
    "{lead}{one}{bg}的{obj}，[上面有|带]{look}[文字|字]{Q}{tail}",
    "{lead}{one}{bg}的{obj}[ |，]{Q}{tail}",
    "{lead}{one}{bg}的{obj}并写上{Q}{tail}",
    "{lead}{one}{bg}[卡片|牌子|海报]，把{Q}写在上面{tail}",
    "{lead}{one}{bg}{obj}，[字是|文字：|内容：|文字|字：]{Q}{tail}",
    "在{bg}的{obj}上[写|写上|写下|印上|写出|显示|画上]{Q}{tail}",
    "在{one}{bg}{obj}上[写|写上|写下|印上]{Q}{tail}",
    "在{bg}[背景|底|底色]上[写|写上|写下|印上|写出|显示]{Q}{tail}",
    "请在{bg}[的{obj}|背景]上[写|写上|写下]{Q}{tail}",
    "在{bg}背景上用{look}字[写|写上|写出]{Q}{tail}",
    "{bg}[的{obj}|背景]上[写着|有|印着|是]{look}[文字|字|]{Q}{tail}",
    "{bg}背景，{says}{Q}{tail}",
    "{bg}背景，[文字|字|内容][是|为|：|]{Q}{tail}",
    "{bg}背景，{Q}{tail}",
    "{bg}[背景|底色][和|加|配]{look}[文字|字]{Q}{tail}",
    "{bg}底，{says}{Q}{tail}",
    "{bg1}底，[写着|写|字为|]{Q}{tail}",
    "{bg}{obj}，{Q}{tail}",
    "{bg}{obj}{Q}{tail}",
    "{bg}{obj}，{says}{Q}{tail}",
    "{Q}写在{one}{bg}的{obj}上{tail}",
    "{Q}[写在|印在|放在|出现在]{bg}[背景|{obj}|底]上{tail}",
    "{Q}，{bg}[背景|底|底色|{obj}]{tail}",
    "{Q}，{bg}的{obj}{tail}",
    "{Q}，背景[是|为|用]{bg}{tail}",
    "{Q} {bg}[背景|{obj}]{tail}",
    "{Q}[的|]{bg}{obj}{tail}",
    "把{Q}[写在|印在|放在|画在]{one}{bg}的{obj}上{tail}",
    "把{Q}[写在|印在|放在]{bg}背景上{tail}",
    "请把{Q}[写在|印在|放在]{bg}[的{obj}|背景]上{tail}",
    "将{Q}[写在|印在|置于]{bg}[的{obj}|背景]上{tail}",
    "写[出|下|上|]{Q}，[背景是|背景用|背景为]{bg}{tail}",
    "[写|写出|写上]{Q}[，|这几个字，|字样，]{bg}[背景|底|{obj}]{tail}",
    "用{look}字写[出|上|下]{Q}，{bg}[背景|底]{tail}",
    "文字[是|为|：]{Q}，背景[是|为|：|颜色是]{bg}{tail}",
    "文字：{Q}；背景：{bg}{tail}",
    "背景[是|为|：|颜色是]{bg}，[文字|字|内容][是|为|：]{Q}{tail}",
    "背景：{bg}；文字：{Q}{tail}",
    "内容：{Q}，底色：{bg}{tail}",
    "底色[是|为|用]{bg}，{says}{Q}{tail}",
    "{obj}是{bg}的，{says}{Q}{tail}",
    "{obj}的颜色是{bg}，[文字|字|内容]是{Q}{tail}",
    "{obj}上[写着|写|是|印着]{Q}，背景[是|为]{bg}{tail}",
    "[图|图片|画面]的背景是{bg}，{says}{Q}{tail}",
    "[图|图片|画面]中{one}{bg}的{obj}，{says}{Q}{tail}",
    "[图|图片|画面]里[是|有]{one}{bg}的{obj}，{says}{Q}{tail}",
    "[这是|有]{one}{bg}的{obj}，{says}{Q}{tail}",
    "[我要|我想要|我需要]{one}[写着|印着]{Q}的{bg}{obj}{tail}",
    "[我要|我想要|我需要]{Q}，{bg}[背景|底]{tail}",
    "[画面|图片]只有[文字|字]{Q}，背景[是|为]{bg}{tail}",
    "{one}{obj}，整体{bg}，{says}{Q}{tail}",
    "{one}{obj}，[颜色|底色]：{bg}，文字：{Q}{tail}",
    "[文字|标题|内容]{Q}，{bg}[背景|底|{obj}]{tail}",
    "[做|画|设计]{one}{obj}，{bg}的，{says}{Q}{tail}",
    "{lead}{one}{bgen}[的|]card，{says}{Q}{tail}",
    "{lead}{one}{bg}的card，[text|文字]是{Q}{tail}",
    "{bgen} background，[文字|text]是{Q}{tail}",
)
COLORED = (
    "{bg1}底{color1}字，[写着|上面写着|内容是|文字是|写|]{Q}{tail}",
    "{bg1}底{color1}字{Q}{tail}",
    "{bg1}底{color1}字的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg1}底{color1}字的{obj}，{says}{Q}{tail}",
    "{lead}{one}{bg}的{obj}，[上面|]用{color}[的|]字写着{Q}{tail}",
    "{lead}{one}{bg}的{obj}，[写着|上面有|带有|上面是|印着]{color}[的|]{noun}{Q}{tail}",
    "{lead}{one}{bg}{obj}，[字|文字]是{color}的，{says}{Q}{tail}",
    "{lead}{one}{bg}{obj}，{color}[文字|字]，[内容是|内容：|写着|写着：]{Q}{tail}",
    "{lead}{one}写着{color}{Q}的{bg}{obj}{tail}",
    "{color}的[文字|字]{Q}，{bg}[背景|底|{obj}]{tail}",
    "{color}的{Q}[写在|印在|放在]{bg}[背景|{obj}]上{tail}",
    "{color1}字{bg1}底，[写着|内容是|]{Q}{tail}",
    "{bg}背景，{color}[文字|字|的字][，|]{Q}{tail}",
    "{bg}背景{color}[文字|字][，|：]{Q}{tail}",
    "{bg}背景上[写着|是|有]{color}的{Q}{tail}",
    "在{bg}[背景|的{obj}]上用{color}[的字|字|]写[上|下|出|]{Q}{tail}",
    "用{color}[的字|字|]在{bg}[背景|的{obj}]上写[上|下|出|]{Q}{tail}",
    "用{color}写{Q}，背景[用|是]{bg}{tail}",
    "文字：{Q}，文字颜色：{color}，背景：{bg}{tail}",
    "背景{bg}，[文字|字]{color}，内容{Q}{tail}",
    "{Q}，{color}[的字|文字|字]，{bg}[背景|底|{obj}]{tail}",
    "{Q}，{bg1}底{color1}字{tail}",
    "背景是{bg}，字是{color}，[写着|内容是]{Q}{tail}",
)
KIND = "[|||||||简单的|纯色的|干净的|素净的|普通的]"
EXTRA = (
    "[，简洁|，简单一点|，极简风格|，平面设计|，高清|，清晰|，没有其他文字|，不要其他内容|，谢谢"
    "|，扁平风格|，字要清楚|，送给朋友|，用在店里|，挂在门上|，居中|，可以打印|，看得清楚]"
)
NOUNS = "[字|文字|字样|大字]"
LOOK = {
    "color": "{color}[的|]",
    "normal": "大号",
    "small": "[小号|小]",
    "sans": "黑体",
    "serif": "[宋体|衬线体]",
}
CLAUSES = {
    "color": (
        "[字是{color}的|文字是{color}|文字为{color}|字为{color}|用{color}的字|{color}的字|{color}文字"
        "|{color1}字|文字颜色是{color}|字的颜色为{color}|文字用{color}]"
    ),
    "small": "[字小一点|小号字|字号小|字很小|文字小一些|小字|用小字|文字较小|字体小]",
    "normal": "[大字|字大一点|字号大|文字大一些]",
    "serif": "[宋体|用宋体|宋体字|字体是宋体|字体用宋体|衬线字体|用衬线体|字体为宋体]",
    "sans": "[黑体|用黑体|黑体字|字体是黑体|无衬线字体|字体用黑体]",
    "centre": "[居中|文字居中|字在中间|写在中间|放在中央]",
    "top": "[文字靠上|字在上方|写在上方|写在顶部|文字在顶部|放在上面|位于上方|靠上]",
    "bottom": "[文字靠下|字在下方|写在下方|写在底部|文字在底部|放在下面|位于下方|靠下]",
    "left": "[文字靠左|字在左边|写在左边|写在左侧|文字在左侧|放在左边|位于左侧|靠左]",
    "right": "[文字靠右|字在右边|写在右边|写在右侧|文字在右侧|放在右边|位于右侧|靠右]",
}
COLOR = {
    "red": "红色",
    "orange": "[橙色|橙色|橘色]",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "[粉色|粉色|粉红色]",
    "brown": "[棕色|棕色|褐色|咖啡色]",
    "grey": "灰色",
    "black": "黑色",
    "white": "白色",
    "cyan": "[青色|青色|青蓝色]",
}
COLOR1 = {
    "red": "红",
    "orange": "橙",
    "yellow": "黄",
    "green": "绿",
    "blue": "蓝",
    "purple": "紫",
    "pink": "粉",
    "brown": "棕",
    "grey": "灰",
    "black": "黑",
    "white": "白",
    "cyan": "青",
}
RARE_OBJECTS = (
    "书签",
    "杯垫",
    "明信片",
    "传单",
    "匾额",
    "邀请函",
    "菜单",
    "信封",
    "邮票",
    "黑板",
    "冰箱贴",
    "锦旗",
    "路牌",
    "手环",
    "宣传册",
    "缩略图",
    "包裹",
    "优惠券",
    "桌牌",
    "吊牌",
)
