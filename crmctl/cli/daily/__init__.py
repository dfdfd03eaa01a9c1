"""What is done every day."""
