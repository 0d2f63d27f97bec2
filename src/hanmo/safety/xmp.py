"""The XMP packet of JPEG and WebP files: the request, and that an algorithm made the picture.

A packet is RDF in XML. `dc:description` is what image browsers show; `Iptc4xmpExt:DigitalSourceType` is the
IPTC's word for pictures that a trained algorithm made; `hanmo:request` is JSON. Anybody may have
written a packet that is read.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OURS = "urn:hanmo:request:1#"

MADE_BY_ALGORITHM = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's digital source type of pictures painted from words."""

EDITED_BY_ALGORITHM = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""Of pictures that were made from another picture and words."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xmp_packet(request: str, description: str, source_type: str = MADE_BY_ALGORITHM) -> bytes:
    """A packet.

    Args:
        request: JSON.
        description: for people; characters that XML cannot hold are shown as U+FFFD.
        source_type: the IPTC's, as above.
    """
    held = _FORBIDDEN.sub(lambda found: rf"\u{ord(found[0]):04x}", request)  # as JSON may also write them
    shown = _FORBIDDEN.sub("\ufffd", description)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:hanmo={quoteattr(OURS)}'
        f' xmp:CreatorTool="Hanmo" Iptc4xmpExt:DigitalSourceType="{source_type}">'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(shown)}</rdf:li></rdf:Alt></dc:description>'
        f"<hanmo:request>{escape(held)}</hanmo:request>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def request_in(packet: bytes) -> str | None:
    """The JSON that `xmp_packet` was given; None when the packet holds none, or is none."""
    if b"<!" in packet:  # a document type or entities, which no packet needs and an attacker might
        return None
    try:
        found = ElementTree.fromstring(packet.rstrip(b"\0")).iter(f"{{{OURS}}}request")
    except ElementTree.ParseError:
        return None
    return next((each.text for each in found), None)
