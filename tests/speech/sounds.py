"""Two hundred telephone recordings in which nobody speaks, each the same whenever it is made.

Every kind of sound is a function of a random generator and a length in seconds; it gives samples of
-1 to 1 at 8,000 a second. `recording` sends them down a telephone line: 300 to 3,400 Hz, 8-bit
mu-law, a WAV file. Call progress tones as in ITU-T E.180 supplement 2.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE: Final = 8000
EACH: Final = 6
SHORTEST, LONGEST = 1.0, 30.0

Samples = NDArray[np.float64]
Random = np.random.Generator
Kind = Callable[[Random, float], Samples]


@dataclass(frozen=True)
class Recording:
    """One recording without speech: its kind and number, and its WAV file."""

    name: str
    seconds: float
    wav: bytes


def recordings(first: int = 0, each: int = EACH) -> Iterator[Recording]:
    """Some of every kind, numbered from `first` on; 1 to 30 seconds long, more short ones."""
    for kind, make in KINDS.items():
        for number in range(first, first + each):
            random = np.random.default_rng([number, *kind.encode()])
            seconds = float(np.exp(random.uniform(np.log(SHORTEST), np.log(LONGEST))))
            samples = make(random, seconds)[: round(seconds * RATE)]
            yield Recording(f"{kind} {number}", seconds, wav(telephone(samples), "ULAW"))


def wav(samples: NDArray[np.floating], subtype: str = "PCM_16", rate: int = RATE) -> bytes:
    """A WAV file; `samples` of shape (n,) or (n, channels)."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate, subtype=subtype, format="WAV")
    return file.getvalue()


def telephone(samples: Samples) -> Samples:
    """What of a sound goes through a telephone line: 300 to 3,400 Hz."""
    return shaped(
        samples, lambda f: 1 / (1 + np.exp((300 - f) / 20)) / (1 + np.exp((f - 3400) / 20))
    )


# ---- what sounds are made of --------------------------------------------------------------------


def times(seconds: float) -> Samples:
    return np.arange(round(seconds * RATE)) / RATE


def shaped(samples: Samples, gain: Callable[[Samples], Samples]) -> Samples:
    """Samples with every frequency (in Hz) multiplied by its gain."""
    size = -(-len(samples) // 2048) * 2048  # odd lengths are slow to transform
    spectrum = np.fft.rfft(samples, size) * gain(np.fft.rfftfreq(size, 1 / RATE))
    return np.fft.irfft(spectrum, size)[: len(samples)]


def at_level(samples: Samples, dbfs: float) -> Samples:
    """Samples with that root mean square, in dB below full scale."""
    power = float(np.sqrt(np.mean(samples**2))) or 1.0
    return samples * 10 ** (dbfs / 20) / power


def noise(random: Random, seconds: float, slope: float = 0.0) -> Samples:
    """Noise of RMS 1 that falls by `slope` x 6 dB an octave: 0 white, 0.5 pink, 1 brown."""
    white = random.standard_normal(round(seconds * RATE))
    return at_level(shaped(white, lambda f: np.maximum(f, 40.0) ** -slope), 0.0)


def sine(hertz: float, seconds: float) -> Samples:
    return np.sin(2 * np.pi * hertz * times(seconds))


def tones(hertz: tuple[float, ...], seconds: float) -> Samples:
    return sum((sine(h, seconds) for h in hertz), np.zeros(round(seconds * RATE))) / len(hertz)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def repeated(pattern: Samples, seconds: float) -> Samples:
    return np.resize(pattern, round(seconds * RATE))


def scattered(
    random: Random, seconds: float, a_second: float, one: Callable[[], Samples]
) -> Samples:
    """Copies of `one` at random moments, `a_second` of them on average and at least one."""
    sound = silence(seconds)
    for _ in range(max(1, random.poisson(a_second * seconds))):
        event = one()[: len(sound)]
        start = random.integers(0, len(sound) - len(event) + 1)
        sound[start : start + len(event)] += event
    return sound


def faded(samples: Samples, attack: float, decay: float) -> Samples:
    """A note or a blow: up within `attack` seconds, then dying away with the constant `decay`."""
    at = times(len(samples) / RATE)
    return samples * np.minimum(at / attack, 1.0) * np.exp(-at / decay)


def wavering(random: Random, seconds: float, a_second: float) -> Samples:
    """A slow random course between 0 and 1."""
    points = max(2, round(seconds * a_second) + 1)
    course = np.interp(times(seconds), np.linspace(0, seconds, points), random.random(points))
    return course**2


def note(hertz: float, seconds: float, partials: int = 6) -> Samples:
    """A tone with overtones, each half as strong as the one before."""
    loud = [(k, 0.5**k) for k in range(1, partials + 1) if hertz * k < RATE / 2]
    return sum((share * sine(hertz * k, seconds) for k, share in loud), silence(seconds))


def pitch(random: Random) -> float:
    """A note of the pentatonic scale, between 130 and 790 Hz."""
    return float(130.8 * 2 ** (random.choice([0, 2, 4, 7, 9]) / 12 + random.integers(0, 3)))


# ---- the kinds ----------------------------------------------------------------------------------


def digital_silence(_: Random, seconds: float) -> Samples:
    return silence(seconds)


def dither(random: Random, seconds: float) -> Samples:
    return (random.random((2, round(seconds * RATE))).sum(axis=0) - 1) / 32768


def one_bit_noise(random: Random, seconds: float) -> Samples:
    return random.integers(0, 2, round(seconds * RATE)) / 32768 * float(random.choice([1, 4, 40]))


def noise_of(slope: float) -> Kind:
    def make(random: Random, seconds: float) -> Samples:
        return at_level(noise(random, seconds, slope), random.uniform(-60, -10))

    return make


def hum(random: Random, seconds: float) -> Samples:
    mains = float(random.choice([50, 60])) + random.uniform(-0.2, 0.2)
    partials = [random.uniform(0.1, 1) / k * sine(mains * k, seconds) for k in range(1, 24)]
    return at_level(
        np.sum(partials, axis=0) + 0.05 * noise(random, seconds), random.uniform(-45, -12)
    )


def chords(random: Random, seconds: float) -> Samples:
    bars = []
    while sum(map(len, bars)) < seconds * RATE:
        root = pitch(random) / 2
        chord = [note(root * ratio, 1.6) for ratio in (1, 5 / 4, 3 / 2, 2)]
        bars.append(faded(np.sum(chord, axis=0), random.uniform(0.01, 0.3), random.uniform(0.5, 3)))
    return at_level(np.concatenate(bars), random.uniform(-30, -12))


def arpeggio(random: Random, seconds: float) -> Samples:
    beat = random.uniform(0.12, 0.4)
    count = int(seconds / beat) + 1
    notes = [faded(note(2 * pitch(random), beat), 0.005, beat / 2) for _ in range(count)]
    return at_level(np.concatenate(notes), random.uniform(-30, -12))


def drums(random: Random, seconds: float) -> Samples:
    beat = random.uniform(0.2, 0.35)
    kick = faded(np.sin(2 * np.pi * 120 * np.sqrt(times(beat))), 0.002, 0.08)
    snare = faded(noise(random, beat), 0.002, 0.06)
    hat = faded(noise(random, beat, -0.5), 0.001, 0.02) * 0.4
    loop = np.concatenate([kick, hat, snare + hat, hat, kick, kick + hat, snare, hat])
    return at_level(repeated(loop, seconds), random.uniform(-30, -12))


def strings(random: Random, seconds: float) -> Samples:
    """A swelling pad with vibrato, as orchestral hold music has it."""
    at = times(seconds)
    voices = []
    for _ in range(4):
        hertz = pitch(random) * (1 + 0.006 * np.sin(2 * np.pi * random.uniform(4.5, 6.5) * at))
        phase = 2 * np.pi * np.cumsum(hertz) / RATE + random.uniform(0, 6)
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * random.uniform(0.1, 0.4) * at + random.uniform(0, 6))
        voices.append(swell * sum(np.sin(k * phase) / k for k in range(1, 8)))
    return at_level(np.sum(voices, axis=0), random.uniform(-30, -12))


def humming_choir(random: Random, seconds: float) -> Samples:
    """Notes with vibrato and the resonances of a vowel: the nearest to a voice that is none."""
    notes = []
    while sum(map(len, notes)) < seconds * RATE:
        length = random.uniform(0.8, 2.5)
        wobble = 1 + 0.008 * np.sin(2 * np.pi * 5.5 * times(length))
        phase = 2 * np.pi * np.cumsum(pitch(random) * wobble) / RATE
        source = sum(np.sin(k * phase) / k for k in range(1, 16))
        vowel = VOWELS[random.integers(len(VOWELS))]
        notes.append(faded(shaped(source, lambda f, v=vowel: resonances(f, v)), 0.15, 2.0))
    return at_level(np.concatenate(notes), random.uniform(-30, -12))


VOWELS: Final = ((700, 1100, 2500), (400, 800, 2600), (350, 2000, 2800))


def resonances(frequency: Samples, centres: tuple[float, ...]) -> Samples:
    return sum((1 / (1 + ((frequency - c) / 90) ** 2) for c in centres), 0.02 + 0 * frequency)


def music_box(random: Random, seconds: float) -> Samples:
    """A tune of pure tones, as older switchboards play it while a caller holds."""
    beat = random.uniform(0.15, 0.35)
    tune = np.concatenate([faded(sine(3 * pitch(random), beat), 0.01, 0.3) for _ in range(16)])
    return at_level(repeated(tune, seconds), random.uniform(-30, -12))


def cadence(*choices: tuple[tuple[float, ...], tuple[float, ...]]) -> Kind:
    """Call progress tones: each choice its frequencies and its seconds of sound, pause, sound..."""

    def make(random: Random, seconds: float) -> Samples:
        hertz, rhythm = choices[random.integers(len(choices))]
        parts = [silence(s) if i % 2 else tones(hertz, s) for i, s in enumerate(rhythm)]
        hiss = 0.001 * noise(random, seconds)
        return repeated(np.concatenate(parts), seconds) * 10 ** random.uniform(-1.3, -0.3) + hiss

    return make


ringing_back = cadence(
    ((440, 480), (0.4, 0.2, 0.4, 3.0)),  # Hong Kong
    ((450,), (1.0, 4.0)),  # the mainland
    ((440, 480), (2.0, 4.0)),  # North America
    ((400, 450), (0.4, 0.2, 0.4, 2.0)),  # Britain
)
busy = cadence(
    ((480, 620), (0.5, 0.5)),
    ((450,), (0.35, 0.35)),
    ((480, 620), (0.25, 0.25)),
    ((450,), (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.4)),
)
dial_tone = cadence(((350, 440), (1.0,)), ((450,), (1.0,)), ((425,), (1.0,)))


def keys(random: Random, seconds: float) -> Samples:
    """Digits keyed one after the other."""
    low, high = (697, 770, 852, 941), (1209, 1336, 1477)
    parts = []
    while sum(map(len, parts)) < seconds * RATE:
        pair = (float(random.choice(low)), float(random.choice(high)))
        parts += [tones(pair, random.uniform(0.05, 0.4)), silence(random.uniform(0.05, 0.8))]
    return at_level(np.concatenate(parts), random.uniform(-25, -9))


def beeps(random: Random, seconds: float) -> Samples:
    hertz, length = random.uniform(400, 2500), random.uniform(0.05, 0.8)
    quiet = 0.002 * noise(random, seconds)
    return quiet + 0.4 * scattered(random, seconds, 0.3, lambda: sine(hertz, min(length, seconds)))


def special_information(random: Random, seconds: float) -> Samples:
    """The three rising tones before 'the number you have dialled', repeated."""
    parts = [sine(h, 0.33) for h in (950, 1400, 1800)]
    pattern = np.concatenate([*parts, silence(random.uniform(0.3, 2.0))])
    return 0.3 * repeated(pattern, seconds)


def fax(random: Random, seconds: float) -> Samples:
    """A fax machine or a modem: calling tone, answer tone, then data by switching frequencies."""
    call = np.concatenate([sine(1100, 0.5), silence(random.uniform(0.3, 3.0))])
    answer = sine(2100, random.uniform(0.5, 3.0))
    bits = np.repeat(random.integers(0, 2, round(seconds * 300) + 1), RATE // 300)
    data = np.sin(2 * np.pi * np.cumsum(np.where(bits, 1650, 1850)) / RATE)
    sweep = np.sin(2 * np.pi * np.cumsum(np.geomspace(300, 3000, RATE // 2)) / RATE)
    parts = [call, answer, data, sweep]
    order = random.permutation(4)
    return 0.3 * np.resize(np.concatenate([parts[i] for i in order]), round(seconds * RATE))


def breath(random: Random, seconds: float) -> Samples:
    """Somebody breathes into the receiver: noise with broad resonances that swells and ebbs."""
    slow = np.sin(2 * np.pi * random.uniform(0.2, 0.6) * times(seconds) + random.uniform(0, 6))
    air = shaped(noise(random, seconds, 0.4), lambda f: 0.2 + resonances(f, (600, 1500, 2400)))
    return at_level(air * np.maximum(slow, 0) ** 2, random.uniform(-45, -18))


def coughs(random: Random, seconds: float) -> Samples:
    def one() -> Samples:
        length = random.uniform(0.15, 0.35)
        burst = faded(noise(random, length, 0.3), 0.004, random.uniform(0.03, 0.12))
        return shaped(burst, lambda f: 0.1 + resonances(f, (random.uniform(400, 900), 1500, 2600)))

    return at_level(scattered(random, seconds, 0.8, one), random.uniform(-35, -18))


def crackle(random: Random, seconds: float) -> Samples:
    """A bad contact."""
    clicks = (random.random(round(seconds * RATE)) < 10 ** random.uniform(-3.5, -2)) * 1.0
    return at_level(clicks * random.standard_normal(len(clicks)), random.uniform(-40, -18))


def knocks(random: Random, seconds: float) -> Samples:
    """The receiver is put down, picked up, moved about."""

    def one() -> Samples:
        thump = noise(random, 0.2, 1.0) + sine(random.uniform(150, 500), 0.2)
        return faded(thump, 0.001, random.uniform(0.01, 0.05)) * random.uniform(0.2, 1)

    return at_level(scattered(random, seconds, 1.5, one), random.uniform(-35, -15))


def wind(random: Random, seconds: float) -> Samples:
    gusts = 0.1 + wavering(random, seconds, 1.0)
    return at_level(noise(random, seconds, 1.0) * gusts, random.uniform(-35, -12))


def traffic(random: Random, seconds: float) -> Samples:
    """A street: rumble that comes and goes, an engine, now and then a horn."""
    rumble = noise(random, seconds, 0.8) * (0.3 + wavering(random, seconds, 0.3))
    engine = (
        0.5 * note(random.uniform(60, 110), seconds, 20) * (0.3 + wavering(random, seconds, 0.2))
    )
    horn = scattered(random, seconds, 0.1, lambda: note(420, 0.5) + note(520, 0.5))
    return at_level(rumble + engine + horn, random.uniform(-35, -15))


def rain(random: Random, seconds: float) -> Samples:
    drops = scattered(random, seconds, 60, lambda: faded(noise(random, 0.02), 0.001, 0.004))
    return at_level(noise(random, seconds, 0.2) + 2 * drops, random.uniform(-45, -18))


def comfort_noise(random: Random, seconds: float) -> Samples:
    """What a mobile network plays while it sends nothing, its spectrum new every 20 ms."""
    frame = RATE // 50
    frames = [
        noise(random, 0.02, random.uniform(0, 0.8)) * random.uniform(0.5, 1.0)
        for _ in range(round(seconds * RATE) // frame + 1)
    ]
    return at_level(np.concatenate(frames), random.uniform(-60, -30))


def lost_packets(random: Random, seconds: float) -> Samples:
    """Noise whose lost pieces are filled by repeating the one before, which buzzes."""
    frame = RATE // 50
    sound = noise(random, seconds + 0.02, 0.5)
    for start in range(frame, len(sound) - frame, frame):
        if random.random() < 0.3:
            sound[start : start + frame] = 0.9 * sound[start - frame : start]
    return at_level(sound, random.uniform(-45, -15))


def siren(random: Random, seconds: float) -> Samples:
    """A fire engine: two tones by turns, or one that rises and falls."""
    at = times(seconds)
    rate = random.uniform(0.2, 2.0)
    course = np.sin(2 * np.pi * rate * at)
    hertz = np.where(course > 0, 960, 770) if random.random() < 0.5 else 900 + 400 * course
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return at_level(sum(np.sin(k * phase) / k**2 for k in (1, 2, 3)), random.uniform(-35, -15))


def barks(random: Random, seconds: float) -> Samples:
    """A dog: a rough tone that jumps up and falls, with the resonances of a short throat."""

    def one() -> Samples:
        length = random.uniform(0.12, 0.25)
        at = times(length) / length
        phase = 2 * np.pi * np.cumsum(random.uniform(300, 600) * (1 + at * (1 - at))) / RATE
        rough = sum(np.sin(k * phase) / k for k in range(1, 8)) + 0.4 * noise(random, length)
        return shaped(rough * np.sin(np.pi * at), lambda f: 0.1 + resonances(f, (900, 1700, 2900)))

    return at_level(scattered(random, seconds, 1.0, one), random.uniform(-35, -15))


def whistling(random: Random, seconds: float) -> Samples:
    """A person whistles a tune, gliding from note to note."""
    count = int(seconds * 3) + 2
    heights = np.interp(
        times(seconds), np.arange(count) / 3, [3 * pitch(random) for _ in range(count)]
    )
    phase = 2 * np.pi * np.cumsum(heights) / RATE
    air = 0.1 * noise(random, seconds)
    return at_level(
        np.sin(phase) * (0.3 + wavering(random, seconds, 2)) + air, random.uniform(-35, -15)
    )


def brass(random: Random, seconds: float) -> Samples:
    """A trumpet alone: rich overtones, every note bent into its height."""
    notes = []
    while sum(map(len, notes)) < seconds * RATE:
        length = random.uniform(0.2, 0.9)
        at = times(length)
        hertz = 2 * pitch(random) * (1 - 0.1 * np.exp(-at / 0.03))
        phase = 2 * np.pi * np.cumsum(hertz) / RATE
        blown = sum(np.sin(k * phase) / k for k in range(1, 8))
        notes.append(faded(shaped(blown, lambda f: resonances(f, (600, 1300, 2600))), 0.03, 0.5))
    return at_level(np.concatenate(notes), random.uniform(-30, -12))


def typing(random: Random, seconds: float) -> Samples:
    """An agent's keyboard."""

    def one() -> Samples:
        return faded(noise(random, 0.03, -0.3), 0.001, 0.006) * random.uniform(0.3, 1.0)

    return at_level(scattered(random, seconds, 6, one), random.uniform(-45, -22))


KINDS: Final[dict[str, Kind]] = {
    "digital silence": digital_silence,
    "dither": dither,
    "one-bit noise": one_bit_noise,
    "white noise": noise_of(0.0),
    "pink noise": noise_of(0.5),
    "brown noise": noise_of(1.0),
    "mains hum": hum,
    "chords": chords,
    "arpeggio": arpeggio,
    "drums": drums,
    "strings": strings,
    "humming choir": humming_choir,
    "music box": music_box,
    "ringing back": ringing_back,
    "busy": busy,
    "dial tone": dial_tone,
    "keys": keys,
    "beeps": beeps,
    "special information tone": special_information,
    "fax": fax,
    "breath": breath,
    "coughs": coughs,
    "crackle": crackle,
    "knocks": knocks,
    "wind": wind,
    "traffic": traffic,
    "rain": rain,
    "comfort noise": comfort_noise,
    "lost packets": lost_packets,
    "siren": siren,
    "barks": barks,
    "whistling": whistling,
    "brass": brass,
    "typing": typing,
}
