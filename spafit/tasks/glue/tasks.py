"""The nine tasks of GLUE (Wang et al. 2019, arXiv 1804.07461), and where their data is found.

Sources, in this order: the folder that SPAFIT_GLUE_DIR names, the Hugging Face cache, the Hub. GLUE keeps the labels of
its own test sets to itself, so its public development set is the test part here, unchanged, and the validation part is
a fixed share of the training set. Training rows that repeat one another or a test row are left out and counted.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from spafit.tasks import helper, prepared
from spafit.tasks.glue import layout
from spafit.tasks.glue.files import LAYOUTS
from spafit.tasks.splits import Preparation
from spafit.tasks.task import CLASSIFICATION, REGRESSION, Task

ORDER = "looked for in the folder that SPAFIT_GLUE_DIR names, then in the Hugging Face cache, then on the Hub"
SMALL_BYTES = 2_000_000  # of a task's files: read and divided in well under a second


def _task(
    key: str, name: str, metrics: tuple[str, ...], sentence: str, example: str, licence: str, limits: str, origin: str
) -> Task:
    form = LAYOUTS[key]
    return Task(
        key=key,
        name=name,
        source="hub",
        kind=CLASSIFICATION if form.labels else REGRESSION,
        pair=form.pair is not None,
        labels=form.labels,
        metric=metrics[0],
        metrics=metrics,
        sentence=sentence,
        example=example,
        licence=licence,
        limits=limits,
        origin=origin,
        extra_tests=tuple(part for part, _ in form.tests if part != "test"),
        test_kind="matched" if key == "mnli" else "",
    )


TASKS = (
    _task(
        "cola",
        "CoLA",
        ("matthews", "accuracy"),
        "Is this an acceptable English sentence?",
        "“They drank the pub.” → unacceptable",
        "Not stated; sentences quoted from publications in linguistics.",
        "70 % of the sentences are acceptable, so accuracy flatters; Matthews correlation is 0 for whoever always says "
        "so, and small sentence encoders stay there for long.",
        "Warstadt et al. 2019, the Corpus of Linguistic Acceptability.",
    ),
    _task(
        "sst2",
        "SST-2",
        ("accuracy",),
        "Does this phrase from a film review speak well of the film?",
        "“a charming and often affecting journey” → positive",
        "Not stated by its authors.",
        "Training rows are mostly phrases cut out of sentences, test rows whole sentences; neutral ones were dropped.",
        "Socher et al. 2013, the Stanford Sentiment Treebank in two classes.",
    ),
    _task(
        "mrpc",
        "MRPC",
        ("accuracy", "f1"),
        "Do these two sentences from news say the same?",
        "“Shares rose 5 percent.” / “The stock gained 5 percent.” → equivalent",
        "Microsoft Research's own licence, for research.",
        "About 68 % of the pairs are equivalent: always saying so gives that accuracy and an F1 of 0.81; with 408 test "
        "pairs, differences of two points are chance.",
        "Dolan and Brockett 2005, the Microsoft Research Paraphrase Corpus.",
    ),
    _task(
        "stsb",
        "STS-B",
        ("pearson", "spearman"),
        "How similar in meaning are these two sentences, from 0 to 5?",
        "“A man is playing a large flute.” / “A man is playing a flute.” → 3.8",
        "Creative Commons BY-SA 4.0, with parts under their sources' own terms.",
        "The targets are means of a few people's scores; sentences come from captions, news and forums, whose pairs "
        "differ in difficulty.",
        "Cer et al. 2017, the Semantic Textual Similarity Benchmark.",
    ),
    _task(
        "qqp",
        "QQP",
        ("accuracy", "f1"),
        "Do these two questions ask the same?",
        "“How do I learn Python?” / “What is the best way to learn Python?” → duplicate",
        "Quora's terms, non-commercial use.",
        "63 % of the pairs are no duplicates and many labels are noisy; 40,430 test pairs take long without a GPU.",
        "Quora 2017, the Quora Question Pairs.",
    ),
    _task(
        "mnli",
        "MNLI",
        ("accuracy",),
        "Does the first sentence imply the second, contradict it, or neither?",
        "“He was asleep by nine.” / “He stayed up all night.” → contradiction",
        "Mixed and mostly free: the Open American National Corpus, public domain and Creative Commons texts.",
        "The second sentence alone often gives the answer away; two test parts: matched (the genres of training) and "
        "mismatched (others).",
        "Williams et al. 2018, the Multi-Genre Natural Language Inference corpus.",
    ),
    _task(
        "qnli",
        "QNLI",
        ("accuracy",),
        "Does this sentence contain the answer to the question?",
        "“Where was she born?” / “She moved to Paris in 1891.” → not_entailment",
        "Creative Commons BY-SA 4.0 (SQuAD).",
        "Made from a reading test, so words shared by question and sentence go a long way.",
        "Rajpurkar et al. 2016, recast for GLUE from SQuAD.",
    ),
    _task(
        "rte",
        "RTE",
        ("accuracy",),
        "Does the first text imply the second?",
        "“The firm, founded in 1912, is based in Oslo.” / “The firm is in Norway.” → entailment",
        "Not stated; compiled from four shared tasks.",
        "2,490 training and 277 test pairs: results swing by several points with the seed.",
        "Dagan et al. 2006 and the three challenges that followed.",
    ),
    _task(
        "wnli",
        "WNLI",
        ("accuracy",),
        "If the pronoun is replaced like this, does the second sentence follow from the first?",
        "“The cup fell off the table because it was unstable.” / “The table was unstable.” → entailment",
        "Creative Commons BY 4.0.",
        "635 training and 71 test pairs, built so that pairs in training mislead about pairs in the test: models often "
        "do worse than the majority class.",
        "Levesque et al. 2011, recast for GLUE from the Winograd Schema Challenge.",
    ),
)
KEYS = frozenset(task.key for task in TASKS)


def tasks() -> list[Task]:
    """Return the nine tasks, each with the source its data would come from now."""
    return [get(task.key) for task in TASKS]


def get(key: str) -> Task:
    """Return one of the nine, likewise."""
    return replace(next(task for task in TASKS if task.key == key), source=source(key))


def source(key: str) -> str:
    """Where a task's data would come from now: "local", "cached" or "hub"."""
    if layout.local_folder(key) is not None:
        return "local"
    return "cached" if prepared.is_ready(layout.fetched_folder(key)) or layout.in_hf_cache(key) else "hub"


def is_small(key: str) -> bool:
    """Whether a task's files are local, and small enough to be read while a page waits."""
    local = layout.local_folder(key)
    paths = [] if local is None else [local / name for name in LAYOUTS[key].files.values()]
    return bool(paths) and all(map(Path.is_file, paths)) and sum(path.stat().st_size for path in paths) <= SMALL_BYTES


def how_to_bring(key: str) -> str:
    """Return what would make a task's data local, as the end of a sentence."""
    if os.environ.get("SPAFIT_GLUE_DIR"):
        return f"the folder that SPAFIT_GLUE_DIR names has no {LAYOUTS[key].folder}"
    return "SPAFIT_GLUE_DIR can name a folder with GLUE's files"


def prepare(key: str) -> tuple[prepared.Parts, Preparation] | None:
    """Read and divide a GLUE task's local files; None when a helper process fetched them, and stored them itself.

    Raises:
        TaskError: the data is nowhere to be had, or its files are not as GLUE writes them.
    """
    local = layout.local_folder(key)
    if local is not None:
        return layout.from_files(key, local)
    helper.call("glue", key=key, folder=str(layout.fetched_folder(key)))
    return None
