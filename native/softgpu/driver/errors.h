// CUresult values that the software GPU answers with, by their names in cuda.h, and the error that a context keeps.
#pragma once

#include "../softgpu.h"

#include <string>

namespace softgpu {

enum : CUresult {
    success = 0,
    invalid_value = 1,
    out_of_memory = 2,
    not_initialized = 3,
    device_unavailable = 46,
    no_device = 100,
    invalid_device = 101,
    invalid_image = 200,
    invalid_context = 201,
    no_binary_for_gpu = 209,
    invalid_handle = 400,
    illegal_state = 401,
    not_found = 500,
    illegal_address = 700,
    context_is_destroyed = 709,
    launch_failed = 719,
    cooperative_launch_too_large = 720,
    not_supported = 801,
    capture_unsupported = 900,
    capture_invalidated = 901,
    capture_merge = 902,
    capture_unmatched = 903,
    capture_unjoined = 904,
    capture_isolation = 905,
    captured_event = 907,
    capture_wrong_thread = 908,
};

// Makes cuGetErrorString explain this thread's last answer with this code; returns the code.
CUresult explain(CUresult code, const std::string& message);

// What fail() was called with first in the context, or success.
CUresult sticky_error(const Context& context);

void forget_error(Context& context);

}
