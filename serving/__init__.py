"""How features are read: the rows of a shopper, typed and with their freshness."""
