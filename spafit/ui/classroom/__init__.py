"""Pages for a room with a projector."""
