/* A clock that is off, for measuring what a program does then: preloaded, it adds ASSESS_CLOCK_OFFSET seconds to the
 * time of day; where ASSESS_CLOCK_FILE names a file, the number in it, so that the clock can jump while the program runs.
 * Monotonic time is left alone. Outside the product. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
  const char* file = getenv("ASSESS_CLOCK_FILE");
  if (file != NULL) {
    char number[24] = {0};
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    (void)!syscall(SYS_read, fd, number, sizeof number - 1);
    syscall(SYS_close, fd);
    return strtol(number, NULL, 10);
  }
  const char* text = getenv("ASSESS_CLOCK_OFFSET");
  return text == NULL ? 0 : strtol(text, NULL, 10);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
  return result;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec precise;
  const int result = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

__attribute__((visibility("default"))) time_t time(time_t* into) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}
