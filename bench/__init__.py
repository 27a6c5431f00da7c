"""Which optimised variant of my TFLite model should I ship, on this phone, how sure are we?"""
