from __future__ import annotations

from collections.abc import Iterator

from hanmo.data.pool import run_tasks


class Nobody:
    """Of these workers none dies or hangs."""

    def died(self, task: int, code: int) -> None:
        raise AssertionError(f"a worker died over {task} with {code}")

    def hangs(self, task: int) -> bool:
        return False


def test_the_next_task_is_taken_when_a_worker_is_free_for_it_and_no_earlier() -> None:
    given: list[int] = []

    def tasks() -> Iterator[int]:
        for number in (-1, -2, -3):
            given.append(number)
            yield number

    results = run_tasks(tasks(), abs, Nobody(), workers=1)
    assert next(results) == 1
    assert given == [-1]
    assert list(results) == [2, 3]
