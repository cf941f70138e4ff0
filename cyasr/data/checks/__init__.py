"""What can be wrong with audio and text that is readable: measured while it passes by, counted, shown with examples."""

from cyasr.data.checks.audio import AudioMeasures, AudioMeter

__all__ = ["AudioMeasures", "AudioMeter"]
