"""Parts of ``decisions.py``: decisions taken on predictions, held against what was measured."""
