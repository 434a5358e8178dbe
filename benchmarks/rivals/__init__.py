"""What a user would reach for instead: each rival one file, all behind one function in ``table``."""
