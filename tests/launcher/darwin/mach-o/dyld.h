/* Stands in for macOS' header on Linux, so that its files can be run there. */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

static inline int _NSGetExecutablePath(char *path, uint32_t *size)
{
    ssize_t length = readlink("/proc/self/exe", path, *size - 1);
    if (length < 0)
        return -1;
    path[length] = '\0';
    return 0;
}
