"""How Flink holds it: thin functions around `features` and `events`, and what that needs of PyFlink."""
