"""The bytes of a recording -> sound.

libsndfile (soundfile) and FFmpeg's libraries (PyAV) read it; both come as wheels, so no program has
to be installed. pydub edits: channels, level, trimming, joining. pydub is only ever
given PCM, because for anything else it would start `ffmpeg` and `ffprobe`. The sample rate is
changed by soxr, block by block, since pydub's own resampler leaves images of the speech above
4 kHz. Only the container formats named here are opened, always from memory, and never more than
`max_seconds` of sound is unpacked: a recording is untrusted input.
"""

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses ffmpeg, which we do not use
    from pydub import AudioSegment  # type: ignore[import-untyped]

Samples = NDArray[np.float32]

SAMPLE_RATE: Final = 16_000
# An hour is heard; until its speech is found that takes 7 s and 580 MB, in stereo 12 s and 780 MB.
MAX_SECONDS: Final = 70 * 60
MAX_BYTES: Final = 128 * 2**20
BLOCK_SECONDS: Final = 10
FULL_SCALE: Final = 32_768
# Overdriven sound swings beyond full scale when its rate is changed. Cut off there it would hiss
# above 4 kHz, of which the demonstration's model makes other words altogether.
HEADROOM: Final = 2
QUIET_DBFS: Final = -20.0
TARGET_DBFS: Final = -3.0
MAX_GAIN_DB: Final = 24.0
REACH: Final = SAMPLE_RATE // 4
FILTERED: Final = 2**18 - 2 * REACH
_HERTZ: Final = np.fft.rfftfreq(FILTERED + 2 * REACH, 1 / SAMPLE_RATE).astype(np.float32)
SPEECH_BAND: Final = 1 / (1 + np.exp(-(_HERTZ - 80) / 5))
# Two channels with the same sound lose nothing by mixing, one of them dead half; more is a loss.
CANCELLED: Final = 4

# The only decoders FFmpeg may use.
CODECS: Final = ("pcm_", "adpcm_", "gsm", "mp3", "g726")


class NotAudio(Exception):
    """These bytes hold no sound we can use; the message says why. Trying again would not help."""


@dataclass(frozen=True)
class Sound:
    """Sound at 16 kHz, 16 bits. `cut`: the recording goes on after what was read."""

    segment: AudioSegment
    cut: bool = False

    @property
    def seconds(self) -> float:
        return float(self.segment.frame_count()) / SAMPLE_RATE

    @property
    def samples(self) -> Samples:
        """Mono samples from -1 to 1, shape (n,), 16,000 a second."""
        pcm = np.frombuffer(self.segment.set_channels(1).raw_data, dtype="<i2")
        return pcm.astype(np.float32) / np.float32(FULL_SCALE)


@dataclass(frozen=True)
class Stream:
    """Decoded sound on its way, at its own rate: blocks of shape (n, channels), -1 to 1."""

    rate: int
    channels: int
    blocks: Iterator[Samples]


def read(data: bytes, *, max_seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES) -> Sound:
    """Decode a whole recording, whatever its sample rate and its one or two channels.

    Raises NotAudio. A file that breaks off in the middle yields what can be heard of it.
    """
    if len(data) > max_bytes:
        raise NotAudio(f"{len(data)} bytes are more than the {max_bytes} a recording may have")
    for stream in streams(data):
        sound = _collect(stream, max_seconds)
        if sound is not None:
            return sound
    raise NotAudio(f"a file without sound in it: {len(data)} bytes, cut off early")


def streams(data: bytes) -> Iterator[Stream]:
    """The sound of a recording as it was made, opened by one library after the other: what one
    finds empty another may not. Raises NotAudio."""
    container = _container(data)
    for reader in READERS[container]:
        if stream := reader(data, container):
            yield stream


def one_voice(sound: Sound, channel: int | None = None) -> Sound:
    """One channel: the one asked for (0 is the first) or, by default, both mixed; level raised.

    Very quiet recordings are raised to a usual level, by 24 dB at most; nothing is compressed. Hum
    is taken out first: in a recording off centre the detector hears nothing, and words are wrong in
    one with the mains in it.
    """
    voice = _mixed(sound.segment) if channel is None else sound.segment.split_to_mono()[channel]
    return Sound(_audible(_without_hum(voice)), sound.cut)


def excerpt(sound: Sound, pieces: Sequence[tuple[int, int]]) -> Sound:
    """The pieces, each from..to in milliseconds, joined in order; raised if they are very quiet.

    A beep as loud as it likes elsewhere in the recording does not keep them down.
    """
    joined = sound.segment[:0]
    for start, end in pieces:
        joined += sound.segment[start:end]
    return Sound(_audible(joined))


def _mixed(segment: AudioSegment) -> AudioSegment:
    """All channels in one; the louder one alone where they would cancel each other out."""
    mixed = segment.set_channels(1)
    if segment.channels == 1 or CANCELLED * mixed.rms >= segment.rms:
        return mixed
    return max(segment.split_to_mono(), key=lambda channel: channel.rms)


def _without_hum(segment: AudioSegment) -> AudioSegment:
    """The sound without what is below 80 Hz, where there is no speech but the hum of the mains and
    a recording's being off centre. Block by block, each heard a little beyond its edges."""
    pcm = np.frombuffer(segment.raw_data, dtype="<i2")
    clean = np.empty_like(pcm)
    for start in range(0, len(pcm), FILTERED):
        wide = pcm[max(0, start - REACH) : start + FILTERED + REACH].astype(np.float32)
        missing = (max(0, REACH - start), max(0, start + FILTERED + REACH - len(pcm)))
        spectrum = np.fft.rfft(np.pad(wide, missing, mode="edge"))
        part = np.rint(np.fft.irfft(spectrum * SPEECH_BAND)[REACH:-REACH])
        clean[start : start + FILTERED] = np.clip(part, -FULL_SCALE, FULL_SCALE - 1)[
            : len(pcm) - start
        ]
    return segment._spawn(clean.tobytes())


def _audible(segment: AudioSegment) -> AudioSegment:
    peak = segment.max_dBFS
    if peak == float("-inf") or peak > QUIET_DBFS:
        return segment
    return segment.apply_gain(min(TARGET_DBFS - peak, MAX_GAIN_DB))


def _container(data: bytes) -> str:
    """Which of the formats we open this is, by its first bytes and not by any name."""
    head = data[:12]
    if not data.strip(b"\0"):
        raise NotAudio("the file is empty")
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] in (b"OggS", b"fLaC"):
        return {b"OggS": "ogg", b"fLaC": "flac"}[head[:4]]
    if head[:3] == b"ID3" or _begins_mp3(head):
        return "mp3"
    if data.lstrip()[:1] in (b"<", b"{"):
        raise NotAudio("a web page or an error message instead of a recording")
    raise NotAudio("an unknown format: WAV, MP3, FLAC and Ogg can be read")


def _begins_mp3(head: bytes) -> bool:
    """Is this the header of a frame of MPEG layer III? A silent telephone line without any header
    is 0xFF 0xFF ... and looks like one at first sight."""
    frame = int.from_bytes(head[:4].ljust(4, b"\0"), "big")
    version, layer = frame >> 19 & 3, frame >> 17 & 3
    bit_rate, rate = frame >> 12 & 15, frame >> 10 & 3
    known = version != 1 and layer == 1 and bit_rate not in (0, 15) and rate != 3
    return frame >> 21 == 0x7FF and known


def _collect(stream: Stream, max_seconds: float) -> Sound | None:
    """The stream as sound at 16 kHz, up to `max_seconds`; None when there was nothing in it."""
    left = int(max_seconds * SAMPLE_RATE)
    read, cut = io.BytesIO(), False
    for block in _at_our_rate(stream):
        read.write(_as_pcm(block[:left] / np.float32(HEADROOM)))
        left -= len(block)
        if left < 0:
            cut = True
            break
    _raise_to_its_level(read)
    pcm = read.getvalue()
    if not pcm:
        return None
    segment = AudioSegment(
        data=pcm, sample_width=2, frame_rate=SAMPLE_RATE, channels=stream.channels
    )
    return Sound(segment, cut)


def _raise_to_its_level(read: io.BytesIO) -> None:
    """Undo, in place, what made room for overshoots if there are none: nearly always."""
    pcm = np.frombuffer(read.getbuffer(), dtype="<i2")
    if len(pcm) and max(int(pcm.max()), -int(pcm.min())) < FULL_SCALE // HEADROOM:
        pcm *= HEADROOM


def _at_our_rate(stream: Stream) -> Iterator[Samples]:
    resampler = soxr.ResampleStream(stream.rate, SAMPLE_RATE, stream.channels, dtype="float32")
    for block in stream.blocks:
        yield np.asarray(resampler.resample_chunk(block), dtype=np.float32)
    empty = np.zeros((0, stream.channels), np.float32)
    yield np.asarray(resampler.resample_chunk(empty, last=True), dtype=np.float32)


def _finite(block: Samples) -> Samples:
    """Float WAV files may hold NaN, infinities and overshoots; none of them may travel on."""
    return np.clip(np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def _as_pcm(block: Samples) -> bytes:
    return np.clip(block * FULL_SCALE, -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()


def _with_soundfile(data: bytes, _: str) -> Stream | None:
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError:
        return None
    _check_shape(file.samplerate, file.channels)
    return Stream(file.samplerate, file.channels, _until_broken(_reads(file)))


def _reads(file: soundfile.SoundFile) -> Iterator[Samples]:
    size = file.samplerate * BLOCK_SECONDS
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        yield block


def _with_av(data: bytes, container: str) -> Stream | None:
    try:
        file = av.open(io.BytesIO(data), "r", format=container, metadata_errors="ignore")
        stream = file.streams.audio[0]
    except (av.FFmpegError, IndexError):
        return None
    if not stream.codec_context.name.startswith(CODECS):
        raise NotAudio(f"sound coded as {stream.codec_context.name}, which is not opened here")
    _check_shape(stream.rate, stream.channels)
    return Stream(stream.rate, stream.channels, _until_broken(_frames(file, stream)))


def _frames(file: av.container.InputContainer, stream: av.AudioStream) -> Iterator[Samples]:
    """Decoded frames as float blocks of shape (n, channels)."""
    layout = "mono" if stream.channels == 1 else "stereo"
    as_float = av.AudioResampler(format="flt", layout=layout, rate=stream.rate)
    for frame in file.decode(stream):
        for even in as_float.resample(frame):
            yield np.asarray(even.to_ndarray(), dtype=np.float32).reshape(-1, stream.channels)


def _until_broken(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """What comes before a damaged place is still worth hearing."""
    try:
        yield from map(_finite, blocks)
    except (soundfile.LibsndfileError, av.FFmpegError):
        return


# FFmpeg has the second look at WAV, as libsndfile takes a length of 0 in the header at its word; and
# the first at MP3, as libsndfile's decoder complains on standard error about sound that is in order.
READERS: Final = {
    "wav": (_with_soundfile, _with_av),
    "mp3": (_with_av, _with_soundfile),
    "flac": (_with_soundfile,),
    "ogg": (_with_soundfile,),
}


def _check_shape(rate: int, channels: int) -> None:
    if not 4_000 <= rate <= 192_000:
        raise NotAudio(f"a sample rate of {rate} a second is no recording of speech")
    if channels not in (1, 2):
        raise NotAudio(f"{channels} channels: a call has one or two")
