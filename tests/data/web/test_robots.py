from __future__ import annotations

import time

import pytest

from hanmo.data.web.robots import parse_robots, tagged


def allowed(text: str, path: str, agent: str = "hanmo") -> bool:
    return parse_robots(text.encode(), agent).allows(path)


@pytest.mark.parametrize(
    ("rule", "path", "fits"),
    [
        ("/fish", "/fish/salmon.html", True),
        ("/fish", "/Fish.asp", False),
        ("/fish/", "/fish", False),
        ("/*.php", "/folder/any.php.file.html", True),
        ("/*.php$", "/folder/any.php?x", False),
        ("/*.php$", "/folder/any.php", True),
        ("/fish*.php", "/fishheads/catfish.php?id=2", True),
        ("/a*b*b$", "/ab", False),
        ("/$", "/", True),
        ("/$", "/a", False),
        ("/caf%c3%a9", "/caf%C3%A9/1", True),
        ("/%7Ejoe/", "/~joe/index.html", True),
        ("/café", "/caf%C3%A9", True),
    ],
)
def test_a_rule_fits_as_the_rfc_says(rule: str, path: str, fits: bool) -> None:
    assert allowed(f"User-agent: *\nDisallow: {rule}", path) is not fits


def test_the_longest_rule_counts_and_among_equals_the_one_that_allows() -> None:
    text = "User-agent: *\nDisallow: /p\nAllow: /page\nAllow: /folder\nDisallow: /folder\nDisallow: /*.htm"
    assert allowed(text, "/page/1")
    assert not allowed(text, "/pa")
    assert allowed(text, "/folder/a")
    assert not allowed(text, "/x.htm")


def test_our_own_group_counts_before_that_of_everybody() -> None:
    text = (
        "User-agent: a\nUser-agent: Hanmo\nDisallow: /x\n\nUser-agent: *\nDisallow: /\nuser-agent: hanmo\nDisallow: /y"
    )
    assert allowed(text, "/z")
    assert not allowed(text, "/x")
    assert not allowed(text, "/y"), "groups of one name are one"
    assert not allowed(text, "/z", "other")


def test_an_empty_or_broken_file_allows_everything() -> None:
    for text in ("", "User-agent: *\nDisallow:", "<html>no: robots</html>", "Disallow: /", "\x00\xff: :::"):
        assert allowed(text, "/a")


def test_a_delay_is_read_and_nonsense_is_not() -> None:
    assert parse_robots(b"User-agent: *\nCrawl-delay: 2.5\nDisallow: /x", "hanmo").delay == 2.5
    for value in (b"-1", b"nan", b"inf", b"soon"):
        assert parse_robots(b"User-agent: *\nCrawl-delay: " + value, "hanmo").delay == 0.0


def test_a_rule_made_to_take_for_ever_does_not() -> None:
    begin = time.perf_counter()
    assert allowed("User-agent: *\nDisallow: /" + "a*" * 2000 + "b$", "/" + "a" * 4000)
    assert time.perf_counter() - begin < 1.0


def test_a_header_forbids_only_whom_it_means() -> None:
    unwanted = ("noai", "noimageai")
    assert tagged(["noindex, NoAI"], "hanmo", unwanted) == "noai"
    assert tagged(["hanmo: noimageai"], "hanmo", unwanted) == "noimageai"
    assert tagged(["otherbot: noai", "noindex"], "hanmo", unwanted) is None
    assert tagged(["max-snippet: 5, noai"], "hanmo", unwanted) == "noai"
