"""What numbers can say and what they cannot: plain Python on plain values, with no files and no clock."""
