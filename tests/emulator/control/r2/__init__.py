"""R2: buckets on the control plane, and a way to the objects in them."""
