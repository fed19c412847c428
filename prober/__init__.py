"""prober: knows whether every service is well, remembers it, and tells Prometheus and people."""

__version__ = "0.1.0"
