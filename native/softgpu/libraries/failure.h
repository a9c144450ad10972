#pragma once

#include <stdexcept>
#include <string>

namespace softgpu {

// A call that a library refuses: its status and the reason that the library's error string will give.
class Failure : public std::runtime_error {
public:
    Failure(int status, const std::string& reason) : std::runtime_error(reason), status_(status) {}

    int status() const { return status_; }

private:
    int status_;
};

// The reason of the last refused call of a thread.
struct LastFailure {
    int status = 0;
    std::string text;
};

}
