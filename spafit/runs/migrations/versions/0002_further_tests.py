"""Scores on further test parts: MNLI's mismatched one. Runs from before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("further_tests", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("runs", "further_tests")
