"""Probes, one file a kind; `checks.catalog` lists them."""
