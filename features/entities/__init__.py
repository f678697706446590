"""Features of entities beyond the shopper: pairs, products, sellers, lifetimes. Pure."""
