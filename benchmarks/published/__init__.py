"""The tables that others have published figures on, with the same rivals in the same run."""
