from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hanmo.data.synthesize.pages.compose import BUILDERS
from hanmo.data.synthesize.pages.template import KINDS, LEAVES, SHAPES, builtin, parse, read, walk
from hanmo.errors import RequestError

HEAD = "== one | slide | wide\n"


def test_there_are_three_templates_or_more_of_every_kind_and_names_differ() -> None:
    counts = Counter(template.kind for template in builtin())
    assert set(counts) == set(KINDS)
    assert min(counts.values()) >= 3
    assert len({template.name for template in builtin()}) == len(builtin())


def test_every_shape_is_served_by_every_kind_but_tickets_and_slides_that_are_never_tall() -> None:
    served = {(template.kind, shape) for template in builtin() for shape in template.shapes}
    missing = {(kind, shape) for kind in KINDS for shape in SHAPES} - served
    assert missing <= {("slide", "tall"), ("receipt", "wide")}


def test_every_block_can_be_built_and_is_used_by_a_template() -> None:
    assert set(BUILDERS) == set(LEAVES)
    used = {node.kind for template in builtin() for node in walk(template.root)}
    assert set(LEAVES) - used == set()


def test_what_is_indented_stands_in_the_block_above() -> None:
    (template,) = parse(HEAD + "column pad=4\n  title {title}\n  row\n    bullets 3-5 {point}\n  note {name}", "mine")
    assert [child.kind for child in template.root.children] == ["title", "row", "note"]
    (bullets,) = template.root.children[1].children
    assert (bullets.count, bullets.patterns) == ((3, 5), ("{point}",))
    assert template.root.options == {"pad": "4"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("column", "line 1: a block before any"),
        ("== one | slid | wide\ncolumn", "is no head of a template"),
        ("== one | slide | round\ncolumn", "is no head of a template"),
        (HEAD + "title {title}", "one column or row that holds the rest"),
        (HEAD + "column\n  titel {title}", "line 3: no block 'titel'"),
        (HEAD + "column\n  title colour=red {title}", "'colour=red' is no count, slot or option"),
        (HEAD + "column fill=blue", "fill=blue; choose from page"),
        (HEAD + "column\n  title", "cannot use, or lacks them"),
        (HEAD + "column\n  title {title}\n    note {name}", "cannot use, or lacks them"),
        (HEAD + "column\n     title {title}", "indent by two spaces"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parse(text, "mine")


def test_templates_of_the_users_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(HEAD + "column\n  title {title}\n", encoding="utf-8")
    assert read(path)[0].name == "one"
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(RequestError, match="holds no template"):
        read(path)
    with pytest.raises(RequestError, match="cannot be read"):
        read(tmp_path / "missing.txt")
