"""A vision-language model whose answers are written down, for the tests of benchmarks that ask one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image

from hanmo.evaluate.judges.protocols import Judges


class CannedVLM:
    """Answers with what a function says of (sizes of the pictures, question); remembers both."""

    def __init__(self, answer: Callable[[list[tuple[int, int]], str], str]) -> None:
        self.answer = answer
        self.asked: list[tuple[list[tuple[int, int]], str]] = []

    def describe(self) -> dict[str, str]:
        return {"kind": "canned"}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        sizes = [image.size for image in images]
        self.asked.append((sizes, prompt))
        return self.answer(sizes, prompt)


def in_order(*answers: str) -> CannedVLM:
    """Says each answer once, one after the other."""
    left = list(answers)
    return CannedVLM(lambda sizes, prompt: left.pop(0))


def judges(vlm: CannedVLM) -> Judges:
    return Judges(vlm=vlm)
