"""The Hugging Face Hub, asked as little as possible and never with the server's token (no torch).

Anyone who opens the app can name a Hub model, so every request here is anonymous, bounded in time and size, and
preceded by one quick look whether the Hub answers at all: behind a firewall people are told at once, not after minutes
of retries.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path

from spafit.errors import SpafitError
from spafit.models.configs import adapter_sentence
from spafit.models.weights import has_weights

TIMEOUT = 3.0
"""Seconds after which a Hub that has not answered counts as out of reach."""
REMEMBER = 30.0
"""Seconds for which that answer is kept."""
WEIGHT_FILES = ("*.safetensors", "*.safetensors.index.json")
TOKENIZER_FILES = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model")
REMEMBER_FILES = 300.0
MAX_LISTING_BYTES = 20_000_000
NOT_PUBLIC = "The Hub has no public model {!r}, or its owner asks for an account to see it."
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


class OfflineError(SpafitError):
    """Something is only on the Hub, and the Hub is out of reach."""


def is_hub_id(text: str) -> bool:
    """Whether a text has the form owner/name, as the Hub allows them: neither part has ".." or "--"."""
    return bool(_HUB_ID.fullmatch(text)) and ".." not in text and "--" not in text


def endpoint() -> str:
    """Return the Hub's address; ``HF_ENDPOINT`` names a mirror."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def switched_off() -> bool:
    """Whether ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE`` forbids asking."""
    switches = (os.environ.get(name, "").lower() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value in ("1", "true", "yes", "on") for value in switches)


_answers: dict[str, tuple[float, bool]] = {}


def reachable(timeout: float = TIMEOUT) -> bool:
    """Return whether the Hub answers within ``timeout`` seconds; the answer is kept for half a minute."""
    if switched_off():
        return False
    address = endpoint()
    asked, answer = _answers.get(address, (0.0, False))
    if asked and time.monotonic() - asked < REMEMBER:
        return answer
    result: list[bool] = []
    # Name resolution has no timeout of its own, so the question is asked in a thread that can be left behind.
    thread = threading.Thread(target=lambda: result.append(_answers_at(address, timeout)), daemon=True)
    thread.start()
    thread.join(timeout)
    answer = bool(result and result[0])
    _answers[address] = (time.monotonic(), answer)
    return answer


def _answers_at(address: str, timeout: float) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, HTTPException, ValueError):
        return False


def require_hub(what: str) -> None:
    """Raise `OfflineError` at once when the Hub is out of reach; ``what`` is what was wanted from it."""
    if switched_off():
        raise OfflineError(f"{what} is on the Hugging Face Hub, which is switched off here (HF_HUB_OFFLINE).")
    if not reachable():
        raise OfflineError(f"{what} is on the Hugging Face Hub, which cannot be reached from here.")


def fetch_config(hub_id: str, max_bytes: int) -> bytes:
    """Return a Hub model's config.json, asked for without any token.

    Raises:
        OfflineError: the Hub is out of reach.
        SpafitError: no such public model, no config.json, or more than ``max_bytes``.
    """
    what = f"The configuration of {hub_id}"
    text = _get(f"{hub_id}/resolve/main/config.json", hub_id, what, max_bytes)
    if text is not None:
        return text
    adapter = _get(f"{hub_id}/resolve/main/adapter_config.json", hub_id, what, max_bytes)
    if adapter is not None:
        raise SpafitError(adapter_sentence(hub_id, adapter))
    raise SpafitError(f"The Hub has no model {hub_id!r}, or it has no config.json.")


def fetch_start(hub_id: str, name: str, count: int) -> bytes | None:
    """Return the first bytes of a Hub model's file, asked for without any token; None when there is no such file.

    Raises:
        OfflineError: the Hub is out of reach.
        SpafitError: no such public model.
    """
    return _get(f"{hub_id}/resolve/main/{name}", hub_id, f"{name} of {hub_id}", count, start_only=True)


def _get(path: str, hub_id: str, what: str, max_bytes: int, *, start_only: bool = False) -> bytes | None:
    """Return what is at a path of the Hub, asked for without any token; None when nothing is."""
    require_hub(what)
    asked = urllib.request.Request(f"{endpoint()}/{path}")
    if start_only:
        asked.add_header("Range", f"bytes=0-{max_bytes - 1}")
    try:
        with urllib.request.urlopen(asked, timeout=2 * TIMEOUT) as answer:
            text = answer.read(max_bytes if start_only else max_bytes + 1)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise SpafitError(NOT_PUBLIC.format(hub_id)) from error
        if error.code == 404:
            return None
        raise SpafitError(f"The Hub answered {error.code} when asked for {hub_id}; try again later.") from error
    except (OSError, HTTPException) as error:
        raise OfflineError(f"{what} could not be fetched from the Hub ({error}).") from error
    if len(text) > max_bytes:
        raise SpafitError(f"{what} is larger than {max_bytes:,} bytes.")
    return text


_listings: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}


def file_names(hub_id: str) -> frozenset[str]:
    """Return the names of the files in a Hub model's repository; the answer is kept for five minutes.

    Raises:
        OfflineError: the Hub is out of reach.
        SpafitError: no such public model, or an answer that cannot be read.
    """
    asked, names = _listings.get((endpoint(), hub_id), (0.0, frozenset()))
    if asked and time.monotonic() - asked < REMEMBER_FILES:
        return names
    text = _get(f"api/models/{hub_id}", hub_id, f"The list of files of {hub_id}", MAX_LISTING_BYTES)
    if text is None:
        raise SpafitError(NOT_PUBLIC.format(hub_id))
    try:
        names = frozenset(str(file["rfilename"]) for file in json.loads(text)["siblings"])
    except (ValueError, KeyError, TypeError) as error:
        raise SpafitError(f"The Hub's list of files of {hub_id} cannot be read.") from error
    _listings[endpoint(), hub_id] = (time.monotonic(), names)
    return names


def no_safetensors(hub_id: str, names: Iterable[str]) -> str | None:
    """Return that a repository has no weights that are read here, in one sentence; None when it has some."""
    if any(name in ("model.safetensors", "model.safetensors.index.json") for name in names):
        return None
    return (
        f"{hub_id} has no safetensors weights, and other formats can run code and are not read; the Hub's converter "
        "can add them (huggingface.co/spaces/safetensors/convert)."
    )


def cache_folder() -> Path:
    """Return the folder in which the Hub's client keeps what it downloaded."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached_snapshot(hub_id: str) -> Path | None:
    """Return the folder of a downloaded model whose configuration and safetensors weights are complete, else None."""
    snapshots = cache_folder() / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    if not snapshots.is_dir():
        return None
    complete = [folder for folder in snapshots.iterdir() if (folder / "config.json").is_file() and has_weights(folder)]
    return max(complete, key=lambda folder: folder.stat().st_mtime, default=None)


def download(hub_id: str) -> Path:
    """Download a model's configuration, tokenizer and safetensors weights without any token; return the folder.

    Raises:
        OfflineError: the Hub is out of reach.
        SpafitError: no such public model, or it has no safetensors weights.
    """
    require_hub(f"The model {hub_id}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        wanted = ["config.json", *WEIGHT_FILES, *TOKENIZER_FILES]
        folder = Path(snapshot_download(hub_id, allow_patterns=wanted, token=False))
    except RepositoryNotFoundError as error:
        raise SpafitError(NOT_PUBLIC.format(hub_id)) from error
    except (HfHubHTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SpafitError(f"The model {hub_id} could not be downloaded ({reason}).") from error
    if problem := no_safetensors(hub_id, [path.name for path in folder.iterdir()]):
        raise SpafitError(problem)
    return folder
