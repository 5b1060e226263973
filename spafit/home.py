"""Where spafit keeps what it must remember: database, runs, caches and uploaded datasets."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import platformdirs

from spafit.errors import SpafitError


def spafit_home() -> Path:
    """Return the folder that holds the database, ``runs/``, ``cache/`` and ``datasets/``, created when missing.

    ``SPAFIT_HOME`` names it; otherwise it is the user's data folder as the platform defines it.

    Raises:
        SpafitError: the folder cannot be created or is not a folder.
    """
    named = os.environ.get("SPAFIT_HOME")
    home = Path(named).expanduser() if named else Path(platformdirs.user_data_dir("spafit", appauthor=False))
    home = home.absolute()
    try:
        for folder in (home, home / "runs", home / "cache", home / "datasets"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpafitError(
            f"The data folder {home} cannot be used ({error.strerror}); set SPAFIT_HOME to a folder you may write to."
        ) from error
    return home


def database_url() -> str:
    """Return the SQLAlchemy URL of the run store: ``SPAFIT_DATABASE_URL``, else SQLite in the data folder."""
    return os.environ.get("SPAFIT_DATABASE_URL") or f"sqlite:///{quote(str(spafit_home() / 'spafit.db'))}"
