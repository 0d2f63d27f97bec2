from __future__ import annotations

import pytest

from hanmo.data.web.address import Unfetched, Url, addresses, is_public, parse_url, redirected


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a b.png".replace(" ", "%20"), "https://example.org/a%20b.png"),
        ("http://例子.cn/图.png?q=墨#part", "http://xn--fsqu00a.cn/%E5%9B%BE.png?q=%E5%A2%A8"),
        ("http://[2001:db8::1]:8080/x?a=1&b=%20", "http://[2001:db8::1]:8080/x?a=1&b=%20"),
    ],
)
def test_a_url_becomes_what_is_sent(text: str, whole: str) -> None:
    assert str(parse_url(text)) == whole


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "gopher://example.org",
        "data:image/png;base64,AAAA",
        "example.org/a.png",
        "http://",
        "http://user:secret@example.org/a.png",
        "http://example.org:25/",
        "http://example.org:x/",
        "http://example.org/a\r\nHost: other",
        "http://exa mple.org/",
        "http://[::1/",
        "http://" + "a" * 5000,
        "",
    ],
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    with pytest.raises(Unfetched) as caught:
        parse_url(text)
    assert caught.value.kind == "refused"
    assert not caught.value.again


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
        *("224.0.0.1", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_no_wrapping_makes_a_private_address_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_asked_however_it_is_written(host: str) -> None:
    with pytest.raises(Unfetched, match="no public address"):
        addresses(parse_url(f"http://{host}/"), private=False)


def test_this_machine_is_asked_where_that_is_wanted() -> None:
    assert addresses(parse_url("http://127.0.0.1:8000/"), private=True) == ["127.0.0.1"]


def test_a_redirect_is_read_like_any_url() -> None:
    url = parse_url("http://example.org/a/b")
    assert redirected(url, "../c?d=1") == Url("http", "example.org", 80, "/c?d=1")
    assert str(redirected(url, "//other.example/x")) == "http://other.example/x"
    with pytest.raises(Unfetched, match="scheme"):
        redirected(url, "file:///etc/passwd")
