// std::ios_base_library_init is the one symbol of GLIBCXX_3.4.32 that TorchSharp's native library asks for. Older C++ libraries set up their
// streams through this class instead.
#include <ios>

extern "C" void _ZSt21ios_base_library_initv()
{
    static std::ios_base::Init streams;
}
