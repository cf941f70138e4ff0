"""How long an audio file is, without decoding it: read from headers, the last page or frame, or by stepping through frames.

`read_header` knows a format by its first bytes, not by its name. What it says is the length that decoding gives, within
one frame of the codec; where a format shows that its end is missing, that is an error.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from cyasr.data.headers import flac, mp3, ogg, wav
from cyasr.data.headers.claims import AudioError as AudioError
from cyasr.data.headers.claims import Bytes, Unknown
from cyasr.data.headers.claims import Header as Header
from cyasr.data.headers.mpeg_frames import kind_of

RATES = (1_000, 768_000)  # Hz; beyond them a header is damaged, and what is sized by the rate would fill the memory
CHANNELS = 1024


def read_header(path: Path | str, look: bool = False) -> Header:
    """What `path` claims and its ends confirm. Raises AudioError: missing, empty, unreadable, truncated, or no samples.

    look: give the header a `glance`, too.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not make us wait
    except FileNotFoundError:
        raise AudioError("audio is missing") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name, or one that cannot be encoded
        raise AudioError(f"unreadable audio: {getattr(error, 'strerror', None) or error}") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise AudioError("unreadable audio: is no regular file")
        if not status.st_size:
            raise AudioError("empty file")
        data = Bytes(file, status.st_size)
        header = _read(data, path)
        if look:
            header = replace(header, glance=data.glance())
    except OSError as error:
        raise AudioError(f"unreadable audio: {error.strerror}") from None
    finally:
        os.close(file)
    if header.frames <= 0:
        raise AudioError("no samples")
    if not RATES[0] <= header.rate <= RATES[1] or not 1 <= header.channels <= CHANNELS:
        raise AudioError(f"impossible header: {header.rate} Hz, {header.channels} channels")
    return header


def _read(data: Bytes, path: Path | str) -> Header:
    try:
        start = mp3.after_id3(data)
        match data.at(start, 4):
            case b"RIFF" | b"RF64" | b"BW64":
                return wav.read(data)
            case b"OggS":
                return ogg.read(data)
            case b"fLaC":
                return flac.read(data, start)
            case other if start or kind_of(int.from_bytes(other)):
                return mp3.read(data, start)
    except Unknown:
        pass
    return _by_libsndfile(path)


def _by_libsndfile(path: Path | str) -> Header:
    import soundfile

    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise AudioError(f"unreadable audio: {error.error_string.rstrip('.')}") from None
    return Header(info.samplerate, info.frames, info.channels)
