/* Windows: the job ends with us, and we end with the parent and, if asked, with standard input. */
#include "on_windows.h"

#include <winternl.h>

enum guard_limit {
    STDIN_INTERVAL = 100, /* milliseconds between two looks at standard input */
};

static ULONGLONG start_time(HANDLE process)
{
    FILETIME created, exited, kernel, user;
    if (!GetProcessTimes(process, &created, &exited, &kernel, &user))
        fail(EXIT_GUARD, "the parent cannot be watched: %s", system_words(GetLastError()));
    return ((ULONGLONG)created.dwHighDateTime << 32) | created.dwLowDateTime;
}

/* The number of an ended parent may have been given to a later process: not our parent then. A
 * process that the system itself started (or, under Wine, a Unix one) has 0: nobody to outlive. */
HANDLE open_parent(void)
{
    PROCESS_BASIC_INFORMATION own = {0};
    if (NtQueryInformationProcess(GetCurrentProcess(), ProcessBasicInformation, &own, sizeof own,
                                  NULL) != 0)
        fail(EXIT_GUARD, "the parent cannot be told");
    DWORD number = (DWORD)(ULONG_PTR)own.InheritedFromUniqueProcessId;
    if (number == 0)
        return NULL;
    HANDLE parent = OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, number);
    if (parent == NULL && GetLastError() != ERROR_INVALID_PARAMETER)
        fail(EXIT_GUARD, "the parent, process %lu, cannot be watched: %s; %s as the first "
             "argument starts without a guard", number, system_words(GetLastError()), OPTION_DETACH);
    if (parent == NULL || start_time(parent) > start_time(GetCurrentProcess()))
        fail(EXIT_GUARD, "the process that started %s ended before it could run", program_name);
    return parent;
}

HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    HANDLE job = CreateJobObjectW(NULL, NULL);
    if (job == NULL || !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits,
                                                sizeof limits))
        fail(EXIT_GUARD, "a job object cannot be made: %s", system_words(GetLastError()));
    return job;
}

/* A look fails once the other end is closed and all it wrote was read. It waits for a read that the
 * interpreter has begun, so it is a thread of its own that looks. */
static DWORD WINAPI look_at_stdin(void *input)
{
    while (PeekNamedPipe(input, NULL, 0, NULL, NULL, NULL))
        Sleep(STDIN_INTERVAL);
    return 0;
}

/* NUL and files would be at their end at once, and a console has no other end. */
HANDLE watch_stdin(void)
{
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    if (input == NULL || GetFileType(input) != FILE_TYPE_PIPE)
        fail(EXIT_GUARD, "%s: expected a pipe as standard input, found something else",
             OPTION_STDIN);
    if (!PeekNamedPipe(input, NULL, 0, NULL, NULL, NULL) && GetLastError() != ERROR_BROKEN_PIPE)
        fail(EXIT_GUARD, "%s: standard input cannot be watched: %s", OPTION_STDIN,
             system_words(GetLastError()));
    HANDLE watching = CreateThread(NULL, 0, look_at_stdin, input, 0, NULL);
    if (watching == NULL)
        fail(EXIT_GUARD, "%s: standard input cannot be watched: %s", OPTION_STDIN,
             system_words(GetLastError()));
    return watching;
}

DWORD wait_for_end(HANDLE child, HANDLE parent, HANDLE input, HANDLE job)
{
    HANDLE watched[3] = {child};
    DWORD code, count = 1;
    if (parent != NULL)
        watched[count++] = parent;
    if (input != NULL)
        watched[count++] = input;
    switch (WaitForMultipleObjects(count, watched, FALSE, INFINITE)) {
    case WAIT_OBJECT_0:
        if (GetExitCodeProcess(child, &code))
            return code;
        fail(EXIT_INTERNAL, "the exit code cannot be read: %s", system_words(GetLastError()));
    case WAIT_OBJECT_0 + 1:
    case WAIT_OBJECT_0 + 2:
        TerminateJobObject(job, EXIT_GUARD);
        return EXIT_GUARD;
    default:
        fail(EXIT_INTERNAL, "the end cannot be waited for: %s", system_words(GetLastError()));
    }
}
