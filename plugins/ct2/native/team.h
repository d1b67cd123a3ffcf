// The threads of `#pragma omp parallel`.
#pragma once

namespace cesar {

// Does nothing. Whoever calls it has the linker take `team.cpp` instead of the compiler's OpenMP runtime.
void use_own_team();

} // namespace cesar
