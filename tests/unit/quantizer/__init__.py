"""Which bits each layer gets."""
