"""Which URLs may be asked, and which machines: only http and https, and no address of a private network.

A list of URLs comes from strangers, and the machine that fetches it often stands inside a network that trusts it. So
every name is resolved here, each of its addresses is judged, and the caller connects to the address that was judged: a
name that means another machine a moment later (DNS rebinding) gains nothing. Redirects come through here again.

It does not know what is asked, nor how long a resolver may take: `getaddrinfo` has no limit but the system's own.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from hanmo.data.rejects import Kind

_LONGEST = 4096
"""Characters of a URL; longer ones are data, not addresses."""
_PATH = "/:@!$&'()*+,;=-._~%"
_QUERY = _PATH + "?[]|"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unfetched(Exception):  # noqa: N818 - an answer like others, which `judge` makes a reject of
    """There is no picture to be had of a URL.

    Args:
        kind: of the reject that it becomes.
        reason: one line.
        again: whether a later try might go better.
        wait: seconds that the host asked to be left alone; None where it did not say.
    """

    def __init__(self, kind: Kind, reason: str, again: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.again, self.wait = kind, reason, again, wait


@dataclass(frozen=True)
class Url:
    """An address on the web.

    Args:
        scheme: "http" or "https".
        host: lower case, as DNS knows it (punycode); an IPv6 address without its brackets.
        port: 80, 443, or from 1024 up.
        target: path and query, in ASCII; the fragment is never sent.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Scheme, host and port: what one robots.txt holds for."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port, as the Host header wants them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"

    def __str__(self) -> str:
        """The whole URL."""
        return self.origin + self.target


def parse_url(text: str) -> Url:
    """Read a URL.

    Raises:
        Unfetched: another scheme, a name or password in it, a strange port, or no URL at all.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST or re.search(r"[\x00-\x20\x7f\\]", text):
        raise Unfetched("refused", f"no URL (empty, too long, or with spaces in it): {text[:80]!r}")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise Unfetched("refused", f"no URL ({error}): {text[:80]!r}") from None
    if parts.scheme not in ("http", "https"):
        raise Unfetched("refused", f"the scheme {parts.scheme[:20]!r} is not fetched: only http and https are")
    if parts.username is not None or parts.password is not None:
        raise Unfetched("refused", "a URL with a name or password in it is not fetched")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    if (
        port not in (80, 443) and port < 1024
    ):  # other services of the web's early days, which HTTP could be made to talk to
        raise Unfetched("refused", f"port {port} is not fetched from: allowed are 80, 443, and 1024 or more")
    target = quote(parts.path or "/", safe=_PATH) + ("?" + quote(parts.query, safe=_QUERY) if parts.query else "")
    return Url(parts.scheme, _ascii_host(host), port, target)


def _ascii_host(host: str) -> str:
    try:
        name = host.rstrip(".") if host.isascii() else host.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not name or not re.fullmatch(r"[a-z0-9._:-]+", name.lower()):
        raise Unfetched("refused", f"no host name: {host[:80]!r}")
    return name.lower()


def redirected(url: Url, location: str) -> Url:
    """Where a redirect leads.

    Raises:
        Unfetched: as `parse_url`.
    """
    try:
        return parse_url(urljoin(str(url), location.strip()))
    except ValueError as error:
        raise Unfetched("refused", f"a redirect to no URL ({error}): {location[:80]!r}") from None


def addresses(url: Url, private: bool) -> list[str]:
    """The IP addresses of a URL's host, all of which may be asked.

    Args:
        url: where to.
        private: whether addresses of this machine and of private networks are allowed.

    Raises:
        Unfetched: the name is not known, or means a machine that may not be asked.
    """
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        later = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        raise Unfetched("unreachable", f"the host {url.host} is not found: {error}", again=later) from None
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    closed = [] if private else [text for text in texts if not is_public(text)]
    if closed:
        raise Unfetched("refused", f"{url.host} means {closed[0]}, which is no public address")
    return texts


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the internet; where it wraps another address, whether both do."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped is not None:
            return _open(address.ipv4_mapped)
        return _open(address) and all(_open(one) for one in inner if one is not None)
    return _open(address)


def _open(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
