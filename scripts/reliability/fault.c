// A library to preload: the n-th call of one kind on files below one folder fails or does half of what it was asked.
//   FAULT_BELOW   absolute path of the folder; nothing happens without it
//   FAULT_CALL    write, sync, rename, open, make, remove, map or read
//   FAULT_NUMBER  which call, from 1
//   FAULT_ERROR   number of the error (errno), or 0 for half of a write or of a read
//   FAULT_LASTS   1 where all later calls fail too, as on a full disk
//   FAULT_TALLY   file that gets a line with the call and the path when it happens
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum outcome { GO_ON, FAIL, HALF };

static atomic_long calls;

static void tally(const char *call, const char *path)
{
    const char *file = getenv("FAULT_TALLY");
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    long descriptor = file ? syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (descriptor >= 0 && syscall(SYS_write, descriptor, line, length) >= 0)
        syscall(SYS_close, descriptor);
}

static enum outcome outcome(const char *call, const char *path)
{
    const char *below = getenv("FAULT_BELOW"), *kind = getenv("FAULT_CALL"), *number = getenv("FAULT_NUMBER"), *error = getenv("FAULT_ERROR"), *lasts = getenv("FAULT_LASTS");
    if (!below || !kind || !number || !error || !path || strcmp(kind, call) || strncmp(path, below, strlen(below)))
        return GO_ON;
    long call_number = atomic_fetch_add(&calls, 1) + 1, chosen = atol(number);
    if (call_number < chosen || (call_number > chosen && !lasts))
        return GO_ON;
    if (call_number == chosen)
        tally(call, path);
    errno = atoi(error);
    return errno ? FAIL : HALF;
}

static enum outcome outcome_of_path(const char *call, const char *path)
{
    char whole[2 * PATH_MAX], folder[PATH_MAX];
    if (path[0] == '/' || !getcwd(folder, sizeof folder))
        return outcome(call, path);
    snprintf(whole, sizeof whole, "%s/%s", folder, path);
    return outcome(call, whole);
}

static enum outcome outcome_of_file(const char *call, int file)
{
    char link[64], path[PATH_MAX];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0)
        return GO_ON;
    path[length] = 0;
    return outcome(call, path);
}

// dlsym is ours below: this is the C library's.
static void *original(const char *name)
{
    static void *(*find)(void *, const char *);
    if (!find && !(find = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34")))
        find = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
    return name ? find(RTLD_NEXT, name) : (void *)find;
}

#define ORIGINAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
    real = (__typeof__(&name))original(#name)

#define TRANSFER(name, call, part, parameters, arguments, half) \
    ssize_t name parameters \
    { \
        ORIGINAL(name); \
        enum outcome what = outcome_of_file(call, file); \
        if (what == FAIL) \
            return -1; \
        if (what == HALF) \
            part = half; \
        return real arguments; \
    }

TRANSFER(write, "write", size, (int file, const void *bytes, size_t size), (file, bytes, size), (size + 1) / 2)
TRANSFER(pwrite, "write", size, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at), (size + 1) / 2)
TRANSFER(pwrite64, "write", size, (int file, const void *bytes, size_t size, off64_t at), (file, bytes, size, at), (size + 1) / 2)
TRANSFER(pwritev, "write", count, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at), (count + 1) / 2)
TRANSFER(pwritev64, "write", count, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at), (count + 1) / 2)
TRANSFER(read, "read", size, (int file, void *bytes, size_t size), (file, bytes, size), (size + 1) / 2)
TRANSFER(pread, "read", size, (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at), (size + 1) / 2)
TRANSFER(pread64, "read", size, (int file, void *bytes, size_t size, off64_t at), (file, bytes, size, at), (size + 1) / 2)
TRANSFER(preadv, "read", count, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at), (count + 1) / 2)
TRANSFER(preadv64, "read", count, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at), (count + 1) / 2)

#define ON_FILE(name, call, parameters, arguments) \
    int name parameters \
    { \
        ORIGINAL(name); \
        return outcome_of_file(call, file) == FAIL ? -1 : real arguments; \
    }

ON_FILE(fsync, "sync", (int file), (file))
ON_FILE(fdatasync, "sync", (int file), (file))
ON_FILE(ftruncate, "write", (int file, off_t length), (file, length))
ON_FILE(ftruncate64, "write", (int file, off64_t length), (file, length))

#define ON_PATH(name, call, parameters, arguments) \
    int name parameters \
    { \
        ORIGINAL(name); \
        return outcome_of_path(call, path) == FAIL ? -1 : real arguments; \
    }

ON_PATH(rename, "rename", (const char *path, const char *to), (path, to))
ON_PATH(link, "rename", (const char *path, const char *to), (path, to))
ON_PATH(mkdir, "make", (const char *path, mode_t mode), (path, mode))
ON_PATH(unlink, "remove", (const char *path), (path))
ON_PATH(rmdir, "remove", (const char *path), (path))

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        ORIGINAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return outcome_of_path("open", path) == FAIL ? -1 : real(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

#define MAP(name, offset_type) \
    void *name(void *address, size_t length, int protection, int flags, int file, offset_type at) \
    { \
        ORIGINAL(name); \
        return file >= 0 && outcome_of_file("map", file) == FAIL ? MAP_FAILED : real(address, length, protection, flags, file, at); \
    }

MAP(mmap, off_t)
MAP(mmap64, off64_t)

// The program asks the C library for some of these by name, past what was preloaded.
void *dlsym(void *library, const char *name)
{
    if (library != RTLD_NEXT && !strcmp(name, "fsync"))
        return (void *)fsync;
    if (library != RTLD_NEXT && !strcmp(name, "open"))
        return (void *)open;
    return ((void *(*)(void *, const char *))original(NULL))(library, name);
}
