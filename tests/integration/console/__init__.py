"""The console through its own pages, on real databases."""
