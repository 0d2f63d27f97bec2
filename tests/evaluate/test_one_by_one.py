from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from hanmo.data.ocr import Line
from hanmo.evaluate.judges.protocols import Detection, Judges
from hanmo.evaluate.one_by_one import one_by_one


class Crowded:
    """Every kind of judge; sees how many ask at once."""

    now = most = 0

    def _work(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        time.sleep(0.002)
        self.now -= 1

    def describe(self) -> Mapping[str, object]:
        return {"kind": "crowded"}

    def read(self, image: Image.Image) -> list[Line]:
        self._work()
        return [Line("a", (0, 0, 1, 1), 1.0)]

    def detect(self, image: Image.Image) -> list[Detection]:
        self._work()
        return [Detection("a", (0.0, 0.0, 1.0, 1.0), 1.0)]

    def image(self, images: Sequence[Image.Image]) -> np.ndarray:
        self._work()
        return np.ones((len(images), 1), np.float32)

    def text(self, texts: Sequence[str]) -> np.ndarray:
        self._work()
        return np.ones((len(texts), 1), np.float32)


def test_judges_on_this_machine_are_asked_one_by_one() -> None:
    detector, ocr, clip = Crowded(), Crowded(), Crowded()
    judges = one_by_one(Judges(detector, ocr, None, {"clip": clip}))
    picture = Image.new("RGB", (4, 4))

    def ask() -> None:
        assert judges.the_detector().detect(picture)[0].label == "a"
        assert judges.the_ocr().read(picture)[0].text == "a"
        assert judges.the_embedder("clip").image([picture]).shape == (1, 1)
        assert judges.the_embedder("clip").text(["x"]).shape == (1, 1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (detector.most, ocr.most, clip.most) == (1, 1, 1)
    assert {judges.the_ocr().describe()["kind"], judges.the_detector().describe()["kind"]} == {"crowded"}
    assert judges.vlm is None
