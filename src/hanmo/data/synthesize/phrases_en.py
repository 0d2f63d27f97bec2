"""How people ask for a card in English: the patterns of training captions.

`{Q}` is the text, `{bg}` the ground's colour, `{color}` the letters', `{look}` adjectives of the letters,
`{tail}` whatever else is said about them, `{lead}` how the request begins, `{obj}` what a card is called.
No sentence of `held_out.py` may come out of these. See `grammar.py` for the notation.
"""

from __future__ import annotations

OBJECT = (
    "[card|card|card|sign|sign|poster|label|banner|board|plate|tag|badge|sticker|card|notice|panel|ticket"
    "|flyer|placard|square|picture|image|cover|slide|button|page|sheet|flag|signboard|nameplate"
    "|business card]"
)
SAYS = (
    "[that says|that says|saying|saying|reading|which reads|that reads|which says|with the text"
    "|with the text|with the word|with the words|with text|with|showing|showing the text|showing the word"
    "|displaying|bearing the word|labelled|labeled|marked|with the label|with the message"
    "|with the inscription|with the title|titled|carrying the text]"
)
LEAD = (
    "[||||||||||draw |draw me |make |make me |create |generate |paint |render |design |show |show me "
    "|give me |print |please make |please draw |please create |please generate |please paint "
    "|can you make |can you draw |could you create |could you generate |i want |i need |i would like "
    "|i'd like |let's make |we need |an image of |a picture of |a photo of |an illustration of "
    "|a drawing of |a render of |generate an image of |create a picture of |make an image showing "
    "|draw a picture of |produce |prepare ]"
)
PATTERNS = (
    "{lead}a {kind}{bg} {obj} {says} {Q}{tail}",
    "{lead}a {kind}{bg} {obj} {says} {Q}{tail}",
    "{lead}a {kind}{bg} {obj} {says} {Q}{tail}",
    "{lead}a {kind}{bg} {obj} with the {look}[text|word|words|letters|lettering|title|caption] {Q}{tail}",
    (
        "{lead}a {bg} {obj} with {look}[text|letters|lettering|writing] [saying|reading|that says"
        "|that reads|spelling] {Q}{tail}"
    ),
    "{lead}a {bg} {obj} with {Q} [written|printed|painted|lettered|typed] on it{tail}",
    "{lead}a {bg} {obj} [on which|where] {Q} is [written|printed|painted]{tail}",
    "{lead}a {bg} {obj} on which it says {Q}{tail}",
    "{lead}a {obj} in {bg} {says} {Q}{tail}",
    "{lead}a {obj} in {bg} with the {look}[text|word] {Q}{tail}",
    "{lead}a {obj} with a {kind}{bg} background {says} {Q}{tail}",
    "{lead}a {obj} with a {bg} background and the {look}[text|word|letters] {Q}{tail}",
    "{lead}a {obj} on a {bg} background with the [text|word] {Q}{tail}",
    "{lead}a {obj} {says} {Q} on a {kind}{bg} [background|ground]{tail}",
    "{lead}a {obj} {says} {Q} in front of a {bg} background{tail}",
    "{lead}the [text|word|words|letters|message|title] {Q} on a {kind}{bg} [{obj}|background]{tail}",
    "{lead}the {look}[text|word|letters] {Q} on a {bg} [{obj}|background]{tail}",
    "{lead}{look}[letters|lettering|text] [spelling|reading|saying] {Q} on a {bg} [{obj}|background]{tail}",
    "{lead}a {bg} background with the {look}[text|word|letters] {Q}{tail}",
    "{lead}a {kind}{bg} background with {Q} [written|printed] on it{tail}",
    "[write|print|put|paint|place|letter|type|draw|set] {Q} on a {kind}{bg} [{obj}|background]{tail}",
    "[write|print|put|paint] the {look}[text|word|words|letters] {Q} on a {bg} [{obj}|background]{tail}",
    "[please|can you|could you] [write|print|put|paint] {Q} on a {bg} [{obj}|background]{tail}",
    "on a {kind}{bg} [{obj}|background][,|] [write|print|put|paint] {Q}{tail}",
    "on a {bg} [{obj}|background] it says {Q}{tail}",
    "on a {bg} [{obj}|background] there is the {look}[text|word] {Q}{tail}",
    "{Q} on a {kind}{bg} [{obj}|background]{tail}",
    "{Q} [written|printed|painted|lettered] on a {bg} [{obj}|background]{tail}",
    "{Q} [over|against|upon] a {kind}{bg} background{tail}",
    "{Q} on {bg}{tail}",
    "{Q}, {bg} [{obj}|background]{tail}",
    "{Q} as a {bg} {obj}{tail}",
    "{Q} [is|stands|appears] on a {bg} {obj}{tail}",
    "{Q}: a {bg} {obj}{tail}",
    "{bg} {obj}, [text|the text|the word|word|words|title] {Q}{tail}",
    "{bg} {obj}, text: {Q}{tail}",
    "{bg} {obj}, {Q}{tail}",
    "{bg} {obj} {says} {Q}{tail}",
    "{bg} {obj} {Q}{tail}",
    "{bg} background, [text|the text|the word|letters|lettering] {Q}{tail}",
    "{bg} background, {Q}{tail}",
    "{bg} background with {look}[text|letters|the text|the word] {Q}{tail}",
    "{bg} background and the {look}[text|word] {Q}{tail}",
    "[text|word|title|caption|words]: {Q}[,|.|;] background: {bg}{tail}",
    "[text|word|title] {Q}, background {bg}{tail}",
    "background {bg}, [text|word] {Q}{tail}",
    "background: {bg}[,|.|;] text: {Q}{tail}",
    ("a {obj}. [the|its] background is {bg}. [it says|it reads|the text is|the text says|the text reads] {Q}{tail}"),
    "a {obj}, {bg}, [with the text|that says|saying] {Q}{tail}",
    "a {bg} {obj}. [it says|it reads|the text is|the text says|on it stands] {Q}{tail}",
    "a {bg} {obj}; [the text|it] [says|reads] {Q}{tail}",
    "the {obj} is {bg} and [says|reads|it says] {Q}{tail}",
    "the {obj} [says|reads] {Q} and is {bg}{tail}",
    "the background is {bg} and the {look}text [is|says|reads] {Q}{tail}",
    "the text is {Q} and the background is {bg}{tail}",
    "there is a {bg} {obj} {says} {Q}{tail}",
    "[i want|i need|i would like|we need] the [text|word] {Q} on a {bg} {obj}{tail}",
    "[i want|i need|i would like] {Q} [written|printed] on a {bg} [{obj}|background]{tail}",
    "[make|create|draw|paint] a {obj} {bg} and [write|put|print] {Q} on it{tail}",
    "[make|create|draw|paint] a {bg} {obj} and [write|put|print|letter] {Q} on it{tail}",
    "[take|use] a {bg} [{obj}|background] and [write|put|print] {Q} on it{tail}",
    "my {obj} should be {bg} and [say|read] {Q}{tail}",
    "the {obj} should be {bg} with the {look}[text|word] {Q}{tail}",
    "a {obj} whose background is {bg} and whose text is {Q}{tail}",
    "a {obj} whose text [says|reads] {Q}, [in|all in] {bg}{tail}",
    "spell {Q} on a {bg} [{obj}|background]{tail}",
    "spell out {Q} in {look}letters on a {bg} [{obj}|background]{tail}",
    "one {bg} {obj} with one word: {Q}{tail}",
    "{Q} should be [written|printed] on a {bg} [{obj}|background]{tail}",
    "it says {Q} on a {bg} [{obj}|background]{tail}",
)
COLORED = (
    "{lead}a {bg} {obj} with {color} [letters|text|lettering|writing] [saying|reading|that says|:] {Q}{tail}",
    "{lead}a {bg} {obj} with the [text|word|letters] {Q} in {color}{tail}",
    "{lead}a {bg} {obj} {says} {Q} in {color}{tail}",
    "{lead}a {bg} {obj} {says} {Q} in {color} [letters|text|type|writing|lettering]{tail}",
    "{lead}the word {Q} in {color} on a {bg} [{obj}|background]{tail}",
    "{color} [letters|text] on [a {bg} background|{bg}]: {Q}{tail}",
    "{color} on {bg}, {Q}{tail}",
    "{color} {Q} on a {bg} [{obj}|background]{tail}",
    "{color} [text|letters|lettering] {Q} on a {bg} [{obj}|background]{tail}",
    "{Q} in {color} on [a {bg} {obj}|a {bg} background|{bg}]{tail}",
    "{Q} in {color} [letters|text|type] on a {bg} [{obj}|background]{tail}",
    "{Q}, {color} [letters|text], {bg} [{obj}|background]{tail}",
    "{Q}, {color} on {bg}{tail}",
    "{bg} {obj}, {color} [letters|text|lettering], {Q}{tail}",
    "{bg} background, {color} [letters|text|lettering], {Q}{tail}",
    "{bg} background, {color} [letters|text] [saying|reading] {Q}{tail}",
    "text: {Q}, text [color|colour]: {color}, background: {bg}{tail}",
    "background: {bg}, letters: {color}, text: {Q}{tail}",
    "[write|print|paint|put] {Q} in {color} on a {bg} [{obj}|background]{tail}",
    "[write|print|paint|put] {Q} in {color} letters on a {bg} [{obj}|background]{tail}",
    "[with|in] {color} letters[,|] [write|print|paint|put] {Q} on a {bg} [{obj}|background]{tail}",
    "the letters are {color}, the background is {bg}, the text is {Q}{tail}",
    "a {obj} in {bg} and {color} {says} {Q}{tail}",
)
KIND = "[||||||||plain |simple |solid |blank |flat |clean ]"
EXTRA = (
    "[, simple design|, minimalist|, minimal|, flat design|, flat color|, clean|, high quality"
    "|, sharp letters|, legible|, centered|, no other text|, nothing else|, for my shop|, for a friend"
    "| for my [desk|door|office|kitchen|party]|, please|, thanks|, vector art|, graphic design"
    "|, print ready|, typography|, bold letters|, easy to read]"
)
NOUNS = "[letters|letters|text|lettering|writing|type|characters]"
PLACE = {
    "centre": "[in the middle|in the center|in the centre|at the center]",
    "top": ("[at the top|at the top|near the top|in the upper part|in the upper half|along the top edge|on top]"),
    "bottom": (
        "[at the bottom|at the bottom|near the bottom|in the lower part|in the lower half|along the bottom edge]"
    ),
    "left": "[on the left|on the left|on the left side|at the left|at the left edge|to the left]",
    "right": "[on the right|on the right|on the right side|at the right|at the right edge|to the right]",
}
SIZE = {"normal": "[big|large]", "small": "[small|small|tiny|little]"}
FONT = {"sans": "[sans-serif|sans serif]", "serif": "serif"}
LOOK = {
    "before": "[ in|, in| with|, with|,]",
    "place": f"[ |, |, placed |, with the text |. the text is |, {NOUNS} ]",
}
COLOR = {"grey": "[grey|gray]"}
# Words that no token stands for: met now and then, so that spelled-out words are not taken for the text.
RARE_OBJECTS = (
    "bookmark",
    "coaster",
    "postcard",
    "leaflet",
    "plaque",
    "invitation",
    "billboard",
    "doormat",
    "tile",
    "envelope",
    "menu",
    "stamp",
    "chalkboard",
    "magnet",
    "pennant",
    "signpost",
    "tabletop",
    "wristband",
    "brochure",
    "thumbnail",
    "noticeboard",
    "luggage",
    "jersey",
    "parcel",
    "voucher",
)
