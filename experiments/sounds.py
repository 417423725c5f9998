"""Made sounds, and the spectrograms that Gabor kernels in one dimension make of them."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import minicnn

RATE = 8_000  # samples per second
HOP = 40  # samples between the columns of a spectrogram: 5 ms
# Ten channels in an octave, over four octaves.
PITCHES = 200 * 2 ** (np.arange(41) / 10)
_TAPS = 401  # five deviations of the longest kernel: 50 ms
_WAVES = 3.0  # in a deviation of the window, so that neighbouring channels overlap at half their height


def cochlea() -> Float[np.ndarray, "taps 1 channels"]:
    """Gabor kernels in time, for each pitch a cosine and a sine, each of norm 1 over √2."""
    t = (np.arange(_TAPS) - _TAPS // 2)[:, None] / RATE
    deviation = np.minimum(_WAVES / PITCHES, 0.01)
    waves = np.exp(2j * np.pi * PITCHES * t - t**2 / (2 * deviation**2))
    waves = waves / np.linalg.norm(waves, axis=0)
    return np.concatenate([waves.real, waves.imag], 1)[:, None]


def spectrogram(sounds: Float[np.ndarray, "n samples"]) -> Float[np.ndarray, "n pitches times"]:
    """The logarithm of the energy at each pitch and time, high pitches above: what complex cells make of a sound."""
    x = jnp.asarray(sounds, jnp.float32)[..., None]
    y = np.asarray(minicnn.conv(x, jnp.asarray(cochlea(), jnp.float32), stride=HOP))
    energy = (y.reshape(*y.shape[:2], 2, -1) ** 2).sum(2)
    return np.log(energy + 0.01).swapaxes(1, 2)[:, ::-1]


def tones(pitches: Float[np.ndarray, " n"], seconds: float = 0.2) -> Float[np.ndarray, "n samples"]:
    """Pure tones."""
    return np.sin(2 * np.pi * np.asarray(pitches)[:, None] * np.arange(int(seconds * RATE)) / RATE)


def scene(events: int, seconds: float, rng: np.random.Generator) -> Float[np.ndarray, " samples"]:
    """Voices whose pitch stays, rises or falls, with their overtones, among clicks and soft noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    sound = 0.02 * rng.standard_normal(len(t))
    for begin in rng.uniform(0, seconds, events):
        lasts, loud = rng.uniform(0.05, 0.4), rng.uniform(0.3, 1)
        if rng.random() < 0.3:
            sound += loud * rng.standard_normal(len(t)) * np.exp(-(((t - begin) / 0.003) ** 2))
            continue
        since = np.clip(t - begin, 0, lasts)
        glide = rng.choice([0, 0, -1, 1]) * rng.uniform(2, 12)  # octaves per second
        rate = np.clip(rng.uniform(200, 1200) * 2 ** (glide * since), 100, 3_900)
        angle = 2 * np.pi * np.cumsum(rate) / RATE
        window = ((t > begin) & (t < begin + lasts)) * (1 - np.exp(-since / 0.004))
        harmonics = range(1, 1 + int(rng.integers(1, 5)))
        sound += loud * window * sum(np.sin(h * angle) * (h * rate < RATE / 2) / h for h in harmonics)
    return sound
