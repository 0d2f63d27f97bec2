"""What an answer means: a picture, another address, or no picture and why, and whether to ask again (stage 1).

The type that a server states is compared with the first bytes of what it sends; a header that states more pixels than
are allowed is refused before anybody decodes it. It does not know hosts, delays or how often was asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from hanmo.data.decode import DecodeLimits, declared_format, sniff, stated_too_large
from hanmo.data.record import image_format
from hanmo.data.web.address import Unfetched, Url, redirected
from hanmo.data.web.exchange import Answer
from hanmo.data.web.robots import tagged

ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/gif,image/bmp;q=0.9,image/*;q=0.5"
_LATER = (408, 425, 429, 500, 502, 503, 504)
_SAYS_NOTHING = ("", "application/octet-stream", "binary/octet-stream", "application/x-download", "image/*")


@dataclass(frozen=True)
class Moved:
    """The answer is elsewhere."""

    to: Url


@dataclass(frozen=True)
class Wanted:
    """Which pictures are taken.

    Args:
        check_type: whether a picture is refused whose server calls it another type. Some sites call every picture a
            JPEG; without the check their pictures come in as what their bytes are.
        unwanted_tags: directives of an X-Robots-Tag header under which a picture is left alone.
        pixels: how many a header may state.
    """

    check_type: bool = True
    unwanted_tags: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex", "none")
    pixels: DecodeLimits = field(default_factory=DecodeLimits)


def judged(answer: Answer, url: Url, wanted: Wanted, token: str) -> bytes | Moved:
    """A picture's bytes, or where they are.

    Args:
        answer: to the request for `url`.
        url: what was asked for.
        wanted: see `Wanted`.
        token: the name that robots.txt knows us by.

    Raises:
        Unfetched: there is no picture that may be taken.
    """
    if answer.status != 200:
        return _without_body(answer, url)
    word = tagged(answer.headers.get_all("X-Robots-Tag") or [], token, wanted.unwanted_tags)
    if word is not None:
        raise Unfetched("refused", f"its X-Robots-Tag says {word}")
    stated = (answer.headers.get("Content-Type") or "").split(";")[0].strip().lower()[:80]
    if not answer.body:
        raise Unfetched("no_picture", "the answer is empty")
    if image_format(answer.body) is None:
        raise Unfetched("no_picture", f"{stated or 'no type'}: {len(answer.body)} bytes, {answer.body[:12]!r}...")
    actual = sniff(answer.body) or image_format(answer.body)
    if wanted.check_type and stated not in _SAYS_NOTHING and _named(stated) != _named(f"image/{actual}"):
        raise Unfetched("wrong_type", f"its server says {stated}, but the bytes are {actual}")
    large = stated_too_large(answer.body, wanted.pixels)
    if large is not None:
        raise Unfetched("too_large", large.detail)
    return answer.body


def judged_robots(answer: Answer, url: Url) -> bytes | Moved:
    """A robots.txt; without one (any 4xx, says RFC 9309) there are no rules, and the answer is empty.

    Raises:
        Unfetched: the site is out of order, so nobody knows its rules.
    """
    if answer.status == 200:
        return answer.body
    if 400 <= answer.status < 500 and answer.status not in _LATER:
        return b""
    return _without_body(answer, url)


def _without_body(answer: Answer, url: Url) -> Moved:
    status = answer.status
    match status:
        case 301 | 302 | 303 | 307 | 308:
            location = answer.headers.get("Location")
            if location:
                return Moved(redirected(url, _text(location)))
            raise Unfetched("unreachable", f"HTTP {status} without a place to go to")
        case 404 | 410:
            raise Unfetched("missing", f"HTTP {status}")
        case _ if status in _LATER:
            raise Unfetched("unreachable", f"HTTP {status}", True, _retry_after(answer, time.time))
        case _ if 400 <= status < 500:
            raise Unfetched("refused", f"HTTP {status}")
    raise Unfetched("unreachable", f"HTTP {status}")


def _text(location: str) -> str:
    """Headers come as Latin-1; what people write into them is UTF-8."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def _retry_after(answer: Answer, clock: Callable[[], float]) -> float | None:
    """Seconds that a Retry-After header asks for: it holds a number or a date."""
    said = (answer.headers.get("Retry-After") or "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        moment = parsedate_to_datetime(said)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - clock())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _named(media_type: str) -> str:
    """One name for the types of one format; the type itself where it is none that is decoded."""
    known = declared_format(media_type) if media_type.startswith("image/") else None
    return known or {"image/tif": "image/tiff"}.get(media_type, media_type)
