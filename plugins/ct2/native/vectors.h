// The vector instructions that our products may use.
#pragma once

#include <cstdlib>
#include <string>

namespace cesar {

enum class Vectors { None, Avx2, Avx512 };

// What `ONEDNN_MAX_CPU_ISA`, oneDNN's own variable, leaves of the CPU's instructions: all of them unless it names a set before AVX-512.
inline Vectors most_vectors() {
    const char *value = std::getenv("ONEDNN_MAX_CPU_ISA");
    const std::string most = value ? value : "DEFAULT";
    if (most == "SSE41" || most == "AVX")
        return Vectors::None;
    return most.rfind("AVX2", 0) == 0 ? Vectors::Avx2 : Vectors::Avx512;
}

} // namespace cesar
