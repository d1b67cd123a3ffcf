// Products that fail for lack of memory.
#pragma once

#include <oneapi/dnnl/dnnl.h>

namespace cesar {

// The status of a product that CTranslate2 asked for. CTranslate2 ignores it and would go on with numbers that were never computed, so a
// failure throws `std::bad_alloc`: the arguments are always right. No exception may leave a parallel region: one of there is thrown by the
// next product outside.
dnnl_status_t checked(dnnl_status_t status);

} // namespace cesar
