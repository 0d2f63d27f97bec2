"""Judge the bundled model on eight prompts of TextCraft; the page in FOLDER/run shows every picture.

python examples/judge_a_model.py FOLDER
"""

import shutil
import sys
from pathlib import Path

from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.generators.pipeline import PipelineConfig, PipelineGenerator
from hanmo.evaluate.judges.build import JudgeConfig, build
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.report.text import as_lines
from hanmo.evaluate.report.write import write_pages
from hanmo.evaluate.run import evaluate
from hanmo.evaluate.run_folder import picture_path, read_results

folder = Path(sys.argv[1])
suite = benchmark("textcraft")
judges = build(suite.needs, JudgeConfig())
painter = PipelineGenerator(PipelineConfig())  # or a folder of pictures, or an endpoint: see hanmo.evaluate.generators
outcome = evaluate(suite, painter, judges, folder, folder / "run", RunOptions(limit=8))

print("\n".join(as_lines(outcome.report, ())))
write_pages(folder / "run")
first = read_results(folder / "run")[0]
shutil.copy(picture_path(folder / "run", first.prompt.id, first.seeds[0]), folder / "first.png")
