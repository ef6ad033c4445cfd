// Makes calls of a running daemon to the file system fail (LD_PRELOAD). failing_calls_test.py says
// which: through a file that both map, named by COMET_FAIL_CONTROL. Only calls that concern files
// below the directory COMET_FAIL_BELOW count.
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// As the test writes it: six numbers of eight bytes.
struct control {
  atomic_llong calls;    // so far
  atomic_llong fail_at;  // the number of the call that fails; below 0: none
  atomic_llong times;    // so many calls fail from there on
  atomic_llong error;    // with this errno
  atomic_llong failed;   // so many have
  atomic_llong what;     // the letter of the one that failed last
};

static struct control* control;
static const char* below;

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("COMET_FAIL_CONTROL");
  below = getenv("COMET_FAIL_BELOW");
  if (path == NULL || below == NULL) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

static int is_counted(const char* path) {
  return path != NULL && strncmp(path, below, strlen(below)) == 0;
}

// Whether this call fails; errno is set then.
static int fails(const char* path, char what) {
  if (control == NULL || !is_counted(path)) return 0;
  const long long number = atomic_fetch_add(&control->calls, 1);
  const long long fail_at = atomic_load(&control->fail_at);
  if (fail_at < 0 || number < fail_at || number >= fail_at + atomic_load(&control->times)) return 0;
  atomic_fetch_add(&control->failed, 1);
  atomic_store(&control->what, what);
  errno = (int)atomic_load(&control->error);
  return 1;
}

static int fails_at(int fd, char what) {
  if (control == NULL) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = '\0';
  return fails(path, what);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                             \
  int name(const char* path, int flags, ...) { \
    mode_t mode = 0;                           \
    if ((flags & O_CREAT) != 0) {              \
      va_list more;                            \
      va_start(more, flags);                   \
      mode = va_arg(more, mode_t);             \
      va_end(more);                            \
    }                                          \
    if (fails(path, 'o')) return -1;           \
    return NEXT(name)(path, flags, mode);      \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void* bytes, size_t size) {
  return fails_at(fd, 'w') ? -1 : NEXT(write)(fd, bytes, size);
}
ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t at) {
  return fails_at(fd, 'w') ? -1 : NEXT(pwritev)(fd, pieces, count, at);
}
ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off64_t at) {
  return fails_at(fd, 'w') ? -1 : NEXT(pwritev64)(fd, pieces, count, at);
}
int fsync(int fd) { return fails_at(fd, 's') ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails_at(fd, 's') ? -1 : NEXT(fdatasync)(fd); }
int rename(const char* from, const char* to) {
  return fails(to, 'r') ? -1 : NEXT(rename)(from, to);
}
int link(const char* from, const char* to) { return fails(to, 'l') ? -1 : NEXT(link)(from, to); }
int unlink(const char* path) { return fails(path, 'u') ? -1 : NEXT(unlink)(path); }
int mkdir(const char* path, mode_t mode) { return fails(path, 'm') ? -1 : NEXT(mkdir)(path, mode); }
int ftruncate(int fd, off_t size) { return fails_at(fd, 't') ? -1 : NEXT(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) {
  return fails_at(fd, 't') ? -1 : NEXT(ftruncate64)(fd, size);
}
