// Threads of `#pragma omp parallel`.
#pragma once

namespace cesar {

// Does nothing. A call has the linker take `openmp_runtime.cpp` instead of the compiler's OpenMP runtime.
void use_own_runtime();

} // namespace cesar
