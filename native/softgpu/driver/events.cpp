#include "events.h"
#include "capture.h"
#include "context.h"

#include <map>

struct CUevent_st {
    explicit CUevent_st(const softgpu::Context& owner) : context(owner) {}

    const softgpu::Context& context;
    long recorded = 0;  // how often cuEventRecord was called
    long completed = 0; // how many of those have run
    std::unique_ptr<softgpu::CapturePoint> captured; // where it was last recorded, where that was in a capture
};

typedef CUevent_st* CUevent;

namespace softgpu {
namespace {

// Queued operations keep an event that was destroyed.
std::map<CUevent, std::shared_ptr<CUevent_st>>& events()
{
    static auto& instance = *new std::map<CUevent, std::shared_ptr<CUevent_st>>;
    return instance;
}

CUresult no_event() { return explain(invalid_handle, "the handle is no event"); }

// Finds an event of the current context.
CUresult find(CUevent handle, std::shared_ptr<CUevent_st>& event)
{
    const auto found = events().find(handle);
    if (found == events().end())
        return no_event();
    event = found->second;
    return check_owner(event->context, "the event");
}

class Record : public Operation {
public:
    explicit Record(std::shared_ptr<CUevent_st> event) : event_(std::move(event)), version_(event_->recorded) {}

    bool advance() override
    {
        event_->completed = version_;
        return true;
    }

private:
    std::shared_ptr<CUevent_st> event_;
    long version_;
};

class Wait : public Operation {
public:
    explicit Wait(std::shared_ptr<CUevent_st> event) : event_(std::move(event)), version_(event_->recorded) {}

    bool can_go_on() const override { return event_->completed >= version_; }
    bool advance() override { return true; }

private:
    std::shared_ptr<CUevent_st> event_;
    long version_;
};

}

std::size_t count_events() { return events().size(); }

void forget_events(const Context& context)
{
    std::erase_if(events(), [&context](const auto& event) { return &event.second->context == &context; });
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuEventCreate(CUevent* result, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    constexpr unsigned disable_timing = 2;
    if (flags != disable_timing)
        return explain(invalid_value, "the software GPU's events are made with CU_EVENT_DISABLE_TIMING");
    auto event = std::make_shared<CUevent_st>(current_context());
    *result = event.get();
    events()[*result] = std::move(event);
    return success;
}

SOFTGPU_EXPORT CUresult cuEventDestroy_v2(CUevent event)
{
    const std::lock_guard lock(driver_lock());
    return events().erase(event) == 1 ? success : no_event();
}

SOFTGPU_EXPORT CUresult cuEventRecord(CUevent handle, CUstream stream)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    std::shared_ptr<CUevent_st> event;
    if (const CUresult status = find(handle, event); status != success)
        return status;
    if (is_capturing(stream)) {
        if (const std::string& spoilt = stream->capture->capture->spoilt; !spoilt.empty())
            return explain(capture_invalidated, spoilt);
        event->captured = std::make_unique<CapturePoint>(*stream->capture);
        return success;
    }
    event->captured.reset();
    event->recorded++;
    return append(stream, std::make_unique<Record>(event));
}

SOFTGPU_EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent handle, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    std::shared_ptr<CUevent_st> event;
    if (const CUresult status = find(handle, event); status != success)
        return status;
    if (flags != 0)
        return explain(invalid_value, "the flags of cuStreamWaitEvent must be 0");
    if (is_capturing(stream) || event->captured)
        return wait_in_capture(stream, event->captured.get());
    return append(stream, std::make_unique<Wait>(event));
}

SOFTGPU_EXPORT CUresult cuEventSynchronize(CUevent handle)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    std::shared_ptr<CUevent_st> event;
    if (const CUresult status = find(handle, event); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuEventSynchronize"); status != success)
        return status;
    if (event->captured)
        return explain(captured_event, "the event was last recorded in a capture, which does nothing by itself");
    const long version = event->recorded;
    Context& context = current_context();
    while (event->completed < version && (run_one(context) || wait_for_others(context))) {
    }
    return sticky_error(context);
}

}
