"""What is known before any benchmark: spec sheets of devices and features of models, each fact with its source."""
