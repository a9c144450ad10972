#include "cublas_interface.h"
#include "device.h"
#include "recurrent_network.h"

#include <array>

namespace {

class LiveHandles : public DeviceTest {
protected:
    static std::array<long, 6> counts()
    {
        return {softgpu_live("cublas"), softgpu_live("cublaslt"), softgpu_live("cublaslt_descriptor"), softgpu_live("cudnn"), softgpu_live("cudnn_descriptor"),
            softgpu_live("nccl")};
    }
};

TEST_F(LiveHandles, EachKindIsCountedFromItsBeginToItsEnd)
{
    using Counts = std::array<long, 6>;
    ASSERT_EQ(counts(), Counts{}) << "another test left something behind";
    cublasHandle_t blas = nullptr;
    cublasLtHandle_t light = nullptr;
    cublasLtMatmulDesc_t product = nullptr;
    cublasLtMatrixLayout_t layout = nullptr;
    cublasLtMatmulPreference_t preference = nullptr;
    cudnnHandle_t dnn = nullptr;
    EXPECT_EQ(cublasCreate_v2(&blas), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(counts(), (Counts{1, 0, 0, 0, 0, 0}));
    EXPECT_EQ(cublasLtCreate(&light), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 2, 2, 2), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulPreferenceCreate(&preference), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(counts(), (Counts{1, 1, 3, 0, 0, 0}));
    EXPECT_EQ(cudnnCreate(&dnn), CUDNN_STATUS_SUCCESS);
    {
        RecurrentNetwork network(dnn, {});
        EXPECT_EQ(counts(), (Counts{1, 1, 3, 1, 5, 0})) << "dropout, network, two sequences, states";
    }
    EXPECT_EQ(cublasDestroy_v2(blas), CUBLAS_STATUS_SUCCESS);
    EXPECT_NE(cublasDestroy_v2(blas), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtDestroy(light), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulDescDestroy(product), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatrixLayoutDestroy(layout), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulPreferenceDestroy(preference), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cudnnDestroy(dnn), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(counts(), Counts{});
}

}
