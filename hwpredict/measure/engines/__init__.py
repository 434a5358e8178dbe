"""Runtimes that can be measured, one a file; each is imported only in the process that measures it."""
