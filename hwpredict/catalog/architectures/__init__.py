"""Features of models from their hyper-parameters, one file per kind of network."""
