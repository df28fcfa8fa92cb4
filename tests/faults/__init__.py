"""A lifecycle in which every API call is answered wrongly in turn, or `up` is killed while it is under way."""
