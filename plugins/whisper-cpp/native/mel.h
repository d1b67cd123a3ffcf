// A log-mel spectrogram that is computed window by window instead of lying in memory. `whisper.cmake` puts this in front of `whisper.cpp`,
// a `MelSource` into its state, and the question to it where the encoder takes its window.
#pragma once

namespace cesar {

// Writes the columns `from` up to `to` of all bands, row after row of `width` values each.
typedef void (*MelFill)(const void *spectrogram, int from, int to, float *rows, int width);

struct MelSource {
  MelFill fill = nullptr;
  const void *spectrogram = nullptr;
};

} // namespace cesar
