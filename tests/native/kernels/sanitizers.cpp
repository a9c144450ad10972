// ThreadSanitizer watches the kernels. What the driver and the loader allocate on behalf of a thread of a block, whose order they keep themselves, is not its matter.
extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions()
{
    return "called_from_lib:libcuda.so.1\ncalled_from_lib:ld-linux\n";
}
