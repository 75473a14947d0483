/* Linux: the kernel sends SIGTERM at the parent's death; descriptors of processes tell the rest.
 *
 * Kernels before 5.3 and some sandboxes have none of these. Then /proc is read now and then. */
#define _GNU_SOURCE
#include "on_unix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum linux_limit {
    POLL_INTERVAL = 250, /* milliseconds between two looks at /proc */
    CHUNK = 256 * 1024,  /* bytes read at a time: an exec between two reads ends a text early */
};

/* Where the watcher keeps them; 0 stays standard input's. */
enum descriptor { BACKEND_DESCRIPTOR = 1, PARENT_DESCRIPTOR = 2, FIRST_FREE = 3 };

static int backend_fd = -1, parent_fd = -1; /* -1: not to be had */
static unsigned long long backend_start;    /* clock ticks since boot */
static bool proc_is_ours;                   /* not that of another namespace, with other numbers */

struct status {
    char state;
    pid_t parent;
    unsigned long long start;
    unsigned long long code;           /* address; 0 until exec has laid out the new program */
    unsigned long long environment[2]; /* addresses: its start and its end */
};

/* proc(5), /proc/PID/stat: fields 3, 4, 22, 26, 50 and 51; the second, a name, may hold anything. */
static bool read_status(pid_t process, struct status *status)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, line, sizeof line - 1);
    close(file);
    line[size < 0 ? 0 : size] = '\0';
    char *at = strrchr(line, ')');
    for (int field = 3; at != NULL && field <= 51; field++) {
        at = strchr(at + 1, ' ');
        if (at != NULL && field == 3)
            status->state = at[1];
        else if (at != NULL && field == 4)
            status->parent = (pid_t)strtol(at, NULL, 10);
        else if (at != NULL && field == 22)
            status->start = strtoull(at, NULL, 10);
        else if (at != NULL && field == 26)
            status->code = strtoull(at, NULL, 10);
        else if (at != NULL && field >= 50)
            status->environment[field - 50] = strtoull(at, NULL, 10);
    }
    return at != NULL;
}

/* Preparing, in the backend: what is opened here names it and its parent, whatever ends meanwhile */

static int open_process(pid_t process)
{
    int opened = (int)syscall(SYS_pidfd_open, process, 0);
    int moved = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, FIRST_FREE);
    close(opened);
    return moved;
}

static bool find_proc(void)
{
    char own[32] = "";
    return readlink("/proc/self", own, sizeof own - 1) > 0 && strtol(own, NULL, 10) == getpid();
}

/* A process has its parent's session unless it made its own, and then it leads that: one that does
 * neither was given its parent when the real one ended. (What a dead parent made a session leader,
 * or lost to a reaper of the same session, looks like any other process.) */
static void refuse_adopted(const struct watch *watch)
{
    if (watch->parent != 0 && watch->session != watch->backend &&
        getsid(watch->parent) != watch->session)
        fail(EXIT_GUARD, "the process that started %s ended before it could run", program_name);
}

/* The kernel's wish survives exec of a program without set-id bits or capabilities. It follows
 * the parent's *thread* that started us; parents that start us from a thread must keep it. */
void prepare_watch(const struct watch *watch)
{
    struct status status;
    refuse_adopted(watch);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        fail(EXIT_GUARD, "the parent cannot be watched: %s", strerror(errno));
    proc_is_ours = find_proc();
    backend_fd = open_process(watch->backend);
    parent_fd = watch->parent == 0 ? -1 : open_process(watch->parent); /* 0: outside our namespace */
    if (backend_fd >= 0 && parent_fd >= 0)
        return;
    if (proc_is_ours && read_status(watch->backend, &status))
        backend_start = status.start;
    else if (backend_fd < 0)
        fail(EXIT_GUARD, "the parent cannot be watched: this kernel needs a /proc of ours for it");
}

bool parent_death_is_signalled(void)
{
    return true;
}

/* Watching */

int begin_watch(const struct watch *watch, bool stdin_eof)
{
    (void)watch, (void)stdin_eof;
    return 0; /* prepare_watch has done it */
}

void name_watcher(void)
{
    prctl(PR_SET_NAME, "runtime-guard");
}

static int keep_at(int wanted, int descriptor)
{
    return descriptor < 0 ? (close(wanted), -1) : dup2(descriptor, wanted);
}

void drop_descriptors(bool but_stdin)
{
    backend_fd = keep_at(BACKEND_DESCRIPTOR, backend_fd);
    parent_fd = keep_at(PARENT_DESCRIPTOR, parent_fd);
    if (!but_stdin)
        close(STDIN_FILENO);
    if (syscall(SYS_close_range, FIRST_FREE, ~0U, 0) == 0)
        return;
    long limit = sysconf(_SC_OPEN_MAX);
    for (int each = FIRST_FREE; each < limit && each < DESCRIPTOR_LIMIT; each++)
        close(each);
}

/* The backend as /proc has it; false once it is gone and somebody else has its number. */
static bool backend_in_proc(const struct watch *watch, struct status *status)
{
    return read_status(watch->backend, status) && status->start == backend_start &&
           strchr("ZX", status->state) == NULL;
}

static enum event look_into_proc(const struct watch *watch, int wanted)
{
    struct status status;
    bool lives = backend_in_proc(watch, &status);
    if (backend_fd < 0 && !lives)
        return BACKEND_ENDED;
    bool orphan = lives && parent_fd < 0 && status.parent != watch->parent;
    return orphan && (wanted & PARENT_ENDED) != 0 ? PARENT_ENDED : NOTHING;
}

static enum event first_event(const struct pollfd each[3])
{
    return each[0].revents != 0                                   ? BACKEND_ENDED
           : each[1].revents != 0                                 ? PARENT_ENDED
           : (each[2].revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0 ? STDIN_ENDED
                                                                  : NOTHING;
}

enum event wait_for_event(const struct watch *watch, int wanted, int patience)
{
    bool look = proc_is_ours && (backend_fd < 0 || parent_fd < 0);
    struct pollfd each[] = {
        {backend_fd, POLLIN, 0},
        {(wanted & PARENT_ENDED) != 0 ? parent_fd : -1, POLLIN, 0},
        {(wanted & STDIN_ENDED) != 0 ? STDIN_FILENO : -1, POLLRDHUP, 0},
    };
    long long deadline = milliseconds() + patience;
    for (;;) {
        long long left = patience == FOREVER ? FOREVER : deadline - milliseconds();
        if (patience != FOREVER && left < 0)
            return NOTHING;
        bool soon = left >= 0 && left < POLL_INTERVAL;
        poll(each, 3, look && !soon ? POLL_INTERVAL : (int)left);
        enum event event = first_event(each);
        if (event == NOTHING && look)
            event = look_into_proc(watch, wanted);
        if (event != NOTHING)
            return event;
    }
}

/* Processes */

pid_t *list_processes(size_t *count)
{
    static pid_t *list;
    static size_t room;
    DIR *directory = proc_is_ours ? opendir("/proc") : NULL;
    *count = 0;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);
        if (process <= 0)
            continue;
        if (*count == room) {
            pid_t *larger = realloc(list, (room * 2 + 1024) * sizeof *list);
            if (larger == NULL)
                break; /* the first ones then: the next scan finds others */
            list = larger;
            room = room * 2 + 1024;
        }
        list[(*count)++] = process;
    }
    if (directory != NULL)
        closedir(directory);
    return list;
}

/* A chunk at a time, with the end of the one before in front of it. */
static enum answer file_holds(int file, const char *words, size_t size)
{
    static char text[CHUNK + 256];
    enum answer answer = NOT_YET;
    size_t kept = 0;
    for (ssize_t got; (got = read(file, text + kept, CHUNK)) > 0;) {
        size_t filled = kept + (size_t)got;
        if (memmem(text, filled, words, size) != NULL)
            return YES;
        answer = NO;
        kept = filled < size ? filled : size - 1;
        memmove(text, text + filled - kept, kept);
    }
    return answer;
}

/* What has ended has no environment, and `env -i` starts with none. In the middle of exec both
 * addresses are 0, then the same for as long as the strings are counted; the code's is the last that
 * exec fills in. If all are there and differ, exec has just finished. */
static bool has_environment(pid_t process)
{
    struct status status;
    return read_status(process, &status) && strchr("ZX", status.state) == NULL &&
           (status.code == 0 || status.environment[0] != status.environment[1]);
}

enum answer text_holds(pid_t process, enum text which, const char *words, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)process,
             which == ENVIRONMENT ? "environ" : "cmdline");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NO;
    enum answer answer = file_holds(file, words, size);
    close(file);
    return answer == NOT_YET && !has_environment(process) ? NO : answer;
}

int hold_process(pid_t process)
{
    return (int)syscall(SYS_pidfd_open, process, 0);
}

void release_process(int held)
{
    close(held);
}

/* Without a descriptor the number must do: whose it is was seen a moment ago. */
void signal_held(int held, pid_t process, int number)
{
    if (held < 0 || (syscall(SYS_pidfd_send_signal, held, number, NULL, 0) != 0 && errno == ENOSYS))
        kill(process, number);
}

void signal_backend(const struct watch *watch, int number)
{
    struct status status;
    if (backend_fd >= 0 || backend_in_proc(watch, &status))
        signal_held(backend_fd, watch->backend, number);
}
