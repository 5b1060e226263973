"""Tokenising, batching and padding."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertTokenizerFast, PreTrainedTokenizerFast

from spafit.errors import SpafitError
from spafit.tasks import Examples
from spafit.tasks.tokens import load_tokenizer, tokenize
from spafit.training.batches import collate

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "film", "was", "good", "bad", "and", "long"]


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def make(texts: list[str], pairs: list[str] | None = None) -> Examples:
    return Examples(texts, pairs, np.arange(len(texts), dtype=np.int64) % 2)


def test_tokens_are_those_of_the_models_own_tokenizer(tokenizer_folder: Path) -> None:
    reference = BertTokenizerFast.from_pretrained(tokenizer_folder)
    texts = ["The film was good", "", "bad " * 40, "unknown words [SEP] here"]
    pairs = ["and long", "the film was long " * 9, "good " * 30, ""]
    for second in (None, pairs):
        encoded = tokenize(make(texts, second), tokenizer_folder, 16, None)
        expected = reference(texts, second, truncation=True, max_length=16)
        for i in range(len(texts)):
            span = slice(encoded.offsets[i], encoded.offsets[i + 1])
            assert encoded.input_ids[span].tolist() == expected["input_ids"][i]
            assert encoded.token_type_ids is not None
            assert encoded.token_type_ids[span].tolist() == expected["token_type_ids"][i]
        whole = reference(texts, second)["input_ids"]
        assert encoded.truncated == sum(len(tokens) > 16 for tokens in whole)
        assert encoded.lengths.max() == 16
        assert encoded.labels.tolist() == [0, 1, 0, 1]


def test_a_tokenizer_without_padding_or_types_pads_with_its_end(tmp_path: Path) -> None:
    inner = Tokenizer(models.WordLevel({"a": 0, "b": 1, "<end>": 2, "<unk>": 3}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", model_input_names=["input_ids", "attention_mask"]
    ).save_pretrained(tmp_path)
    encoded = tokenize(make(["a b", "b"]), tmp_path, 8, None)
    assert encoded.token_type_ids is None
    batch = collate(encoded, np.array([1, 0]))
    assert batch["input_ids"].tolist() == [[1, 2, 2], [0, 1, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert set(batch) == {"input_ids", "attention_mask", "labels"}


def test_cache_is_shared_by_text_and_kept_apart_by_length(
    tokenizer_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = make(["the film", "was good"])
    first = tokenize(examples, tokenizer_folder, 8, tmp_path)
    tokenize(examples, tokenizer_folder, 9, tmp_path)
    tokenize(make(["the film", "was bad"]), tokenizer_folder, 8, tmp_path)
    tokenize(make(["the film", "was good"], ["", ""]), tokenizer_folder, 8, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4

    def refuse(*_: object) -> None:
        raise AssertionError("tokenised again")

    monkeypatch.setattr("spafit.tasks.tokens.load_tokenizer", refuse)
    relabelled = Examples(examples.text, None, np.array([7, 8]))
    again = tokenize(relabelled, tokenizer_folder, 8, tmp_path)
    np.testing.assert_array_equal(again.input_ids, first.input_ids)
    assert again.labels.tolist() == [7, 8]
    assert (again.truncated, again.pad_id, again.max_length) == (first.truncated, first.pad_id, 8)


def test_a_damaged_or_impossible_cache_costs_only_time(tokenizer_folder: Path, tmp_path: Path) -> None:
    examples = make(["the film"])
    first = tokenize(examples, tokenizer_folder, 8, tmp_path / "cache")
    [file] = (tmp_path / "cache").iterdir()
    file.write_bytes(b"PK\x03\x04 not an archive")
    np.testing.assert_array_equal(
        tokenize(examples, tokenizer_folder, 8, tmp_path / "cache").input_ids, first.input_ids
    )
    (tmp_path / "file").write_text("")
    np.testing.assert_array_equal(tokenize(examples, tokenizer_folder, 8, tmp_path / "file").input_ids, first.input_ids)


def test_the_oldest_tokens_leave_a_full_cache(
    tokenizer_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spafit.tasks.tokens.CACHE_BYTES", 0)
    tokenize(make(["the film"]), tokenizer_folder, 8, tmp_path)
    assert not list(tmp_path.iterdir())


def test_bad_tokenizer_or_length_is_one_sentence(tokenizer_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SpafitError, match="There is no tokenizer in"):
        tokenize(make(["a"]), tmp_path, 8, None)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(SpafitError, match=r"tokenizer in .* cannot be loaded") as caught:
        tokenize(make(["a"]), tmp_path, 8, None)
    assert "\n" not in str(caught.value)
    with pytest.raises(SpafitError, match="no room for a text"):
        tokenize(make(["a"]), tokenizer_folder, 2, None)


def test_collate_pads_to_the_longest(tokenizer_folder: Path) -> None:
    encoded = tokenize(make(["the film was good", "bad"], ["and", "long"]), tokenizer_folder, 16, None)
    batch = collate(encoded, np.array([1, 0]))
    assert batch["input_ids"].shape == (2, 8)
    assert batch["input_ids"][0].tolist() == [2, 8, 3, 10, 3, 0, 0, 0]
    assert batch["token_type_ids"][0].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert batch["attention_mask"].sum(axis=1).tolist() == [5, 8]
    assert batch["labels"].tolist() == [1, 0]


def test_a_text_without_any_token_is_named(monkeypatch: pytest.MonkeyPatch, tokenizer_folder: Path) -> None:
    arrays = {"input_ids": np.arange(3, dtype=np.int32), "offsets": np.array([0, 2, 2, 3])}
    monkeypatch.setattr(
        "spafit.tasks.tokens._tokenize", lambda *_: arrays | {"truncated": np.array(0), "pad_id": np.array(0)}
    )
    with pytest.raises(SpafitError, match="no token of 1 of 3 texts, the first being text 2; leave them out"):
        tokenize(make(["a", "b", "c"]), tokenizer_folder, 16, None)


def test_a_vocabulary_of_sentencepiece_alone_is_a_tokenizer(tmp_path: Path) -> None:
    """DeBERTa-v3 is published with spm.model and no tokenizer.json."""
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the film was good and the plot was bad", "a very dull story with a great actor"] * 20),
        model_writer=model,
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
    )
    (tmp_path / "spm.model").write_bytes(model.getvalue())
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    (tmp_path / "config.json").write_text('{"model_type": "deberta-v2", "vocab_size": 64}')
    texts = Examples(["the film was good", "a dull plot"], None, np.array([1, 0]))
    encoded = tokenize(texts, tmp_path, 32, None)
    pieces = load_tokenizer(tmp_path).convert_ids_to_tokens(encoded.input_ids[: encoded.offsets[1]].tolist())
    assert (pieces[0], pieces[-1], encoded.pad_id) == ("[CLS]", "[SEP]", 0)
    assert "".join(pieces[1:-1]).replace("▁", " ").strip() == "the film was good"
