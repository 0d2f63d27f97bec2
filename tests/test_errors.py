from __future__ import annotations

import pytest

from hanmo import errors


def all_errors() -> list[type[errors.HanmoError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, errors.HanmoError)]


@pytest.mark.parametrize("kind", all_errors())
def test_a_wrong_request_exits_with_2_a_block_with_3_and_any_other_fault_with_1(kind: type[errors.HanmoError]) -> None:
    other = 3 if kind is errors.BlockedError else 1
    assert kind("said").exit_code == (2 if issubclass(kind, errors.RequestError) else other)


def test_a_wrong_request_is_also_a_value_error() -> None:
    with pytest.raises(ValueError, match="given"):
        raise errors.WeightsError("given, allowed, what to do")


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_is_drawn_at_the_head_of_the_file_with_its_exit_code(
    kind: type[errors.HanmoError],
) -> None:
    lines = [line.split() for line in (errors.__doc__ or "").splitlines()]
    drawn = {word: line for line in lines for word in line if word == kind.__name__}
    assert str(kind.exit_code) in drawn[kind.__name__]


def test_every_error_can_be_caught_as_one() -> None:
    assert all(issubclass(kind, errors.HanmoError) for kind in all_errors())
    assert len(all_errors()) >= 7
