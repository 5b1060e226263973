"""What tables of runs are sorted by (method, boundaries, rate), and what people write beside a run (note, tags)."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SPEC = (
    sa.Column("method", sa.String(16)),
    sa.Column("n1", sa.Integer()),
    sa.Column("n2", sa.Integer()),
    sa.Column("learning_rate", sa.Float()),
)


def upgrade() -> None:
    for column in _SPEC:
        op.add_column("runs", column.copy())
    for name in ("note", "tags"):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    runs = sa.table("runs", sa.column("number"), sa.column("spec", sa.JSON), *(sa.column(c.name) for c in _SPEC))
    connection = op.get_bind()
    for number, spec in connection.execute(sa.select(runs.c.number, runs.c.spec)).all():
        if values := _repeated(spec):
            connection.execute(sa.update(runs).where(runs.c.number == number).values(values))


def _repeated(document: Any) -> dict[str, Any]:
    """Return what the columns repeat; nothing for a specification that cannot be read."""
    from spafit.errors import SpafitError
    from spafit.runs.run import repeated
    from spafit.training.config import RunSpec

    try:
        return repeated(RunSpec.from_dict(document))
    except (SpafitError, KeyError, TypeError, AttributeError, ValueError):
        return {}


def downgrade() -> None:
    for name in ("method", "n1", "n2", "learning_rate", "note", "tags"):
        op.drop_column("runs", name)
