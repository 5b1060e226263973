"""What can be picked: the bundled model, the catalogue, folders, uploaded configurations and Hub models (no torch)."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spafit import access, provenance
from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.home import spafit_home
from spafit.models import hub
from spafit.models.anatomy import Anatomy
from spafit.models.configs import MAX_CONFIG_BYTES, family_of, parse_config, read_config
from spafit.models.names import in_any_case, plain_name, similar
from spafit.models.weights import WeightsError, has_weights, tensor_names, weight_files
from spafit.stratification import Role

BUNDLED = "minilm-l6"
"""Catalogue key of the model whose weights come with the installation."""
CATALOGUE = Path(__file__).parent / "catalogue"
UPLOADED = "config:"
"""What the key of an uploaded configuration starts with; its content's hash follows."""

Source = Literal["bundled", "cached", "hub", "local"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be picked.

    ``source`` says where its weights are: in the installation, in the Hub's cache on this machine, on the Hub (a
    download of about ``download_bytes``, when known), or in a folder. ``counts_only`` models can be explored but not
    trained here: there is a configuration and no weights, or the weights need an account with the Hub.
    """

    key: str
    name: str
    source: Source
    hub_id: str | None
    family: str | None
    num_layers: int | None
    parameters: int | None
    download_bytes: int | None
    licence: str | None
    counts_only: bool
    path: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON types."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"path": str(self.path) if self.path else None}


@functools.cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Return the catalogue's entries by key, in the order they are shown; each has its configuration and its source."""
    entries = json.loads((CATALOGUE / "models.json").read_text(encoding="utf-8"))["models"]
    return {entry["key"]: entry for entry in entries}


def list_models() -> list[Model]:
    """Return every model of the catalogue, the bundled one first; what is usable offline shows in ``source``."""
    return [_from_catalogue(entry) for entry in catalogue().values()]


def get_model(model: str) -> Model:
    """Return the model a text stands for: an existing folder (not on a shared server), a catalogue key, or a Hub id.

    The key of an uploaded configuration (see `add_config`) is understood too.

    Raises:
        SpafitError: it is none of these.
    """
    text = str(model).strip()
    if text.startswith(UPLOADED):
        return _uploaded(text)
    if not access.shared() and (folder := _existing_folder(text)):
        return _local(folder)
    text = plain_name(text)
    if key := in_any_case(text, catalogue()):
        return _from_catalogue(catalogue()[key])
    if hub_id := in_any_case(text, _by_hub_id()):
        return _from_catalogue(_by_hub_id()[hub_id])
    if hub.is_hub_id(text):
        folder = hub.cached_snapshot(text)
        return Model(text, text, "cached" if folder else "hub", text, None, None, None, None, None, False, folder)
    meant = similar(text, {entry["key"]: entry["name"] for entry in catalogue().values()})
    if access.shared() and not meant:
        raise SpafitError(access.NO_PATHS)
    raise SpafitError(
        f"{text[:120]!r} is no model: it is neither an existing folder, nor one of the catalogue's keys "
        f"({', '.join(list(catalogue())[:4])} …), nor a Hub id such as google-bert/bert-base-cased"
        + (f"; did you mean {' or '.join(meant)}?" if meant else ".")
    )


def _existing_folder(text: str) -> Path | None:
    try:
        folder = Path(text).expanduser()
        return folder if text and folder.is_dir() else None
    except (OSError, RuntimeError):  # too long for a path, or the home of a user who does not exist
        return None


def _by_hub_id() -> dict[str, dict[str, Any]]:
    return {entry["hub_id"]: entry for entry in catalogue().values()}


def _from_catalogue(entry: Mapping[str, Any]) -> Model:
    path = bundled_folder() if entry["key"] == BUNDLED else hub.cached_snapshot(entry["hub_id"])
    source: Source = "hub" if path is None else "bundled" if entry["key"] == BUNDLED else "cached"
    return Model(
        key=entry["key"],
        name=entry["name"],
        source=source,
        hub_id=entry["hub_id"],
        family=entry["config"]["model_type"],
        num_layers=entry["num_layers"],
        parameters=entry["parameters"],
        download_bytes=None if path else entry.get("download_bytes"),
        licence=entry["licence"],
        counts_only=entry.get("counts_only", False) and path is None,
        path=path,
    )


def _local(folder: Path) -> Model:
    folder = folder.resolve()
    family = family_of(read_config(folder)).key
    counts_only = not has_weights(folder)
    return Model(str(folder), folder.name, "local", None, family, None, None, None, None, counts_only, folder)


def add_config(text: bytes | str, name: str) -> Model:
    """Keep an uploaded config.json in the data folder and return its model, which can be counted but not trained.

    Raises:
        SpafitError: not JSON, too large, a model that is not supported, or the disk is full.
    """
    config = parse_config(text)
    family_of(config)
    document = json.dumps({"name": " ".join(name.split())[:80] or "uploaded model", "config": config}, sort_keys=True)
    digest = hashlib.sha256(document.encode()).hexdigest()[:24]
    write_whole(_upload_path(digest), document.encode())
    return _uploaded(UPLOADED + digest)


def _upload_path(digest: str) -> Path:
    return spafit_home() / "cache" / "configs" / f"{digest}.json"


def _read_upload(key: str) -> dict[str, Any]:
    digest = key.removeprefix(UPLOADED)
    path = _upload_path(digest)
    if not re.fullmatch(r"[0-9a-f]{24}", digest) or not path.is_file():
        raise SpafitError("This uploaded configuration is not on this machine; upload its config.json again.")
    return json.loads(path.read_text(encoding="utf-8"))


def _uploaded(key: str) -> Model:
    document = _read_upload(key)
    family = family_of(document["config"]).key
    return Model(key, document["name"], "local", None, family, None, None, None, None, True, None)


def config_of(model: Model) -> dict[str, Any]:
    """Return a model's configuration: the catalogue's, the folder's, the uploaded one, or one fetched once.

    Raises:
        OfflineError: it is only on the Hub, which is out of reach.
        SpafitError: missing, broken, or (from the Hub) of a model that is not supported.
    """
    if model.key in catalogue():
        return catalogue()[model.key]["config"]
    if model.key.startswith(UPLOADED):
        return _read_upload(model.key)["config"]
    if model.path is not None:
        return read_config(model.path)
    assert model.hub_id is not None
    kept = spafit_home() / "cache" / "configs" / f"{model.hub_id.replace('/', '--')}.json"
    if not kept.is_file():
        try:
            text = hub.fetch_config(model.hub_id, MAX_CONFIG_BYTES)
        except hub.OfflineError as error:
            raise hub.OfflineError(f"{error} Available without it: {', '.join(catalogue())}.") from error
        family_of(parse_config(text, f"The configuration of {model.hub_id}"))  # only what can be used is kept
        write_whole(kept, text)
    return read_config(kept)


def bundled_folder() -> Path | None:
    """Return the folder of the bundled weights, found without running their package's code; None when not installed."""
    package = provenance.asset(BUNDLED).folder()
    return package / "model" if package and (package / "model" / "config.json").is_file() else None


def lacks_pooler(folder: Path, anatomy: Anatomy) -> bool:
    """Whether a folder's weights were saved without the pooler that the model has; False when there are no weights.

    Only the list of tensors at the start of the file is read.
    """
    poolers = [t.name for t in anatomy.head if Role.POOLER in t.roles and not t.fresh]
    carried = _tensor_names(folder)
    if not poolers or not carried:
        return False
    return not all(any(name == key or name.endswith(f".{key}") for key in carried) for name in poolers)


def _tensor_names(folder: Path) -> set[str]:
    """Return the names in a folder's safetensors files; none for broken ones, which can still be counted."""
    try:
        return set().union(*(tensor_names(path) for path in weight_files(folder)))
    except WeightsError:
        return set()


def untrainable(model: Model) -> str | None:
    """Return why a model has no weights to train here, in one sentence; None when it has, or may have on the Hub."""
    if model.path is not None:
        try:
            weight_files(model.path)
        except WeightsError as error:
            return f"{model.name} can be counted here but not trained: {str(error).removesuffix('.')}."
        return None
    if model.counts_only or model.hub_id is None:
        return f"{model.name} can be counted here but not trained: its weights are not available."
    return None


def weights_folder(model: str, *, allow_download: bool) -> Path:
    """Return the folder with a model's configuration, tokenizer and safetensors weights, downloading when allowed.

    Raises:
        OfflineError: it would have to be downloaded and the Hub is out of reach; said at once.
        SpafitError: there are no safetensors weights, or a download is needed but not allowed.
    """
    found = get_model(model)
    if found.path is not None:
        if problem := untrainable(found):
            raise SpafitError(problem)
        return found.path
    if found.hub_id is None or found.counts_only:
        raise SpafitError(f"{untrainable(found)}")
    if not allow_download:
        raise SpafitError(f"The weights of {found.name} are not on this machine and would have to be downloaded.")
    try:
        return hub.download(found.hub_id)
    except hub.OfflineError as error:
        usable = ", ".join(m.key for m in list_models() if m.path is not None)
        raise hub.OfflineError(f"{error} Usable without it: {usable or 'a local folder'}.") from error
