"""The roof: reads a drill, plans it, conducts it, keeps its journal, and has it judged and reported."""

__version__ = "0.1.0"
