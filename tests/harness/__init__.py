"""Drives the shipped binaries as their users would: starts and kills them, talks to them, reads what they deliver."""
