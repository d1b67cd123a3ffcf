// Products of a few rows of float32 activations with a weight matrix.
#pragma once

#include <oneapi/dnnl/dnnl.h>

namespace cesar {

// C[row, column] = alpha * sum over k of A[row, k] * B[column, k], or B[k, column] if not `transposed`; all row-major. Returns false, with
// nothing done, for what it is not meant for: many rows, a CPU without the instructions.
bool few_rows_float(bool transposed, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t depth, float alpha, const float *a, dnnl_dim_t lda,
        const float *b, dnnl_dim_t ldb, float *c, dnnl_dim_t ldc);

} // namespace cesar
