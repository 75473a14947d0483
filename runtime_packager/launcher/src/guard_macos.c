/* macOS: a kqueue tells of all ends, sysctl lists processes and what they were started with. */
#include "on_unix.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/sysctl.h>
#include <unistd.h>

enum macos_limit {
    EVENTS = 3,
    ARGUMENTS_LIMIT = 1 << 20, /* bytes of arguments and environment: kern.argmax */
    SPARE_PROCESSES = 64,      /* room for those that start between two calls */
};

static int queue = -1;

/* Watching */

void prepare_watch(const struct watch *watch)
{
    (void)watch; /* a kqueue does not survive fork: the watcher makes it */
}

int begin_watch(const struct watch *watch, bool stdin_eof)
{
    struct kevent wanted[EVENTS];
    int count = 0;
    EV_SET(&wanted[count++], (uintptr_t)watch->backend, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    if (watch->parent > 1) /* launchd does not end before us */
        EV_SET(&wanted[count++], (uintptr_t)watch->parent, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    if (stdin_eof) /* EV_CLEAR: data that nobody has read yet is told of once */
        EV_SET(&wanted[count++], STDIN_FILENO, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, NULL);
    queue = kqueue();
    return queue < 0 || kevent(queue, wanted, count, NULL, 0, NULL) < 0 ? errno : 0;
}

void drop_descriptors(bool but_stdin)
{
    int limit = getdtablesize();
    for (int each = 0; each < limit && each < DESCRIPTOR_LIMIT; each++)
        if (each != queue && !(but_stdin && each == STDIN_FILENO))
            close(each);
}

void name_watcher(void)
{
}

bool parent_death_is_signalled(void)
{
    return false;
}

static enum event meaning(const struct watch *watch, const struct kevent *event)
{
    if (event->filter == EVFILT_READ)
        return (event->flags & EV_EOF) != 0 ? STDIN_ENDED : NOTHING;
    return (pid_t)event->ident == watch->backend ? BACKEND_ENDED : PARENT_ENDED;
}

/* The backend's end is asked for with every other one, so that it is never missed: its number may
 * then be another's. */
enum event wait_for_event(const struct watch *watch, int wanted, int patience)
{
    struct kevent ended[EVENTS];
    long long deadline = milliseconds() + patience;
    for (;;) {
        long long left = patience == FOREVER ? 0 : deadline - milliseconds();
        if (left < 0)
            return NOTHING;
        struct timespec time = {.tv_sec = (time_t)(left / 1000), .tv_nsec = left % 1000 * 1000000};
        int count = kevent(queue, NULL, 0, ended, EVENTS, patience == FOREVER ? NULL : &time);
        int happened = 0;
        for (int i = 0; i < count; i++)
            happened |= (int)meaning(watch, &ended[i]);
        happened &= wanted;
        if (happened != 0)
            return (enum event)(happened & -happened); /* the lowest: the backend's comes first */
    }
}

void signal_backend(const struct watch *watch, int number)
{
    kill(watch->backend, number);
}

/* Processes */

pid_t *list_processes(size_t *count)
{
    static pid_t *list;
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_UID, (int)geteuid()};
    size_t size = 0;
    *count = 0;
    if (sysctl(name, 4, NULL, &size, NULL, 0) != 0)
        return list;
    size += SPARE_PROCESSES * sizeof(struct kinfo_proc);
    struct kinfo_proc *found = malloc(size);
    pid_t *larger = realloc(list, size / sizeof *found * sizeof *list);
    list = larger != NULL ? larger : list;
    if (found != NULL && larger != NULL && sysctl(name, 4, found, &size, NULL, 0) == 0)
        for (size_t i = 0; i < size / sizeof *found; i++)
            list[(*count)++] = found[i].kp_proc.p_pid;
    free(found);
    return list;
}

/* The system keeps both texts as one: the number of arguments, the program, arguments, environment. */
enum answer text_holds(pid_t process, enum text which, const char *words, size_t size)
{
    static char text[ARGUMENTS_LIMIT];
    int name[] = {CTL_KERN, KERN_PROCARGS2, process};
    size_t filled = sizeof text;
    (void)which;
    bool found = sysctl(name, 3, text, &filled, NULL, 0) == 0 &&
                 memmem(text, filled, words, size) != NULL;
    return found ? YES : NO;
}

int hold_process(pid_t process)
{
    (void)process; /* nothing does it here: numbers are given out in a circle and not so soon again */
    return -1;
}

void signal_held(int held, pid_t process, int number)
{
    (void)held;
    kill(process, number);
}

void release_process(int held)
{
    (void)held;
}
