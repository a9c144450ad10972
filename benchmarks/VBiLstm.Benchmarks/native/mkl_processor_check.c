/* MKL asks itself whether the processor is Intel's and takes slower kernels for thin products where it is not. */
int mkl_serv_intel_cpu_true(void)
{
    return 1;
}
