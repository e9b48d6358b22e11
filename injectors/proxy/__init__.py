"""A stand-in for Toxiproxy in Python: its API, its toxics, and faults of the network that it does not have."""
