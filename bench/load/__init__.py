"""What makes the calls."""
