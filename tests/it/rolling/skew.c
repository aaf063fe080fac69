/* Loaded into a replica, it shifts what the replica takes for the time of day by REASSURE_SKEW_MS. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  const char *skew = clock == CLOCK_REALTIME ? getenv("REASSURE_SKEW_MS") : NULL;
  if (failed || !skew) return failed;
  long long nanos = now->tv_sec * 1000000000LL + now->tv_nsec + atoll(skew) * 1000000LL;
  now->tv_sec = nanos / 1000000000LL;
  now->tv_nsec = nanos % 1000000000LL;
  return 0;
}
