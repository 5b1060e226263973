"""Owners with ids, who did what, whose uploads; pinned runs. What runs called their owner stays as a name."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner_id", sa.String(32), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("pinned", sa.Boolean(), nullable=False, server_default="0"))
    op.create_index("ix_runs_state_owner_id", "runs", ["state", "owner_id"])
    op.create_index("ix_runs_owner_id_started_at", "runs", ["owner_id", "started_at"])
    op.create_table(
        "owners",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.String(128)),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_owners"),
        sa.UniqueConstraint("secret_hash", name="uq_owners_secret_hash"),
    )
    op.create_table(
        "administrator_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("hash", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_administrator_key"),
    )
    op.create_table(
        "actions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_actions"),
    )
    op.create_index("ix_actions_subject", "actions", ["subject"])
    op.create_table(
        "uploads",
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_uploads"),
    )


def downgrade() -> None:
    for table in ("uploads", "actions", "administrator_key", "owners"):
        op.drop_table(table)
    op.drop_index("ix_runs_owner_id_started_at", "runs")
    op.drop_index("ix_runs_state_owner_id", "runs")
    op.drop_column("runs", "pinned")
    op.drop_column("runs", "owner_id")
