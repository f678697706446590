"""Side inputs: tables that a shop keeps beside its events, told as changes by key."""
