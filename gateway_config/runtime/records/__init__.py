"""Records of calls: written, read back, shipped, counted, explained."""
