"""Alembic migrations of the run store; `spafit.runs.database` runs them when a store is opened."""
