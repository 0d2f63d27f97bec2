"""A packet gives its request back, is XML that others parse, and cannot be used against us."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.safety.xmp import EDITED_BY_ALGORITHM, MADE_BY_ALGORITHM, OURS, RDF, request_in, xmp_packet


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text: str) -> None:
    request = json.dumps({"prompt": text}, ensure_ascii=False)
    found = request_in(xmp_packet(request, text))
    assert found is not None
    assert json.loads(found) == {"prompt": text}


def test_others_find_the_description_and_who_made_it() -> None:
    packet = xmp_packet("{}", 'a <b> & "你好"\x00\nSteps: 3', EDITED_BY_ALGORITHM)
    (found,) = ElementTree.fromstring(packet).iter(f"{{{RDF}}}Description")
    (shown,) = found.iter(f"{{{RDF}}}li")
    assert shown.text == 'a <b> & "你好"\ufffd\nSteps: 3'
    assert found.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType") == EDITED_BY_ALGORITHM
    assert found.get("{http://ns.adobe.com/xap/1.0/}CreatorTool") == "Hanmo"
    assert MADE_BY_ALGORITHM.encode() in xmp_packet("{}", "")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"no xml",
        b"\xff\xfe\x00",
        b"<a/>",
        b"<a><b></a>",
        f'<!DOCTYPE a [<!ENTITY e "x">]><a xmlns:h="{OURS}"><h:request>&e;</h:request></a>'.encode(),
    ],
)
def test_a_packet_of_anybody_holds_no_request(packet: bytes) -> None:
    assert request_in(packet) is None
