"""What can be done to a waveform, one file an effect; cyasr/data/audio.py says when, in which order and how often.

Every effect takes (samples,) float32 at 16 kHz in -1..1 and gives the like. What is random comes from the generator that is
passed in, which a cut has to itself in each epoch: no effect depends on workers, on ranks or on the cut before.
"""
