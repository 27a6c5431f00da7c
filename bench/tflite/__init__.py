"""Inside a .tflite: read, verified, its weights unfolded, and its facts."""
