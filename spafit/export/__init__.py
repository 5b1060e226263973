"""What a person takes away: links, scripts, adapters."""
