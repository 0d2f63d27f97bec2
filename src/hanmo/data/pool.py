"""Worker processes that may die: each task is done by one of them, and whoever dies over a task is replaced.

The pools of the standard library give up as a whole when one process dies, and do not say over what. Here every
worker has a pipe of its own, so the parent knows who did what; workers are spawned, not forked, so that they do not
inherit a half-locked library. They end with the parent, even when it is killed. This module does not know what a
task is.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Generic, Protocol, TypeVar, runtime_checkable

from hanmo.errors import HanmoError

Task = TypeVar("Task")
Result = TypeVar("Result")
T = TypeVar("T", contravariant=True)

_TICK = 0.5
"""Seconds between two looks at workers that hang."""


@runtime_checkable
class Watch(Protocol[T]):
    """What the parent does beside waiting."""

    def died(self, task: T, code: int) -> None:
        """A worker died over a task, which will be given out again; raise to stop the run.

        Args:
            task: what it was doing.
            code: its exit code; minus the signal, where one ended it.
        """

    def hangs(self, task: T) -> bool:
        """Whether the worker on a task should be killed."""


def run_tasks(
    tasks: Iterable[Task], work: Callable[[Task], Result], watch: Watch[Task], workers: int, memory: int | None = None
) -> Generator[Result, None, None]:
    """The results of all tasks, in the order in which they are done.

    Args:
        tasks: each goes to one worker at a time; the next one is taken when a worker is free for it.
        work: a function that pickles; run in the workers.
        watch: told of deaths.
        workers: how many processes, 1 or more.
        memory: bytes of address space that a worker may have; None is no limit. Beyond it, Python raises MemoryError.

    Raises:
        HanmoError: the first error of a task, after which no other is begun; or what `watch` raises.
    """
    coming = iter(tasks)
    lost: deque[Task] = deque()
    crew: list[_Worker[Task, Result]] = []
    hire = partial(_Worker[Task, Result], work, memory)
    try:
        while True:
            _hand_out(lost, coming, crew, hire, workers)
            if not any(worker.busy for worker in crew):
                return
            multiprocessing.connection.wait([handle for worker in crew for handle in worker.handles], _TICK)
            for place, worker in enumerate(crew):
                reply = worker.reply()
                if reply is not None:
                    yield reply[0]
                elif not worker.alive:
                    code = worker.end()
                    lost.extend(_lost(worker, watch, code))
                    crew[place] = hire()
                elif worker.busy and watch.hangs(worker.task):
                    worker.kill()
    finally:
        for worker in crew:
            worker.kill()
        for worker in crew:
            worker.end()


def _hand_out(
    lost: deque[Task],
    coming: Iterator[Task],
    crew: list[_Worker[Task, Result]],
    hire: Callable[[], _Worker[Task, Result]],
    workers: int,
) -> None:
    """Give a task to every worker that is free, or that may still be hired, while there are tasks."""
    while (free := next((one for one in crew if not one.busy), None)) is not None or len(crew) < workers:
        task = lost.popleft() if lost else next(coming, None)
        if task is None:
            return
        if free is None:
            free = hire()
            crew.append(free)
        free.give(task)


def _lost(worker: _Worker[Task, Result], watch: Watch[Task], code: int) -> list[Task]:
    """What a dead worker leaves to do: its task, if it had one."""
    if worker.busy:
        watch.died(worker.task, code)
        return [worker.task]
    return []


class _Worker(Generic[Task, Result]):
    """One process, its pipe, and the task that it has."""

    def __init__(self, work: Callable[[Task], Result], memory: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work, memory), daemon=True, name="hanmo-data")
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does
        self._tasks: list[Task] = []

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    @property
    def task(self) -> Task:
        return self._tasks[0]

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    @property
    def handles(self) -> list[Connection | int]:
        """What becomes ready when there is something to see."""
        return [self._pipe, self._process.sentinel]

    def give(self, task: Task) -> None:
        self._tasks.append(task)
        with suppress(BrokenPipeError, ConnectionResetError):  # it has died: its sentinel says so
            self._pipe.send(task)

    def reply(self) -> tuple[Result] | None:
        """The result of its task, if it has come; also the last words of one that has died since."""
        try:
            if not self._pipe.poll():
                return None
            outcome = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            return None
        self._tasks.clear()
        if isinstance(outcome, HanmoError):
            raise outcome
        done: tuple[Result] = outcome
        return done

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        """Wait for its end; its exit code."""
        self._process.join()
        self._pipe.close()
        return self._process.exitcode or 0


def _serve(pipe: Connection, work: Callable[[Task], Result], memory: int | None) -> None:
    """The life of a worker: tasks in, results or one error out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            outcome: object = (work(task),)
        except HanmoError as error:
            outcome = error
        except Exception as error:
            outcome = HanmoError(f"a fault of ours in a worker on {task}: {type(error).__name__}: {error}")
        pipe.send(outcome)


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on writing beside the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
