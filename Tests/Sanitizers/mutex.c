// What the thread sanitizer can't see by itself: that Swift's Mutex is a lock.
//
// A Mutex that nobody waits for is taken and left by code that the compiler puts into ours, where the sanitizer sees it. One
// that is waited for is taken and left in libswiftSynchronization, which is not built with the sanitizer: without this, what
// two threads do one after the other under the same Mutex is reported as a race. `scripts/test --sanitize thread` has this
// loaded ahead of that library; the two functions say what happens and then do what they always did.
#include <dlfcn.h>
#include <stdint.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

// There in programs that are built with the sanitizer.
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

typedef SWIFT void Lock(uint32_t thread, SELF);
typedef SWIFT void Unlock(SELF);

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);

static Lock *lock;
static Unlock *unlock;

// In programs without that library nobody calls them.
__attribute__((constructor)) static void find(void) {
    lock = (Lock *)dlsym(RTLD_NEXT, LOCK);
    unlock = (Unlock *)dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void lock_slow(uint32_t thread, SELF) {
    lock(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void unlock_slow(SELF) {
    if (__tsan_release) __tsan_release(self);
    unlock(self);
}
