#pragma once

#pragma GCC visibility push(default)
namespace softgpu::blas {

// Whether products within cuDNN's calls have the same bits from call to call: only if CUBLAS_WORKSPACE_CONFIG was :4096:2 or :16:8 when cuBLAS was loaded.
bool repeats_products();

}
#pragma GCC visibility pop
