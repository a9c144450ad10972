// What ThreadSanitizer reports beside the kernels' own accesses: the loader allocates shared memory in the first thread that touches it,
// and __ballot_sync's temporary lies on a stack that one thread of a block leaves to the next.
extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions()
{
    return "called_from_lib:ld-linux\nrace:__ballot_sync\n";
}
