"""Which target to choose: expected utility on joint posterior draws."""
