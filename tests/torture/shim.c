/* A preloaded library that counts the calls which change files and spoils one of them; or, when
 * `reads` is set, those that open to read and read files below one of TORTURE_BELOW's directories.
 *
 * What to do stands in a small file that every process of a round maps, so that calls of children
 * are counted too; its layout is `struct state`, and anvil.py writes it.
 *
 * KILL   half of a write is written, then the victim and its children are killed; any other
 *        call is not made.
 * FAIL   the call fails with `error`; with `sticky` so does every later one that needs room.
 * SHORT  every write writes one byte less than asked, from the nth call on.
 * LOG    what was changed and what was synced is written down, for the model of a power cut.
 *
 * TORTURE_CLOCK is how many seconds the clock goes ahead; it may go behind.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum mode { OFF, COUNT, KILL, FAIL, SHORT, LOG };
enum verdict { GO, FAILED, DIE };
enum kind { TAKES_ROOM, OTHER, READS };

struct state {
    int mode, error, victim, sticky, reads;
    long nth, count, fired;
};

static struct state nothing, *state = &nothing;
static int log_file = -1;
static const char *below; /* absolute directories, each ended by a colon */
static char own[4096];    /* the prefix of the interpreter that runs us */
static long ahead;

#define FICLONE_REQUEST 0x40049409ul
#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("TORTURE_STATE"), *log = getenv("TORTURE_LOG");
    below = getenv("TORTURE_BELOW");
    if (syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", own, sizeof own - 1) < 0) own[0] = 0;
    for (int parts = 2; parts && strrchr(own, '/'); parts--) *strrchr(own, '/') = 0;
    if (getenv("TORTURE_CLOCK")) ahead = atol(getenv("TORTURE_CLOCK"));
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) state = shared;
    syscall(SYS_close, file);
    if (log) log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static enum verdict verdict(enum kind kind) {
    int mode = state->mode;
    if (mode == OFF || mode == LOG || (kind == READS) != state->reads) return GO;
    long number = __sync_add_and_fetch(&state->count, 1);
    int hit = number == state->nth;
    if (mode == FAIL && state->sticky && number > state->nth) hit = kind == TAKES_ROOM;
    if (!hit || mode == COUNT || mode == SHORT) return GO;
    state->fired = number;
    return mode == KILL ? DIE : FAILED;
}

static void die(void) {
    kill(-state->victim, SIGKILL);
    kill(state->victim, SIGKILL);
    for (;;) pause();
}

/* Whether the call is to fail; it does not return when the victim dies. */
static int spoiled(enum kind kind) {
    enum verdict found = verdict(kind);
    if (found == DIE) die();
    if (found == FAILED) errno = state->error;
    return found != GO;
}

static int regular(int file) {
    struct stat status;
    /* What is said to people goes to files here, and to a terminal elsewhere. */
    return state->mode != OFF && file > STDERR_FILENO && !fstat(file, &status) &&
           S_ISREG(status.st_mode);
}

static int is_below(const char *path) {
    for (const char *at = below; at && *at; at = strchr(at, ':') + 1) {
        size_t length = (size_t)(strchr(at, ':') - at);
        if (!strncmp(path, at, length) && path[length] == '/') return 1;
    }
    return 0;
}

/* Whether a read of the file is to fail. What Python reads of itself does not count: a child that
 * cannot even import says so in its own words. */
static int unreadable(int file) {
    char name[40], path[4096];
    if (!state->reads || state->mode == OFF || !regular(file)) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    int mine = !strncmp(path, own, strlen(own)) && path[strlen(own)] == '/';
    return !mine && is_below(path) && spoiled(READS);
}

static void note(char what, const struct stat *status) {
    char line[64];
    int length = snprintf(line, sizeof line, "%c %lu\n", what, (unsigned long)status->st_ino);
    syscall(SYS_write, log_file, line, (size_t)length);
}

static void note_file(char what, int file) {
    struct stat status;
    int saved = errno;
    if (state->mode == LOG && !fstat(file, &status)) note(what, &status);
    errno = saved;
}

static void note_parent(char what, int at, const char *path) {
    struct stat status;
    int saved = errno;
    const char *slash = strrchr(path, '/');
    if (state->mode != LOG) return;
    char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (parent && !fstatat(at, parent, &status, 0)) note(what, &status);
    free(parent);
    errno = saved;
}

static void note_path(int at, const char *path, int with_parent) {
    struct stat status;
    int saved = errno;
    if (state->mode != LOG) return;
    if (!fstatat(at, path, &status, AT_SYMLINK_NOFOLLOW)) note('D', &status);
    if (with_parent) note_parent('D', at, path);
    errno = saved;
}

static void note_rename(const char *from, const char *to, unsigned flags) {
    char line[9000];
    if (state->mode != LOG) return;
    (void)flags;
    int length = snprintf(line, sizeof line, "R %s\t%s\n", from, to);
    syscall(SYS_write, log_file, line, (size_t)length);
}

/* --- files opened and written ------------------------------------------------------------- */

static int opened(int at, const char *path, int flags, mode_t mode, const char *name) {
    int changes = flags & (O_CREAT | O_TRUNC);
    if (changes && strncmp(path, "/dev/", 5) && spoiled(TAKES_ROOM)) return -1;
    int file = strcmp(name, "open") ? REAL(openat)(at, path, flags, mode)
                                    : REAL(open)(path, flags, mode);
    if (file >= 0 && changes) note_path(at, path, 1);
    if (file >= 0 && (flags & O_ACCMODE) == O_RDONLY && unreadable(file)) {
        syscall(SYS_close, file);
        return -1;
    }
    return file;
}

#define MODE_ARGUMENT                                   \
    mode_t mode = 0;                                    \
    if (flags & (O_CREAT | O_TMPFILE)) {                \
        va_list rest;                                   \
        va_start(rest, flags);                          \
        mode = va_arg(rest, mode_t);                    \
        va_end(rest);                                   \
    }

int open(const char *path, int flags, ...) {
    MODE_ARGUMENT
    return opened(AT_FDCWD, path, flags, mode, "open");
}
int open64(const char *path, int flags, ...) {
    MODE_ARGUMENT
    return opened(AT_FDCWD, path, flags, mode, "open");
}
int openat(int at, const char *path, int flags, ...) {
    MODE_ARGUMENT
    return opened(at, path, flags, mode, "openat");
}
int openat64(int at, const char *path, int flags, ...) {
    MODE_ARGUMENT
    return opened(at, path, flags, mode, "openat");
}

#define READING(name, parameters, arguments) \
    ssize_t name parameters {                \
        if (unreadable(file)) return -1;     \
        return REAL(name) arguments;         \
    }

READING(read, (int file, void *data, size_t size), (file, data, size))
READING(pread, (int file, void *data, size_t size, off_t at), (file, data, size, at))
READING(pread64, (int file, void *data, size_t size, off64_t at), (file, data, size, at))

ssize_t write(int file, const void *data, size_t size) {
    if (!regular(file)) return REAL(write)(file, data, size);
    enum verdict found = verdict(TAKES_ROOM);
    if (found == DIE) {
        if (size > 1) REAL(write)(file, data, size / 2);
        die();
    }
    if (found == FAILED) {
        errno = state->error;
        return -1;
    }
    if (state->mode == SHORT && state->count >= state->nth && size > 1) size--;
    ssize_t written = REAL(write)(file, data, size);
    note_file('D', file);
    return written;
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    if (unreadable(in)) return -1;
    if (!regular(out)) return REAL(sendfile)(out, in, offset, size);
    if (spoiled(TAKES_ROOM)) return -1;
    if (state->mode == SHORT && state->count >= state->nth && size > 4096) size = 4096 * 7;
    ssize_t written = REAL(sendfile)(out, in, offset, size);
    note_file('D', out);
    return written;
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    return sendfile(out, in, (off_t *)offset, size);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    if (unreadable(in) || spoiled(TAKES_ROOM)) return -1;
    ssize_t written = REAL(copy_file_range)(in, from, out, to, size, flags);
    note_file('D', out);
    return written;
}

int ioctl(int file, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int clones = request == FICLONE_REQUEST;
    if (clones && spoiled(TAKES_ROOM)) return -1;
    int result = REAL(ioctl)(file, request, argument);
    if (clones) note_file('D', file);
    return result;
}

int ftruncate(int file, off_t size) {
    if (spoiled(TAKES_ROOM)) return -1;
    int result = REAL(ftruncate)(file, size);
    note_file('D', file);
    return result;
}
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }

/* --- names -------------------------------------------------------------------------------- */

#define NAMING(name, parameters, arguments, kind, at, path, parent) \
    int name parameters {                                           \
        if (spoiled(kind)) return -1;                               \
        int result = REAL(name) arguments;                          \
        note_path(at, path, parent);                                \
        return result;                                              \
    }

NAMING(mkdir, (const char *path, mode_t mode), (path, mode), TAKES_ROOM, AT_FDCWD, path, 1)
NAMING(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), TAKES_ROOM, at, path, 1)
NAMING(link, (const char *old, const char *new), (old, new), TAKES_ROOM, AT_FDCWD, new, 1)
NAMING(linkat, (int from, const char *old, int at, const char *new, int flags),
       (from, old, at, new, flags), TAKES_ROOM, at, new, 1)
NAMING(symlink, (const char *old, const char *new), (old, new), TAKES_ROOM, AT_FDCWD, new, 1)
NAMING(symlinkat, (const char *old, int at, const char *new), (old, at, new), TAKES_ROOM, at, new, 1)
NAMING(chmod, (const char *path, mode_t mode), (path, mode), OTHER, AT_FDCWD, path, 0)
NAMING(fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags), OTHER,
       at, path, 0)
NAMING(utimensat, (int at, const char *path, const struct timespec *times, int flags),
       (at, path, times, flags), OTHER, at, path, 0)

#define REMOVING(name, parameters, arguments, at)  \
    int name parameters {                          \
        if (spoiled(OTHER)) return -1;             \
        note_parent('U', at, path);                \
        int result = REAL(name) arguments;         \
        note_parent('D', at, path);                \
        return result;                             \
    }

REMOVING(unlink, (const char *path), (path), AT_FDCWD)
REMOVING(unlinkat, (int at, const char *path, int flags), (at, path, flags), at)
REMOVING(rmdir, (const char *path), (path), AT_FDCWD)

int fchmod(int file, mode_t mode) {
    if (spoiled(OTHER)) return -1;
    int result = REAL(fchmod)(file, mode);
    note_file('D', file);
    return result;
}

/* A rename changes both directories; it is no change of what is renamed. */
#define RENAMING(name, parameters, arguments, from_at, from, to_at, to, flags) \
    int name parameters {                                                      \
        if (spoiled(TAKES_ROOM)) return -1;                                    \
        note_rename(from, to, flags);                                          \
        int result = REAL(name) arguments;                                     \
        note_parent('D', from_at, from);                                       \
        note_parent('D', to_at, to);                                           \
        return result;                                                         \
    }

RENAMING(rename, (const char *old, const char *new), (old, new), AT_FDCWD, old, AT_FDCWD, new, 0)
RENAMING(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), from,
         old, to, new, 0)
RENAMING(renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
         (from, old, to, new, flags), from, old, to, new, flags)

/* --- syncs -------------------------------------------------------------------------------- */

#define SYNCING(name, what)                   \
    int name(int file) {                      \
        if (spoiled(OTHER)) return -1;        \
        int result = REAL(name)(file);        \
        if (!result) note_file(what, file);   \
        return result;                        \
    }

SYNCING(fsync, 'S')
SYNCING(fdatasync, 'S')
SYNCING(syncfs, 'F')

/* --- the clock ---------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += ahead;
    return result;
}
