from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hanmo.data.report.markup import Html, escape, join, tag


class Reader(HTMLParser):
    """What a page consists of: elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = st.text(alphabet=st.sampled_from("<>&\"'/=!- \n\tascriptonerrorimg\x00\x1b\u202e漢"), max_size=40)


@given(HOSTILE, HOSTILE)
def test_no_text_becomes_an_element_or_leaves_its_attribute(text: str, title: str) -> None:
    read = Reader(tag("p", text, title=title))
    assert [name for name, _ in read.found] == ["p"]
    assert set(read.found[0][1]) == {"title"}
    clean = {ord(char): "\ufffd" for char in "\x00\x1b\u202e"}
    assert read.text == text.translate(clean)
    assert read.found[0][1]["title"] == title.translate({key: " " for key in clean})


def test_html_is_quoted_once() -> None:
    inside = tag("b", "<")
    assert tag("p", inside, "<", class_="a", data_x=3, hidden=True, open=False, for_=None) == Html(
        '<p class="a" data-x="3" hidden><b>&lt;</b>&lt;</p>'
    )
    assert escape(escape("&")) == "&amp;"
    assert join(["<", inside]) == "&lt;<b>&lt;</b>"
    assert tag("img", alt="") == '<img alt="">'
