"""Owners: a public random id, and the hash of the secret that a visitor's browser keeps in a cookie.

The secret itself is written down nowhere. An administrator's key is kept as a salted hash; whoever has entered it is an
administrator for as long as that key is the server's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from threading import Lock

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from spafit.errors import SpafitError
from spafit.runs.database import StoreError, reading, writing
from spafit.runs.rights import Actor
from spafit.runs.schema import administrator_key as key_table
from spafit.runs.schema import class_teachers as teachers_table
from spafit.runs.schema import owners as owners_table
from spafit.runs.store import Store

SECRET_BYTES = 32
KEY_LETTERS = 12
"""A shorter administrator's key could be guessed."""
_SECRET = re.compile(r"[\w-]{43}", re.ASCII)
one_guess = Lock()
"""Held while a key is checked: keys are tried one at a time."""


def new_secret() -> str:
    """Return a secret for a new owner's cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


def is_secret(text: object) -> bool:
    """Whether a cookie's value has the form of `new_secret`."""
    return isinstance(text, str) and bool(_SECRET.fullmatch(text))


def actor_of(store: Store, secret: str, name: str = "", *, enrol: bool = False) -> Actor:
    """Return who holds a secret; an actor without an id when that is nobody known.

    ``enrol`` makes a secret seen for the first time a new owner's: before something is made that will belong to them.
    """
    if not is_secret(secret):
        return Actor(name=name)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    query = select(owners_table.c.id, owners_table.c.key_hash).where(owners_table.c.secret_hash == digest)
    with reading(store.engine) as connection:
        row = connection.execute(query).first()
        current = connection.execute(select(key_table.c.hash)).scalar()
        taught = select(teachers_table.c.class_id).where(teachers_table.c.owner_id == (row.id if row else ""))
        teaches = frozenset(connection.execute(taught).scalars())
    if row is not None:
        return Actor(row.id, name, current is not None and row.key_hash == current, teaches)
    if enrol:
        try:
            with writing(store.engine) as connection:
                values = {"id": secrets.token_hex(8), "secret_hash": digest, "created_at": store.clock()}
                connection.execute(insert(owners_table).values(values))
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):  # another tab of the same browser was faster
                raise
        return actor_of(store, secret, name)
    return Actor(name=name)


def set_key(store: Store, key: str) -> None:
    """Make this the administrator's key. Whoever entered another one is no administrator any more.

    Raises:
        SpafitError: it is too short.
    """
    if len(key) < KEY_LETTERS:
        raise SpafitError(f"SPAFIT_ADMIN_KEY must have at least {KEY_LETTERS} characters.")
    with writing(store.engine) as connection:
        row = connection.execute(select(key_table.c.salt, key_table.c.hash)).first()
        if row is not None and hmac.compare_digest(row.hash, hashed(key, row.salt)):
            return
        salt = secrets.token_hex(16)
        connection.execute(delete(key_table))
        connection.execute(insert(key_table).values(id=1, salt=salt, hash=hashed(key, salt)))


def enter_key(store: Store, secret: str, key: str) -> bool:
    """Make the holder of a secret an administrator if the key is right; one try at a time, each takes a moment."""
    with one_guess:
        with reading(store.engine) as connection:
            row = connection.execute(select(key_table.c.salt, key_table.c.hash)).first()
        if row is None or not hmac.compare_digest(row.hash, hashed(key, row.salt)):
            return False
    owner = actor_of(store, secret, enrol=True)
    if not owner.id:
        return False
    with writing(store.engine) as connection:
        connection.execute(update(owners_table).where(owners_table.c.id == owner.id).values(key_hash=row.hash))
    return True


def leave(store: Store, owner_id: str) -> None:
    """Let an owner be no administrator any more."""
    with writing(store.engine) as connection:
        connection.execute(update(owners_table).where(owners_table.c.id == owner_id).values(key_hash=None))


def hashed(key: str, salt: str) -> str:
    """Return what is kept of a key; takes a moment, so that keys cannot be tried by the million."""
    return hashlib.scrypt(key.encode()[:1000], salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()
