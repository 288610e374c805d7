"""One module at a time, with its real libraries."""
