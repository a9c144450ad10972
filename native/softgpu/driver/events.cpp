#include "events.h"
#include "capture.h"
#include "context.h"

#include <map>

typedef CUevent_st* CUevent;

namespace softgpu {
namespace {

// Queued operations keep an event that was destroyed.
std::map<CUevent, std::shared_ptr<CUevent_st>>& events()
{
    static auto& instance = *new std::map<CUevent, std::shared_ptr<CUevent_st>>;
    return instance;
}

std::shared_ptr<CUevent_st> find(CUevent event)
{
    const auto found = events().find(event);
    return found == events().end() ? nullptr : found->second;
}

CUresult no_event() { return explain(invalid_handle, "the handle is no event"); }

class Record : public Operation {
public:
    explicit Record(std::shared_ptr<CUevent_st> event) : event_(std::move(event)), version_(event_->recorded) {}

    bool advance() override
    {
        event_->completed = version_;
        event_->at = std::chrono::steady_clock::now();
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

// The handle's event, for a call that asks whether it has happened.
CUresult look_at(CUevent event, const char* call, std::shared_ptr<CUevent_st>* result)
{
    if (const CUresult status = ready(); status != success)
        return status;
    *result = find(event);
    if (!*result)
        return no_event();
    if ((*result)->capture)
        return explain(captured_event, std::string(call) + " of an event that a capturing stream recorded last");
    return refuse_in_capture(call);
}

}

void forget_captured(const Capture& capture)
{
    for (const auto& [handle, event] : events()) {
        if (event->capture == &capture) {
            event->capture = nullptr;
            event->frontier.clear();
        }
    }
}

void forget_events() { events().clear(); }

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuEventCreate(CUevent* result, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    constexpr unsigned blocking_sync = 1, disable_timing = 2;
    if ((flags & ~(blocking_sync | disable_timing)) != 0)
        return explain(invalid_value, "the flags of cuEventCreate are CU_EVENT_BLOCKING_SYNC and CU_EVENT_DISABLE_TIMING");
    auto event = std::make_shared<CUevent_st>();
    event->timed = (flags & disable_timing) == 0;
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
    const auto event = find(handle);
    if (!event)
        return no_event();
    if (is_capturing(stream)) {
        if (const CUresult status = check_valid(stream); status != success)
            return status;
        event->capture = stream->capture;
        event->frontier = stream->frontier;
        return success;
    }
    if (const CUresult status = refuse_legacy(stream, "cuEventRecord"); status != success)
        return status;
    event->capture = nullptr;
    event->recorded++;
    return append(stream, std::make_unique<Record>(event));
}

SOFTGPU_EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent handle, unsigned flags)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = check(stream); status != success)
        return status;
    const auto event = find(handle);
    if (!event)
        return no_event();
    if (flags != 0)
        return explain(invalid_value, "the flags of cuStreamWaitEvent must be 0");
    if (event->capture || is_capturing(stream))
        return follow(stream, event->capture, event->frontier);
    if (const CUresult status = refuse_legacy(stream, "cuStreamWaitEvent"); status != success)
        return status;
    return append(stream, std::make_unique<Wait>(event));
}

SOFTGPU_EXPORT CUresult cuEventSynchronize(CUevent handle)
{
    const std::lock_guard lock(driver_lock());
    std::shared_ptr<CUevent_st> event;
    if (const CUresult status = look_at(handle, "cuEventSynchronize", &event); status != success)
        return status;
    const long version = event->recorded;
    while (event->completed < version && run_one()) {
    }
    return sticky_error();
}

SOFTGPU_EXPORT CUresult cuEventQuery(CUevent handle)
{
    const std::lock_guard lock(driver_lock());
    std::shared_ptr<CUevent_st> event;
    if (const CUresult status = look_at(handle, "cuEventQuery", &event); status != success)
        return status;
    const CUresult answer = event->completed < event->recorded ? not_ready : success;
    run_some();
    return sticky_error() != success ? sticky_error() : answer;
}

SOFTGPU_EXPORT CUresult cuEventElapsedTime(float* milliseconds, CUevent start_handle, CUevent end_handle)
{
    const std::lock_guard lock(driver_lock());
    std::shared_ptr<CUevent_st> start, end;
    if (const CUresult status = look_at(start_handle, "cuEventElapsedTime", &start); status != success)
        return status;
    if (const CUresult status = look_at(end_handle, "cuEventElapsedTime", &end); status != success)
        return status;
    if (!start->timed || !end->timed)
        return explain(invalid_handle, "cuEventElapsedTime of an event made with CU_EVENT_DISABLE_TIMING");
    if (start->recorded == 0 || end->recorded == 0)
        return explain(invalid_handle, "cuEventElapsedTime of an event that was never recorded");
    if (start->completed < start->recorded || end->completed < end->recorded)
        return not_ready;
    *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
    return success;
}

}
