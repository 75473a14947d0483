/* Stands in for macOS' kqueue on Linux: only EVFILT_PROC with NOTE_EXIT, by pidfd and epoll. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EVFILT_PROC = -5, EV_ADD = 1, FIRST_HIDDEN_DESCRIPTOR = 100, EVENTS = 2 };
#define NOTE_EXIT 0x80000000U

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

static inline int kevent(int queue, const struct kevent *changes, int change_count,
                         struct kevent *events, int event_count, const struct timespec *timeout)
{
    struct epoll_event ready[EVENTS];
    (void)timeout;
    for (int i = 0; i < change_count; i++) {
        int process = (int)syscall(SYS_pidfd_open, (pid_t)changes[i].ident, 0);
        int hidden = fcntl(process, F_DUPFD_CLOEXEC, FIRST_HIDDEN_DESCRIPTOR);
        struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = changes[i].ident};
        if (process < 0 || hidden < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, hidden, &wanted) != 0)
            return -1;
    }
    if (event_count == 0)
        return 0;
    int count = epoll_wait(queue, ready, EVENTS, -1);
    for (int i = 0; i < count; i++)
        events[i].ident = (uintptr_t)ready[i].data.u64;
    return count;
}
