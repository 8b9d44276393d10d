"""What Gatehouse is held against."""
