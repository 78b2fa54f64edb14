// Moves the wall clock of the program into which it is loaded (LD_PRELOAD), by as many seconds as the eight bytes of the file
// CLOCK_SHIFT_FILE say at that moment. No other clock, as the kernel never moves another, and no timer.
//
// Not libfaketime: Debian's, 0.9.10, takes every absolute timer for one of the wall clock (timer_settime_common: "only
// CLOCK_REALTIME is handled") and moves it too. libdispatch's are of CLOCK_MONOTONIC and CLOCK_BOOTTIME. Once the clock had
// jumped back by an hour, a Task.sleep(for: .seconds(1)) took an hour and a second. A timer from before the jump woke all
// once more, so most programs reconnected before they stood still.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_SHIFT_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *bytes = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (bytes != MAP_FAILED) shift = bytes;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    if (status == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec exact;
    int status = clock_gettime(CLOCK_REALTIME, &exact);
    if (status == 0) *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
    return status;
}

time_t time(time_t *now) {
    struct timespec exact = {0};
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
