"""Mail and other channels: what comes in, what goes out, and who may be written to."""
