"""OneIG-Bench, dimension alignment (arXiv 2506.07977): is what the prompt says in the picture?

A prompt of the sets anime, human, object (and multilingualism, Chinese only) comes with up to 24 questions. Some
depend on others: "are there two?" on "are there any?". One question a call. A question counts where its answer is yes
and the answers to all questions on which it depends are yes; those are the answers as they were given, so that a
question is not lost for its grandparent's sake. A picture's figure is the share of its questions that count.

The official script, which `official_compat` reproduces, takes the answer "Yes" and nothing else: "Yes." is a no. Here
an answer begins with yes or no; another is asked for again, and a picture with a question that stays open is unjudged.
The official repository has no licence: the words around the question are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import VLM
from hanmo.evaluate.types import Json, Score

QUESTION = "Look at the picture and answer this question about it: {question} Say Yes or No, one word only."

_YES_NO = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def yes(answer: str) -> bool:
    """Whether an answer begins with yes.

    Raises:
        ValueError: it begins with neither yes nor no.
    """
    found = _YES_NO.match(answer)
    if found is None:
        raise ValueError("neither yes nor no")
    return found[1].lower() == "yes"


def alignment(answers: Sequence[bool], parents: Sequence[Sequence[int]]) -> float:
    """The share of questions that count, 0-1.

    Args:
        answers: of each question, one or more.
        parents: of each question, the positions (from 0) of those on which it depends.
    """
    counts = [answer and all(answers[i] for i in known) for answer, known in zip(answers, parents, strict=True)]
    return sum(counts) / len(counts)


def alignment_score(
    picture: Image.Image, number: int, truth: Mapping[str, Json], vlm: VLM, official_compat: bool
) -> Score:
    """All questions about one picture.

    Args:
        picture: in RGB.
        number: of the picture, from 0.
        truth: of `questions_of`.
        vlm: who answers.
        official_compat: see above.

    Raises:
        Unjudged: a question without a usable answer.
    """
    said = []
    answers = []
    for question in truth["questions"]:
        words = QUESTION.format(question=question)
        if official_compat:
            said.append(vlm.ask([picture], words))
            answers.append(said[-1] == "Yes")
        else:
            answer, quote = asked(vlm, [picture], words, yes)
            said.append(quote)
            answers.append(answer)
    seen = [{"question": asks, "answer": quote} for asks, quote in zip(truth["questions"], said, strict=True)]
    return Score({"alignment": alignment(answers, truth["parents"])}, number, {"alignment": seen})


def questions_of(entry: Json, where: str) -> dict[str, Json]:
    """The questions of one entry of an official file, and what they depend on.

    Args:
        entry: {"question": ..., "dependency": ...}, each a JSON text that maps "1", "2" ... to a question, or to the
            numbers of questions; 0 stands for none.
        where: file and entry, for the message.

    Returns:
        {"questions": [...], "parents": [[...], ...]} in the order of the numbers; parents are positions from 0.

    Raises:
        RequestError: it is not like that.
    """
    try:
        asks, needs = json.loads(entry["question"]), json.loads(entry["dependency"])
        numbers = sorted(asks, key=int)
        places = {int(number): place for place, number in enumerate(numbers)}
        parents = [[places[parent] for parent in needs[number] if parent != 0] for number in numbers]
        questions = [str(asks[number]) for number in numbers]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(
            f"{where} is no set of questions and dependencies ({error!r}): run hanmo eval fetch again"
        ) from error
    if not questions:
        raise RequestError(f"{where} holds no question: run hanmo eval fetch again")
    return {"questions": questions, "parents": parents}
