#include "failures.h"

#include <atomic>
#include <new>
#include <omp.h>

namespace cesar {

namespace {

std::atomic<bool> failed_in_parallel {false};

} // namespace

dnnl_status_t checked(dnnl_status_t status) {
    if (omp_in_parallel()) {
        if (status != dnnl_success)
            failed_in_parallel = true;
        return status;
    }
    // Tested before it is exchanged, as nearly every product succeeds.
    const bool failed_before = failed_in_parallel && failed_in_parallel.exchange(false);
    if (status != dnnl_success || failed_before)
        throw std::bad_alloc();
    return status;
}

} // namespace cesar
