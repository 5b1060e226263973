"""Classes: who is in one, who teaches it, what they guessed, and which runs are theirs with which limits."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_OF_RUNS = (
    sa.Column("class_id", sa.String(32)),
    sa.Column("limit_examples", sa.Float()),
    sa.Column("limit_seconds", sa.Float()),
    sa.Column("test_hidden", sa.Boolean(), nullable=False, server_default="0"),
)
_MEMBERS = ("class_id", "owner_id")


def upgrade() -> None:
    op.create_table(
        "classes",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("created_by", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        *(
            sa.Column(name, sa.Boolean(), nullable=False)
            for name in ("paused", "closed", "alone", "anonymous", "guesses_revealed", "test_revealed")
        ),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("key_hash", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_classes"),
        sa.UniqueConstraint("id", name="uq_classes_id"),
        sa.UniqueConstraint("code", name="uq_classes_code"),
    )
    op.create_table(
        "class_teachers",
        *(sa.Column(name, sa.String(32), nullable=False) for name in _MEMBERS),
        sa.PrimaryKeyConstraint(*_MEMBERS, name="pk_class_teachers"),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name="fk_class_teachers_class_id", ondelete="CASCADE"),
    )
    op.create_index("ix_class_teachers_owner_id", "class_teachers", ["owner_id"])
    op.create_table(
        "class_members",
        *(sa.Column(name, sa.String(32), nullable=False) for name in _MEMBERS),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("nickname", sa.String(40), nullable=False),
        sa.Column("nickname_key", sa.String(80), nullable=False),
        sa.Column("joined_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("here", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(*_MEMBERS, name="pk_class_members"),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name="fk_class_members_class_id", ondelete="CASCADE"),
    )
    op.create_index("ix_class_members_owner_id", "class_members", ["owner_id"])
    op.create_index(
        "ix_class_members_class_id_nickname_key", "class_members", ("class_id", "nickname_key"), unique=True
    )
    op.create_table(
        "class_guesses",
        *(sa.Column(name, sa.String(32), nullable=False) for name in _MEMBERS),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("locked_at", sa.DateTime(), nullable=False),
        sa.Column("points", sa.Integer()),
        sa.PrimaryKeyConstraint(*_MEMBERS, "kind", name="pk_class_guesses"),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name="fk_class_guesses_class_id", ondelete="CASCADE"),
    )
    for column in _OF_RUNS:
        op.add_column("runs", column.copy())
    op.create_index("ix_runs_class_id_owner_id", "runs", _MEMBERS)


def downgrade() -> None:
    op.drop_index("ix_runs_class_id_owner_id", "runs")
    for column in _OF_RUNS:
        op.drop_column("runs", column.name)
    for table in ("class_guesses", "class_members", "class_teachers", "classes"):
        op.drop_table(table)
