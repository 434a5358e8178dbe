"""A matrix as one page of HTML that opens anywhere."""
