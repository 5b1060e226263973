"""What a room looks at together."""
