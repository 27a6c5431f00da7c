"""Inside a .tflite: read, verified, its weights unfolded. For ``bench.inspect`` alone."""
