# Flags of everything that the host compiler builds: the software GPU, its libraries and the tests.

get_property(multi_configuration GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT multi_configuration)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Type of build" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    # Arithmetic is what the source says: a contracted multiply-add would give other bits than the managed CPU device.
    add_compile_options(-Wall -Wextra -Wshadow -ffp-contract=off)
    if(VBILSTM_WARNINGS_AS_ERRORS)
        add_compile_options(-Werror)
    endif()
    if(VBILSTM_SANITIZE)
        # These builds spend their time in the compiler: no optimisation, and only lines to debug by. Kernels and products, which run long, set their own.
        add_compile_options(-fsanitize=${VBILSTM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O0 -g1)
        add_link_options(-fsanitize=${VBILSTM_SANITIZE})
    endif()
elseif(MSVC)
    add_compile_options(/W4 /permissive-)
    if(VBILSTM_WARNINGS_AS_ERRORS)
        add_compile_options(/WX)
    endif()
endif()
