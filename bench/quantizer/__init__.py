"""Float .tflite to one with 4, 8 or 16 bits, by LiteRT's own quantizer and without TensorFlow.

========================  ==========================================================================
:mod:`.schemes`           what ``quantize:w4a8`` and the like mean, and how a step is read
:mod:`.files`             the one place that calls ``litert_quantizer``: a float file, its layers,
                          and the same file with other bits
:mod:`.judge`             answers of a quantized file on samples, held against the float file's
:mod:`.choose`            which algorithm and which bits each layer gets, by measurement
:mod:`.worker`            the process that does it: ``python -m bench.quantizer.worker``
========================  ==========================================================================

It is a process of its own because ``litert_quantizer`` brings an interpreter of one exact version,
beside which TensorFlow's may not be loaded, and because a fault in it is no fault of the harness.
"""
