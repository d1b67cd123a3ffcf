// A log-mel spectrogram that the plugin computes window by window. `patches/0001-*` includes this in `whisper.cpp`.
#pragma once

namespace cesar {

// Writes the columns `from` up to `to` of all bands, row after row of `width` values each.
typedef void (*MelFill)(const void *spectrogram, int from, int to, float *rows, int width);

struct MelSource {
  MelFill fill = nullptr;
  const void *spectrogram = nullptr;
};

} // namespace cesar
