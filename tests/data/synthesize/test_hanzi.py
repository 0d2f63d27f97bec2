from __future__ import annotations

from collections import Counter

import pytest

from hanmo.data.synthesize.hanzi import TIERS, hanzi, share, tiers
from hanmo.errors import RequestError


def test_the_table_has_8105_characters_in_three_tiers() -> None:
    assert tuple(map(len, tiers())) == TIERS == (3500, 3000, 1605)
    assert "".join(tiers()) == hanzi()
    assert len(set(hanzi())) == 8105
    assert sum(ord(char) > 0xFFFF for char in hanzi()) == 196
    assert hanzi().startswith("一乙二十丁")
    assert [tier[0] for tier in tiers()] == ["一", "乂", "亍"]


@pytest.mark.parametrize(("pictures", "times"), [(700, 3), (8, 1), (9_000, 1)])
def test_each_character_appears_as_often_as_promised_over_the_set(pictures: int, times: int) -> None:
    dealt = [share(index, pictures, times, seed=5) for index in range(pictures)]
    assert set(Counter("".join(dealt)).values()) == {times}
    assert len("".join(dealt)) == times * 8105
    lengths = set(map(len, dealt))
    assert max(lengths) - min(lengths) <= 1, "no picture bears more than another"


def test_a_share_depends_on_index_and_seed_alone() -> None:
    late = share(30, 100, 2, seed=1)
    assert [share(index, 100, 2, seed=1) for index in (99, 0, 30)][2] == late
    assert share(30, 100, 2, seed=2) != late
    assert Counter(share(0, 2, 2, seed=1)) == Counter(share(1, 2, 2, seed=1)), "a whole table each"
    assert share(0, 2, 2, seed=1) != share(1, 2, 2, seed=1), "in another order"


def test_a_picture_outside_the_set_is_refused() -> None:
    with pytest.raises(RequestError, match="picture 10 is not in a set of 10; count from 0 to 9"):
        share(10, 10, 1, seed=0)
    with pytest.raises(RequestError, match="give 1 or more of both"):
        share(0, 10, 0, seed=0)
