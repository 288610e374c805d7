"""The ear, part by part: real audio through the real libraries."""
