// Products of a few rows of float32 activations with a weight matrix.
#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.h>

namespace cesar {

// The bits of a number in half precision.
using Half = uint16_t;

// C[row, column] = alpha * sum over k of A[row, k] * B[column, k], or B[k, column] if not `transposed`; all row-major. Returns false,
// without computing anything, for other products: many rows, a CPU without the instructions.
bool few_rows_float(bool transposed, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t depth, float alpha, const float *a, dnnl_dim_t lda,
        const float *b, dnnl_dim_t ldb, float *c, dnnl_dim_t ldc);

// The same for `transposed`, rows of A and B that follow each other, and weights in half precision: the same sums as with the weights widened.
extern "C" bool cesar_few_rows_halves(dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t depth, const float *a, const Half *b, float *c, dnnl_dim_t ldc);

// Whether this CPU has the instructions for `cesar_few_rows_halves` and `widen_halves`.
bool multiplies_halves();

// Widens `count` numbers, a multiple of 16.
void widen_halves(const Half *halves, float *wide, dnnl_dim_t count);

} // namespace cesar
