"""A Kubernetes cluster of real programs for tests, on this machine alone, without Docker and without pulling an image."""
