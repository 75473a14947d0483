/* Stands in for two of macOS' sysctl requests on Linux, by /proc: the numbers of a user's
 * processes, and the arguments and environment a process was started with. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CTL_KERN = 1, KERN_PROC = 14, KERN_PROC_UID = 5, KERN_PROCARGS2 = 49 };

struct kinfo_proc {
    struct {
        pid_t p_pid;
    } kp_proc;
};

/* musl declares it for _GNU_SOURCE only, macOS always. */
void *memmem(const void *, size_t, const void *, size_t);

static inline int list_users_processes(uid_t user, struct kinfo_proc *found, size_t *size)
{
    size_t room = found == NULL ? (size_t)-1 : *size / sizeof *found, count = 0;
    char path[300];
    struct stat status;
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL && count < room;) {
        pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);
        snprintf(path, sizeof path, "/proc/%s", entry->d_name);
        if (process <= 0 || stat(path, &status) != 0 || status.st_uid != user)
            continue;
        if (found != NULL)
            found[count].kp_proc.p_pid = process;
        count++;
    }
    closedir(directory);
    *size = count * sizeof(struct kinfo_proc);
    return 0;
}

static inline size_t append_file(pid_t process, const char *name, char *text, size_t room)
{
    char path[64];
    size_t filled = 0;
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)process, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; file >= 0 && (got = read(file, text + filled, room - filled)) > 0;)
        filled += (size_t)got;
    close(file);
    return filled;
}

static inline int sysctl(int *name, unsigned count, void *text, size_t *size, void *set,
                         size_t set_size)
{
    (void)count, (void)set, (void)set_size;
    if (name[1] == KERN_PROC)
        return list_users_processes((uid_t)name[3], text, size);
    size_t filled = sizeof(int);
    memset(text, 0, filled);
    filled += append_file(name[2], "cmdline", (char *)text + filled, *size - filled);
    filled += append_file(name[2], "environ", (char *)text + filled, *size - filled);
    *size = filled;
    return 0;
}
