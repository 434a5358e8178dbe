"""Physics of several devices: strategies, memory per device, communication, scaling."""
