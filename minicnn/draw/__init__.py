"""Pictures of maps and runs."""
