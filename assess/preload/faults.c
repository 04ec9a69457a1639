/* Storage that fails on purpose, for measuring what a program does then. Preloaded, it counts the changes to database files
 * (names that hold ".db", not the "-shm" index), of the key server's sealed keys, and to what a backup or a restore has not finished (".partial"):
 * writes, truncations, syncs, removals, renames and links. Outside the product.
 *
 *   ASSESS_FAULT_AT=N        the N-th change (from 1) is the last one; before it:
 *   ASSESS_FAULT_KIND=kill   nothing of it is done, the process is killed
 *                     torn   half of a write is done, then killed
 *                     power  as kill, and everything that was not synced is taken back: the power went
 *   ASSESS_FAULT_WHILE=FILE  while FILE exists each change fails with the error named in it: ENOSPC, EIO or EROFS
 *   ASSESS_FAULT_COUNT=FILE  the number of changes so far, as text, for choosing N
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

/* What one unsynced change replaced. */
struct undo {
  struct undo* next; /* older */
  dev_t device;
  ino_t inode;
  int fd;
  off_t size; /* of the file before */
  off_t at;
  size_t length; /* of `bytes` */
  unsigned char bytes[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct undo* undone;
static long changes;
static long fault_at = -1;
static const char *kind, *while_file, *count_file;

static void settle(void) {
  const char* at = getenv("ASSESS_FAULT_AT");
  fault_at = at == NULL ? 0 : strtol(at, NULL, 10);
  kind = getenv("ASSESS_FAULT_KIND");
  if (kind == NULL) kind = "kill";
  while_file = getenv("ASSESS_FAULT_WHILE");
  count_file = getenv("ASSESS_FAULT_COUNT");
}

static int counted_name(const char* name) {
  if (strstr(name, "-shm") != NULL || strstr(name, ".lock") != NULL) return 0;
  static const char* const kept[] = {"/shred.", "/keys.sealed", "/wrapping.next", "/log.former", "/log.next", "/keys.next", ".db", ".partial"};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; ++i) {
    if (strstr(name, kept[i]) != NULL) return 1;
  }
  return 0;
}

static int counted(int fd) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, name, sizeof name - 1);
  if (size <= 0) return 0;
  name[size] = 0;
  return counted_name(name);
}

static void take_back(void) {
  for (struct undo* each = undone; each != NULL; each = each->next) {
    if (each->length > 0) syscall(SYS_pwrite64, each->fd, each->bytes, each->length, each->at);
    syscall(SYS_ftruncate, each->fd, each->size);
  }
}

static void die(void) {
  if (strcmp(kind, "power") == 0) take_back();
  syscall(SYS_tgkill, getpid(), gettid(), SIGKILL);  // the whole process, by a call that a service may make
  for (;;) pause();
}

/* Before a change; with the lock. An errno to fail with, or 0. `half`: where to stop after a torn write. */
static int before(int* half) {
  *half = 0;
  if (fault_at < 0) settle();
  ++changes;
  if (count_file != NULL) {
    char text[32];
    const int fd = open(count_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const int size = snprintf(text, sizeof text, "%12ld\n", changes);
    if (fd >= 0) {
      syscall(SYS_pwrite64, fd, text, size, 0);
      close(fd);
    }
  }
  if (fault_at > 0 && changes >= fault_at) {
    if (strcmp(kind, "torn") != 0) die();
    *half = 1;
    return 0;
  }
  if (while_file == NULL) return 0;
  char error[16] = {0};
  const int fd = open(while_file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, error, sizeof error - 1);
  close(fd);
  if (size <= 0) return 0;
  if (strncmp(error, "ENOSPC", 6) == 0) return ENOSPC;
  return strncmp(error, "EROFS", 5) == 0 ? EROFS : EIO;
}

static void remember(int fd, off_t at, size_t length) {
  if (fault_at <= 0 || strcmp(kind, "power") != 0) return;
  struct stat info;
  if (fstat(fd, &info) != 0) return;
  size_t there = 0;
  if (at < info.st_size) there = (size_t)(info.st_size - at) < length ? (size_t)(info.st_size - at) : length;
  struct undo* made = malloc(sizeof *made + there);
  if (made == NULL) return;
  made->device = info.st_dev;
  made->inode = info.st_ino;
  made->fd = fd;
  made->size = info.st_size;
  made->at = at;
  made->length = there;
  if (there > 0) syscall(SYS_pread64, fd, made->bytes, there, at);
  made->next = undone;
  undone = made;
}

/* The file is on the disk: nothing of it is taken back any more. */
static void forget(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return;
  for (struct undo** each = &undone; *each != NULL;) {
    if ((*each)->device == info.st_dev && (*each)->inode == info.st_ino) {
      struct undo* gone = *each;
      *each = gone->next;
      free(gone);
    } else {
      each = &(*each)->next;
    }
  }
}

static ssize_t change(int fd, const void* data, size_t size, off_t at, int positioned) {
  int half = 0;
  pthread_mutex_lock(&lock);
  const int error = before(&half);
  ssize_t result = -1;
  if (error == 0) {
    const off_t start = positioned ? at : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    remember(fd, start, size);
    const size_t part = half ? size / 2 : size;
    result = positioned ? syscall(SYS_pwrite64, fd, data, part, at) : syscall(SYS_write, fd, data, part);
    if (half) die();
  }
  const int kept = error == 0 ? errno : error;
  pthread_mutex_unlock(&lock);
  errno = kept;
  return result;
}

VISIBLE ssize_t write(int fd, const void* data, size_t size) {
  if (!counted(fd)) return syscall(SYS_write, fd, data, size);
  return change(fd, data, size, 0, 0);
}

VISIBLE ssize_t pwrite64(int fd, const void* data, size_t size, off_t at) {
  if (!counted(fd)) return syscall(SYS_pwrite64, fd, data, size, at);
  return change(fd, data, size, at, 1);
}

VISIBLE ssize_t pwrite(int fd, const void* data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

static int truncated(int fd, off_t size) {
  if (!counted(fd)) return (int)syscall(SYS_ftruncate, fd, size);
  int half = 0, result = -1;
  pthread_mutex_lock(&lock);
  int error = before(&half);
  if (error == 0) {
    struct stat info;
    if (fstat(fd, &info) == 0 && info.st_size > size) remember(fd, size, (size_t)(info.st_size - size));
    else remember(fd, size, 0);
    result = (int)syscall(SYS_ftruncate, fd, size);
    error = errno;
    if (half) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

VISIBLE int ftruncate(int fd, off_t size) { return truncated(fd, size); }
VISIBLE int ftruncate64(int fd, off_t size) { return truncated(fd, size); }

static int synced(int fd, long call) {
  if (!counted(fd)) return (int)syscall(call, fd);
  int half = 0, result = -1;
  pthread_mutex_lock(&lock);
  int error = before(&half);
  if (error == 0) {
    if (half) die();
    result = (int)syscall(call, fd);
    error = errno;
    if (result == 0) forget(fd);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

VISIBLE int fsync(int fd) { return synced(fd, SYS_fsync); }
VISIBLE int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* Before a change of a name, which is done or not: whether it may be. */
static int may_change(int is_counted) {
  if (!is_counted) return 1;
  int half = 0;
  pthread_mutex_lock(&lock);
  const int error = before(&half);
  if (half) die();
  pthread_mutex_unlock(&lock);
  errno = error;
  return error == 0;
}

VISIBLE int unlink(const char* name) {
  return may_change(counted_name(name)) ? (int)syscall(SYS_unlink, name) : -1;
}

VISIBLE int rename(const char* from, const char* to) {
  return may_change(counted_name(from) || counted_name(to)) ? (int)syscall(SYS_rename, from, to) : -1;
}

VISIBLE int link(const char* from, const char* to) {
  return may_change(counted_name(from) || counted_name(to)) ? (int)syscall(SYS_link, from, to) : -1;
}
