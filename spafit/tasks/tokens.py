"""Texts to token numbers, and token numbers to batches. numpy only at import; transformers where texts are tokenised.

Tokenised texts are kept under the cache folder by the texts themselves, the tokenizer's files and the length, so runs
that read the same examples share them, and changing a label or a seed of the head tokenises nothing again.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spafit.errors import SpafitError
from spafit.files import whole_file

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from spafit.tasks.task import Examples

FORMAT = 1
CACHE_BYTES = 2 * 1024**3  # the tokenised texts kept on disk; the longest unused go first
CHUNK = 1024  # texts tokenised at once
_VOCABULARY_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spm.model",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
TOKENIZER_FILES = (
    *_VOCABULARY_FILES,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
)


NO_TOKENIZER = "There is no tokenizer in {}: it needs tokenizer.json or the vocabulary that the model came with."


@dataclass(frozen=True)
class Encoded:
    """Tokenised examples, one after the other in flat arrays: example i is `[offsets[i]:offsets[i + 1]]`."""

    input_ids: np.ndarray  # int32
    offsets: np.ndarray  # int64, one more than there are examples
    token_type_ids: np.ndarray | None  # int8, aligned with input_ids; None for models without them
    labels: np.ndarray  # int64 classes or float32 targets
    truncated: int  # examples that were longer than max_length and were cut
    max_length: int
    pad_id: int  # token number for padding

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per example, special tokens included, after cutting; int64."""
        return np.diff(self.offsets)


def tokenize(examples: Examples, tokenizer_folder: str | Path, max_length: int, cache_dir: Path | None) -> Encoded:
    """Tokenise examples as the model's own tokenizer does, special tokens included, cut to `max_length` tokens.

    Of a pair the longer text is cut first. Nothing is padded: that happens per batch, in `collate`.

    Args:
        examples: texts, perhaps with second texts, and labels.
        tokenizer_folder: a model folder with its tokenizer files.
        max_length: tokens per example, special tokens included.
        cache_dir: where tokenised texts are kept; None keeps nothing.

    Raises:
        SpafitError: the folder has no tokenizer that can be read, `max_length` leaves no room for a text, or a text
            has no tokens at all.
    """
    folder = Path(tokenizer_folder)
    path = None
    if cache_dir is not None:
        path = cache_dir / f"{_key(examples, folder, max_length)}.npz"
        kept = _read(path)
        if kept is not None:
            return _encoded(kept, examples.labels, max_length)
    arrays = _tokenize(examples, load_tokenizer(folder), max_length)
    empty = np.flatnonzero(np.diff(arrays["offsets"]) == 0)
    if len(empty):
        raise SpafitError(
            f"This model's tokenizer makes no token of {len(empty)} of {len(examples)} texts, the first being text "
            f"{empty[0] + 1}; leave them out."
        )
    if path is not None:
        _write(path, arrays)
    return _encoded(arrays, examples.labels, max_length)


def has_tokenizer(names: Iterable[str]) -> bool:
    """Whether files of these names, in a folder or a repository, are enough to make a tokenizer."""
    return not set(_VOCABULARY_FILES).isdisjoint(names)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer in a model folder; no network, no code from the folder.

    Raises:
        SpafitError: there is none, or it is damaged.
    """
    if not has_tokenizer(file.name for file in folder.iterdir() if file.is_file() and file.stat().st_size):
        # Without one, transformers makes a tokenizer to which every word is unknown.
        raise SpafitError(NO_TOKENIZER.format(folder))
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        assert tokenizer is not None  # as its type would allow
    except Exception as error:  # every tokenizer class has its own ways to fail
        raise SpafitError(f"The tokenizer in {folder} cannot be loaded: {_first_line(error)}") from error
    return tokenizer


def padding_id(source: PreTrainedTokenizerBase | PreTrainedConfig) -> int:
    """Return the token number that texts are padded with: a tokenizer's or configuration's own, else the end's, else 0.

    Decoders often name none; the attention mask keeps whatever is taken out of every result.
    """
    for number in (source.pad_token_id, source.eos_token_id):
        if number is not None:
            return int(number[0] if isinstance(number, list) else number)
    return 0


Arrays = dict[str, np.ndarray]


def _encoded(arrays: Arrays, labels: np.ndarray, max_length: int) -> Encoded:
    return Encoded(
        input_ids=arrays["input_ids"],
        offsets=arrays["offsets"],
        token_type_ids=arrays.get("token_type_ids"),
        labels=labels,
        truncated=int(arrays["truncated"]),
        max_length=max_length,
        pad_id=int(arrays["pad_id"]),
    )


def _tokenize(examples: Examples, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Arrays:
    room = max_length - tokenizer.num_special_tokens_to_add(pair=examples.pair is not None)
    if room < (2 if examples.pair is not None else 1):
        raise SpafitError(f"A length of {max_length} tokens leaves no room for a text beside the special tokens.")
    with_types = "token_type_ids" in tokenizer.model_input_names
    ids: list[np.ndarray] = []
    types: list[np.ndarray] = []
    truncated = 0
    for start in range(0, len(examples), CHUNK):
        texts = examples.text[start : start + CHUNK]
        pairs = None if examples.pair is None else examples.pair[start : start + CHUNK]
        encode = _encode_fast if tokenizer.is_fast else _encode_slow
        for tokens, token_types, cut in encode(tokenizer, texts, pairs, max_length):
            ids.append(np.asarray(tokens, dtype=np.int32))
            if with_types:
                types.append(np.asarray(token_types, dtype=np.int8))
            truncated += cut
    arrays: Arrays = {
        "input_ids": np.concatenate(ids) if ids else np.zeros(0, np.int32),
        "offsets": np.concatenate(([0], np.cumsum([len(tokens) for tokens in ids]))).astype(np.int64),
        "truncated": np.asarray(truncated),
        "pad_id": np.asarray(padding_id(tokenizer)),
    }
    if with_types:
        arrays["token_type_ids"] = np.concatenate(types) if types else np.zeros(0, np.int8)
    return arrays


def _encode_fast(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], pairs: list[str] | None, max_length: int
) -> Iterator[tuple[list[int], list[int], bool]]:
    """Tokens, token types and whether something was cut, per example, in one pass of the Rust tokenizer."""
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.enable_truncation(max_length, strategy="longest_first", direction="right")
    batch = texts if pairs is None else list(zip(texts, pairs, strict=True))
    for encoding in backend.encode_batch_fast(batch):
        yield encoding.ids, encoding.type_ids, bool(encoding.overflowing)


def _encode_slow(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], pairs: list[str] | None, max_length: int
) -> Iterator[tuple[list[int], list[int], bool]]:
    """Do the same with tokenizers written in Python, which say nothing of what they cut: once whole, once cut."""
    options: dict[str, Any] = {"padding": False, "return_attention_mask": False, "verbose": False}
    whole = tokenizer(texts, pairs, truncation=False, **options)["input_ids"]
    cut = tokenizer(
        texts, pairs, truncation="longest_first", max_length=max_length, return_token_type_ids=True, **options
    )
    for tokens, token_types, before in zip(cut["input_ids"], cut["token_type_ids"], whole, strict=True):
        yield tokens, token_types, len(before) > len(tokens)


def _key(examples: Examples, folder: Path, max_length: int) -> str:
    """Return what the tokens depend on: texts, tokenizer files, length and the library. Not the labels."""
    total = hashlib.blake2b(f"{FORMAT} {max_length} {version('tokenizers')}".encode(), digest_size=16)
    for name in TOKENIZER_FILES:
        if (folder / name).is_file():
            total.update(name.encode() + b"\x00" + (folder / name).read_bytes())
    for column in (examples.text, examples.pair):
        total.update(b"\x01none" if column is None else f"\x01{len(column)}".encode())
        for text in column or ():
            data = text.encode("utf-8", "surrogatepass")
            total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        os.utime(path)  # the time of last use, by which the cache is kept small
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        return None
    return arrays


def _write(path: Path, arrays: Arrays) -> None:
    """Keep the arrays; a full or read-only disk costs the next run some seconds and this one nothing."""
    try:
        with whole_file(path) as scratch, scratch.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        _keep_small(path.parent)
    except OSError:
        return


def _keep_small(folder: Path) -> None:
    files = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in folder.glob("*.npz")), reverse=True)
    total = 0
    for _, size, path in files:
        total += size
        if total > CACHE_BYTES:
            path.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
