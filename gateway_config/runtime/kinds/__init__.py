"""What can be asked, one file a kind of model, and what the kinds share."""
