"""One call on its way: the flow that decides, and what carries it out over the network."""
