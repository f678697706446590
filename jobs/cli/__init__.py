"""The `shopper` command line: one module a command."""
