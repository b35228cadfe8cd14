"""The jobs of this example."""
