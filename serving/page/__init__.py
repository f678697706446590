"""The live page: one HTML file, its scripts and styles, and the routes that serve it and its data."""
