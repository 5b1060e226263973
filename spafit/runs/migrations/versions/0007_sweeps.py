"""Sweeps, and what makes runs comparable. Runs from before have no hashes and belong to no series."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("weights_hash", sa.String(64)))
    op.add_column("runs", sa.Column("data_hash", sa.String(64)))
    op.add_column("runs", sa.Column("engine_generation", sa.Integer()))
    op.add_column("runs", sa.Column("validation_baseline", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "sweeps",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("definition_key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sweeps"),
        sa.UniqueConstraint("id", name="uq_sweeps_id"),
    )
    op.create_index("ix_sweeps_definition_key", "sweeps", ["definition_key"])
    op.create_table(
        "reused_runs",
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sweep"], ["sweeps.number"], name="fk_reused_runs_sweep", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_reused_runs_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sweep", "run", name="pk_reused_runs"),
    )


def downgrade() -> None:
    op.drop_table("reused_runs")
    op.drop_table("sweeps")
    for column in ("weights_hash", "data_hash", "engine_generation", "validation_baseline"):
        op.drop_column("runs", column)
