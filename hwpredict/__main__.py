"""``python -m hwpredict``."""

from hwpredict.cli.main import main

main()
