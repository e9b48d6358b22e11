"""Observers of this distribution, each in a module that is imported when a drill uses it."""
